"""Recordings with known people: frames, what a detector found in them, and who was there."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.errors import InputError
from readtrack.mot import read_mot, read_truth
from readtrack.street import Street, StreetConfig
from readtrack.street.config import Absence as OutOfSight
from readtrack.tracking.assignment import assign
from readtrack.video import Frame, open_video

STREET = "street"  # a source: the synthetic street that ships; "street:7" is the one of seed 7,
PASSED = 1500  # and "street:7@2" the second of three cameras that its people pass; frames of those
OVERLAP = 0.5  # least IoU of a detection with the person that it is
VISIBLE = 0.1  # least uncovered share of a person who counts as there, where the truth tells it


@dataclass(frozen=True)
class Recording:
    """Frames, what a detector found in them, and who was there."""

    name: str
    fps: float
    frames: Iterable[Frame]  # may be gone through several times
    total: int | None  # frames, where known
    pixels: bool  # whether frames have images
    detections: Callable[[int], sv.Detections]  # by frame from 0
    truth: Callable[[int], sv.Detections]  # the same, with ``tracker_id``: everybody who counts in scores
    absences: Callable[[], Sequence[OutOfSight]] = tuple  # who was out of sight when, where the truth tells it
    lost: Callable[[], int] = int  # frames that could not be decoded when it was gone through last

    @property
    def synthetic(self) -> bool:
        """Whether it is a street that ships, whose truth is exact."""
        return is_street(self.name)


def is_street(source: str) -> bool:
    """Whether a source names a synthetic street."""
    return re.fullmatch(rf"{STREET}(:\d+)?(@\d+)?", source) is not None


def street_of(source: str) -> StreetConfig:
    """The street that "street", "street:7" or "street:7@2" names.

    Raises:
        InputError: it has no such camera.
    """
    place, _, camera = source.partition("@")
    seed = int(place.partition(":")[2] or 0)
    if not camera:
        return StreetConfig(seed=seed)
    if not 1 <= int(camera) <= StreetConfig.cameras:
        raise InputError(f"{source}: a street has cameras 1 to {StreetConfig.cameras}")
    return StreetConfig(seed=seed, camera=int(camera), frames=PASSED)


@contextmanager
def open_recording(
    source: str,
    detections: Path | None = None,
    truth_boxes: bool = False,
    allow_no_pixels: bool = False,
    frames: int | None = None,
) -> Iterator[Recording]:
    """Open a MOTChallenge sequence with ``gt/gt.txt``, or a synthetic street.

    Args:
        source: the sequence's folder, or "street", or "street:7" for the one of seed 7.
        detections: a MOT file instead of the folder's ``det/det.txt``.
        truth_boxes: take the truth's own boxes as detections.
        allow_no_pixels: take a sequence without pixels as well; its frames have no image.
        frames: length of the street, None for its usual one; a sequence is taken whole.

    Raises:
        InputError: pixels, truth or detections are missing or broken; it says which, and what to pass.
    """
    if is_street(source):
        settings = street_of(source)
        settings = settings if frames is None else replace(settings, frames=frames)
        yield replace(street_recording(settings, truth_boxes), name=source)
        return
    folder = Path(source)
    if not (folder / "gt" / "gt.txt").is_file():
        raise InputError(f"{folder}: has no gt/gt.txt: pass a MOT sequence with its truth, or {STREET}")
    truth = read_truth(folder / "gt" / "gt.txt")
    file = None if truth_boxes else _detections(folder, detections)
    alone = not (folder / "seqinfo.ini").is_file() and (folder / "img1").is_dir()
    with open_video(folder / "img1" if alone else folder) as video:
        if not (video.pixels or allow_no_pixels):
            raise InputError(f"{folder}: has no pixels to compare people by: add img1/ or the video to it")
        if file is None:
            table = {frame: visible(people) for frame, people in truth.items()}
        else:
            table = read_mot(file, video.size, video.length)
        nobody = sv.Detections.empty()
        yield Recording(
            name=folder.resolve().name,
            fps=video.fps,
            frames=video,
            total=video.total,
            pixels=video.pixels,
            detections=lambda i: table.get(i, nobody),
            truth=lambda i: truth.get(i, nobody),
            lost=lambda: video.lost,
        )


def lost_frames(recordings: Iterable[Recording]) -> dict[str, int]:
    """Frames of each recording that could not be decoded, of those that lost any."""
    return {one.name: one.lost() for one in recordings if one.lost()}


class StreetFrames(Sequence[Frame]):
    """A street's frames, drawn anew whenever they are gone through."""

    def __init__(self, street: Street, indices: range, pixels: bool = True) -> None:
        """Draw nothing yet; without ``pixels`` never anything."""
        self.street, self.indices, self.pixels = street, indices, pixels

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return StreetFrames(self.street, self.indices[place], self.pixels)
        index = self.indices[place]
        return Frame(index, self.street.image(index) if self.pixels else None)


def street_recording(
    config: StreetConfig = StreetConfig(), truth_boxes: bool = False, steps: slice = slice(None)
) -> Recording:
    """A synthetic street.

    Args:
        config: which one.
        truth_boxes: take the exact boxes of whoever is visible as detections.
        steps: which of its frames.

    Raises:
        InputError: ``steps`` name no frame.
    """
    street = Street(config)
    start, stride = (0 if steps.start is None else steps.start), (1 if steps.step is None else steps.step)
    if start < 0 or stride < 1 or not range(len(street))[steps]:
        raise InputError(
            f"start {start}, end {steps.stop}, stride {stride} name no frame of the street's {len(street)}"
        )
    found = street.truth if truth_boxes else street.detections
    frames = StreetFrames(street, range(len(street))[steps])
    return Recording(
        name=STREET,
        fps=street.fps,
        frames=frames,
        total=len(frames),
        pixels=True,
        detections=lambda i: visible(found(i)),
        truth=lambda i: visible(street.truth(i)),
        absences=lambda: street.absences,
    )


def _detections(folder: Path, given: Path | None) -> Path:
    """The file that says what a detector found."""
    file = given or folder / "det" / "det.txt"
    if given is None and not file.is_file():
        raise InputError(f"{folder}: has no det/det.txt: pass another file, or take the truth's boxes", "detections")
    return file


def visible(people: sv.Detections) -> sv.Detections:
    """Without whoever is all but covered; -1 is unknown."""
    if "visibility" not in people.data:
        return people
    visibility = np.asarray(people.data["visibility"])
    return boxes.take(people, (visibility >= VISIBLE) | (visibility < 0))


def label(found: sv.Detections, truth: sv.Detections) -> NDArray[np.int64]:
    """Who each detection is (N,), -1 for nobody: one to one, at the greatest overlap in all, of an IoU of 0.5 or more.

    Args:
        found: N detections.
        truth: people with ``tracker_id``; whoever is all but covered is nobody.
    """
    people, truth = np.full(len(found), -1, dtype=np.int64), visible(truth)
    if len(found) and len(truth) and truth.tracker_id is not None:
        overlap = boxes.iou(np.asarray(truth.xyxy, np.float64), np.asarray(found.xyxy, np.float64))
        for row, column in assign(1 - overlap, 1 - OVERLAP).pairs:
            people[column] = truth.tracker_id[row]
    return people
