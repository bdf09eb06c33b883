"""Which pairs of tracklets are weighed, and what motion, time and being seen together say of them.

In a crowd only those are that may come to be one person: whoever hangs together by pairs that motion can join.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.linking.motion import Ends, Motion
from readtrack.linking.partition import Evidence
from readtrack.linking.settings import LinkingConfig

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Pairs = tuple[Ints, Ints]

PAIRS = 1_500_000  # that are weighed at most, before more tracklets count as a crowd
SLIGHT = 0.2  # seconds that a tracklet may begin before another ends and still continue it
APART_IOU = 0.1  # up to this overlap, boxes in one frame are surely two people
TOGETHER_SHARE = 0.2  # of the price of being seen together, where boxes overlap: both may be on one person
TOGETHER_FRAMES = 3  # frames in which two are seen apart, from which they are surely different
WORD = 64  # frames, one bit each
BITS = np.unpackbits(np.arange(2**16, dtype=np.uint16).view(np.uint8)).reshape(-1, 16).sum(axis=1)  # that are set
PARTY = 64  # tracklets that may hang together in a crowd; of more the weakest pairs give way
STEPS = 16  # of gain, in which they do
BLOCK = 256  # tracklets that are compared with all that follow, at once


@dataclass(frozen=True)
class Seen:
    """B boxes of N tracklets, by tracklet and frame, and where those begin and end; they are in that order."""

    frames: Ints
    xyxy: Floats  # (B, 4)
    owner: Ints  # from 0 to N - 1
    ends: Ends
    final: NDArray[np.bool_]  # (N,) who stay apart from each other

    @property
    def count(self) -> int:
        """N."""
        return len(self.final)

    @cached_property
    def turn(self) -> Ints:
        """Which frame of those that show anybody each box is in (B,)."""
        return np.asarray(np.unique(self.frames, return_inverse=True)[1], dtype=np.int64)

    @cached_property
    def overlaps(self) -> tuple[Ints, Floats]:
        """Of all boxes that overlap in one frame: their pair of tracklets, as first * N + second, and the IoU."""
        xyxy, owner = self.xyxy, self.owner
        aside = self.turn * (xyxy[:, 2].max() - xyxy[:, 0].min() + 1)
        beside = xyxy + aside[:, None] * np.array([1, 0, 1, 0])  # frame beside frame
        one, other = boxes.overlapping(beside)
        return owner[one] * self.count + owner[other], boxes.iou_each(xyxy[one], xyxy[other])


@dataclass
class Known:
    """Evidence on pairs, and which of them were surely seen as two people."""

    pairs: Evidence
    apart: Ints  # places among the pairs
    shared: Floats  # frames in which both were seen (P,)


def pairs_in_time(seen: Seen, config: LinkingConfig, most: int | None = None) -> Pairs:
    """All pairs (P,) of which one may follow the other, the earlier to begin first; each has ``most`` that follow."""
    begin, end = seen.ends.time.T
    here = np.arange(seen.count)
    last = np.searchsorted(begin, end + config.max_gap, side="right")
    return _of_use(seen, *boxes.spans(here + 1, last if most is None else np.minimum(last, here + 1 + most)))


def pairs_in_reach(seen: Seen, motion: Motion, config: LinkingConfig, told: Pairs | None = None) -> Pairs:
    """Pairs (P,) of those who hang together by pairs that motion can join, or ``told``, in the order of both."""
    near = weigh(seen, *_in_reach(seen.ends, motion, config), motion, config).pairs
    first, second, gain = near.first, near.second, near.gain(config)
    if told is not None:
        first, second = np.append(first, told[0]), np.append(second, told[1])
        gain = np.append(gain, np.full(len(told[0]), config.host_weight))
    return _of_use(seen, *_within(parties(seen.count, first, second, gain)))


def parties(count: int, first: Ints, second: Ints, gain: Floats) -> Ints:
    """The component (N,) of each tracklet by pairs (P,) that gain; in those larger than ``PARTY`` the best count."""
    kept = gain > 0
    for least in [*np.linspace(0, gain.max(initial=0), STEPS, endpoint=False)[1:].tolist(), np.inf]:
        component = connected(count, first[kept], second[kept])
        large = np.bincount(component) > PARTY
        if not large.any():
            return component
        kept &= (gain > least) | ~large[component[first]]
    return connected(count, first[kept], second[kept])


def connected(count: int, first: Ints, second: Ints) -> Ints:
    """The component (N,) of each of N tracklets that hang together by pairs (P,)."""
    from scipy.sparse import coo_array  # long to import, and for crowds only
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(first), dtype=bool), (first, second)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _within(component: Ints) -> Pairs:
    """All pairs (P,) within components, in the order of both."""
    order = np.argsort(component, kind="stable")
    end = np.searchsorted(component[order], component[order], side="right")
    one, other = boxes.spans(np.arange(1, len(order) + 1), end)
    first, second = order[one], order[other]
    turn = np.argsort(first * len(order) + second, kind="stable")
    return first[turn], second[turn]


def _of_use(seen: Seen, first: Ints, second: Ints) -> Pairs:
    """Of people who stay apart only those pairs count who are seen together: they tell who is different."""
    if not seen.final.any():
        return first, second
    kept = ~(seen.final[first] & seen.final[second]) | (seen.ends.time[second, 0] <= seen.ends.time[first, 1])
    return first[kept], second[kept]


def _in_reach(ends: Ends, motion: Motion, config: LinkingConfig) -> Pairs:
    """Pairs (P,) near enough in time and place for motion to join them."""
    gaps, reach = _farthest(ends, motion, config)
    longest = gaps[-1]
    begin, end = ends.time.T
    start, stop = ends.place[:, 0].astype(np.float32), ends.place[:, 1].astype(np.float32)
    size = np.exp(stop[:, 2])[:, None]
    room = reach.max() * size
    last = np.searchsorted(begin, end + longest, side="right")
    parts: list[Pairs] = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    for at in range(0, len(begin), BLOCK):
        some = slice(at, at + BLOCK)
        others = slice(at, int(last[some].max()))
        near = np.abs(start[others, 0] - stop[some, 0, None]) <= room[some]
        first, second = np.nonzero(near)
        first, second = first + at, second + at
        apart = begin[second] - end[first]
        kept = (first < second) & (apart >= -SLIGHT) & (apart <= longest)
        first, second, apart = first[kept], second[kept], apart[kept]
        away = np.abs(start[second, :2] - stop[first, :2]).max(axis=1)
        kept = away <= np.interp(apart, gaps, reach) * size[first, 0]
        first, second = first[kept], second[kept]
        for evidence in (motion.at_best, motion.evidence):  # the quick one first
            kept = evidence(ends, first, second) > _needed(begin[second] - end[first], config)
            first, second = first[kept], second[kept]
        parts.append((first, second))
    first, second = (np.concatenate(side) for side in zip(*parts, strict=True))
    return first, second


def _farthest(ends: Ends, motion: Motion, config: LinkingConfig) -> tuple[Floats, Floats]:
    """Gaps in seconds (G,) after which motion alone may know a person again, and up to how many heights off (G,)."""
    gaps = np.linspace(0, min(config.max_gap, 60.0), 241)
    needed = _needed(gaps, config)
    fit, error = motion.leeway(ends, gaps, needed)
    able = np.flatnonzero(fit > 0)
    return (gaps[: able[-1] + 1], error[: able[-1] + 1]) if len(able) else (np.zeros(1), np.zeros(1))


def _needed(gaps: Floats, config: LinkingConfig) -> Floats:
    """Evidence of motion (G,) from which on it alone joins, after gaps (G,) in seconds."""
    longer = config.gap_penalty * np.log1p(np.maximum(gaps, 0))
    return np.asarray((longer - config.prior) / max(config.motion_alone_weight, 1e-9))


def weigh(seen: Seen, first: Ints, second: Ints, motion: Motion, config: LinkingConfig) -> Known:
    """What motion, time and being seen together say of pairs (P,) that come in the order of both."""
    moved = motion.evidence(seen.ends, first, second)
    early = seen.ends.time[first, 1] - seen.ends.time[second, 0]
    gap = np.maximum(-early, 0)
    unknown = early > SLIGHT  # it runs beside the other: neither continues the other
    shared, overlapping, closest = _together(seen, first, second)
    price = config.together_price * (shared - (1 - TOGETHER_SHARE) * overlapping)
    nothing = np.full(len(first), np.inf)
    pairs = Evidence(
        first=first,
        second=second,
        looks=np.zeros(len(first)),
        weight=np.zeros(len(first)),
        price=price,
        gap=np.stack([np.where(unknown, np.inf, gap), nothing]),
        motion=np.stack([np.where(unknown, 0, moved), np.zeros(len(first))]),
    )
    return Known(pairs, np.flatnonzero((shared >= TOGETHER_FRAMES) & (closest < APART_IOU)), shared)


def _together(seen: Seen, first: Ints, second: Ints) -> tuple[Floats, Floats, Floats]:
    """Of pairs (P,): frames in which both are seen, those of them in which boxes overlap, and the largest IoU."""
    if not len(first):
        return np.zeros(0), np.zeros(0), np.zeros(0)
    wanted = first * seen.count + second
    key, overlap = seen.overlaps
    pair = np.minimum(np.searchsorted(wanted, key), len(wanted) - 1)
    known = wanted[pair] == key
    pair, overlap = pair[known], overlap[known]
    closest = np.zeros(len(wanted))
    np.maximum.at(closest, pair, overlap)
    overlapping = np.bincount(pair, overlap > APART_IOU, len(wanted)).astype(np.float64)
    return _shared(seen.turn, seen.owner, first, second), overlapping, closest


def _shared(turn: Ints, owner: Ints, first: Ints, second: Ints) -> Floats:
    """Frames (P,) in which both tracklets of pairs are seen."""
    starts = np.flatnonzero(boxes.begins(owner))
    begin, stop = turn[starts] // WORD, turn[np.append(starts[1:], len(owner)) - 1] // WORD + 1
    offset = np.cumsum(stop - begin) - (stop - begin) - begin  # of a tracklet's words among all
    words = np.zeros(int((stop - begin).sum()), np.uint64)
    np.bitwise_or.at(words, offset[owner] + turn // WORD, np.uint64(1) << (turn % WORD).astype(np.uint64))
    pair, word = boxes.spans(np.maximum(begin[first], begin[second]), np.minimum(stop[first], stop[second]))
    both = words[offset[first[pair]] + word] & words[offset[second[pair]] + word]
    frames = BITS[both.view(np.uint16)].reshape(-1, WORD // 16).sum(axis=1)
    return np.asarray(np.bincount(pair, frames, len(first)), dtype=np.float64)
