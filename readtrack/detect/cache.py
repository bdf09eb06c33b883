"""Detections on disk, so that a second run on the same source with the same detector need not detect again."""

import hashlib
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

import numpy as np
import supervision as sv

from readtrack.detect.config import DetectorConfig
from readtrack.errors import InputError
from readtrack.files import check_writable, replacing, sha256
from readtrack.images import Image

MANY = 100  # files from which their names, sizes and times stand for what is in them
VERSION = 1  # of the files


class DetectionCache:
    """Remembers what was found in each frame of a source; best used in a ``with``, at whose end the file is written.

    Args:
        folder: Where files are kept, one for each source and detector.
        files: That frames are read from.
        detector: Its name or file.
        config: Its settings; device, precision and what else they hold are part of the key.

    Raises:
        InputError: there are no files, as of a camera, or the folder cannot be written to.
    """

    def __init__(self, folder: Path, files: Sequence[Path], detector: str | None, config: DetectorConfig) -> None:
        if not files:
            raise InputError("detections of a camera, stream or street are not kept: leave it out", "cache")
        own = sha256(Path(detector)) if detector and Path(detector).is_file() else detector
        key = json.dumps([VERSION, _digest(files), own, asdict(config)], default=str)
        self.path = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.npz"
        check_writable(self.path)
        self._found = _read(self.path)
        self._known = len(self._found)
        self.detected = 0  # frames that were not known

    def find(self, index: int, image: Image | None, detect: Callable[[Image], sv.Detections]) -> sv.Detections:
        """People in a frame, by the file or by a detector."""
        if index not in self._found:
            found = sv.Detections.empty() if image is None else detect(image)
            confidence = np.ones(len(found)) if found.confidence is None else found.confidence
            classes = np.zeros(len(found), int) if found.class_id is None else found.class_id
            self._found[index] = (np.asarray(found.xyxy, np.float32), confidence.astype(np.float32), classes)
            self.detected += 1
        xyxy, confidence, classes = self._found[index]
        return sv.Detections(xyxy.copy(), confidence=confidence.copy(), class_id=classes.copy())

    def __enter__(self) -> "DetectionCache":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if len(self._found) == self._known:
            return
        frames = sorted(self._found)
        columns = zip(*(self._found[index] for index in frames), strict=True)
        xyxy, confidence, classes = (np.concatenate(column) for column in columns)
        counts = [len(self._found[index][0]) for index in frames]
        with replacing(self.path) as partial, open(partial, "wb") as file:
            np.savez(file, frames=frames, counts=counts, xyxy=xyxy, confidence=confidence, classes=classes)


def _digest(files: Sequence[Path]) -> list[str]:
    """What tells the source from any other."""
    if len(files) < MANY:
        return [sha256(path) for path in files]
    return [f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]


def _read(path: Path) -> dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """What a file holds; nothing where it is missing or broken, since it can be made again."""
    try:
        with open(path, "rb") as file, np.load(file) as table:
            ends = np.cumsum(table["counts"])
            parts = [np.split(table[name], ends[:-1]) for name in ("xyxy", "confidence", "classes")]
            return {int(frame): (a, b, c) for frame, a, b, c in zip(table["frames"], *parts, strict=True)}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}
