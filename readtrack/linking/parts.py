"""Parts: what each of several cameras saw, cut where it doubts who that was."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from readtrack.linking.engine import FULL_WEIGHT, LEAST_WEIGHT, Linked, Observations
from readtrack.linking.ground import Stand
from readtrack.linking.motion import Ends
from readtrack.linking.pairs import Seen, pairs_in_time, weigh
from readtrack.linking.partition import Evidence
from readtrack.linking.settings import LinkingConfig
from readtrack.linking.similarity import Clip

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SURE = 0.9  # probability from which a camera's own link stays
CROPS = 12  # of a part, by which cameras compare it


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
class Parts:
    """N parts of people, in the order of appearance: what a camera is sure is one person."""

    camera: Ints
    tracklets: list[Ints]  # of that camera, the first one first
    first: Floats  # seconds of the common clock
    last: Floats
    times: list[Floats]  # of the boxes of each, ascending
    clips: list[Clip]
    weight: Floats  # of their crops
    stands: list[Stand]


def parts_of(views: Sequence[View], config: LinkingConfig, sure: float = SURE, most: int | None = None) -> Parts:
    """Whatever may be somebody who was seen elsewhere.

    Args:
        views: cameras.
        config: from which probability on somebody is a person.
        sure: probability from which a camera's own link stays; with 0 all do.
        most: so many parts, those seen longest.
    """
    rows = []
    for number, view in enumerate(views):
        count, owner, time = len(view.clips), view.observations.tracklets, view.seconds()
        length = np.bincount(owner, minlength=count)
        begins = np.full(count, np.inf)
        np.minimum.at(begins, owner, time)
        part = _parts(view, begins, sure)
        order = np.lexsort((begins, part))
        for own in np.split(order, np.flatnonzero(np.diff(part[order])) + 1) if count else []:
            clip = _clip(own, view.clips, length, begins)
            if clip and view.linked.probability[view.linked.people[own[0]]] >= config.min_person:
                boxes = np.flatnonzero(part[owner] == part[own[0]])
                boxes = boxes[np.argsort(time[boxes], kind="stable")]
                image, steady = view.observations.xyxy[boxes], view.observations.steady[boxes]
                stand = Stand.of(time[boxes], image, steady, view.size)
                rows.append((number, own, time[boxes], clip, view.fps, stand))
    rows = sorted(rows, key=lambda row: -len(row[2]) / row[4])[:most]
    rows.sort(key=lambda row: (row[2][0], row[0], int(row[1][0])))
    seconds = np.array([len(row[2]) / row[4] for row in rows])
    return Parts(
        camera=np.array([row[0] for row in rows], dtype=np.int64),
        tracklets=[row[1] for row in rows],
        first=np.array([row[2][0] for row in rows]),
        last=np.array([row[2][-1] for row in rows]),
        times=[row[2] for row in rows],
        clips=[row[3] for row in rows],
        weight=np.clip(np.sqrt(seconds / FULL_WEIGHT), LEAST_WEIGHT, 1),
        stands=[row[5] for row in rows],
    )


def _parts(view: View, begins: Floats, sure: float) -> Ints:
    """The part of each tracklet (N,): people cut at doubtful links; what has no crops stays with what is before."""
    part = np.zeros(len(begins), dtype=np.int64)
    number, person, seen = -1, -1, False
    for tracklet in np.lexsort((begins, view.linked.people)).tolist():
        shown = len(view.clips[tracklet]) > 0
        new = person != view.linked.people[tracklet]
        if new or (view.linked.joined[tracklet] < sure and shown and seen):
            number, seen = number + 1, False
        person, seen = view.linked.people[tracklet], seen or shown
        part[tracklet] = number
    return part


def _clip(tracklets: Ints, clips: Sequence[Clip], length: Ints, begins: Floats) -> Clip:
    """Crops of the longest of some tracklets, in the order of time."""
    chosen: list[tuple[float, Clip]] = []
    for tracklet in tracklets[np.argsort(-length[tracklets], kind="stable")].tolist():
        if len(clips[tracklet]) and sum(len(clip) for _, clip in chosen) < CROPS:
            chosen.append((float(begins[tracklet]), clips[tracklet]))
    return [crop for _, clip in sorted(chosen, key=lambda one: one[0]) for crop in clip]


def within(view: View, nodes: Parts, own: Ints, config: LinkingConfig) -> tuple[Evidence, Ints]:
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


def numbers(views: Sequence[View], nodes: Parts, person: Ints) -> list[Ints]:
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
