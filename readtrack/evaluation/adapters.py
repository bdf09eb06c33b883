"""What READ does for another tracker: identity switches and IDF1 on recording with detections and truth.

The programs in ``demos/with_*.py`` are built on it.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import supervision as sv

from readtrack import boxes
from readtrack.evaluation.recordings import Recording
from readtrack.metrics.tracking import score_tracking
from readtrack.pipeline import Steps
from readtrack.tracking import Association, Reassignment

Step = Callable[[sv.Detections, Any], sv.Detections]  # a frame's detections, image -> with tracker_id


class _Called:
    """A function in the shape of a tracker."""

    def __init__(self, step: Step) -> None:
        self.update = step
        self.associations: list[Association] = []
        self.reassignments: list[Reassignment] = []

    def finish(self) -> list[Reassignment]:
        """Nothing is undecided."""
        return []


def follow(step: Step, recording: Recording) -> dict[int, sv.Detections]:
    """Call a tracker for each frame that has an image, as it would run live; its answers by frame."""
    frames = (frame for frame in recording.frames if frame.image is not None)
    steps = Steps(frames, lambda frame: recording.detections(frame.index), _Called(step))
    return {one.frame.index: one.people for one in steps}


def report(name: str, recording: Recording, tracks: Mapping[int, sv.Detections]) -> str:
    """How well identities were kept, in a line: IDF1, HOTA and switches."""
    frames = range(recording.total or max(tracks, default=-1) + 1)
    scores = score_tracking({i: recording.truth(i) for i in frames}, tracks, frames)
    told = f"IDF1 {100 * scores.IDF1:.1f}, HOTA {100 * scores.HOTA:.1f}, {scores.IDSW} identity switches"
    return f"{recording.name}, {name}: {told}"


def rewritten(tracks: Mapping[int, sv.Detections], merged: Mapping[int, int]) -> dict[int, sv.Detections]:
    """Tracks whose ids are replaced by what they proved to be (``Relinker.merged`` of all frames)."""
    answer = {}
    for frame, people in tracks.items():
        ids = [] if people.tracker_id is None else people.tracker_id.tolist()
        answer[frame] = boxes.with_data(people)
        answer[frame].tracker_id = np.array([_last(number, merged) for number in ids], dtype=int)
    return answer


def _last(number: int, merged: Mapping[int, int]) -> int:
    while number in merged:
        number = merged[number]
    return number
