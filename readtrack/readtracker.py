"""ReadTracker: a tracker with READ in it, in one object. The door for programs that bring their own loop.

ReadTrackers: the same for several cameras, whose crops are encoded together.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import supervision as sv

from readtrack import boxes
from readtrack.devices import Precision
from readtrack.errors import InputError, given
from readtrack.images import Image, has_pixels
from readtrack.read.matcher import Matcher
from readtrack.tracking import Association, Prediction, Reassignment, Tracker, TrackerConfig
from readtrack.tracking.camera_motion import CameraMotion
from readtrack.tracking.questions import Asking, answer_alone, answer_together


class ReadTracker:
    """Tracks people and brings back those who were hidden or away. Instances share nothing but given matchers.

    Example:
        >>> tracker = ReadTracker(weights="read-s")  # doctest: +SKIP
        >>> for image in images:  # doctest: +SKIP
        ...     people = tracker.update(detector(image), image)  # people.tracker_id: 1, 2, ...; -1 = undecided
    """

    def __init__(
        self,
        weights: str | Path | Matcher | None = "read-s",
        config: TrackerConfig = TrackerConfig(),
        device: str | None = None,
        precision: Precision = "fp32",
        threads: int | None = None,
    ) -> None:
        """Load the network, unless a ``Matcher`` is given (to be shared by several trackers).

        Args:
            weights: a shipped name, a file, a loaded matcher, or None or "none" for motion only.
            config: the tracker's settings; set its ``fps``.
            device: where the network runs; None takes a GPU where there is one.
            precision: of the network, on a GPU.
            threads: of the network, on a CPU; None takes one for each core.

        Raises:
            InputError: weights or device cannot be used.
        """
        self.matcher: Matcher | None = None
        if weights is not None and weights != "none":
            self.matcher = Matcher.of(weights, device, precision, threads)
        self.tracker = Tracker(config, self.matcher.log_odds if self.matcher else None)
        self._camera = CameraMotion() if config.moving_camera else None
        self._size: tuple[int, int] | None = None  # of the images

    def update(self, detections: sv.Detections, image: Image | None = None) -> sv.Detections:
        """Take the next frame; to be called for every frame, also without detections.

        Args:
            detections: people's boxes, in pixels of the image.
            image: BGR uint8 (H, W, 3); None or empty matches this frame by motion only.

        Returns:
            The same detections in the same order with ``tracker_id``; -1 where there is no id (yet).

        Raises:
            InputError: these are no detections, or the image is not (H, W, 3) uint8 or of another size than before.
        """
        return answer_alone(self.steps(detections, image), self.tracker.log_odds)

    def steps(self, detections: sv.Detections, image: Image | None = None) -> Asking[sv.Detections]:
        """``update`` for whoever answers the questions to READ, as ``Tracker.steps``."""
        self.check(detections, image)
        if image is None or not image.size:
            return (yield from self.tracker.steps(detections))
        self._size = (image.shape[1], image.shape[0])
        described = self.matcher.describe(image, detections) if self.matcher else detections
        moved = None if self._camera is None else self._camera.since_last(image, detections)
        found = yield from self.tracker.steps(described, image.shape[1::-1], moved)
        answer = boxes.with_data(detections)
        answer.tracker_id = found.tracker_id
        return answer

    def check(self, detections: Any, image: Any, whose: str = "") -> None:
        """Raise InputError where these cannot be the next frame; ``whose`` begins its message."""
        boxes.check_detections(detections, f"{whose}detections")
        has_pixels(image, f"{whose}an image", self._size)

    def finish(self) -> list[Reassignment]:
        """Settle the ids of everyone still undecided, at the end of a video; returns their boxes so far."""
        return self.tracker.finish()

    def reset(self) -> None:
        """Forget everything and count ids from 1 again."""
        self.tracker.reset()
        self._size = None
        if self._camera is not None:
            self._camera.reset()

    @property
    def predictions(self) -> list[Prediction]:
        """Where people are believed to be who were seen lately enough for motion to find them again."""
        return self.tracker.predictions

    @property
    def associations(self) -> list[Association]:
        """READ's decisions in the last update."""
        return self.tracker.associations

    @property
    def reassignments(self) -> list[Reassignment]:
        """Boxes of earlier frames whose id was settled, or proved wrong (``previous_id``), in the last update."""
        return self.tracker.reassignments


