"""The one loop from frames to people with identities."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack.offline import OfflineTracker
from readtrack.readtracker import ReadTracker
from readtrack.tracking import Association, Reassignment
from readtrack.video import Frame

Detect = Callable[[Frame], sv.Detections]

REMEMBERED = 4096  # frames back to which a reassignment can be told


class OnlineTracker(Protocol):
    """Whoever gives detections ids, frame by frame: ``ReadTracker``, or another tracker behind the same methods."""

    @property
    def associations(self) -> list[Association]:
        """READ's decisions in the last update."""

    @property
    def reassignments(self) -> list[Reassignment]:
        """Boxes of earlier frames whose id was settled or proved wrong just now; ``frame`` counts updates from 0."""

    def update(self, detections: sv.Detections, image: NDArray[np.uint8] | None) -> sv.Detections:
        """Take the next frame; the same detections in the same order with ``tracker_id``, -1 where there is none."""

    def finish(self) -> list[Reassignment]:
        """Settle what is undecided, at the end."""


@dataclass(frozen=True)
class Step:
    """One frame's way through the loop; frame numbers are those of the source throughout."""

    frame: Frame
    detections: sv.Detections  # what was handed to the tracker
    people: sv.Detections  # the same with ``tracker_id``; -1 where there is no id (yet)
    associations: list[Association]
    reassignments: list[Reassignment]  # boxes of earlier frames whose id was settled or proved wrong in this one
    seconds_detector: float
    seconds_tracker: float


class Steps:
    """Hands frames to a detector and a tracker, one ``Step`` each; ``finish`` then settles who is still undecided.

    Example:
        >>> steps = Steps(video, detect, tracker)  # doctest: +SKIP
        >>> for step in steps:  # doctest: +SKIP
        ...     show(step.frame, step.people)
        >>> late = steps.finish()  # doctest: +SKIP
    """

    def __init__(self, frames: Iterable[Frame], detect: Detect, tracker: OnlineTracker) -> None:
        """Nothing is read yet.

        Args:
            frames: the video.
            detect: a frame's people.
            tracker: fresh or reset.
        """
        self._frames, self._detect, self._tracker = frames, detect, tracker
        self._count = 0
        self._time: float | None = None  # of the last frame
        self._indices: deque[tuple[int, int]] = deque(maxlen=REMEMBERED)  # the tracker's frame, the source's

    def __iter__(self) -> Iterator[Step]:
        for frame in self._frames:
            begun = time.perf_counter()
            detections = self._detect(frame)
            detected = time.perf_counter()
            people = self._update(frame, detections)
            tracked = time.perf_counter()
            self._indices.append((self._count, frame.index))
            self._count += 1
            yield Step(
                frame=frame,
                detections=detections,
                people=people,
                associations=[replace(one, frame=frame.index) for one in self._tracker.associations],
                reassignments=self._in_source(self._tracker.reassignments),
                seconds_detector=detected - begun,
                seconds_tracker=tracked - detected,
            )

    def _update(self, frame: Frame, detections: sv.Detections) -> sv.Detections:
        """What the tracker says of a frame; whoever can gets its time, as long as that grows."""
        if not isinstance(self._tracker, ReadTracker | OfflineTracker):
            return self._tracker.update(detections, frame.image)
        fps = self._tracker.fps if isinstance(self._tracker, OfflineTracker) else self._tracker.config.fps
        grows = frame.time is not None and (self._time is None or frame.time > self._time)
        self._time = frame.time if grows else None if self._time is None else self._time + 1 / fps
        if isinstance(self._tracker, OfflineTracker):
            return self._tracker.update(detections, frame.image, time=self._time, source=frame.index)
        return self._tracker.update(detections, frame.image, time=self._time)

    def finish(self) -> list[Reassignment]:
        """Boxes of earlier frames whose id is settled by the end of the video, wherever the loop ended."""
        return self._in_source(self._tracker.finish())

    def _in_source(self, reassignments: list[Reassignment]) -> list[Reassignment]:
        """Reassignments in the source's frames; without those of frames long past."""
        indices = dict(self._indices) if reassignments else {}
        return [replace(late, frame=indices[late.frame]) for late in reassignments if late.frame in indices]
