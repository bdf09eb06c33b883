"""How well a network tells people apart: the image-to-video benchmark, as training and evaluation both run it."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from readtrack.data.clips import ImageCache, scoring_clip
from readtrack.data.tracklets import DISTRACTOR, ReidSplits, Tracklet
from readtrack.errors import InputError
from readtrack.evaluation.retrieval import Retrieval, score_retrieval
from readtrack.read.calibration import calibration_error, fit_sigmoid
from readtrack.read.matcher import Crop, Matcher

if TYPE_CHECKING:
    from readtrack.read.model import Stills, Videos

Floats = NDArray[np.floating[Any]]
Report = Callable[[int], None]
Item = TypeVar("Item")

PRIOR = 0.1  # chance that a newcomer is one given person of those who went missing
QUERIES_AT_ONCE = 256  # crops encoded together; only what matching needs of them is kept
CLIPS_AT_ONCE = 64  # gallery clips encoded and matched together, then dropped
TRACKLETS_PER_CAMERA = 150  # at most, in calibration: 22,500 pairs a camera are plenty


class Stopwatch:
    """Seconds by what they were spent on."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, what: str) -> Iterator[None]:
        """Count the block's time to ``what``."""
        started = time.perf_counter()
        yield
        self.seconds[what] = self.seconds.get(what, 0.0) + time.perf_counter() - started


def read_logits(
    matcher: Matcher,
    splits: ReidSplits,
    images: ImageCache,
    class1: bool = False,
    watch: Stopwatch | None = None,
    report: Report | None = None,
) -> tuple[Floats, Floats]:
    """READ's logits and the cosines of pooled features of the same crops, each float32 (N, M).

    A query is its first image, a gallery video the first image of each of T equal parts.

    Args:
        matcher: READ.
        splits: whose ``query`` and ``gallery`` are compared.
        images: where crops come from.
        class1: the raw class-1 logit of a two-logit network instead, by which the authors' demo ranks.
        watch: told the seconds of "reading", "encoding" and "matching".
        report: called after every block of the gallery with the number of videos done.

    Raises:
        InputError: query or gallery are empty, an image cannot be read, or ``class1`` of a one-logit network.
    """
    if not splits.query or not splits.gallery:
        raise InputError(f"{splits.name}: has no queries or no gallery, so there is nothing to score")
    queries = [query.paths[0] for query in splits.query]
    clips = [scoring_clip(tracklet, matcher.clip_length) for tracklet in splits.gallery]
    return _compare(matcher, queries, clips, images, class1, watch, report)


def _compare(
    matcher: Matcher,
    queries: Sequence[str],
    clips: Sequence[Sequence[str]],
    images: ImageCache,
    class1: bool = False,
    watch: Stopwatch | None = None,
    report: Report | None = None,
) -> tuple[Floats, Floats]:
    """Logits and cosines (N, M) of image files; the gallery passes by in blocks and leaves only its columns."""
    watch = watch or Stopwatch()
    halves = [_stills(matcher, block, images, watch) for block in _blocks(queries, QUERIES_AT_ONCE)]
    vectors = np.concatenate([vectors for _, vectors in halves])
    logits = np.empty((len(queries), len(clips)), dtype=np.float32)
    cosines = np.empty_like(logits)
    done = 0
    for block in _blocks(clips, CLIPS_AT_ONCE):
        videos, means = _videos(matcher, block, images, watch)
        columns = slice(done, done + len(block))
        with watch("matching"):
            logits[:, columns] = np.concatenate([matcher.logits(stills, videos, class1=class1) for stills, _ in halves])
            cosines[:, columns] = vectors @ means.T
        done += len(block)
        if report is not None:
            report(done)
    return logits, cosines


def _stills(matcher: Matcher, paths: Sequence[str], images: ImageCache, watch: Stopwatch) -> tuple["Stills", Floats]:
    """What matching needs of some queries, and their pooled features; the crops are dropped."""
    with watch("reading"):
        crops = [Crop(images[path]) for path in paths]
    with watch("encoding"):
        return matcher.stills(crops), matcher.vectors(crops)


def _videos(
    matcher: Matcher, clips: Sequence[Sequence[str]], images: ImageCache, watch: Stopwatch
) -> tuple["Videos", Floats]:
    """The same of some gallery clips."""
    with watch("reading"):
        crops = [[Crop(images[path]) for path in clip] for clip in clips]
    with watch("encoding"):
        return matcher.videos(crops), matcher.video_vectors(crops)


def tracking_logits(matcher: Matcher, splits: ReidSplits, images: ImageCache) -> tuple[Floats, NDArray[np.bool_]]:
    """READ's logits of pairs as a tracker meets them, and which show one person, both (K,).

    A tracker compares within one camera: the last image of each held-out tracklet of at least 4 with the first half of
    every such tracklet of its camera. Of many in one camera, 150 at even steps stand for all; distractors, whose
    number 0 is no identity, are left out.
    """
    logits: list[Floats] = [np.zeros(0, dtype=np.float32)]
    same: list[NDArray[np.bool_]] = [np.zeros(0, dtype=bool)]
    for camid in sorted({tracklet.camid for tracklet in splits.gallery}):
        usable = [t for t in splits.gallery if t.camid == camid and t.pid != DISTRACTOR and len(t.paths) >= 4]
        tracklets = _spread(usable, TRACKLETS_PER_CAMERA)
        clips = [_spread(t.paths[: len(t.paths) // 2], matcher.clip_length) for t in tracklets]
        if tracklets:
            logits.append(_compare(matcher, [t.paths[-1] for t in tracklets], clips, images)[0].ravel())
            pids = np.array([t.pid for t in tracklets])
            same.append((pids[:, None] == pids).ravel())
    return np.concatenate(logits), np.concatenate(same)


def calibrate(matcher: Matcher, splits: ReidSplits, images: ImageCache) -> tuple[float, float]:
    """Scale and offset of logits from held-out people, where one candidate in ten is the person; 1 and 0 without."""
    logits, same = tracking_logits(matcher, splits, images)
    return fit_sigmoid(logits, same, PRIOR) if same.any() and not same.all() else (1.0, 0.0)


def check_calibration(
    matcher: Matcher, splits: ReidSplits, images: ImageCache, bar: float = 0.9
) -> dict[str, float] | None:
    """How far probabilities are off on pairs as a tracker meets them, and which share of pairs passes ``bar``.

    Returns:
        "error" (expected calibration error), "true" and "wrong" (shares that pass), "pairs"; None where the data
        has no pairs of one person or none of two.
    """
    logits, same = tracking_logits(matcher, splits, images)
    if same.all() or not same.any():
        return None
    probability = matcher.probability(logits)
    return {
        "error": calibration_error(probability, same, PRIOR),
        "true": float((probability[same] >= bar).mean()),
        "wrong": float((probability[~same] >= bar).mean()),
        "pairs": len(same),
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


def _blocks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Consecutive pieces of at most ``size``."""
    return (items[start : start + size] for start in range(0, len(items), size))


def _spread(items: Sequence[Item], most: int) -> list[Item]:
    """At most ``most`` items at equal steps: the middle of each of as many equal parts."""
    count = min(most, len(items))
    return [items[int((i + 0.5) * len(items) / count)] for i in range(count)]
