"""What a teacher makes of every image that is trained on. It is asked once, and its maps are kept."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from readtrack.datasets.clips import ImageCache
from readtrack.errors import InputError
from readtrack.files import replacing, sha256
from readtrack.read.config import ReadConfig
from readtrack.read.crops import Crop
from readtrack.read.matcher import Matcher
from readtrack.read.vectors import VectorNetwork, unit
from readtrack.read.weights import find_weights

AT_ONCE = 512  # images shown to a teacher of vectors, then dropped where the cache is full
CROPS_AT_ONCE = 32  # shown to a teacher of maps

Lessons = Mapping[str, NDArray[np.floating[Any]]]  # by file: a unit vector (D,), or a map (P, C)


def vectors_of(file: str, paths: Sequence[str], images: ImageCache) -> Lessons:
    """Unit vectors (D,) of images, by file, of an ONNX network.

    Raises:
        InputError: the network or an image cannot be used.
    """
    teacher, made = VectorNetwork(file), []
    for start in range(0, len(paths), AT_ONCE):
        made.append(teacher.vectors([images[path] for path in paths[start : start + AT_ONCE]]))
    return dict(zip(paths, np.concatenate(made), strict=True))


def maps_of(
    weights: str,
    pupil: ReadConfig,
    paths: Sequence[str],
    cache: Path,
    device: str,
    report: Callable[[str], None] = lambda line: None,
) -> Lessons:
    """Feature maps (P, C) in half precision, by file, of READ's weights; kept in ``cache`` for the next time.

    Raises:
        InputError: weights, images or folder cannot be used, or the maps are not as large as the pupil's.
    """
    teacher = Matcher.load(weights, device)
    theirs, size = teacher.config, (pupil.positions, pupil.channels)
    if (theirs.positions, theirs.channels) != size:
        found = f"{theirs.positions} positions of {theirs.channels} channels"
        raise InputError(f"teacher {weights}: makes maps of {found}, the pupil of {size[0]} of {size[1]}", "teacher")
    known = hashlib.sha256("\n".join([repr(theirs), sha256(find_weights(weights)), *paths]).encode()).hexdigest()[:16]
    file = cache / f"teacher-{known}.npy"
    if not file.is_file():
        images = ImageCache(theirs.height, theirs.width, limit_mb=0)
        with replacing(file) as partial:
            maps = np.lib.format.open_memmap(partial, "w+", np.float16, (len(paths), *size))
            for start in range(0, len(paths), CROPS_AT_ONCE):
                crops = [Crop(images[path]) for path in paths[start : start + CROPS_AT_ONCE]]
                teacher.encode(crops)
                maps[start : start + len(crops)] = [teacher.network.numpy(crop.features) for crop in crops]
                if start % (100 * CROPS_AT_ONCE) == 0:
                    report(f"teacher: {start + len(crops):,} of {len(paths):,} images")
            maps.flush()
    kept = np.load(file, mmap_mode="r")
    return {path: kept[row] for row, path in enumerate(paths)}


def pooled(lesson: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """The unit vector of a lesson."""
    vector = lesson.astype(np.float32)
    return np.asarray(unit(vector.mean(0) if vector.ndim == 2 else vector), dtype=np.float32)