class ReadTrackers:
    """One ``ReadTracker`` for each of several cameras; ids are separate, and READ's work is done together.

    The answers are those of separate trackers, but for rounding: wherever trackers ask READ about crops, all of them
    are heard first, and the crops go through the encoder in one batch.

    Example:
        >>> trackers = ReadTrackers(["entrance", "hall"])  # doctest: +SKIP
        >>> at_entrance, in_hall = trackers.update([seen_a, seen_b], [image_a, image_b])  # doctest: +SKIP
        >>> trackers["hall"].associations  # doctest: +SKIP
    """

    def __init__(
        self,
        cameras: int | Sequence[str],
        weights: str | Path | Matcher | None = "read-s",
        config: TrackerConfig = TrackerConfig(),
        device: str | None = None,
        precision: Precision = "fp32",
        threads: int | None = None,
    ) -> None:
        """Load the network once for all.

        Args:
            cameras: how many, then called 0, 1, ...; or their names.
            weights: as in ``ReadTracker``.
            config: the settings of every tracker.
            device: as in ``ReadTracker``.
            precision: the same.
            threads: the same.

        Raises:
            InputError: no camera or one name twice, or weights or device cannot be used.
        """
        names: list[int | str] = [*range(cameras)] if isinstance(cameras, int) else [*cameras]
        if not names or len(set(names)) < len(names):
            raise InputError(f"cameras {cameras!r}: give how many there are, or a name of its own for each")
        self.matcher = ReadTracker(weights, config, device, precision, threads).matcher
        self.trackers = {name: ReadTracker(self.matcher, config) for name in names}

    def update(self, detections: Sequence[sv.Detections], images: Sequence[Image | None]) -> list[sv.Detections]:
        """Take the next frame of every camera; no tracker takes any of them where one cannot be used.

        Args:
            detections: of each camera, in pixels of its image; empty where a camera has no frame.
            images: of each camera, as in ``ReadTracker.update``; None where it has no frame.

        Returns:
            The same detections of each camera with ``tracker_id``.

        Raises:
            InputError: not one of both for each camera, or an image is not (H, W, 3) uint8; it says of which camera.
                After any other error on the way, such as a network's, ``reset`` before going on.
        """
        for what, several in (("detections", detections), ("images", images)):
            if not isinstance(several, list | tuple):
                raise InputError(f"{what} given as {given(several)}: give a list, one for each camera")
        if not len(detections) == len(images) == len(self):
            found = f"{len(detections)} detections and {len(images)} images"
            raise InputError(f"{found} for {len(self)} cameras: give one for each; empty and None without a frame")
        for (name, tracker), people, image in zip(self.trackers.items(), detections, images, strict=True):
            tracker.check(people, image, f"camera {name}: ")
        cameras = zip(self.trackers.values(), detections, images, strict=True)
        steps = [tracker.steps(people, image) for tracker, people, image in cameras]
        return answer_together(steps, self.matcher.log_odds_each if self.matcher else lambda asked: [])

    def finish(self) -> list[list[Reassignment]]:
        """``ReadTracker.finish`` of each camera."""
        return [tracker.finish() for tracker in self.trackers.values()]

    def reset(self) -> None:
        """Forget everything and count every camera's ids from 1 again."""
        for tracker in self.trackers.values():
            tracker.reset()

    def __len__(self) -> int:
        return len(self.trackers)

    def __getitem__(self, camera: int | str) -> ReadTracker:
        """The tracker of a camera."""
        return self.trackers[camera]
