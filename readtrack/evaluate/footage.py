"""Recordings with known people: which detection is whom, and who was seen some time before whom."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.errors import InputError
from readtrack.mot import read_mot, read_truth
from readtrack.read.crops import cut
from readtrack.reid import spread
from readtrack.scene import Street
from readtrack.tracking.assignment import assign
from readtrack.video import Frame, open_video

Image = NDArray[np.uint8]

STREET = "street"  # a source: the drawn street that ships
OVERLAP = 0.5  # least IoU of a detection with the person that it is
VISIBLE = 0.1  # least uncovered share of a person who counts as there, where the truth tells it


@dataclass(frozen=True)
class Footage:
    """Frames, what a detector found in them, and who was there."""

    name: str
    frames: Iterable[Frame]
    total: int | None  # frames, where known
    found: Callable[[int], sv.Detections]  # by frame from 0
    truth: Callable[[int], sv.Detections]  # the same, with ``tracker_id``


@contextmanager
def open_footage(source: str, detections: Path | None = None, truth_boxes: bool = False) -> Iterator[Footage]:
    """Open a MOTChallenge sequence with pixels and ``gt/gt.txt``, or the drawn street.

    Args:
        source: the sequence's folder, or "street".
        detections: a MOT file instead of the folder's ``det/det.txt``.
        truth_boxes: take the truth's own boxes as detections.

    Raises:
        InputError: pixels, truth or detections are missing or broken; it says which, and what to pass.
    """
    if source == STREET:
        street = Street()
        frames = (Frame(index, street.image(index)) for index in range(len(street)))
        found = street.truth if truth_boxes else street.detections
        yield Footage(STREET, frames, len(street), lambda i: _there(found(i)), lambda i: _there(street.truth(i)))
        return
    folder = Path(source)
    if not (folder / "gt" / "gt.txt").is_file():
        raise InputError(f"{folder}: has no gt/gt.txt: pass a MOT sequence with its truth, or {STREET}")
    truth = {frame: _there(people) for frame, people in read_truth(folder / "gt" / "gt.txt").items()}
    table = truth if truth_boxes else read_mot(_detections(folder, detections))
    alone = not (folder / "seqinfo.ini").is_file() and (folder / "img1").is_dir()
    with open_video(folder / "img1" if alone else folder) as video:
        if not video.pixels:
            raise InputError(f"{folder}: has no pixels to compare people by: add img1/ or the video to it")
        nobody = sv.Detections.empty()
        name = folder.resolve().name
        yield Footage(name, video, video.total, lambda i: table.get(i, nobody), lambda i: truth.get(i, nobody))


def _detections(folder: Path, given: Path | None) -> Path:
    """The file that says what a detector found."""
    file = given or folder / "det" / "det.txt"
    if given is None and not file.is_file():
        raise InputError(f"{folder}: has no det/det.txt: pass --detections FILE, or --truth-boxes")
    return file


def _there(people: sv.Detections) -> sv.Detections:
    """Without whoever is all but covered; -1 is unknown."""
    if "visibility" not in people.data:
        return people
    visibility = np.asarray(people.data["visibility"])
    return boxes.take(people, (visibility >= VISIBLE) | (visibility < 0))


def label(found: sv.Detections, truth: sv.Detections) -> NDArray[np.int64]:
    """Who each detection is (N,), -1 for nobody: one to one, at the greatest overlap in all, of an IoU of 0.5 or more.

    Args:
        found: N detections.
        truth: people with ``tracker_id``.
    """
    people = np.full(len(found), -1, dtype=np.int64)
    if len(found) and len(truth) and truth.tracker_id is not None:
        overlap = boxes.iou(np.asarray(truth.xyxy, np.float64), np.asarray(found.xyxy, np.float64))
        for row, column in assign(1 - overlap, 1 - OVERLAP).pairs:
            people[column] = truth.tracker_id[row]
    return people


@dataclass(frozen=True, eq=False)
class Sighting:
    """A detection that is somebody."""

    person: int
    frame: int
    pixels: dict[tuple[int, int], Image]  # (H, W) -> RGB (H, W, 3)


@dataclass(frozen=True)
class Round:
    """What is asked in one frame: who of the people seen some time before is each of these?"""

    queries: tuple[Sighting, ...]  # each is one of ``people``
    people: NDArray[np.int64]  # (M,)
    clips: tuple[tuple[Sighting, ...], ...]  # M, up to T of each


def sightings(footage: Footage, sizes: Collection[tuple[int, int]]) -> Iterator[tuple[int, list[Sighting]]]:
    """(frame, everybody who was detected there); crops are cut in each of ``sizes`` (height, width)."""
    for frame in footage.frames:
        if frame.image is None:
            continue
        found = footage.found(frame.index)
        xyxy = np.asarray(found.xyxy, np.float64).reshape(-1, 4)
        cuts = {size: cut(frame.image, xyxy, *size) for size in sizes}
        seen = []
        for i, person in enumerate(label(found, footage.truth(frame.index)).tolist()):
            pixels = {size: crop for size in sizes if (crop := cuts[size][i]) is not None}
            if person >= 0 and pixels:
                seen.append(Sighting(person, frame.index, pixels))
        yield frame.index, seen


def rounds(
    frames: Iterable[tuple[int, list[Sighting]]], gap: tuple[int, int], every: int, length: int
) -> Iterator[Round]:
    """Ask in every so many frames who is who of the people seen some time before; only that time is remembered.

    Args:
        frames: of ``sightings``, in order.
        gap: how many frames before the query people must have been seen, least and most.
        every: frames whose number divides by this are asked about.
        length: T; a person's clip is that many sightings at equal steps over all within the gap, or fewer.

    Returns:
        Rounds of at least one query and two people; a query's own person is among these.
    """
    past: defaultdict[int, list[Sighting]] = defaultdict(list)
    for frame, seen in frames:
        if frame % every == 0:
            past = defaultdict(list, {p: [s for s in known if s.frame >= frame - gap[1]] for p, known in past.items()})
            within = {p: [s for s in known if s.frame <= frame - gap[0]] for p, known in sorted(past.items())}
            clips = {person: tuple(spread(known, length)) for person, known in within.items() if known}
            queries = tuple(sighting for sighting in seen if sighting.person in clips)
            if queries and len(clips) >= 2:
                yield Round(queries, np.array(list(clips), dtype=np.int64), tuple(clips.values()))
        for sighting in seen:
            past[sighting.person].append(sighting)
