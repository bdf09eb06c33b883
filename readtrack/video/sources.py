"""What lies behind a ``Video``: captures, image files, sequences without pixels."""

import glob
import os
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import cv2

from readtrack.errors import InputError
from readtrack.images import Image, read_image
from readtrack.video.seqinfo import SeqInfo, read_seqinfo

IMAGES = frozenset([".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".jp2"])
STREAM_TIMEOUT = 10.0  # seconds to wait for a stream to open, and for each of its frames


class Source(ABC):
    """The base of all sources: ``frames`` yields (index, image) for those of ``steps`` that there are."""

    pixels = True  # whether images are not None

    name: str
    fps: float | None
    size: tuple[int, int] | None  # width, height in pixels
    length: int | None  # in frames
    notes: list[str]  # what to tell the user at once

    @abstractmethod
    def frames(self, steps: range, warn: Callable[[str], None]) -> Iterator[tuple[int, Image | None]]:
        """Yield (index, image), telling ``warn`` of what is missing."""

    def close(self) -> None:  # noqa: B027 (nothing is held between frames, unless a source says otherwise)
        """Let go of what is held."""


def open_source(source: str | Path | int) -> Source:
    """Find out what ``source`` names and open it; an InputError says why that fails."""
    text = str(source)
    path = Path(text).expanduser()
    if re.match(r"(rtsps?|https?)://", text, re.IGNORECASE):
        return Capture(text, name=re.sub(r"^\w+://(\*+@)?|\?.*", "", _without_secrets(text)), live=True)
    if path.is_dir():
        return _open_folder(path)
    if path.is_file():
        if path.suffix.lower() in IMAGES:
            return Stills([path], path.stem)
        return Capture(str(path), name=path.stem)
    if re.fullmatch(r"\d+", text):
        return Capture(int(text), name=f"camera{text}", live=True)
    if glob.has_magic(text):
        found = _images(Path(p) for p in glob.glob(str(path), recursive=True))
        if found:
            return Stills(found, found[0].resolve().parent.name)
        raise InputError(f"{text}: no image matches: check the pattern, and quote it from the shell")
    raise InputError(f"{text}: no such file or folder: check the path")


def _open_folder(folder: Path) -> Source:
    name = folder.resolve().name
    if not (folder / "seqinfo.ini").is_file():
        if found := _images(folder.iterdir()):
            return Stills(found, name)
        raise InputError(f"{folder}: holds no images: pass an image folder, a video or a MOT sequence")
    info = read_seqinfo(folder)
    found = _images(info.image_folder.iterdir()) if info.image_folder.is_dir() else []
    found = [path for path in found if path.suffix.lower() == info.extension.lower()] or found
    if found:
        stills = Stills(found, info.name, info.fps)
        if info.length not in (None, len(found)):
            stills.notes.append(f"{folder}: holds {len(found)} images, seqinfo.ini says {info.length} frames")
        return stills
    for video in (folder / f"{name}.mp4", folder / f"{info.name}.mp4"):
        if video.is_file():
            return Capture(str(video), info.name, info.fps)
    if info.length is None:
        raise InputError(f"{folder}: has neither images nor a seqLength in seqinfo.ini: add one of them")
    return Unseen(info, info.length)


def _images(paths: Iterable[Path]) -> list[Path]:
    """The image files among ``paths`` in natural order: 2 before 10."""

    def order(path: Path) -> list[str | int]:
        return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", str(path))]

    found = [path for path in paths if path.suffix.lower() in IMAGES and not path.name.startswith(".")]
    return sorted(found, key=order)


class Unseen(Source):
    """The frames of a MOT sequence whose pixels are absent."""

    pixels = False

    def __init__(self, info: SeqInfo, length: int) -> None:
        self.name, self.fps, self.size = info.name, info.fps, info.size
        self.length, self.notes, self._count = length, [], length

    def frames(self, steps: range, warn: Callable[[str], None]) -> Iterator[tuple[int, Image | None]]:
        """Yield (index, None)."""
        yield from ((index, None) for index in range(self._count)[steps.start : steps.stop : steps.step])


class Stills(Source):
    """Image files, one a frame. A file that cannot be decoded keeps its index and is skipped."""

    def __init__(self, paths: list[Path], name: str, fps: float | None = None) -> None:
        self.name, self.fps, self.length, self.notes = name, fps, len(paths), []
        self._paths = paths
        first = next((image for image in map(_decoded, paths) if image is not None), None)
        if first is None:
            raise InputError(f"{paths[0]}: no image of the {len(paths)} can be decoded: check the files")
        self.size = (first.shape[1], first.shape[0])

    def frames(self, steps: range, warn: Callable[[str], None]) -> Iterator[tuple[int, Image]]:
        """Yield (index, image)."""
        for index in range(len(self._paths))[steps.start : steps.stop : steps.step]:
            image = _decoded(self._paths[index])
            if image is None:
                warn(f"{self._paths[index]}: cannot be decoded, skipped")
            else:
                yield index, image


def _decoded(path: Path) -> Image | None:
    """The image of a file; None where it cannot be decoded."""
    try:
        return read_image(path)
    except InputError:
        return None


class Capture(Source):
    """A video file, camera or stream, by OpenCV, which also turns phone videos upright."""

    def __init__(self, address: str | int, name: str, fps: float | None = None, live: bool = False) -> None:
        self.name, self.notes = name, []
        self._address, self._live = address, live
        self._label = name if isinstance(address, int) else _without_secrets(address)
        self._open()
        told, length = self._capture.get(cv2.CAP_PROP_FPS), self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.fps = fps or (told if 0 < told < 1000 else None)
        self.length = int(length) if 0 < length < 1e9 else None
        self.size = (self._first.shape[1], self._first.shape[0])

    def _open(self) -> None:
        """Open from the start and read one frame, so that what cannot be read is known at once."""
        with _hushed():
            if self._live and isinstance(self._address, str):
                wait = int(STREAM_TIMEOUT * 1000)
                limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, wait, cv2.CAP_PROP_READ_TIMEOUT_MSEC, wait]
                self._capture = cv2.VideoCapture(self._address, cv2.CAP_FFMPEG, limits)
            else:
                self._capture = cv2.VideoCapture(self._address, cv2.CAP_ANY if self._live else cv2.CAP_FFMPEG)
            readable, first = self._capture.read()
            text = int(self._capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little", signed=True) == b"ansi"
        if not readable or text:  # FFmpeg would film a text file
            self.close()
            if self._live:
                raise InputError(f"{self._label}: gives no picture: check that it is on, reachable and free")
            raise InputError(f"{self._label}: no frame can be decoded: check that it is a whole video file")
        self._first, self._position = first, 0

    def frames(self, steps: range, warn: Callable[[str], None]) -> Iterator[tuple[int, Image]]:
        """Yield (index, image); what lies between steps is decoded but not converted, for exact indices."""
        if self._position and not self._live:
            self._open()
        while (index := self._position) < steps.stop:
            if index and not self._capture.grab():
                break
            self._position += 1
            if index in steps:
                image = self._capture.retrieve()[1] if index else self._first
                if image is not None:
                    yield index, cast(Image, image)
        due = min(steps.stop, self.length or (sys.maxsize if self._live else 0))
        if index < due - max(1, due // 100):  # some containers give their length by estimate only
            of = f" of {self.length}" if self.length else ""
            warn(f"{self._label}: ended after {index}{of} frames: it is cut short, damaged or went away")

    def close(self) -> None:
        """Release the file or device."""
        self._capture.release()


def _without_secrets(address: str) -> str:
    """An address for messages: no password, no query."""
    return re.sub(r"//[^/@]*@", "//***@", re.sub(r"(?<=\?).*", "***", address)) if "://" in address else address


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep OpenCV and its FFmpeg from writing to the terminal while a source is opened."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # read once, by the first capture of a process
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
