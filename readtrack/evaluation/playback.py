"""A contestant on a recording, as it would run live; and what it knew when."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack.boxes import confidence_of
from readtrack.evaluation.recordings import Footage
from readtrack.pipeline import OnlineTracker, Steps
from readtrack.tracking import Reassignment


@dataclass(frozen=True)
class Played:
    """What came of it; frames are the recording's."""

    frames: list[int]  # handed in
    tracks: dict[int, sv.Detections]  # boxes with an id, those reassignments later filled in
    known: dict[tuple[int, int], int]  # frame and id of a box -> the frame in which the id was told
    seconds: float  # in the tracker: neither detecting nor reading frames

    @property
    def frames_per_second(self) -> float:
        """Of the tracker alone."""
        return len(self.frames) / max(self.seconds, 1e-9)


def play(
    contestant: OnlineTracker,
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
        for late in (late for late in reassignments if late.previous_id > 0):  # all first: two may exchange theirs
            rows[late.frame] = [
                (xyxy, number)
                for xyxy, number in rows[late.frame]
                if number != late.previous_id or (xyxy != late.xyxy).any()
            ]
        for late in reassignments:
            keep(late.frame, late.xyxy, late.track)

    detect = found or footage.found
    steps = Steps(footage.frames, lambda frame: _plain(detect(frame.index)), contestant)
    for step in steps:
        people, frame = step.people, step.frame.index
        seconds += step.seconds_tracker
        frames.append(frame)
        assert people.tracker_id is not None
        for i in np.flatnonzero(people.tracker_id >= 1):
            keep(frame, np.asarray(people.xyxy[i], np.float64), int(people.tracker_id[i]))
        settle(step.reassignments)
        report()
    if frames:
        settle(steps.finish())
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
