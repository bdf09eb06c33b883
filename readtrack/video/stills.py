"""Image files as frames, and frames without images."""

import math
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

from readtrack.errors import InputError
from readtrack.images import Image, read_image
from readtrack.video.seqinfo import SeqInfo
from readtrack.video.source import Frame, Source

IMAGES = frozenset([".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".jp2"])


def find_images(paths: Iterable[Path]) -> list[Path]:
    """The image files among ``paths`` in natural order: 2 before 10."""

    def order(path: Path) -> list[str | int]:
        return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", str(path))]

    found = [path for path in paths if path.suffix.lower() in IMAGES and not path.name.startswith(".")]
    return sorted(found, key=order)


class Stills(Source):
    """Image files, one a frame. A file that cannot be decoded keeps its index and is skipped.

    Where their names are numbered, the numbers tell the frames, so that files of boxes match although images are
    missing: 1 is frame 0, or 0 is where there is a 0.

    Args:
        paths: In order.
        name: Of the source.
        fps: Frames a second, by these numbers.
        numbered: Whether the numbers count frames even where they begin late, as in MOT sequences; other folders may
            begin at any number that somebody's camera has come to.
    """

    def __init__(self, paths: list[Path], name: str, fps: float | None = None, numbered: bool = False) -> None:
        self.name, self.fps, self.notes = name, fps, []
        self._paths = dict(zip(self._indices(paths, numbered), paths, strict=True))
        self.files, self.length = paths, max(self._paths) + 1
        first = next((image for image in map(_decoded, paths) if image is not None), None)
        if first is None:
            raise InputError(f"{paths[0]}: no image of the {len(paths)} can be decoded: check the files")
        self.size = (first.shape[1], first.shape[0])

    def _indices(self, paths: list[Path], numbered: bool) -> Iterable[int]:
        parts = [re.fullmatch(r"(.*?)(\d+)(\D*)", path.stem) for path in paths]
        alike = {(part[1], part[3]) for part in parts if part} if all(parts) else set()
        numbers = [int(part[2]) for part in parts if part]
        if len(alike) != 1 or len(set(numbers)) < len(paths):
            return range(len(paths))
        first, last = numbers[0], numbers[-1]
        step = math.gcd(*(b - a for a, b in pairwise(numbers)))
        told = f"{paths[0].parent}: {len(paths)} images are numbered {first} to {last}"
        if not numbered and first > max(1, step):
            if last - first + 1 > len(paths):
                self.notes.append(f"{told}, with gaps: frames are counted in their order, the first as 0")
            return range(len(paths))
        base = 0 if first == 0 else 1
        if last - base + 1 > len(paths):
            every = f", every {step}th" if step > 1 else ""
            self.notes.append(f"{told}{every}: frames are counted by these numbers, {base} as frame 0")
        return [number - base for number in numbers]

    def count(self, steps: range) -> int:
        """How many of ``steps`` there are."""
        return sum(index in steps for index in self._paths)

    def frames(self, steps: range, warn: Callable[[str], None]) -> Iterator[Frame]:
        """Yield frames without time."""
        self.lost = 0
        for index, path in self._paths.items():
            if index in steps:
                image = _decoded(path)
                if image is None:
                    self.lost += 1
                    warn(f"{path}: cannot be decoded, skipped")
                else:
                    yield Frame(index, image)


class Unseen(Source):
    """The frames of a MOT sequence whose pixels are absent."""

    pixels = False

    def __init__(self, info: SeqInfo, length: int) -> None:
        self.name, self.fps, self.size = info.name, info.fps, info.size
        self.length, self.notes, self._count = length, [], length

    def frames(self, steps: range, warn: Callable[[str], None]) -> Iterator[Frame]:
        """Yield frames without image."""
        yield from (Frame(index, None) for index in range(self._count)[steps.start : steps.stop : steps.step])


def _decoded(path: Path) -> Image | None:
    """The image of a file; None where it cannot be decoded."""
    try:
        return read_image(path)
    except InputError:
        return None
