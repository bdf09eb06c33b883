"""Gathering: what is seen of people frame by frame, in tracklets, and the crops by which READ compares them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.errors import InputError
from readtrack.images import Image, has_pixels
from readtrack.judging import Compared, Place, compare_places
from readtrack.linking.settings import LinkingConfig
from readtrack.linking.similarity import Clip, Ints
from readtrack.read.matcher import Matcher
from readtrack.tracking import TrackerConfig
from readtrack.tracking.camera_motion import CameraMotion
from readtrack.tracking.gallery import Gallery
from readtrack.tracking.tracklets import Tracklets

Floats = NDArray[np.float64]
TakePictures: TypeAlias = Callable[[Image, sv.Detections, list[int]], Sequence[Any]]  # of some rows of the detections

CROPS = 4  # of a tracklet that are compared; as many pass for a tracklet's little video
WAITING = 64  # crops that are encoded together
FOREVER = 1e9  # seconds
CLOSE_COVER = 0.35  # most of a crop that others may cover, unless no other shows its person


def linking_config(config: TrackerConfig, **others: Any) -> LinkingConfig:
    """The engine's settings by the tracker's; ``others`` are fields of ``LinkingConfig`` that the tracker has not."""
    shared = {one.name for one in fields(LinkingConfig)} & {one.name for one in fields(TrackerConfig)}
    mine: dict[str, Any] = {name: getattr(config, name) for name in shared}
    return LinkingConfig(max_gap=min(config.max_age, FOREVER), **mine, **others)


@dataclass(frozen=True)
class Seen:
    """The boxes of tracklets in a frame; arrays begin with their number R."""

    frame: int  # from 0
    time: float  # seconds
    rows: Ints  # their places among the frame's detections
    xyxy: Floats  # (R, 4)
    confidence: Floats
    tracklets: Ints  # whose they are, from 0
    moved: Floats | None  # how the background moved since the last frame, (2, 3); None where it stood still


class Gathering:
    """Continues tracklets and keeps a few crops of each."""

    def __init__(
        self, matcher: Matcher | None, fps: float, start_confidence: float = 0.5, low_confidence: float = 0.3
    ) -> None:
        """Begin with nobody.

        Args:
            matcher: what compares crops; None goes by boxes alone.
            fps: frames per second, where no times are given.
            start_confidence: least confidence of a box that begins a tracklet.
            low_confidence: weaker boxes, down to here, only continue one.

        Raises:
            InputError: ``fps`` is not positive.
        """
        if not 0 < fps < np.inf:
            raise InputError(f"fps={fps}: must be positive", "fps")
        self.matcher, self.fps = matcher, fps
        self.tracklets = Tracklets(fps, start_confidence, low_confidence)
        self.frames = 0  # seen so far
        self.time = -np.inf  # of the last one, in seconds
        self.size: tuple[int, int] | None = None  # width and height of the images
        self._camera = CameraMotion()
        self._galleries: dict[int, tuple[Gallery, Gallery]] = {}  # of each tracklet: clear crops, others
        self._clips: dict[int, tuple[int, Clip]] = {}  # of tracklets: crops offered then, what was told of them
        self.waiting: list[Any] = []  # crops that are not encoded yet
        self.take_pictures: TakePictures | None = None  # of crops, to be kept beside them

    def see(
        self,
        detections: sv.Detections,
        image: NDArray[np.uint8] | None = None,
        time: float | None = None,
        hosts: Ints | None = None,
    ) -> Seen:
        """Take the boxes of the next frame.

        Args:
            detections: people's boxes, in pixels of the image.
            image: BGR uint8 (H, W, 3); None or empty goes by boxes alone in this frame.
            time: of the frame in seconds, later than that of the last one; None counts frames.
            hosts: ids from 0 that another tracker gave the boxes (N,).

        Raises:
            InputError: these are no detections, the image is not (H, W, 3) uint8 or of another size than before, or
                the time is not later.
        """
        boxes.check_detections(detections)
        pixels = has_pixels(image, size=self.size)
        now = self._now(time)
        moved = None
        if pixels and image is not None:
            moved = self._camera.since_last(image, detections)
            self.size = (image.shape[1], image.shape[0])
        xyxy = np.asarray(detections.xyxy, dtype=np.float64).reshape(-1, 4)
        confidence = boxes.confidence_of(detections)
        tracklets = self.tracklets.update(now, xyxy, confidence, moved, hosts)
        rows = np.flatnonzero(tracklets >= 0)
        self.frames, self.time = self.frames + 1, now
        return Seen(self.frames - 1, now, rows, xyxy[rows], confidence[rows], tracklets[rows], moved)

    def _now(self, time: float | None) -> float:
        """Seconds of the next frame."""
        if time is None:
            return self.time + 1 / self.fps if self.frames else 0.0
        if not np.isfinite(time) or time <= self.time:
            raise InputError(f"time={time}: must be later than that of the frame before, {self.time:g}", "time")
        return time

    def remember(self, seen: Seen, detections: sv.Detections, image: NDArray[np.uint8] | None) -> None:
        """Keep crops of those tracklets whose turn it is."""
        if self.matcher is None or image is None or not image.size or not len(seen.rows):
            return
        assert self.size is not None
        clear = ~boxes.truncated(seen.xyxy, self.size) & (boxes.occlusion(seen.xyxy).max(axis=1) <= CLOSE_COVER)
        wanted = []
        columns = (seen.rows.tolist(), seen.tracklets.tolist(), clear.tolist(), seen.xyxy)
        for row, tracklet, is_clear, box in zip(*columns, strict=True):
            best, others = self._galleries.setdefault(tracklet, (Gallery(2 * CROPS), Gallery(CROPS)))
            memory, place = best if is_clear else others, Place(seen.frame, box)
            if is_clear or not best.crops:
                memory.offer(place)
            if memory.crops and memory.crops[-1] is place:
                wanted.append((row, place))
        if not wanted:
            return
        rows, pictures = [row for row, _ in wanted], [None] * len(wanted)
        if self.take_pictures is not None:
            pictures = list(self.take_pictures(image, detections, rows))
        described = self.matcher.describe(image, boxes.take(detections, np.array(rows)))
        for crop, picture, (_, place) in zip(described.data["crop"], pictures, wanted, strict=True):
            place.crop, place.picture = crop, picture
            if crop is not None:
                self.waiting.append(crop)
        if len(self.waiting) >= WAITING:
            self.encode()

    def encode(self) -> None:
        """Let the network look at the crops that wait for it, and let go of their pixels."""
        if self.matcher is not None and self.waiting:
            self.matcher.encode(self.waiting)
        self.waiting = []

    def clip(self, tracklet: int, settled: bool = False) -> Clip:
        """Up to ``CROPS`` crops of a tracklet in the order of time; none where it was never seen well enough.

        Args:
            tracklet: its number.
            settled: whether the last answer will do until twice as much was seen, so that it need not be judged anew.
        """
        best, _ = self._galleries.get(tracklet, (None, None))
        offered = best.offered if best is not None and best.crops else 0
        known, clip = self._clips.get(tracklet, (0, []))
        if not settled or not clip or offered >= 2 * known + 1:
            clip = [place.crop for place in self.places(tracklet)]
            if settled:
                self._clips[tracklet] = (offered, clip)
        return clip

    def places(self, tracklet: int) -> "list[Place]":
        """Where those crops are from."""
        best, others = self._galleries.get(tracklet, (None, None))
        return _spread((best if best.crops else others).crops) if best and others else []

    def compared(self, earlier: int, later: int) -> "Compared | None":
        """How READ sees the first crop of one tracklet against those of another; None where either has none."""
        return compare_places(self.matcher, self.places(earlier), self.places(later))

    def ended(self) -> "dict[int, list[Place]]":
        """Where the crops of tracklets are from that are not going on, by tracklet."""
        alive = set(self.tracklets.alive.tolist())
        return {tracklet: self.places(tracklet) for tracklet in sorted(self._galleries) if tracklet not in alive}

    def going_on(self) -> "dict[int, list[Place]]":
        """The same of those that are."""
        alive = self.tracklets.alive.tolist()
        return {tracklet: self.places(tracklet) for tracklet in alive if tracklet in self._galleries}

    def forget(self, tracklets: Iterable[int]) -> None:
        """Let go of the crops of tracklets."""
        for tracklet in tracklets:
            self._galleries.pop(tracklet, None)
            self._clips.pop(tracklet, None)

    def merge(self, first: int, other: int) -> None:
        """Let a tracklet take over the crops of one that proved to be the same person."""
        nothing = (Gallery(2 * CROPS), Gallery(CROPS))
        mine, theirs = self._galleries.get(first, nothing), self._galleries.get(other, nothing)
        for one, more in zip(mine, theirs, strict=True):
            one.extend(more)
        self._galleries[first] = self._galleries[other] = mine  # what is seen of either is of both
        self._clips.pop(first, None)

    def keep(self, tracklets: set[int]) -> None:
        """Let go of the crops of all tracklets but these."""
        self._galleries = {number: pair for number, pair in self._galleries.items() if number in tracklets}
        self._clips = {number: known for number, known in self._clips.items() if number in tracklets}


def _spread(places: list[Place]) -> list[Place]:
    """At most ``CROPS`` of those that have a crop, at equal steps."""
    shown = [place for place in places if place.crop is not None]
    count = min(CROPS, len(shown))
    return [shown[int((place + 0.5) * len(shown) / count)] for place in range(count)]
