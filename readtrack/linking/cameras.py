"""Cameras: the people of several cameras to people over all of them, by the same evidence and the same partition.

Each camera's people are found first, by ``engine.link``. Of these only sure links stay; whatever a camera doubts is
decided anew, with all that the others saw. What is new between cameras is time: two that cannot show one person at once
tell who is different, and from one to another somebody needs some seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from readtrack.errors import InputError
from readtrack.linking.engine import FULL_WEIGHT, LEAST_WEIGHT, Linked, Observations
from readtrack.linking.ground import Ground, Stand, learn_grounds
from readtrack.linking.motion import Ends
from readtrack.linking.pairs import Seen, pairs_in_time, weigh
from readtrack.linking.partition import Evidence, Merge, Partition
from readtrack.linking.settings import LinkingConfig
from readtrack.linking.similarity import Appearance, Clip, compare
from readtrack.linking.travel import Travels

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SURE = 0.9  # probability from which a camera's own link stays
CROPS = 12  # of a part, by which cameras compare it
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
class View:
    """What one camera saw, and who that was by what it saw alone."""

    observations: Observations  # boxes of tracklets; their times are seconds of the camera's own clock
    linked: Linked
    clips: Sequence[Clip]  # crops of its tracklets
    fps: float
    begins: float = 0.0  # seconds of the common clock at which its own begins
    size: tuple[int, int] | None = None  # width and height of its image; None if unknown

    def seconds(self) -> Floats:
        """When each box was seen, by the common clock (B,)."""
        return self.begins + self.observations.seconds(self.fps)


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

    Raises:
        InputError: there are too many people to be compared each with each.
    """
    nodes = _nodes(views, config)
    if len(nodes.camera) > MOST:
        raise InputError(f"{len(nodes.camera)} people in {len(views)} cameras: join fewer hours at once")
    if judge is None or not len(nodes.camera):
        return Joined(_numbers(views, nodes, np.arange(len(nodes.camera))), [], {})
    evidence, surely = _evidence(views, nodes, layout, config)
    calibration = _look(evidence, surely, nodes, len(views), judge, config)
    travels, grounds = Travels.unknown(len(views)), NO_GROUNDS
    merges, person = _partition(evidence, travels, grounds, nodes, config)
    for _ in range(ROUNDS):  # how long people need and where they stand is learnt of the people found before
        travels = Travels.learnt(nodes.camera, nodes.first, nodes.last, person, len(views))
        grounds = learn_grounds(nodes.camera, nodes.stands, person, _apart(layout))
        merges, person = _partition(evidence, travels, grounds, nodes, config)
    return Joined(_numbers(views, nodes, person), _links(nodes, merges), calibration)


@dataclass(frozen=True)
class _Nodes:
    """N parts of people, in the order of appearance: what a camera is sure is one person."""

    camera: Ints
    tracklets: list[Ints]  # of that camera, the first one first
    first: Floats  # seconds of the common clock
    last: Floats
    times: list[Floats]  # of the boxes of each, ascending
    clips: list[Clip]
    weight: Floats  # of their crops
    stands: list[Stand]


def _nodes(views: Sequence[View], config: LinkingConfig) -> _Nodes:
    """Whatever may be somebody who was seen elsewhere."""
    rows = []
    for number, view in enumerate(views):
        count, owner, time = len(view.clips), view.observations.tracklets, view.seconds()
        length = np.bincount(owner, minlength=count)
        begins = np.full(count, np.inf)
        np.minimum.at(begins, owner, time)
        order = np.lexsort((begins, view.linked.people))
        new = np.diff(view.linked.people[order], prepend=-1) != 0
        part = np.zeros(count, dtype=np.int64)
        part[order] = np.cumsum(new | (view.linked.joined[order] < SURE)) - 1
        for own in np.split(order, np.flatnonzero(np.diff(part[order])) + 1) if count else []:
            clip = _clip(own, view.clips, length, begins)
            if clip and view.linked.probability[view.linked.people[own[0]]] >= config.min_person:
                boxes = np.flatnonzero(part[owner] == part[own[0]])
                boxes = boxes[np.argsort(time[boxes], kind="stable")]
                image, steady = view.observations.xyxy[boxes], view.observations.steady[boxes]
                stand = Stand.of(time[boxes], image, steady, view.size)
                rows.append((number, own, time[boxes], clip, view.fps, stand))
    rows.sort(key=lambda row: (row[2][0], row[0], int(row[1][0])))
    seconds = np.array([len(row[2]) / row[4] for row in rows])
    return _Nodes(
        camera=np.array([row[0] for row in rows], dtype=np.int64),
        tracklets=[row[1] for row in rows],
        first=np.array([row[2][0] for row in rows]),
        last=np.array([row[2][-1] for row in rows]),
        times=[row[2] for row in rows],
        clips=[row[3] for row in rows],
        weight=np.clip(np.sqrt(seconds / FULL_WEIGHT), LEAST_WEIGHT, 1),
        stands=[row[5] for row in rows],
    )


