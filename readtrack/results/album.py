"""Album: the pictures that a report shows, taken as frames go by and thinned as the recording grows."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.files import replacing
from readtrack.images import Image
from readtrack.tracking import Reassignment

HEIGHT = 96  # pixels of a picture
WIDEST = 96
QUALITY = 75  # of JPEG: some 2 KB a picture
PER_SECOND = 2.0  # pictures of a person, at first
EACH = 16  # of a person in the end,
ALL = 1200  # and of all people; whoever has most gives first
COMPARED = 24  # decisions that are shown in pictures
WAIT = 5.0  # seconds after which nobody's identity is told any more
SAME_BOX = 0.5  # IoU
INDEX = "decisions.json"
HEAT = 0.45  # share of the colours of attention in a picture


@dataclass(frozen=True)
class Picture:
    """Somebody in a frame."""

    frame: int  # of the source, from 0
    jpeg: bytes


@dataclass
class Comparison:
    """A decision of READ: a crop, and the tracklet that it was compared with."""

    frame: int  # of the decision
    track: int  # the identity that was given
    places: list[tuple[int, NDArray[np.float64]]]  # frame and box (4,) of the crop, then of those of the tracklet
    probability: float | None = None  # of this crop and this tracklet alone
    attention: NDArray[np.float64] | None = None  # (T, h, w) of the tracklet's crops; sums to 1
    pictures: dict[int, Picture] = field(default_factory=dict)  # by place, as frames go by
    overlays: dict[int, bytes] = field(default_factory=dict)  # JPEG, bright where the crop found its answer


class Album:
    """Takes pictures of people, two a second of each, and halves them where they become too many.

    In the end there are at most ``EACH`` of a person, evenly over the time in which they were seen, and ``ALL`` of
    everybody; of more people than that only those who were seen longest are shown.
    """

    def __init__(self, fps: float) -> None:
        """Empty; ``fps`` are frames of the source a second."""
        self.comparisons: list[Comparison] = []
        self._step = max(1, round(fps / PER_SECOND))  # frames between two pictures of a person
        self._pictures: dict[int, dict[int, bytes]] = {}  # of each person, by frame
        self._steps: dict[int, int] = {}  # of those who were thinned
        self._count = 0
        self._fps = fps
        self._waiting: dict[int, list[tuple[NDArray[np.float64], bytes]]] = {}  # boxes without identity, by frame
        self._wanted: dict[int, list[tuple[Comparison, int]]] = {}
        self._offered: list[tuple[float, int, Comparison]] = []  # probability, gap

    def want(self, comparisons: Iterable[Comparison]) -> None:
        """Take the pictures of decisions when their frames go by."""
        for one in comparisons:
            self.comparisons.append(one)
            for place, (frame, _) in enumerate(one.places):
                self._wanted.setdefault(frame, []).append((one, place))

    def offer(self, one: Comparison, probability: float, gap: int) -> None:
        """Take a decision whose pictures are all there, as long as it is among the most doubtful or longest absences.

        Args:
            one: the decision, with pictures; overlays are made of them.
            probability: of the decision.
            gap: frames before it.
        """
        self._offered.append((probability, gap, one))
        if len(self._offered) > COMPARED:
            by_doubt = sorted(self._offered, key=lambda offer: offer[0])
            kept = by_doubt[: COMPARED - COMPARED // 3]
            rest = sorted(by_doubt[len(kept) :], key=lambda offer: -offer[1])
            self._offered = [*kept, *rest[: COMPARED // 3]]
        if any(one is kept for _, _, kept in self._offered):
            for place, shown in one.pictures.items():
                cut = cv2.imdecode(np.frombuffer(shown.jpeg, np.uint8), cv2.IMREAD_COLOR)
                _overlay(one, place, np.asarray(cut, dtype=np.uint8))
        self.comparisons = [one for _, _, one in self._offered]

    def see(self, frame: int, image: Image, people: sv.Detections) -> None:
        """The next frame: BGR image, people with ``tracker_id`` from 1, others with -1."""
        ids = [] if people.tracker_id is None else people.tracker_id.tolist()
        filled = people.data.get("filled", np.zeros(len(people), dtype=bool))
        for track, xyxy, unseen in zip(ids, people.xyxy, filled, strict=True):
            if unseen:
                continue
            if track <= 0:
                self._wait(frame, image, xyxy)
                continue
            own = self._pictures.setdefault(track, {})
            last = next(reversed(own), None)
            if last is None or abs(frame - last) >= self._steps.get(track, self._step):
                cut = picture(image, xyxy)
                if cut is not None:
                    own[frame] = _jpeg(cut)
                    self._count += 1
                    if len(own) > 2 * EACH:
                        self._halve(track)
        for one, place in self._wanted.pop(frame, []):
            self._compare(one, place, image)
        if self._count > 4 * ALL:
            self._thin(2 * ALL)

    def _wait(self, frame: int, image: Image, xyxy: NDArray[np.floating]) -> None:
        """Take a picture of somebody whose identity may be told within some seconds."""
        if frame % self._step or (cut := picture(image, xyxy)) is None:
            return
        self._waiting.setdefault(frame, []).append((np.asarray(xyxy, dtype=np.float64), _jpeg(cut)))
        for past in [past for past in self._waiting if past < frame - WAIT * self._fps]:
            del self._waiting[past]

    def correct(self, reassignments: Sequence[Reassignment]) -> None:
        """Identities of earlier frames proved wrong, or are known only now."""
        taken = [self._take(late) for late in reassignments]
        for late, jpeg in zip(reassignments, taken, strict=True):
            if jpeg is not None:
                own = self._pictures.get(late.track, {})
                self._pictures[late.track] = dict(sorted({**own, late.frame: jpeg}.items()))
                self._count += late.previous_id <= 0

    def _take(self, late: Reassignment) -> bytes | None:
        """The picture of a box, from whomever had it."""
        if late.previous_id > 0:
            return self._pictures.get(late.previous_id, {}).pop(late.frame, None)
        waiting = self._waiting.get(late.frame, [])
        overlap = [float(boxes.iou(xyxy[None], late.xyxy[None])[0, 0]) for xyxy, _ in waiting]
        if not overlap or max(overlap) < SAME_BOX:
            return None
        return waiting.pop(overlap.index(max(overlap)))[1]

    def pictures(self) -> dict[int, list[Picture]]:
        """Of each person, in the order of time."""
        self._thin(ALL)
        return {
            track: [Picture(frame, own[frame]) for frame in _spread(sorted(own), EACH)]
            for track, own in self._pictures.items()
            if own
        }

    def save(self, path: Path) -> None:
        """Write the pictures to a ZIP file, whole or not at all: people/<id>/<frame>.jpg, and those of decisions."""
        index = []
        with replacing(path) as partial, ZipFile(partial, "w") as file:
            for track, own in self.pictures().items():
                for one in own:
                    file.writestr(f"people/{track}/{one.frame}.jpg", one.jpeg)
            for number, case in enumerate(self.comparisons):
                places = {place: shown.frame for place, shown in case.pictures.items()}
                index.append([case.frame, case.track, case.probability, places])
                for place, shown in case.pictures.items():
                    file.writestr(f"decisions/{number}/{place}.jpg", shown.jpeg)
                for place, jpeg in case.overlays.items():
                    file.writestr(f"decisions/{number}/{place}-attention.jpg", jpeg)
            file.writestr(INDEX, json.dumps(index))

    @classmethod
    def load(cls, path: Path) -> "Album | None":
        """The pictures that ``save`` wrote; None where there is no such file, or none that can be read."""
        album = cls(1.0)
        try:
            with ZipFile(path) as file:
                names = set(file.namelist())
                found = [name.split("/")[1:] for name in names if name.startswith("people/")]
                for frame, track in sorted((int(Path(file_of).stem), int(track)) for track, file_of in found):
                    own = album._pictures.setdefault(track, {})
                    own[frame] = file.read(f"people/{track}/{frame}.jpg")
                for number, (frame, track, probability, places) in enumerate(json.loads(file.read(INDEX))):
                    one = Comparison(frame, track, [], probability)
                    for place, at in places.items():
                        one.pictures[int(place)] = Picture(at, file.read(f"decisions/{number}/{place}.jpg"))
                        if (name := f"decisions/{number}/{place}-attention.jpg") in names:
                            one.overlays[int(place)] = file.read(name)
                    album.comparisons.append(one)
        except (OSError, BadZipFile, ValueError, KeyError):
            return None
        return album

    def _halve(self, track: int) -> None:
        """Forget every second picture of a person, and take half as many from now on."""
        own = self._pictures[track]
        for frame in list(own)[1::2]:
            del own[frame]
            self._count -= 1
        self._steps[track] = 2 * self._steps.get(track, self._step)

    def _thin(self, most: int) -> None:
        """Leave so many pictures at most."""
        counts = np.array([min(len(own), EACH) for own in self._pictures.values()], dtype=np.int64)
        if not len(counts) or counts.sum() <= most:
            self._count = sum(map(len, self._pictures.values()))
            return
        each = next((n for n in range(EACH, 0, -1) if np.minimum(counts, n).sum() <= most), 0)
        for track, own in self._pictures.items():
            kept = set(_spread(sorted(own), max(each, 1)))
            self._pictures[track] = {frame: jpeg for frame, jpeg in own.items() if frame in kept}
            self._steps[track] = self._steps.get(track, self._step) * -(-len(own) // max(len(kept), 1))
        if not each:
            longest = sorted(self._pictures, key=lambda track: -self._steps[track])
            self._pictures = {track: self._pictures[track] for track in longest[:most]}
        self._count = sum(map(len, self._pictures.values()))

    def _compare(self, one: Comparison, place: int, image: Image) -> None:
        """Take a picture of a decision."""
        frame, xyxy = one.places[place]
        cut = picture(image, xyxy)
        if cut is None:
            return
        one.pictures[place] = Picture(frame, _jpeg(cut))
        _overlay(one, place, cut)


def take_pictures(frame: int, image: Image, xyxy: NDArray[np.number]) -> list[Picture | None]:
    """Pictures of boxes (N, 4) of a frame; None for a box of which nothing is in the image."""
    cuts = [picture(image, np.asarray(box, dtype=np.float64)) for box in xyxy]
    return [None if cut is None else Picture(frame, _jpeg(cut)) for cut in cuts]


def _overlay(one: Comparison, place: int, cut: Image) -> None:
    """Note where in a picture of the tracklet the crop found its answer."""
    if one.attention is not None and place:
        heat = (one.attention[place - 1] / max(float(one.attention.max()), 1e-9)) ** 0.5
        bright = cv2.resize(heat, (cut.shape[1], cut.shape[0]), interpolation=cv2.INTER_CUBIC).clip(0, 1)
        colour = cv2.applyColorMap((255 * bright).astype(np.uint8), cv2.COLORMAP_INFERNO)
        one.overlays[place] = _jpeg(np.asarray(cv2.addWeighted(cut, 1 - HEAT, colour, HEAT, 0), dtype=np.uint8))


def picture(image: Image, xyxy: NDArray[np.floating]) -> Image | None:
    """A box (4,) of a BGR image, ``HEIGHT`` pixels high; None where nothing of it is in the image."""
    height, width = image.shape[:2]
    box = boxes.clip(np.asarray(xyxy, dtype=np.float64)[None], width, height)[0]
    if not np.isfinite(box).all():
        return None
    left, top, right, bottom = box.round().astype(int).tolist()
    if right - left < 2 or bottom - top < 2:
        return None
    scale = min(HEIGHT / (bottom - top), WIDEST / (right - left))
    size = (max(1, round(scale * (right - left))), max(1, round(scale * (bottom - top))))
    return np.asarray(cv2.resize(image[top:bottom, left:right], size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _jpeg(image: Image) -> bytes:
    """An image as a file."""
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes())


def _spread(frames: list[int], most: int) -> list[int]:
    """At most so many of them, at equal steps."""
    count = min(most, len(frames))
    return [frames[int((place + 0.5) * len(frames) / count)] for place in range(count)]
