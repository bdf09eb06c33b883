"""Tracklets to clips of T images."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from readtrack.datasets.tracklets import Tracklet, parts
from readtrack.images import Image, read_image, resize

LIMIT_MB = 2_000  # about 20,000 crops of 256 x 128


class ImageCache:
    """Reads crops, RGB uint8, each brought to (height, width) on the way in, and keeps them while there is room."""

    def __init__(
        self,
        height: int,
        width: int,
        limit_mb: float = LIMIT_MB,
        alter: Callable[[str, Image], Image] | None = None,
    ) -> None:
        """Keep nothing yet.

        Args:
            height: to which images are brought, pixels.
            width: the same.
            limit_mb: megabytes; beyond them images are read each time they are asked for.
            alter: what is done to a file's BGR image, as large as it was read.
        """
        self.size = (height, width)
        self._alter = alter
        self._room = limit_mb * 1e6  # bytes that may still be filled
        self._images: dict[str, Image] = {}

    def __getitem__(self, path: str | Path) -> Image:
        """The image of a file; raises InputError where it cannot be read."""
        name = str(path)
        if name in self._images:
            return self._images[name]
        found = read_image(name)
        if self._alter is not None:
            found = self._alter(name, found)
        image: Image = np.ascontiguousarray(resize(found, *self.size)[:, :, ::-1])
        if image.nbytes <= self._room:
            self._images[name] = image
            self._room -= image.nbytes
        return image


def scoring_clip(tracklet: Tracklet, length: int) -> list[str]:
    """The first image of each of ``length`` equal parts."""
    return [tracklet.paths[part[0]] for part in parts(len(tracklet.paths), length)]


def training_clip(tracklet: Tracklet, length: int, rng: np.random.Generator) -> list[str]:
    """Restricted random sampling (paper Sec. 3.4): any one image of each of ``length`` equal parts."""
    return [tracklet.paths[rng.integers(part.start, part.stop)] for part in parts(len(tracklet.paths), length)]
