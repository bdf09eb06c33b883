"""OfflineTracker: the people of a whole recording. Tracklets are gathered frame by frame and linked at the end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.devices import Precision
from readtrack.errors import InputError
from readtrack.images import check_image
from readtrack.linking.engine import Linked, Observations, People, link, settle, steady_boxes
from readtrack.linking.settings import LinkingConfig
from readtrack.linking.similarity import Appearance, Clip, Ints
from readtrack.read.matcher import Matcher
from readtrack.tracking import Association, Reassignment
from readtrack.tracking.camera_motion import CameraMotion
from readtrack.tracking.gallery import Gallery
from readtrack.tracking.tracklets import Tracklets

Floats = NDArray[np.float64]

CROPS = 4  # of a tracklet that are compared; as many pass for a tracklet's little video
WAITING = 64  # crops that are encoded together
CLOSE_COVER = 0.35  # most of a crop that others may cover, unless no other shows its person


class OfflineTracker:
    """Gathers what is seen in a recording, and says at its end who was who.

    Ids within ``update`` are those of tracklets: pure, short, not yet linked. ``finish_people`` links them into people
    by how they look and move over the whole recording, leaves out what is no person, fills gaps and averages boxes.

    Example:
        >>> tracker = OfflineTracker("read-s", fps=25)  # doctest: +SKIP
        >>> for image in images:  # doctest: +SKIP
        ...     tracker.update(detector(image), image)
        >>> people, linked = tracker.finish_people()  # doctest: +SKIP
    """

    def __init__(
        self,
        weights: str | Path | Matcher | None = "read-s",
        fps: float = 25.0,
        config: LinkingConfig = LinkingConfig(),
        device: str | None = None,
        precision: Precision = "fp32",
        threads: int | None = None,
        start_confidence: float = 0.5,
        low_confidence: float = 0.3,
    ) -> None:
        """Load the network, unless a ``Matcher`` is given.

        Args:
            weights: a shipped name, a file, a loaded matcher, or None or "none" for motion only.
            fps: frames handed in per second of the world.
            config: how tracklets become people.
            device: where the network runs; None takes a GPU where there is one.
            precision: of the network, on a GPU.
            threads: of the network, on a CPU; None takes one for each core.
            start_confidence: least confidence of a box that begins a tracklet.
            low_confidence: weaker boxes, down to here, only continue one.

        Raises:
            InputError: weights or device cannot be used, or fps is not positive.
        """
        if not fps > 0:
            raise InputError(f"fps={fps}: must be positive", "fps")
        self.matcher: Matcher | None = None
        if weights is not None and weights != "none":
            self.matcher = Matcher.of(weights, device, precision, threads)
        self.fps, self.config = fps, config
        self._tracklets = Tracklets(fps, start_confidence, low_confidence)
        self._camera = CameraMotion()
        self._galleries: list[tuple[Gallery, Gallery]] = []  # of each tracklet: clear crops, others
        self._waiting: list[Any] = []  # crops that are not encoded yet
        self._rows: list[tuple[Ints, Floats, Floats, Ints]] = []  # frames, xyxy, confidence, tracklets
        self._standing = np.eye(3)  # takes this frame to where the background stands still
        self._maps: dict[int, NDArray[np.float64]] = {}  # the same of the frames in which the camera moved
        self._size: tuple[int, int] | None = None
        self.frames = 0  # handed in so far

    def update(self, detections: sv.Detections, image: NDArray[np.uint8] | None = None) -> sv.Detections:
        """Take the next frame; to be called for every frame, also without detections.

        Args:
            detections: people's boxes, in pixels of the image.
            image: BGR uint8 (H, W, 3); None or empty goes by boxes alone in this frame.

        Returns:
            The same detections in the same order with ``tracker_id``: the tracklet's number from 1, -1 for none.

        Raises:
            InputError: the image is not (H, W, 3) uint8.
        """
        affine = None
        if image is not None and image.size:
            check_image(image)
            affine = self._camera.since_last(image, detections)
            self._size = (image.shape[1], image.shape[0])
        if affine is not None:
            self._standing = self._standing @ np.linalg.inv(np.vstack([affine, [0, 0, 1]]))
            self._maps[self.frames] = self._standing[:2]
        xyxy = np.asarray(detections.xyxy, dtype=np.float64).reshape(-1, 4)
        confidence = boxes.confidence_of(detections)
        tracklets = self._tracklets.update(self.frames, xyxy, confidence, affine)
        rows = np.flatnonzero(tracklets >= 0)
        self._galleries += [
            (Gallery(2 * CROPS), Gallery(CROPS)) for _ in range(self._tracklets.count - len(self._galleries))
        ]
        self._rows.append((np.full(len(rows), self.frames), xyxy[rows], confidence[rows], tracklets[rows]))
        self.frames += 1  # before READ's work, so that what is known holds together wherever that is interrupted
        if image is not None and image.size and self.matcher is not None and len(rows):
            self._remember(image, detections, rows, tracklets)
        answer = boxes.with_data(detections)
        answer.tracker_id = np.where(tracklets >= 0, tracklets + 1, -1)
        return answer

    def _remember(self, image: NDArray[np.uint8], detections: sv.Detections, rows: Ints, tracklets: Ints) -> None:
        """Keep crops of those tracklets whose turn it is."""
        assert self.matcher is not None and self._size is not None
        xyxy = np.asarray(detections.xyxy, dtype=np.float64)[rows]
        clear = ~boxes.truncated(xyxy, self._size) & (boxes.occlusion(xyxy).max(axis=1) <= CLOSE_COVER)
        wanted = []
        for row, tracklet, is_clear in zip(rows.tolist(), tracklets[rows].tolist(), clear.tolist(), strict=True):
            best, others = self._galleries[tracklet]
            memory, place = best if is_clear else others, _Place()
            if is_clear or not best.crops:
                memory.offer(place)
            if memory.crops and memory.crops[-1] is place:
                wanted.append((row, place))
        if not wanted:
            return
        described = self.matcher.describe(image, boxes.take(detections, np.array([row for row, _ in wanted])))
        for crop, (_, place) in zip(described.data["crop"], wanted, strict=True):
            place.crop = crop
            if crop is not None:
                self._waiting.append(crop)
        if len(self._waiting) >= WAITING:
            self.matcher.encode(self._waiting)
            self._waiting = []

    @property
    def associations(self) -> list[Association]:
        """None: nothing is decided before the end."""
        return []

    @property
    def reassignments(self) -> list[Reassignment]:
        """None: ids of tracklets stay."""
        return []

    def finish(self) -> list[Reassignment]:
        """None: see ``finish_people``."""
        return []

    def finish_people(self) -> tuple[People, Linked]:
        """Everybody who was seen so far, and how tracklets were linked; more frames may follow, and another call."""
        observations = self.observations()
        linked = self.link(observations)
        return self.settle(observations, linked, self.config), linked

    def link(self, observations: Observations) -> Linked:
        """Who is who among the tracklets of ``observations()``."""
        appearance = None
        if self.matcher is not None and len(observations.frames):
            self.matcher.encode(self._waiting)
            self._waiting = []
            clips = [_spread((best if best.crops else others).crops) for best, others in self._galleries]
            appearance = Appearance(clips, self.matcher.video_vectors, pair_log_odds(self.matcher))
        return link(observations, self.fps, self.config, appearance)

    def settle(self, observations: Observations, linked: Linked, config: LinkingConfig) -> People:
        """Boxes of people, of what ``link`` made of ``observations()``."""
        camera = self._standing_maps() if self._maps else None
        return settle(observations, linked, self.fps, config, camera, self._size)

    def observations(self) -> Observations:
        """All boxes of tracklets so far."""
        nothing = (np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))
        frames, xyxy, confidence, tracklets = (np.concatenate(part) for part in zip(nothing, *self._rows, strict=True))
        steady = steady_boxes(xyxy, self._standing_maps()[frames]) if self._maps and len(frames) else xyxy
        return Observations(frames, xyxy, confidence, tracklets, steady)

    def _standing_maps(self) -> Floats:
        """(F, 2, 3): what takes each frame to where the background stands still."""
        maps = np.tile(np.eye(3)[:2], (self.frames, 1, 1))
        moved = sorted(self._maps)
        for first, last in zip(moved, [*moved[1:], self.frames], strict=True):
            maps[first:last] = self._maps[first]
        return maps


def pair_log_odds(matcher: Matcher) -> Callable[[Sequence[Clip], Ints], Floats]:
    """READ's log odds of pairs of clips: each one's crops against the other as a video, averaged over both ways."""

    def answer(clips: Sequence[Clip], pairs: Ints) -> Floats:
        total = np.zeros(len(pairs))
        for here, there in ((0, 1), (1, 0)):
            order = np.argsort(pairs[:, here], kind="stable")
            for rows in np.split(order, np.flatnonzero(np.diff(pairs[order, here])) + 1):
                if len(rows):
                    videos = [clips[other] for other in pairs[rows, there].tolist()]
                    total[rows] += matcher.log_odds(clips[pairs[rows[0], here]], videos).mean(axis=0) / 2
        return total

    return answer


@dataclass(eq=False)
class _Place:
    """A place in a gallery, given before its crop is cut."""

    crop: Any = None  # None where the box shows nothing


def _spread(places: list[_Place]) -> list[Any]:
    """At most ``CROPS`` of the crops, at equal steps."""
    crops = [place.crop for place in places if place.crop is not None]
    count = min(CROPS, len(crops))
    return [crops[int((place + 0.5) * len(crops) / count)] for place in range(count)]
