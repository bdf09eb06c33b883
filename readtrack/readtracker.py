"""ReadTracker: a tracker with READ in it, in one object. The door for programs that bring their own loop."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.errors import InputError
from readtrack.tracking import Association, Decided, Tracker, TrackerConfig

if TYPE_CHECKING:
    from readtrack.read.matcher import Matcher


class ReadTracker:
    """Tracks people and brings back those who were hidden or away. Instances share nothing but given matchers.

    Example:
        >>> tracker = ReadTracker(weights="read-s")  # doctest: +SKIP
        >>> for image in images:  # doctest: +SKIP
        ...     people = tracker.update(detector(image), image)  # people.tracker_id: 1, 2, ...; -1 = undecided
    """

    def __init__(
        self,
        weights: "str | Path | Matcher | None" = "read-s",
        config: TrackerConfig = TrackerConfig(),
        device: str | None = None,
        half: bool = False,
    ) -> None:
        """Load the network, unless a ``Matcher`` is given (to be shared by several trackers).

        Args:
            weights: a shipped name, a file, a loaded matcher, or None for boxes alone.
            config: the tracker's settings; set its ``fps``.
            device: where the network runs; None takes a GPU where there is one.
            half: float16 on a GPU.

        Raises:
            InputError: weights or device cannot be used.
        """
        self.matcher: Matcher | None
        if isinstance(weights, str | Path):
            from readtrack.read import matcher  # PyTorch, which boxes alone and --help need not wait for

            self.matcher = matcher.Matcher.load(weights, device, "fp16" if half else "fp32")
        else:
            self.matcher = weights
        self.tracker = Tracker(config, self.matcher.similarity if self.matcher else None)

    def update(self, detections: sv.Detections, image: NDArray[np.uint8] | None = None) -> sv.Detections:
        """Take the next frame; to be called for every frame, also without detections.

        Args:
            detections: people's boxes, in pixels of the image.
            image: BGR uint8 (H, W, 3); None or empty matches this frame on boxes alone.

        Returns:
            The same detections in the same order with ``tracker_id``; -1 where there is no id (yet).

        Raises:
            InputError: the image is not (H, W, 3) uint8.
        """
        if image is None or not image.size:
            return self.tracker.update(detections)
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise InputError(f"an image of shape {image.shape}, {image.dtype}: expected (height, width, 3) uint8, BGR")
        described = self.matcher.describe(image, detections) if self.matcher else detections
        answer = boxes.with_data(detections)
        answer.tracker_id = self.tracker.update(described, image.shape[1::-1]).tracker_id
        return answer

    def finish(self) -> list[Decided]:
        """Settle the ids of everyone still undecided, at the end of a video; returns their boxes so far."""
        return self.tracker.finish()

    def reset(self) -> None:
        """Forget everything and count ids from 1 again."""
        self.tracker.reset()

    @property
    def associations(self) -> list[Association]:
        """READ's decisions in the last update."""
        return self.tracker.associations

    @property
    def decided(self) -> list[Decided]:
        """Boxes of earlier frames whose id was settled in the last update."""
        return self.tracker.decided
