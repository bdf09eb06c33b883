"""Crops corrupted as tracking meets them: somebody in front, badly cut boxes, few pixels, blur. For scoring only."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from readtrack.datasets.tracklets import Tracklet
from readtrack.errors import InputError
from readtrack.images import Image

KINDS = {  # what happens to an image, in the order in which street, detector and camera do it
    "occlusion": "a fifth to a half covered from a side or below, by somebody else or one dull colour",
    "jitter": "a box up to 15 % off, and up to 1.25 times too large or too small either way",
    "blur": "out of focus, by 1.5 to 4.5 % of the width",
    "small": "shrunk to 32 pixels of width and back",
}
CHOICES = {"all": "each image one or more of " + ", ".join(KINDS), **KINDS}

COVERED = (0.2, 0.5)  # share of the width or height
OFF = 0.15  # share of the box's width and height
SCALE = 1.25
BLUR = (0.015, 0.045)  # standard deviation as a share of the width
SMALL = 32  # pixels


class Corruption:
    """Corrupts the images of a data set: each in its own way, the same on every machine and in any order.

    Chance comes from the name of an image's file without its folder, by Python's Mersenne Twister, whose numbers no
    release changes. Sizes are shares of the image, so networks of different input sizes are shown the same.
    """

    def __init__(self, kind: str, tracklets: Sequence[Tracklet], read: Callable[[str], Image]) -> None:
        """Nothing is read yet.

        Args:
            kind: one of ``CHOICES``.
            tracklets: the data set; the first images of those of other people stand in front.
            read: gives the image of a file, for that.

        Raises:
            InputError: the kind is unknown.
        """
        if kind not in CHOICES:
            raise InputError(f"corruption {kind!r} is unknown: choose one of {', '.join(CHOICES)}")
        self.kind = kind
        self._read = read
        self._people = {path: tracklet.pid for tracklet in tracklets for path in tracklet.paths}
        self._occluders = sorted({t.paths[0] for t in tracklets}, key=lambda path: (Path(path).name, path))

    def kinds(self, path: str) -> list[str]:
        """What happens to a file's image, of ``KINDS`` and in their order."""
        if self.kind != "all":
            return [self.kind]
        drawn = 1 + int(_chance("all", path).random() * (2 ** len(KINDS) - 1))
        return [kind for bit, kind in enumerate(KINDS) if drawn >> bit & 1]

    def __call__(self, path: str, image: Image) -> Image:
        """A file's image (H, W, 3), corrupted; the given one stays as it is."""
        for kind in self.kinds(path):
            chance = _chance(kind, path)
            if kind == "occlusion":
                image = cover(image, self._occluder(path, chance) if chance.random() < 0.5 else None, chance)
            elif kind == "jitter":
                image = cut_badly(image, chance)
            elif kind == "blur":
                image = blur(image, chance)
            else:
                image = shrink(image)
        return image

    def _occluder(self, path: str, chance: random.Random) -> Image | None:
        """Another person's image; None where there are no others."""
        count = len(self._occluders)
        start = int(chance.random() * count)
        for place in range(start, start + count):
            candidate = self._occluders[place % count]
            if self._people[candidate] != self._people.get(path):
                return self._read(candidate)
        return None


def cover(image: Image, occluder: Image | None, chance: random.Random) -> Image:
    """Somebody or something comes in from the left, the right or below.

    Args:
        image: (H, W, 3), left as it is.
        occluder: another crop of any size, of which the part shows that is nearer; None for one dull colour.
        chance: decides from where, how far, and the colour.
    """
    height, width = image.shape[:2]
    away = 1 - chance.uniform(*COVERED)
    x, y = [(-away, 0.0), (away, 0.0), (0.0, away)][int(3 * chance.random())]
    dx, dy = round(x * width), round(y * height)
    if occluder is None:
        grey = chance.uniform(30, 220)
        front = np.full_like(image, [int(grey + chance.uniform(-30, 30)) for _ in range(3)])
    else:
        front = np.asarray(cv2.resize(occluder, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    out: Image = image.copy()
    out[dy:, max(dx, 0) : width + min(dx, 0)] = front[: height - dy, max(-dx, 0) : width - max(dx, 0)]
    return out


def cut_badly(image: Image, chance: random.Random) -> Image:
    """The image (H, W, 3) as a box would cut it that is off in place and size; its edges go on beyond it."""
    height, width = image.shape[:2]
    rows = []
    for axis, side in enumerate((width, height)):
        scale, off = SCALE ** chance.uniform(-1, 1), side * chance.uniform(-OFF, OFF)
        rows.append([scale * (axis == 0), scale * (axis == 1), (1 - scale) * side / 2 + off])
    way = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut = cv2.warpAffine(image, np.array(rows), (width, height), flags=way, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, dtype=np.uint8)


def blur(image: Image, chance: random.Random) -> Image:
    """The image (H, W, 3) out of focus."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), image.shape[1] * chance.uniform(*BLUR)), dtype=np.uint8)


def shrink(image: Image) -> Image:
    """The image (H, W, 3) as it was when it had 32 pixels of width; one that has no more stays as it is."""
    height, width = image.shape[:2]
    if width <= SMALL:
        return image
    small = cv2.resize(image, (SMALL, max(1, round(height * SMALL / width))), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _chance(kind: str, path: str) -> random.Random:
    """Chance for one kind of corruption to one file."""
    return random.Random(f"{kind} {Path(path).name}")
