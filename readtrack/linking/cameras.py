"""Cameras: the people of several cameras to people over all of them, by the same evidence and the same partition.

Each camera's people are found first, by ``engine.link``. Of these only sure links stay; whatever a camera doubts is
decided anew, with all that the others saw. What is new between cameras is time: two that cannot show one person at once
tell who is different, and from one to another somebody needs some seconds.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from readtrack.linking.ground import Ground, learn_grounds
from readtrack.linking.partition import Evidence, Merge, Partition
from readtrack.linking.parts import Parts, View, numbers, parts_of, within
from readtrack.linking.settings import LinkingConfig
from readtrack.linking.similarity import Appearance, Clip, compare
from readtrack.linking.travel import Travels

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

log = logging.getLogger("readtrack")

CLOCKS = 1.0  # seconds by which cameras' clocks may differ
SURELY = 3.0  # price of having been at two places from which two are surely different
ROUNDS = 2  # of linking after the first
NO_GROUNDS: Mapping[tuple[int, int], Ground] = {}
MOST = 2000  # parts of all cameras that are compared each with each


class Judge(Protocol):
    """What compares crops, as ``Appearance`` has it."""

    def vectors(self, clips: Sequence[Clip]) -> NDArray[Any]:
        """One of unit length for each of M clips (M, D)."""

    def log_odds(self, clips: Sequence[Clip], pairs: Ints) -> Floats:
        """Of pairs of clips (P, 2): both ways, averaged (P,)."""


@dataclass(frozen=True)
class Layout:
    """How C cameras lie to each other."""

    apart: NDArray[np.bool_]  # (C, C) which two cannot show one person at once
    travel: Floats  # (C, C) seconds that somebody needs from one to another, at least; 0 where nothing is known

    @classmethod
    def unknown(cls, count: int) -> "Layout":
        """Cameras that may show the same place."""
        return cls(np.zeros((count, count), dtype=bool), np.zeros((count, count)))


@dataclass(frozen=True)
class CameraLink:
    """What was seen of somebody in a camera that continues somebody seen earlier."""

    camera: int
    tracklet: int  # of that camera, the first of what was linked
    boxes: int  # of it
    earlier: int  # camera where that one was seen first
    gap: float  # seconds between them
    probability: float
    runner_up: float
    appearance: float  # log odds of their crops alone
    motion: float  # log likelihood ratio of how they moved, or of the time from one camera to the other


@dataclass(frozen=True)
class Joined:
    """Who is who over cameras."""

    people: list[Ints]  # of each camera's tracklets (N,) the person over all cameras, from 0 in order of appearance
    links: list[CameraLink]  # the surest first
    calibration: dict[tuple[int, int], tuple[int, float]]  # of two cameras: pairs surely different, their mean log odds


def join(
    views: Sequence[View],
    layout: Layout,
    judge: Judge | None,
    config: LinkingConfig = LinkingConfig(),
) -> Joined:
    """Find out who of one camera is who of another.

    Whoever a camera took for no person, or never saw well enough for a crop, stays alone.

    Args:
        views: C cameras.
        layout: how they lie.
        judge: compares crops; None leaves all cameras alone.
        config: how; ``max_gap`` counts within a camera only.
    """
    nodes = parts_of(views if judge is not None else [], config)
    if len(nodes.camera) > MOST:  # then every camera's links stay as they are,
        nodes = parts_of(views, config, sure=0)
    if len(nodes.camera) > MOST:
        log.warning(f"{len(nodes.camera)} people in {len(views)} cameras: {MOST} of them may be known elsewhere")
        nodes = parts_of(views, config, sure=0, most=MOST)
    if judge is None or not len(nodes.camera):
        return Joined(numbers(views, nodes, np.arange(len(nodes.camera))), [], {})
    evidence, surely = _evidence(views, nodes, layout, config)
    calibration = _look(evidence, surely, nodes, len(views), judge, config)
    travels, grounds = Travels.unknown(len(views)), NO_GROUNDS
    merges, person = _partition(evidence, travels, grounds, nodes, config)
    for _ in range(ROUNDS):  # how long people need and where they stand is learnt of the people found before
        travels = Travels.learnt(nodes.camera, nodes.first, nodes.last, person, len(views))
        grounds = learn_grounds(nodes.camera, nodes.stands, person, _apart(layout))
        merges, person = _partition(evidence, travels, grounds, nodes, config)
    return Joined(numbers(views, nodes, person), _links(nodes, merges), calibration)


def _evidence(
    views: Sequence[View], nodes: Parts, layout: Layout, config: LinkingConfig
) -> tuple[Evidence, NDArray[np.bool_]]:
    """What time, place and motion say of all pairs, and which of them are surely two people (P,)."""
    parts, surely = [], []
    for number, view in enumerate(views):
        own = np.flatnonzero(nodes.camera == number)
        if len(own) > 1:
            pairs, apart = within(view, nodes, own, config)
            parts.append(pairs)
            surely.append(np.isin(np.arange(len(pairs.first)), apart))
    first, second = np.triu_indices(len(nodes.camera), 1)
    other = nodes.camera[first] != nodes.camera[second]
    pairs = _between(views, nodes, layout, first[other], second[other], config)
    parts.append(pairs)
    surely.append(pairs.price >= SURELY)
    columns = ("first", "second", "looks", "weight", "price")
    joined = [np.concatenate([getattr(part, name) for part in parts]) for name in columns]
    both = [np.concatenate([getattr(part, name) for part in parts], axis=1) for name in ("gap", "motion")]
    return Evidence(*joined, *both), np.concatenate(surely)


def _between(
    views: Sequence[View], nodes: Parts, layout: Layout, first: Ints, second: Ints, config: LinkingConfig
) -> Evidence:
    """Pairs of different cameras: how far apart in time, and the price of having been at two places at once."""
    gap, price = np.zeros(len(first)), np.zeros(len(first))
    apart = _apart(layout)
    travel = np.maximum(layout.travel, layout.travel.T)
    for row, (one, other) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        cameras = nodes.camera[one], nodes.camera[other]
        between = max(nodes.first[other] - nodes.last[one], nodes.first[one] - nodes.last[other])
        if between > 0 and (not apart[cameras] or between >= travel[cameras]):
            gap[row] = between
            continue
        one_to_other = _nearest(nodes.times[one], nodes.times[other])
        other_to_one = _nearest(nodes.times[other], nodes.times[one])
        gap[row] = one_to_other.min()
        if apart[cameras]:
            near = min(
                ((away <= travel[cameras] + 0.5 / views[camera].fps).sum() / views[camera].fps, views[camera].fps)
                for away, camera in zip((one_to_other, other_to_one), cameras, strict=True)
            )
            price[row] = config.together_price * max(0.0, near[0] - CLOCKS) * near[1]
    nothing = np.zeros(len(first))
    side = np.stack([gap, np.full(len(first), np.inf)])
    return Evidence(first, second, nothing.copy(), nothing.copy(), price, side, np.zeros((2, len(first))))


def _apart(layout: Layout) -> NDArray[np.bool_]:
    """Which two cameras show no place in common (C, C)."""
    return np.asarray(layout.apart | layout.apart.T | (np.maximum(layout.travel, layout.travel.T) > 0), dtype=np.bool_)


def _nearest(times: Floats, others: Floats) -> Floats:
    """Seconds from each of some times to the nearest of others, which ascend."""
    place = np.searchsorted(others, times)
    after = np.abs(others[np.minimum(place, len(others) - 1)] - times)
    return np.minimum(after, np.abs(times - others[np.maximum(place - 1, 0)]))


def _look(
    evidence: Evidence,
    surely: NDArray[np.bool_],
    nodes: Parts,
    count: int,
    judge: Judge,
    config: LinkingConfig,
) -> dict[tuple[int, int], tuple[int, float]]:
    """Add what crops say, set against the known pairs of each two cameras; tells of those that are different."""
    told: dict[tuple[int, int], tuple[int, float]] = {}
    cameras = np.sort(np.stack([nodes.camera[evidence.first], nodes.camera[evidence.second]]), axis=0)
    for one in range(count):
        for other in range(one, count):
            wanted = (cameras[0] == one) & (cameras[1] == other)
            used = wanted.copy()
            if one != other and not surely[wanted].any():  # each camera's own pairs tell where different lies
                used |= surely & (cameras[0] == cameras[1]) & np.isin(cameras[0], (one, other))
            rows = np.flatnonzero(used)
            if not wanted.any():
                continue
            known = np.flatnonzero(np.isin(nodes.camera, (one, other)))
            place = np.full(len(nodes.camera), -1)
            place[known] = np.arange(len(known))
            look = Appearance([nodes.clips[node] for node in known.tolist()], judge.vectors, judge.log_odds)
            first, second = place[evidence.first[rows]], place[evidence.second[rows]]
            odds, own = compare(look, first, second, ~surely[rows], np.flatnonzero(surely[rows]), config.compared)
            mine = rows[wanted[rows]]
            evidence.weight[mine] = nodes.weight[evidence.first[mine]] * nodes.weight[evidence.second[mine]]
            evidence.looks[mine] = odds[wanted[rows]] * evidence.weight[mine]
            if len(own.made_of_different):
                told[one, other] = len(own.made_of_different), float(own.made_of_different.mean())
    return told


def _partition(
    evidence: Evidence,
    travels: Travels,
    grounds: Mapping[tuple[int, int], Ground],
    nodes: Parts,
    config: LinkingConfig,
) -> tuple[list[Merge], Ints]:
    """Merges, and the first of each one's (N,) people."""
    pairs = Evidence(
        *(getattr(evidence, name).copy() for name in ("first", "second", "looks", "weight", "price", "gap", "motion"))
    )
    other = np.flatnonzero(nodes.camera[pairs.first] != nodes.camera[pairs.second])
    first, second = pairs.first[other], pairs.second[other]
    gap = pairs.gap[0, other]
    known = travels.evidence(nodes.camera[first], nodes.camera[second], gap)
    pairs.motion[0, other] = np.where(gap > 0, known, 0)
    for row, one, two in zip(other.tolist(), first.tolist(), second.tolist(), strict=True):
        if nodes.camera[one] > nodes.camera[two]:
            one, two = two, one
        ground = grounds.get((int(nodes.camera[one]), int(nodes.camera[two])))
        if ground is not None and nodes.first[one] < nodes.last[two] and nodes.first[two] < nodes.last[one]:
            pairs.price[row] += ground.price(nodes.stands[one], nodes.stands[two])
    found = Partition(len(nodes.camera), pairs, config)
    return found.merges, found.person


def _links(nodes: Parts, merges: Sequence[Merge]) -> list[CameraLink]:
    """What is told of merges."""
    return [
        CameraLink(
            camera=int(nodes.camera[one.second]),
            tracklet=int(nodes.tracklets[one.second][0]),
            boxes=len(nodes.times[one.second]),
            earlier=int(nodes.camera[one.first]),
            gap=one.gap,
            probability=one.probability,
            runner_up=one.runner_up,
            appearance=one.appearance,
            motion=one.motion,
        )
        for one in merges
    ]
