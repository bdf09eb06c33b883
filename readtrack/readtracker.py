"""ReadTracker: a tracker with READ in it, in one object. The door for programs that bring their own loop.

ReadTrackers: the same for several cameras, whose crops are encoded together.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import supervision as sv

from readtrack import boxes
from readtrack.crossing import Crossing
from readtrack.devices import Precision
from readtrack.errors import InputError, given
from readtrack.gathering import TakePictures
from readtrack.images import Image, has_pixels
from readtrack.judging import Compared
from readtrack.linking.similarity import OwnPairs
from readtrack.live import Live
from readtrack.read.matcher import Matcher
from readtrack.tracking import Association, Prediction, Reassignment, TrackerConfig


class ReadTracker:
    """Tracks people and brings back those who were hidden or away. Instances share nothing but given matchers.

    Everybody gets an id within ``config.delay`` seconds; until then it is -1. For ``config.correction`` seconds more it
    may prove wrong. ``reassignments`` tells of both.

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
            config: the tracker's settings; set its ``fps``, or give times.
            device: where the network runs; None takes a GPU where there is one.
            precision: of the network, on a GPU.
            threads: of the network, on a CPU; None takes one for each core.

        Raises:
            InputError: weights or device cannot be used.
        """
        self.matcher: Matcher | None = None
        if weights is not None and weights != "none":
            self.matcher = Matcher.of(weights, device, precision, threads)
        self.config = config
        self.reset()

    def reset(self) -> None:
        """Forget everything and count ids from 1 again."""
        self.live = Live(self.matcher, self.config)

    @property
    def frame(self) -> int:
        """The last frame, from 0; -1 before the first."""
        return self.live.gathering.frames - 1

    def update(self, detections: sv.Detections, image: Image | None = None, time: float | None = None) -> sv.Detections:
        """Take the next frame; to be called for every frame, also without detections.

        Args:
            detections: people's boxes, in pixels of the image.
            image: BGR uint8 (H, W, 3); None or empty goes by boxes alone in this frame.
            time: of the frame in seconds, later than that of the last one; None goes by ``config.fps``.

        Returns:
            The same detections in the same order with ``tracker_id``; -1 where there is no id (yet).

        Raises:
            InputError: these are no detections, the image is not (H, W, 3) uint8 or of another size than before, or the
                time is not later.
        """
        self.check(detections, image)
        self.live.see(detections, image, time)
        return self.answer(detections)

    def answer(self, detections: sv.Detections) -> sv.Detections:
        """The detections of the frame that was just seen, with their ids."""
        answer = boxes.with_data(detections)
        answer.tracker_id = self.live.decide()
        return answer

    def check(self, detections: Any, image: Any, whose: str = "") -> None:
        """Raise InputError where these cannot be the next frame; ``whose`` begins its message."""
        boxes.check_detections(detections, f"{whose}detections")
        has_pixels(image, f"{whose}an image", self.live.gathering.size)

    def finish(self) -> list[Reassignment]:
        """Settle the ids of everyone still undecided, at the end of a video; returns their boxes so far."""
        return self.live.finish()

    def illustrate(self, take_pictures: TakePictures) -> None:
        """Keep pictures beside crops from now on, until ``reset``, and look closer at whoever is found again.

        Args:
            take_pictures: makes something of rows of a frame's image and detections, one each.
        """
        self.live.gathering.take_pictures = take_pictures

    @property
    def compared(self) -> list[Compared | None]:
        """How READ saw each of ``associations``, of a tracker that illustrates; None where it saw nothing."""
        return self.live.compared if self.live.associations else []

    @property
    def own_pairs(self) -> OwnPairs:
        """The recording's own pairs of which the answer is known, by which READ's answers were set lately."""
        return self.live.people.own

    @property
    def predictions(self) -> list[Prediction]:
        """Where people are believed to be who were seen lately enough for motion to find them again."""
        return self.live.predictions

    @property
    def associations(self) -> list[Association]:
        """Who was found again in the last update, and how sure that is."""
        return self.live.associations

    @property
    def reassignments(self) -> list[Reassignment]:
        """Boxes of earlier frames whose id was settled, or proved wrong (``previous_id``), in the last update."""
        return self.live.reassignments


class ReadTrackers:
    """One ``ReadTracker`` for each of several cameras; crops are encoded together, ids are separate or common.

    With separate ids the answers are those of separate trackers, but for rounding: all cameras' crops go through the
    encoder in one batch; pairs of crops are judged camera by camera. With common ids whoever is seen by two cameras has
    one id; what proves wrong is told by ``reassignments`` of the camera, as with one.

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
        together: bool = False,
        apart: bool = False,
    ) -> None:
        """Load the network once for all.

        Args:
            cameras: how many, then called 0, 1, ...; or their names.
            weights: as in ``ReadTracker``.
            config: the settings of every tracker.
            device: as in ``ReadTracker``.
            precision: the same.
            threads: the same.
            together: whether ids are those of all cameras, whose times are one clock's.
            apart: whether no two cameras can show one person at once, which tells people apart.

        Raises:
            InputError: no camera or one name twice, or weights or device cannot be used.
        """
        names: list[int | str] = [*range(cameras)] if isinstance(cameras, int) else [*cameras]
        if not names or len(set(names)) < len(names):
            raise InputError(f"cameras {cameras!r}: give how many there are, or a name of its own for each")
        self.matcher = ReadTracker(weights, config, device, precision, threads).matcher
        self.trackers = {name: ReadTracker(self.matcher, config) for name in names}
        self._config, self._together, self._apart = config, together, apart
        self._cross()

    def _cross(self) -> None:
        """Begin with nobody who is known to several cameras."""
        lives = [tracker.live for tracker in self.trackers.values()]
        self._crossing = Crossing(lives, self.matcher, self._config, self._apart) if self._together else None

    def update(
        self,
        detections: Sequence[sv.Detections],
        images: Sequence[Image | None],
        time: float | None = None,
    ) -> list[sv.Detections]:
        """Take the next frame of every camera; no tracker takes any of them where one cannot be used.

        Args:
            detections: of each camera, in pixels of its image; empty where a camera has no frame.
            images: of each camera, as in ``ReadTracker.update``; None where it has no frame.
            time: of the frames, as in ``ReadTracker.update``.

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
        cameras = list(zip(self.trackers.values(), detections, images, strict=True))
        for tracker, people, image in cameras:
            tracker.live.see(people, image, time)
        waiting = [crop for tracker in self.trackers.values() for crop in tracker.live.waiting]
        if self.matcher is not None and waiting:
            self.matcher.encode(waiting)
        answers = [tracker.answer(people) for tracker, people, _ in cameras]
        if self._crossing is not None:
            seen = [(one.xyxy.astype(float), boxes.confidence_of(one), np.asarray(one.tracker_id)) for one in answers]
            for answer, numbers in zip(answers, self._crossing.decide(seen), strict=True):
                answer.tracker_id = numbers
        return answers

    def finish(self) -> list[list[Reassignment]]:
        """``ReadTracker.finish`` of each camera."""
        found = [tracker.finish() for tracker in self.trackers.values()]
        return found if self._crossing is None else self._crossing.finish()

    def reset(self) -> None:
        """Forget everything and count every camera's ids from 1 again."""
        for tracker in self.trackers.values():
            tracker.reset()
        self._cross()

    def __len__(self) -> int:
        return len(self.trackers)

    def __getitem__(self, camera: int | str) -> ReadTracker:
        """The tracker of a camera."""
        return self.trackers[camera]