def _clip(tracklets: Ints, clips: Sequence[Clip], length: Ints, begins: Floats) -> Clip:
    """Crops of the longest of some tracklets, in the order of time."""
    chosen: list[tuple[float, Clip]] = []
    for tracklet in tracklets[np.argsort(-length[tracklets], kind="stable")].tolist():
        if len(clips[tracklet]) and sum(len(clip) for _, clip in chosen) < CROPS:
            chosen.append((float(begins[tracklet]), clips[tracklet]))
    return [crop for _, clip in sorted(chosen, key=lambda one: one[0]) for crop in clip]


def _evidence(
    views: Sequence[View], nodes: _Nodes, layout: Layout, config: LinkingConfig
) -> tuple[Evidence, NDArray[np.bool_]]:
    """What time, place and motion say of all pairs, and which of them are surely two people (P,)."""
    parts, surely = [], []
    for number, view in enumerate(views):
        own = np.flatnonzero(nodes.camera == number)
        if len(own) > 1:
            pairs, apart = _within(view, nodes, own, config)
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


def _within(view: View, nodes: _Nodes, own: Ints, config: LinkingConfig) -> tuple[Evidence, Ints]:
    """Pairs of one camera's parts, as its own linking sees them, and places of those seen at once."""
    place = np.full(len(view.clips), -1)
    for number, node in enumerate(own.tolist()):
        place[nodes.tracklets[node]] = number
    observations = view.observations
    owner = place[observations.tracklets]
    kept = owner >= 0
    frames, owner = observations.frames[kept], owner[kept]
    order = np.lexsort((frames, owner))
    _, once = np.unique(np.stack([owner[order], frames[order]]), axis=1, return_index=True)
    order = order[np.sort(once)]  # somebody has one box a frame
    frames, owner = frames[order], owner[order]
    starts = np.searchsorted(owner, np.arange(len(own) + 1))
    time = observations.seconds(view.fps)[kept][order]
    ends = Ends.of(time, observations.steady[kept][order], starts)
    seen = Seen(frames, observations.xyxy[kept][order], owner, ends, np.zeros(len(own), dtype=bool))
    known = weigh(seen, *pairs_in_time(seen, config), view.linked.motion, config)
    pairs = known.pairs
    pairs.first, pairs.second = own[pairs.first], own[pairs.second]
    return pairs, known.apart


def _between(
    views: Sequence[View], nodes: _Nodes, layout: Layout, first: Ints, second: Ints, config: LinkingConfig
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
    nodes: _Nodes,
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
    nodes: _Nodes,
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


def _links(nodes: _Nodes, merges: Sequence[Merge]) -> list[CameraLink]:
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


def _numbers(views: Sequence[View], nodes: _Nodes, person: Ints) -> list[Ints]:
    """The number over all cameras of each camera's tracklets, by when they were first seen anywhere."""
    labels: list[Ints] = []
    new = len(nodes.camera)
    begins: dict[int, tuple[float, int, int]] = {}
    for number, view in enumerate(views):
        own = new + view.linked.people
        new += len(view.linked.probability)
        for node in np.flatnonzero(nodes.camera == number).tolist():
            own[nodes.tracklets[node]] = person[node]
        first = np.full(len(own), np.inf)
        np.minimum.at(first, view.observations.tracklets, view.seconds())
        for tracklet, label in enumerate(own.tolist()):
            begins[label] = min(begins.get(label, (np.inf, 0, 0)), (float(first[tracklet]), number, tracklet))
        labels.append(own)
    rank = {label: place for place, label in enumerate(sorted(begins, key=lambda label: begins[label]))}
    return [np.array([rank[label] for label in own.tolist()], dtype=np.int64) for own in labels]
