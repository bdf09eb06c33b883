"""ReadTracker: a tracker with READ in it, in one object. The door for programs that bring their own loop.

ReadTrackers: the same for several cameras, whose crops are encoded together.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.errors import InputError
from readtrack.images import check_image
from readtrack.tracking import Association, Reassignment, Tracker, TrackerConfig
from readtrack.tracking.camera_motion import CameraMotion

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
        self._camera = CameraMotion() if config.moving_camera else None

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
        check_image(image)
        described = self.matcher.describe(image, detections) if self.matcher else detections
        answer = boxes.with_data(detections)
        moved = None if self._camera is None else self._camera.since_last(image, detections)
        answer.tracker_id = self.tracker.update(described, image.shape[1::-1], moved).tracker_id
        return answer

    def finish(self) -> list[Reassignment]:
        """Settle the ids of everyone still undecided, at the end of a video; returns their boxes so far."""
        return self.tracker.finish()

    def reset(self) -> None:
        """Forget everything and count ids from 1 again."""
        self.tracker.reset()
        if self._camera is not None:
            self._camera.reset()

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
        weights: "str | Path | Matcher | None" = "read-s",
        config: TrackerConfig = TrackerConfig(),
        device: str | None = None,
        half: bool = False,
    ) -> None:
        """Load the network once for all.

        Args:
            cameras: how many, then called 0, 1, ...; or their names.
            weights: as in ``ReadTracker``.
            config: the settings of every tracker.
            device: as in ``ReadTracker``.
            half: the same.

        Raises:
            InputError: no camera or one name twice, or weights or device cannot be used.
        """
        names: list[int | str] = [*range(cameras)] if isinstance(cameras, int) else [*cameras]
        if not names or len(set(names)) < len(names):
            raise InputError(f"cameras {cameras!r}: give how many there are, or a name of its own for each")
        self.matcher = ReadTracker(weights, config, device, half).matcher
        self.trackers = {name: ReadTracker(self.matcher, config) for name in names}
        if self.matcher is not None:
            for tracker in self.trackers.values():
                tracker.tracker = Tracker(config, self._similarity)

    def update(
        self, detections: Sequence[sv.Detections], images: Sequence[NDArray[np.uint8] | None]
    ) -> list[sv.Detections]:
        """Take the next frame of every camera; no tracker takes any of them where one cannot be used.

        Args:
            detections: of each camera, in pixels of its image; empty where a camera has no frame.
            images: of each camera, as in ``ReadTracker.update``; None where it has no frame.

        Returns:
            The same detections of each camera with ``tracker_id``.

        Raises:
            InputError: not one of both for each camera, or an image is not (H, W, 3) uint8; it says of which camera.
        """
        if not len(detections) == len(images) == len(self):
            found = f"{len(detections)} detections and {len(images)} images"
            raise InputError(f"{found} for {len(self)} cameras: give one for each; empty and None without a frame")
        for name, image in zip(self.trackers, images, strict=True):
            if image is not None and image.size:
                check_image(image, f"camera {name}: an image")
        work = zip(self.trackers.values(), detections, images, strict=True)
        if self.matcher is None:
            return [tracker.update(seen, image) for tracker, seen, image in work]
        return _together([_Step(tracker, seen, image) for tracker, seen, image in work], self.matcher)

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

    def _similarity(self, queries: Sequence[Any], galleries: Sequence[Sequence[Any]]) -> NDArray[np.float64]:
        """READ's answer to a tracker: together with the others' within ``update``, else at once."""
        step = threading.current_thread()
        if isinstance(step, _Step):
            return step.ask((queries, galleries))
        assert self.matcher is not None
        return self.matcher.similarity(queries, galleries)


class _Step(threading.Thread):
    """One tracker's update. It stands still where READ is asked until it is answered; only one ever runs at a time."""

    def __init__(self, tracker: ReadTracker, detections: sv.Detections, image: NDArray[np.uint8] | None) -> None:
        super().__init__(daemon=True)
        self.work = (tracker, detections, image)
        self.answer = detections
        self.error: BaseException | None = None
        self._questions: SimpleQueue[Any] = SimpleQueue()  # and None at the end
        self._answers: SimpleQueue[Any] = SimpleQueue()  # and None where nobody wants the end

    def run(self) -> None:
        """What the thread does."""
        try:
            tracker, detections, image = self.work
            self.answer = tracker.update(detections, image)
        except BaseException as error:  # told where the step is awaited
            self.error = error
        self._questions.put(None)

    def ask(self, question: Any) -> Any:
        """Within the thread: hand out a question and wait for its answer."""
        self._questions.put(question)
        answer = self._answers.get()
        if answer is None:
            raise InterruptedError("the step was abandoned")
        return answer

    def go_on(self, answer: Any = None) -> Any:
        """Begin, or answer the last question; returns the next one, None at the end."""
        if self.ident is None:
            self.start()
        else:
            self._answers.put(answer)
        return self._questions.get()

    def abandon(self) -> None:
        """End it, wherever it is."""
        self._answers.put(None)
        if self.ident is not None:
            self.join()


def _together(steps: list[_Step], matcher: "Matcher") -> list[sv.Detections]:
    """Run steps to their end; all questions that they ask at the same time are answered at once."""
    try:
        asked = {step: question for step in steps if (question := step.go_on()) is not None}
        while asked:
            answered = zip(asked, matcher.similarities(list(asked.values())), strict=True)
            asked = {step: more for step, answer in answered if (more := step.go_on(answer)) is not None}
    finally:
        for step in steps:
            step.abandon()
    for step in steps:
        if step.error is not None:
            raise step.error
    return [step.answer for step in steps]
