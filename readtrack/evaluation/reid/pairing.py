"""READ on a data set: logits of all queries with all gallery videos, a block at a time."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from readtrack.datasets.clips import ImageCache, scoring_clip
from readtrack.datasets.tracklets import ReidSplits, Tracklet
from readtrack.errors import InputError
from readtrack.metrics.retrieval import Retrieval, cmc_curve, score_retrieval
from readtrack.read.crops import spread_positions
from readtrack.read.matcher import Crop, Matcher
from readtrack.read.network import Encoding

Floats = NDArray[np.floating[Any]]
Report = Callable[[int], None]
Item = TypeVar("Item")

QUERIES_AT_ONCE = 256  # crops encoded together; only what matching needs of them is kept
CLIPS_AT_ONCE = 64  # gallery clips encoded and matched together, then dropped
BEHIND = 1e4  # more than any logit: what READ did not judge comes after what it did


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
    shortlist: int | None = None,
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
        shortlist: READ judges so many videos of each query alone, those of the highest cosines that may count; all
            others come after them, in the order of their cosines. None: READ judges all.

    Raises:
        InputError: query or gallery are empty, an image cannot be read, or ``class1`` of a one-logit network.
    """
    if not splits.query or not splits.gallery:
        raise InputError(f"{splits.name}: has no queries or no gallery, so there is nothing to score")
    queries = [query.paths[0] for query in splits.query]
    clips = [scoring_clip(tracklet, matcher.clip_length) for tracklet in splits.gallery]
    if shortlist is None:
        return compare(matcher, queries, clips, images, class1, watch, report)
    (pid, camid), (pids, camids) = ((_of(side, "pid"), _of(side, "camid")) for side in (splits.query, splits.gallery))
    left_out = (pid[:, None] == pids) & (camid[:, None] == camids)
    return rerank(matcher, queries, clips, images, shortlist, left_out, class1, watch, report)


def compare(
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
    halves = [_queries(matcher, block, images, watch) for block in blocks(queries, QUERIES_AT_ONCE)]
    vectors = np.concatenate([vectors for _, vectors in halves])
    logits = np.empty((len(queries), len(clips)), dtype=np.float32)
    cosines = np.empty_like(logits)
    done = 0
    for block in blocks(clips, CLIPS_AT_ONCE):
        videos, means = _galleries(matcher, block, images, watch)
        columns = slice(done, done + len(block))
        with watch("matching"):
            logits[:, columns] = np.concatenate([matcher.logits(stills, videos, class1=class1) for stills, _ in halves])
            cosines[:, columns] = vectors @ means.T
        done += len(block)
        if report is not None:
            report(done)
    return logits, cosines


def rerank(
    matcher: Matcher,
    queries: Sequence[str],
    clips: Sequence[Sequence[str]],
    images: ImageCache,
    shortlist: int,
    left_out: NDArray[np.bool_],
    class1: bool = False,
    watch: Stopwatch | None = None,
    report: Report | None = None,
) -> tuple[Floats, Floats]:
    """Logits of each query's ``shortlist`` nearest videos by cosine, and cosines (N, M); features are kept in memory.

    What is no pair of a shortlist has its cosine less ``BEHIND`` for a logit. ``left_out`` (N, M) is on no shortlist.
    """
    watch = watch or Stopwatch()
    asked: list[Crop] = []
    shown: list[list[Crop]] = []
    vectors, means = [], []
    for block in blocks(queries, QUERIES_AT_ONCE):
        with watch("reading"):
            crops = [Crop(images[path]) for path in block]
        with watch("encoding"):
            vectors.append(matcher.vectors(crops))
        asked += crops
    for part in blocks(clips, CLIPS_AT_ONCE):
        with watch("reading"):
            videos = [[Crop(images[path]) for path in clip] for clip in part]
        with watch("encoding"):
            means.append(matcher.video_vectors(videos))
        shown += videos
        if report is not None:
            report(len(shown))
    cosines = np.asarray(np.concatenate(vectors) @ np.concatenate(means).T, dtype=np.float32)
    candidates = np.where(left_out, -np.inf, cosines)
    count = min(shortlist, len(clips))
    first = np.argpartition(-candidates, count - 1, axis=1)[:, :count]  # (N, count)
    wanted = np.zeros(cosines.shape, dtype=bool)
    np.put_along_axis(wanted, first, True, axis=1)
    wanted &= ~left_out
    logits = cosines.astype(np.float64) - BEHIND
    with watch("matching"):
        for column, clip in enumerate(shown):
            rows = np.flatnonzero(wanted[:, column])
            if len(rows):
                logits[rows, column] = matcher.logits([asked[row] for row in rows], [clip], class1=class1)[:, 0]
    return logits, cosines


def _queries(matcher: Matcher, paths: Sequence[str], images: ImageCache, watch: Stopwatch) -> tuple[Encoding, Floats]:
    """What matching needs of some queries, and their pooled features; the crops are dropped."""
    with watch("reading"):
        crops = [Crop(images[path]) for path in paths]
    with watch("encoding"):
        return matcher.queries(crops), matcher.vectors(crops)


def _galleries(
    matcher: Matcher, clips: Sequence[Sequence[str]], images: ImageCache, watch: Stopwatch
) -> tuple[Encoding, Floats]:
    """The same of some gallery clips."""
    with watch("reading"):
        crops = [[Crop(images[path]) for path in clip] for clip in clips]
    with watch("encoding"):
        return matcher.galleries(crops), matcher.video_vectors(crops)


def score(similarity: Floats, queries: Sequence[Tracklet], galleries: Sequence[Tracklet]) -> Retrieval:
    """CMC and mAP of similarities (N, M)."""
    return score_retrieval(similarity, *_numbers(queries, galleries))


def cmc(similarity: Floats, queries: Sequence[Tracklet], galleries: Sequence[Tracklet]) -> list[float]:
    """Share of queries with a right answer among the first 1 to 50, of similarities (N, M)."""
    return cmc_curve(similarity, *_numbers(queries, galleries))


def _numbers(queries: Sequence[Tracklet], galleries: Sequence[Tracklet]) -> list[NDArray[np.int64]]:
    """Persons and cameras of both."""
    return [_of(tracklets, key) for tracklets in (queries, galleries) for key in ("pid", "camid")]


def _of(tracklets: Sequence[Tracklet], key: str) -> NDArray[np.int64]:
    """Persons or cameras."""
    return np.array([getattr(tracklet, key) for tracklet in tracklets], dtype=np.int64)


def blocks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Consecutive pieces of at most ``size``."""
    return (items[start : start + size] for start in range(0, len(items), size))


def spread(items: Sequence[Item], most: int) -> list[Item]:
    """At most ``most`` items at equal steps: the middle of each of as many equal parts."""
    return [items[place] for place in spread_positions(len(items), min(most, len(items)))]
