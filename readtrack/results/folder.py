"""The folder that a run leaves: tracks.txt, tracks.mp4, associations.jsonl, crops. Valid whenever the run ends."""

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.errors import InputError, first_line
from readtrack.files import check_apart, replacing
from readtrack.images import Image
from readtrack.mot import MotWriter
from readtrack.results.album import Album, Picture, take_pictures
from readtrack.results.blurring import Blur, blurred
from readtrack.results.counting import Overlay
from readtrack.results.edits import read_edits
from readtrack.results.painter import Painter, Window
from readtrack.results.table import UNEDITED, read
from readtrack.tracking import Association, Reassignment
from readtrack.video import Frame, VideoWriter

EXPORTS = {
    "csv": "tracks.csv",
    "parquet": "tracks.parquet",
    "jsonl": "tracks.jsonl",
    "coco": "tracks.coco.json",
    "cvat": "tracks.cvat.xml",
}
NAMES = (
    "tracks.txt",
    "tracks.unedited.txt",
    "pictures.zip",
    "counts.csv",
    "dropped.txt",
    "tracks.mp4",
    "associations.jsonl",
    "summary.json",
    "tracklets.sqlite",
    "tracklets.sqlite-journal",  # of a run that was killed
    "report.html",
    "crops",
    *EXPORTS.values(),
)
CAMERAS_NAMES = ("passages.csv", "index.html", "summary.json")


def make_folder(
    out: Path | None, name: str, overwrite: bool = False, read: Iterable[str | Path | None] = (), others: bool = False
) -> Path:
    """The folder to write to: ``out``, or the first free one of ``runs/name``, ``runs/name-2``, ...

    Args:
        out: the folder, if it is given.
        name: of the source.
        overwrite: remove what an earlier run left there.
        read: files that the run reads, which are never removed.
        others: whether truth.txt is written as well.

    Raises:
        InputError: ``out`` holds an earlier run and must not be overwritten, or something that is read; or the folder
            cannot be made, or its corrections cannot be read.
    """
    folder = out or Path("runs") / name
    number = 2
    while out is None and folder.exists() and not overwrite:
        folder = Path("runs") / f"{name}-{number}"
        number += 1
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = (*NAMES, "truth.txt") if others else NAMES
        earlier = [folder / known for known in names if (folder / known).exists()]
        if earlier and not overwrite:
            raise InputError(f"{folder}: holds an earlier run: write elsewhere, or overwrite it", "overwrite")
        check_apart(earlier, read)
        read_edits(folder)  # a run is not removed for one that could not be corrected
        for path in earlier:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(f"{folder}: cannot be written to ({first_line(error)}); choose another", "out") from error
    return folder


def make_cameras_folder(
    out: Path | None, cameras: Sequence[str], overwrite: bool = False, read: Iterable[str | Path | None] = ()
) -> Path:
    """The folder of several cameras: ``out``, or the first free one of runs/cameras, runs/cameras-2, ...

    Arguments and errors are those of ``make_folder``. Corrections that somebody made to a camera's people are not
    removed: they are of the earlier run's numbers.
    """
    folder = out or Path("runs") / "cameras"
    number = 2
    while out is None and folder.exists() and not overwrite:
        folder = Path("runs") / f"cameras-{number}"
        number += 1
    earlier = [folder / name for name in CAMERAS_NAMES if (folder / name).exists()]
    if earlier and not overwrite:
        raise InputError(f"{folder}: holds an earlier run: write elsewhere, or overwrite it", "overwrite")
    for camera in cameras:
        if (folder / camera).is_dir() and read_edits(folder / camera):
            raise InputError(f"{folder / camera}: holds corrections, which the cameras' run cannot keep", "out")
    for camera in cameras:
        make_folder(folder / camera, camera, overwrite, read, True)
    for path in earlier:
        path.unlink()
    return folder


