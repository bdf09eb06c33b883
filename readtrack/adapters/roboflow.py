"""readtrack as one of Roboflow's ``trackers``: ``pip install "readtrack[trackers]"``.

Importing this module registers it with them as "readtrack".
``python -m readtrack.adapters.roboflow track --tracker readtrack ...`` is their command with it.
"""

import sys
import warnings
from typing import Any, ClassVar

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.adapters.host import hook
from readtrack.readtracker import ReadTracker
from readtrack.tracking import Prediction, TrackerConfig

BaseTracker: Any = hook("trackers.core.base", "BaseTracker", "trackers")


class TrackedPerson:
    """A track as ``trackers`` wants it."""

    def __init__(self, prediction: Prediction) -> None:
        """Take a tracker's prediction."""
        self.tracker_id = prediction.track
        self.xyxy = prediction.xyxy

    def get_state_bbox(self) -> NDArray[np.float64]:
        """Where they are believed to be now, xyxy (4,)."""
        return self.xyxy


class ReadTrackTracker(BaseTracker):  # type: ignore[misc]  # known only once the host is imported
    """Tracks people whose identities survive being hidden or away.

    Example:
        >>> tracker = ReadTrackTracker(frame_rate=25)  # doctest: +SKIP
        >>> people = tracker.update(detections, image)  # tracker_id from 1; -1 = undecided  # doctest: +SKIP
    """

    tracker_id = "readtrack"
    search_space: ClassVar[dict[str, dict[str, Any]]] = {
        "start_confidence": {"type": "uniform", "range": [0.3, 0.8]},
        "low_confidence": {"type": "uniform", "range": [0.1, 0.3]},
        "delay": {"type": "uniform", "range": [0.0, 2.0]},
        "min_person": {"type": "uniform", "range": [0.0, 0.6]},
    }

    def __init__(
        self,
        weights: Any = "read-s",
        device: str = "",
        frame_rate: float = 30.0,
        start_confidence: float = TrackerConfig.start_confidence,
        low_confidence: float = TrackerConfig.low_confidence,
        delay: float = 0.08,
        min_person: float = TrackerConfig.min_person,
        max_age: float = TrackerConfig.max_age,
    ) -> None:
        """Load the network.

        Args:
            weights: A shipped name, a file or a loaded Matcher; "none" tracks by motion only.
            device: Where the network runs; empty takes a GPU where there is one.
            frame_rate: Frames per second of the video.
            start_confidence: Least confidence of a detection that begins a track.
            low_confidence: Weaker ones down to here only continue one.
            delay: Seconds for which somebody may stay undecided, with tracker_id -1; nobody hears of it afterwards.
            min_person: Probability of being a person below which one gets no id.
            max_age: Seconds for which a lost person may be brought back.

        Raises:
            InputError: weights, device or a setting cannot be used.
        """
        config = TrackerConfig(
            fps=frame_rate,
            start_confidence=start_confidence,
            low_confidence=low_confidence,
            delay=delay,
            min_person=min_person,
            max_age=max_age,
        )
        self._tracker = ReadTracker(weights, config, device or None)
        self._fps = frame_rate
        self._last: float | None = None  # timestamp

    def update(
        self, detections: sv.Detections, frame: NDArray[np.uint8] | None = None, timestamp: float | None = None
    ) -> sv.Detections:
        """Take the next frame, as their trackers do.

        Args:
            detections: people, in pixels of the frame.
            frame: BGR uint8 (H, W, 3); None matches this frame by motion only.
            timestamp: seconds, rising; a frame that is not later than the one before is left out. None counts frames.

        Returns:
            The same detections in the same order with ``tracker_id``; -1 where there is no id (yet).
        """
        if timestamp is not None and not (np.isfinite(timestamp) and (self._last is None or timestamp > self._last)):
            warnings.warn(f"timestamp {timestamp}: not later than {self._last}, frame left out", stacklevel=2)
            answer = boxes.with_data(detections)
            answer.tracker_id = np.full(len(detections), -1)
            return answer
        if timestamp is None and self._last is not None:
            timestamp = self._last + 1 / self._fps
        self._last = timestamp
        return self._tracker.update(detections, frame, timestamp)

    def reset(self) -> None:
        """Forget everything and count ids from 1 again."""
        self._tracker.reset()
        self._last = None

    @property
    def tracks(self) -> list[TrackedPerson]:
        """People with an id who are in sight or may be found again by motion."""
        return [TrackedPerson(found) for found in self._tracker.predictions if found.track > 0]


if __name__ == "__main__":
    from readtrack.adapters import roboflow  # noqa: F401  (registers under its own name)

    sys.exit(hook("trackers.scripts.__main__", "main", "trackers")())
