"""Whom crops show: the nearest tracklets by vectors, READ's judgement of them, and the answer that follows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from readtrack.gallery.entries import mean, some
from readtrack.gallery.index import Index
from readtrack.gallery.store import Store
from readtrack.memory import Answer
from readtrack.read.crops import Crop, spread_positions
from readtrack.read.matcher import Matcher
from readtrack.tracking.evidence import bounded, pool_log_odds, posterior

BLOCK = 512  # tracklets whose feature maps are in memory at once


def find(
    store: Store, matcher: Matcher, who: Sequence[Crop | None] | int, top: int, match_probability: float, shortlist: int
) -> Answer:
    """As ``Gallery.find``, of at most ``CROPS`` crops or of a person's number.

    Raises:
        InputError: no such person, or the gallery is of other weights or cannot be read.
    """
    own = who if isinstance(who, int) else None
    asked = [] if isinstance(who, int) else [crop for crop in who if crop is not None]
    query = mean(matcher.vectors(asked)) if asked else None
    with store.transaction(write=False):
        store.check_weights(matcher.digest)
        index = store.index()
        if own is not None:
            store.check_person(own)
            asked = some(kept_crops(matcher, store, index.tracklets[index.persons == own].tolist()))
            query = mean(matcher.vectors(asked))
        rows = nearest(index, query, shortlist, own)
        maps = kept_maps(matcher, store, index.tracklets[rows].tolist())
    odds = judged(matcher, asked, maps)
    with store.transaction(write=False):
        after = store.index()  # whoever was forgotten meanwhile is not told any more
    there, place = after.places(index.tracklets[rows])
    best = by_person(after.persons[place].tolist(), odds[there].tolist())
    others = after.people
    if own is not None:
        best.pop(own, None)  # somebody was merged into who is asked about
        others -= bool((after.persons == own).any())
    return answer_of(best, others, top, match_probability)


def nearest(
    index: Index, query: NDArray[np.float32] | None, most: int, without: int | None = None
) -> NDArray[np.int64]:
    """Rows of the tracklets nearest to a vector (D,), nearest first, of equals the oldest; none of one person."""
    if query is None or not len(index.tracklets):
        return np.zeros(0, dtype=np.int64)
    likeness = index.vectors @ query
    if without is not None:
        likeness[index.persons == without] = -np.inf
    count = min(most, int(np.isfinite(likeness).sum()))
    if not count:
        return np.zeros(0, dtype=np.int64)
    least = np.partition(likeness, -count)[-count]
    rows = np.flatnonzero(likeness >= least)
    return np.asarray(rows[np.argsort(-likeness[rows], kind="stable")][:count], dtype=np.int64)


def kept_crops(matcher: Matcher, store: Store, tracklets: Sequence[int]) -> list[Crop]:
    """The crops of tracklets, of their features."""
    shape = (matcher.config.positions, matcher.config.channels)
    found = store.features(tracklets)
    return matcher.restored([np.frombuffer(blob, "<f2").reshape(shape) for one in tracklets for blob in found[one]])


def kept_maps(matcher: Matcher, store: Store, tracklets: Sequence[int]) -> NDArray[np.float16]:
    """Feature maps (M, T, P, C) of the crops of M tracklets that READ compares."""
    found, length = store.features(tracklets), matcher.clip_length
    blobs = [found[one][place] for one in tracklets for place in spread_positions(len(found[one]), length)]
    shape = (len(tracklets), length, matcher.config.positions, matcher.config.channels)
    return np.frombuffer(b"".join(blobs), "<f2").reshape(shape)


def judged(matcher: Matcher, asked: Sequence[Crop], maps: NDArray[np.float16]) -> NDArray[np.float64]:
    """READ's log odds (M,) that crops of one person show whom M tracklets show, of their maps (M, T, P, C)."""
    pooled: list[float] = []
    for start in range(0, len(maps), BLOCK):
        galleries = matcher.restored_galleries(maps[start : start + BLOCK])
        answer = bounded(matcher.calibrated(matcher.logits(asked, galleries)))  # (n, M)
        pooled += [pool_log_odds(odds) for odds in answer.T.tolist()]
    return np.array(pooled)


def by_person(persons: Sequence[int], odds: Sequence[float]) -> dict[int, float]:
    """The log odds of each person's likeliest tracklet."""
    best: dict[int, float] = {}
    for person, one in zip(persons, odds, strict=True):
        best[person] = max(best.get(person, -np.inf), one)
    return best


def answer_of(odds: dict[int, float], people: int, top: int, match_probability: float) -> Answer:
    """The answer of log odds by person, among so many people of whom the others are impossible."""
    share = posterior(np.array([list(odds.values())]), people)[0]
    order = np.argsort(-share, kind="stable")[:top]
    numbers = list(odds)
    probabilities = {numbers[place]: float(share[place]) for place in order.tolist()}
    first, second = [*probabilities.values(), 0.0, 0.0][:2]
    likeliest = next(iter(probabilities)) if first > 0 and first >= match_probability else None
    return Answer(likeliest, first, second, 1 - sum(probabilities.values()), probabilities)
