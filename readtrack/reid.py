"""How well a network tells people apart: the image-to-video benchmark, as training and evaluation both run it."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from readtrack.data.clips import ImageCache, scoring_clip
from readtrack.data.tracklets import ReidSplits, Tracklet
from readtrack.evaluation.retrieval import Retrieval, score_retrieval
from readtrack.read.calibration import calibration_error, fit_sigmoid
from readtrack.read.matcher import Crop, Matcher

Floats = NDArray[np.floating[Any]]

PRIOR = 0.1  # chance that a newcomer is one given person of those who went missing


def read_logits(matcher: Matcher, splits: ReidSplits, images: ImageCache) -> tuple[Floats, Floats]:
    """READ's logits and the cosines of pooled features of the same crops, each (N, M).

    A query is its first image, a gallery video the first image of each of T equal parts.
    """
    queries = [Crop(images[query.paths[0]]) for query in splits.query]
    clips = [[Crop(images[path]) for path in scoring_clip(g, matcher.clip_length)] for g in splits.gallery]
    logits = np.concatenate([matcher.logits(queries, clips[i : i + 16]) for i in range(0, len(clips), 16)], axis=1)
    videos = np.stack([matcher.vectors(clip).mean(axis=0) for clip in clips])
    videos /= np.linalg.norm(videos, axis=1, keepdims=True)
    return logits, matcher.vectors(queries) @ videos.T


def tracking_logits(matcher: Matcher, splits: ReidSplits, images: ImageCache) -> tuple[Floats, NDArray[np.bool_]]:
    """READ's logits of pairs as a tracker meets them, and which show one person, both (K,).

    A tracker compares within one camera: the last image of each held-out tracklet of at least 4 with the first half of
    every such tracklet of its camera.
    """
    logits: list[float] = []
    same: list[bool] = []
    for camid in sorted({tracklet.camid for tracklet in splits.gallery}):
        tracklets = [t for t in splits.gallery if t.camid == camid and len(t.paths) >= 4]
        queries = [Crop(images[t.paths[-1]]) for t in tracklets]
        clips = [[Crop(images[path]) for path in t.paths[: len(t.paths) // 2]] for t in tracklets]
        logits.extend(matcher.logits(queries, clips).ravel())
        same.extend(np.eye(len(tracklets), dtype=bool).ravel())
    return np.array(logits), np.array(same, dtype=bool)


def calibrate(matcher: Matcher, splits: ReidSplits, images: ImageCache) -> tuple[float, float]:
    """Scale and offset of logits from held-out people, where one candidate in ten is the person; 1 and 0 without."""
    logits, same = tracking_logits(matcher, splits, images)
    return fit_sigmoid(logits, same, PRIOR) if same.any() and not same.all() else (1.0, 0.0)


def check_calibration(matcher: Matcher, splits: ReidSplits, images: ImageCache, bar: float = 0.9) -> dict[str, float]:
    """How far probabilities are off on pairs as a tracker meets them, and which share of pairs passes ``bar``."""
    logits, same = tracking_logits(matcher, splits, images)
    probability = matcher.probability(logits)
    return {
        "error": calibration_error(probability, same, PRIOR),
        "true": float((probability[same] >= bar).mean()),
        "wrong": float((probability[~same] >= bar).mean()),
    }


def colour_similarity(splits: ReidSplits, images: ImageCache, length: int) -> Floats:
    """Bhattacharyya similarity of HSV histograms (upper and lower half), (N, M): what any re-ID has to beat."""
    queries = np.stack([_histogram(images[query.paths[0]]) for query in splits.query])
    videos = np.stack(
        [np.mean([_histogram(images[p]) for p in scoring_clip(g, length)], axis=0) for g in splits.gallery]
    )
    return np.asarray(np.sqrt(queries) @ np.sqrt(videos).T)


def score(similarity: Floats, queries: Sequence[Tracklet], galleries: Sequence[Tracklet]) -> Retrieval:
    """CMC and mAP of similarities (N, M)."""
    numbers = [np.array([getattr(t, key) for t in ts]) for ts in (queries, galleries) for key in ("pid", "camid")]
    return score_retrieval(similarity, *numbers)


def _histogram(image: NDArray[np.uint8]) -> Floats:
    """Hue x saturation x value histograms of both halves of an RGB crop, summing to 1."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    halves = np.array_split(hsv, 2)
    counts = [cv2.calcHist([half], [0, 1, 2], None, [16, 4, 4], [0, 180, 0, 256, 0, 256]).ravel() for half in halves]
    joined = np.concatenate(counts)
    return np.asarray(joined / joined.sum())
