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

LONGEST = 1e6  # frames without anybody that are gone through at once, at most
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
        "high_confidence": {"type": "uniform", "range": [0.3, 0.7]},
        "start_confidence": {"type": "uniform", "range": [0.4, 0.8]},
        "min_hits": {"type": "randint", "range": [1, 6]},
        "max_delay": {"type": "uniform", "range": [0.5, 4.0]},
        "match_probability": {"type": "uniform", "range": [TrackerConfig.late_match_probability, 0.99]},
    }

    def __init__(
        self,
        weights: Any = "read-s",
        device: str = "",
        frame_rate: float = 30.0,
        high_confidence: float = TrackerConfig.high_confidence,
        start_confidence: float = TrackerConfig.start_confidence,
        low_confidence: float = TrackerConfig.low_confidence,
        min_hits: int = TrackerConfig.min_hits,
        max_age: float = TrackerConfig.max_age,
        match_probability: float = TrackerConfig.match_probability,
        max_delay: float = TrackerConfig.max_delay,
    ) -> None:
        """Load the network.

        Args:
            weights: A shipped name, a file or a loaded Matcher; "none" tracks by motion only.
            device: Where the network runs; empty takes a GPU where there is one.
            frame_rate: Frames per second of the video.
            high_confidence: Detections from here on are matched first.
            start_confidence: From here on they may start tracks.
            low_confidence: Weaker ones down to here may continue tracks.
            min_hits: Detections before a track is confirmed.
            max_age: Seconds for which a lost person may be re-identified.
            match_probability: Probability from which a new track is a lost person.
            max_delay: Seconds for which a new track may stay undecided, with tracker_id -1.

        Raises:
            InputError: weights, device or a setting cannot be used.
        """
        config = TrackerConfig(
            fps=frame_rate,
            high_confidence=high_confidence,
            start_confidence=start_confidence,
            low_confidence=low_confidence,
            min_hits=min_hits,
            max_age=max_age,
            match_probability=match_probability,
            max_delay=max_delay,
        )
        self._tracker = ReadTracker(weights, config, device or None)
        frames = config.fps * (max_age + config.coast)  # after which nothing is left
        self._longest = int(min(frames, LONGEST)) + 1
        self._fps = frame_rate
        self._last: float | None = None  # timestamp

    def update(
        self, detections: sv.Detections, frame: NDArray[np.uint8] | None = None, timestamp: float | None = None
    ) -> sv.Detections:
        """Take the next frame, as their trackers do.

        Args:
            detections: people, in pixels of the frame.
            frame: BGR uint8 (H, W, 3); None matches this frame by motion only.
            timestamp: seconds, not falling; frames that were left out in between count as empty.

        Returns:
            The same detections in the same order with ``tracker_id``; -1 where there is no id (yet).
        """
        frames = self._frames_since_last(timestamp)
        if not frames:
            answer = boxes.with_data(detections)
            answer.tracker_id = np.full(len(detections), -1)
            return answer
        for _ in range(min(frames - 1, self._longest)):
            self._tracker.update(sv.Detections.empty())
        return self._tracker.update(detections, frame)

    def _frames_since_last(self, timestamp: float | None) -> int:
        """How many frames on this one is, at least 1; 0 where its timestamp cannot be."""
        last = self._last
        if timestamp is not None and not (np.isfinite(timestamp) and (last is None or timestamp >= last)):
            warnings.warn(f"timestamp {timestamp} is no time or earlier than {last}: frame left out", stacklevel=3)
            return 0
        self._last = timestamp
        return 1 if timestamp is None or last is None else max(1, round((timestamp - last) * self._fps))

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
