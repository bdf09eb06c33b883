"""How well a network tells people apart: the image-to-video benchmark, as training and evaluation both run it."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from readtrack.data.clips import ImageCache, scoring_clip
from readtrack.data.tracklets import ReidSplits, Tracklet
from readtrack.evaluation.retrieval import Retrieval, score_retrieval
from readtrack.read.matcher import Crop, Matcher

Floats = NDArray[np.floating[Any]]


def same_person(splits: ReidSplits) -> NDArray[np.bool_]:
    """Which query and gallery entries show one person in two cameras, (N, M)."""
    return np.array([[q.pid == g.pid and q.camid != g.camid for g in splits.gallery] for q in splits.query])


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
