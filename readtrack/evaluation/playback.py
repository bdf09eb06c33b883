"""A contestant on a recording, as it would run live; and what it knew when."""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack.boxes import confidence_of
from readtrack.evaluation.peers.peer import Contestant
from readtrack.evaluation.recordings import Footage
from readtrack.tracking import Reassignment


@dataclass(frozen=True)
class Played:
    """What came of it; frames are the recording's."""

    frames: list[int]  # handed in
    tracks: dict[int, sv.Detections]  # boxes with an id, those decided later filled in
    known: dict[tuple[int, int], int]  # frame and id of a box -> the frame in which the id was told
    seconds: float  # in the tracker: neither detecting nor reading frames

    @property
    def frames_per_second(self) -> float:
        """Of the tracker alone."""
        return len(self.frames) / max(self.seconds, 1e-9)


def play(
    contestant: Contestant,
    footage: Footage,
    found: Callable[[int], sv.Detections] | None = None,
    report: Callable[[], None] = lambda: None,
) -> Played:
    """Hand every frame to a contestant that has seen nothing yet.

    Args:
        contestant: who tracks.
        footage: frames, and detections of which only box, confidence and class are handed on.
        found: other detections, by frame.
        report: called after every frame.

    Raises:
        HostError: a host broke down.
    """
    frames: list[int] = []
    rows: defaultdict[int, list[tuple[NDArray[np.float64], int]]] = defaultdict(list)
    known: dict[tuple[int, int], int] = {}
    seconds = 0.0

    def keep(frame: int, xyxy: NDArray[np.float64], number: int) -> None:
        rows[frame].append((xyxy, number))
        known[frame, number] = frames[-1]

    def settle(reassignments: list[Reassignment]) -> None:
        for late in (
            late for late in reassignments if late.previous_id > 0
        ):  # all wrong ids go first: two may exchange theirs
            held = rows[frames[late.frame]]
            held[:] = [
                (xyxy, number) for xyxy, number in held if number != late.previous_id or (xyxy != late.xyxy).any()
            ]
        for late in reassignments:
            keep(frames[late.frame], late.xyxy, late.track)

    for frame in footage.frames:
        detections = _plain((found or footage.found)(frame.index))
        begun = time.perf_counter()
        people = contestant.update(detections, frame.image)
        seconds += time.perf_counter() - begun
        frames.append(frame.index)
        assert people.tracker_id is not None
        for i in np.flatnonzero(people.tracker_id >= 1):
            keep(frame.index, np.asarray(people.xyxy[i], np.float64), int(people.tracker_id[i]))
        settle(contestant.reassignments)
        report()
    if frames:
        settle(contestant.finish())
    tracks = {
        frame: sv.Detections(np.stack([xyxy for xyxy, _ in held]), tracker_id=np.array([number for _, number in held]))
        for frame, held in sorted(rows.items())
    }
    return Played(frames, tracks, known, seconds)


def _plain(found: sv.Detections) -> sv.Detections:
    """Box, confidence and class alone: nobody may peep at what else is known of a detection."""
    count = len(found)
    return sv.Detections(
        xyxy=np.asarray(found.xyxy, np.float64).reshape(count, 4).copy(),
        confidence=confidence_of(found),
        class_id=np.zeros(count, dtype=int),
    )