class Results:
    """Writes each frame's results as they come; whatever interrupts the run, every file is readable."""

    def __init__(
        self,
        folder: Path,
        fps: float,
        video: bool = True,
        crops: bool = False,
        show: bool = False,
        tables: bool = True,
        album: Album | None = None,
        overlay: Overlay | None = None,
        blur: Blur | None = None,
    ) -> None:
        """Open the files.

        Args:
            folder: where they go.
            fps: frames per second of the video written.
            video: write tracks.mp4.
            crops: write two crops per second of each identity under crops/<id>/.
            show: show the frames in a window as well.
            overlay: lines and zones to draw.
            blur: hide people in everything that shows them.
            album: what takes the pictures of a report.
            tables: write tracks.txt and associations.jsonl; otherwise they stay as they are.
        """
        self.folder, self.album, self.overlay, self.blur = folder, album, overlay, blur
        self._boxes: Counter[int] = Counter()  # of each id
        self.open = True  # until the user closes the window
        self._fps = fps
        self._stack = ExitStack()
        self._mot = self._stack.enter_context(MotWriter(folder / "tracks.txt")) if tables else None
        self._log = self._stack.enter_context((folder / "associations.jsonl").open("w")) if tables else None
        self._video = self._stack.enter_context(VideoWriter(folder / "tracks.mp4", fps)) if video else None
        self._painter = Painter(fps) if video or show else None
        self.names: dict[int, str] = {}  # of people, for the video
        self._window = Window(str(folder)) if show else None
        self._crops = folder / "crops" if crops else None
        self._next_crop: dict[int, int] = {}

    def write(
        self, frame: Frame, people: sv.Detections, associations: list[Association], reassignments: list[Reassignment]
    ) -> None:
        """One frame: people with ``tracker_id`` (-1 is left out), READ's decisions, and boxes settled late."""
        self.settle(reassignments)
        assert people.tracker_id is not None
        known = boxes.take(people, people.tracker_id > 0)
        if self._mot is not None:
            self._mot.write(frame.index, known)
        self._boxes.update(map(int, known.tracker_id if known.tracker_id is not None else []))
        if self._log is not None:
            self._log.writelines(json.dumps(asdict(association)) + "\n" for association in associations)
            self._log.flush()
        for association in associations:
            if self._painter is not None and association.reason == "reidentified":
                self._painter.returned(association.track, frame.index, association.probability)
        if frame.image is not None:
            image = frame.image if self.blur is None else blurred(frame.image, people, self.blur)
            if self.album is not None:
                self.album.see(frame.index, image, people)
            self._show(frame, image, known)

    def take_pictures(self, frame: int, image: Image, people: sv.Detections, rows: list[int]) -> list[Picture | None]:
        """Pictures of some rows of a frame's people, blurred where all are."""
        shown = image if self.blur is None else blurred(image, people, self.blur)
        return take_pictures(frame, shown, people.xyxy[rows])

    def _show(self, frame: Frame, image: NDArray[np.uint8], known: sv.Detections) -> None:
        """Save crops, and draw people for the video and the window."""
        if self._crops is not None:
            self._save_crops(self._crops, frame.index, image, known)
        if self._painter is not None:
            painted = self._painter.paint(image, known, frame.index, self.names)
            if self.overlay is not None:
                self.overlay.draw(painted, frame.index)
            if self._video is not None:
                self._video.write(painted, frame.time)
            if self._window is not None:
                self.open = self._window.show(painted)

    def _repr_html_(self) -> str:
        """Who was there, as a notebook shows it; of what is written so far."""
        return read(self.folder)._repr_html_()  # noqa: SLF001 (the notebook's protocol)

    @property
    def people(self) -> set[int]:
        """Every id written."""
        return set(+self._boxes)

    def settle(self, reassignments: list[Reassignment]) -> None:
        """Write boxes of earlier frames whose id is known now; correct those that were written under a wrong one.

        Frames are the source's, as ``pipeline.Steps`` gives them.
        """
        if self.album is not None:
            self.album.correct(reassignments)
        if self._mot is None:
            return
        wrong = [late for late in reassignments if late.previous_id > 0]
        self._mot.correct([(late.frame, late.previous_id, late.track) for late in wrong])
        self._boxes.subtract(late.previous_id for late in wrong)
        self._boxes.update(late.track for late in reassignments if late.track > 0)
        for late in reassignments:
            if late.previous_id <= 0:
                row = sv.Detections(
                    late.xyxy[None].astype(np.float32),
                    confidence=np.array([late.confidence]),
                    tracker_id=np.array([late.track]),
                    data={"filled": np.array([late.filled])},
                )
                self._mot.write(late.frame, row)

    def replace_tables(
        self, frames: Iterable[tuple[int, sv.Detections, sv.Detections]], associations: Iterable[Association]
    ) -> None:
        """Put what was found out in the end in the place of all that was written before; whole, or not at all.

        Args:
            frames: number in the source, people and those who were found to be none, both with ``tracker_id``.
            associations: what is told of identities.
        """
        self._stack.close()
        self._mot = self._log = None
        self._boxes.clear()
        with (
            replacing(self.folder / "dropped.txt") as dropped_path,
            replacing(self.folder / "tracks.txt") as path,
            MotWriter(dropped_path) as dropped,
            MotWriter(path) as writer,
        ):
            for index, people, others in frames:
                writer.write(index, people)
                dropped.write(index, others)
                self._boxes.update(map(int, people.tracker_id if people.tracker_id is not None else []))
        (self.folder / UNEDITED).unlink(missing_ok=True)  # of another linking
        with replacing(self.folder / "associations.jsonl") as path:
            path.write_text("".join(json.dumps(asdict(one)) + "\n" for one in associations))

    def _save_crops(self, folder: Path, index: int, image: NDArray[np.uint8], people: sv.Detections) -> None:
        """At most two crops per second of each identity, as crops/<id>/<frame>.jpg."""
        inside = boxes.clip(people.xyxy.astype(np.float64), image.shape[1], image.shape[0]).round().astype(int)
        for track, (left, top, right, bottom) in zip(
            people.tracker_id if people.tracker_id is not None else [], inside, strict=True
        ):
            if index >= self._next_crop.get(track, 0) and right > left and bottom > top:
                self._next_crop[track] = index + max(1, round(self._fps / 2))
                (folder / f"{track:04d}").mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(folder / f"{track:04d}" / f"{index:06d}.jpg"), image[top:bottom, left:right])

    def __enter__(self) -> "Results":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._window is not None:
            self._window.close()
        self._stack.close()
