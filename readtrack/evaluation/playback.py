"""A tracker on a recording, as it would run live; and what it knew when."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack.boxes import confidence_of
from readtrack.evaluation.recordings import Recording
from readtrack.pipeline import OnlineTracker, Steps
from readtrack.tracking import Reassignment

Progress = Callable[[int, int], None]  # told how much is done, and of how much


@dataclass(frozen=True)
class Replay:
    """What came of it; frames are the recording's."""

    frames: list[int]  # handed in
    tracks: dict[int, sv.Detections]  # boxes with an id, those settled later filled in
    known: dict[tuple[int, int], int]  # frame and id of a box -> the frame in which the id was reported
    seconds: float  # in the tracker: neither detecting nor reading frames

    @property
    def frames_per_second(self) -> float:
        """Of the tracker alone."""
        return len(self.frames) / max(self.seconds, 1e-9)


def replay(
    tracker: OnlineTracker,
    recording: Recording,
    detections: Callable[[int], sv.Detections] | None = None,
    report: Callable[[], None] = lambda: None,
) -> Replay:
    """Hand every frame to a tracker that has seen nothing yet.

    Args:
        tracker: fresh or reset.
        recording: frames, and detections of which only box, confidence and class are handed on.
        detections: others than the recording's, by frame.
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
            if late.track > 0:
                keep(late.frame, late.xyxy, late.track)

    detect = detections or recording.detections
    steps = Steps(recording.frames, lambda frame: _plain(detect(frame.index)), tracker)
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
    return Replay(frames, tracks, known, seconds)


def counting(progress: Progress, total: int) -> Callable[[], None]:
    """What to call after each of ``total`` pieces of work; begins by telling that none is done."""
    done = 0
    progress(done, total)

    def step() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    return step


def _plain(found: sv.Detections) -> sv.Detections:
    """Box, confidence and class alone: nobody may peep at what else is known of a detection."""
    count = len(found)
    return sv.Detections(
        xyxy=np.asarray(found.xyxy, np.float64).reshape(count, 4).copy(),
        confidence=confidence_of(found),
        class_id=np.zeros(count, dtype=int),
    )
