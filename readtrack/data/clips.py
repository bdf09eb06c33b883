"""Tracklets to clips of T images, and batches of query images beside gallery clips."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from readtrack.data.tracklets import Tracklet, parts
from readtrack.errors import InputError

Image = NDArray[np.uint8]


class ImageCache:
    """Reads crops once and keeps them in memory, RGB uint8, each brought to (height, width) on the way in."""

    def __init__(self, height: int, width: int) -> None:
        self.size = (width, height)
        self._images: dict[Path, Image] = {}

    def __getitem__(self, path: Path) -> Image:
        """The image of a file; raises InputError where it cannot be read."""
        if path not in self._images:
            image = cv2.imread(str(path))
            if image is None:
                raise InputError(f"{path}: not a readable image")
            if image.shape[1::-1] != self.size:
                image = cv2.resize(image, self.size, interpolation=cv2.INTER_AREA)
            self._images[path] = np.ascontiguousarray(image[:, :, ::-1], dtype=np.uint8)
        return self._images[path]


def scoring_clip(tracklet: Tracklet, length: int) -> list[Path]:
    """The first image of each of ``length`` equal parts."""
    return [tracklet.paths[part[0]] for part in parts(len(tracklet.paths), length)]


@dataclass(frozen=True)
class Batch:
    """B people: T_q query images and a gallery clip of T images of each, from two of a person's tracklets."""

    queries: NDArray[np.uint8]  # (B, T_q, H, W, 3) RGB
    galleries: NDArray[np.uint8]  # (B, T, H, W, 3) RGB
    labels: NDArray[np.int64]  # (B,), the person's position among the people trained on


class BatchSampler:
    """Draws batches of distinct people without end, each person once per round."""

    def __init__(self, tracklets: Sequence[Tracklet], images: ImageCache, lengths: tuple[int, int], seed: int) -> None:
        """Lengths are those of query and gallery clips."""
        self.images = images
        self.lengths = lengths
        self.rng = np.random.default_rng(seed)
        people: dict[int, list[Tracklet]] = defaultdict(list)
        for tracklet in tracklets:
            people[tracklet.pid].append(tracklet)
        self.people = [people[pid] for pid in sorted(people)]
        self._round: list[int] = []

    def draw(self, size: int) -> Batch:
        """The next ``size`` people."""
        if size > len(self.people):
            raise InputError(f"a batch of {size} people, but there are only {len(self.people)}: lower the batch size")
        if len(self._round) < size:
            self._round = list(self.rng.permutation(len(self.people)))
        labels, self._round = self._round[:size], self._round[size:]
        clips = [self._two_clips(self.people[label]) for label in labels]
        queries, galleries = zip(*clips, strict=True)
        return Batch(np.stack(queries), np.stack(galleries), np.array(labels, dtype=np.int64))

    def _two_clips(self, tracklets: list[Tracklet]) -> tuple[Image, Image]:
        """Clips of two of a person's tracklets; of one only, where there is no other."""
        chosen = self.rng.permutation(len(tracklets))[:2]
        first, second = tracklets[chosen[0]], tracklets[chosen[-1]]
        return self._clip(first, self.lengths[0]), self._clip(second, self.lengths[1])

    def _clip(self, tracklet: Tracklet, length: int) -> Image:
        """Restricted random sampling (paper Sec. 3.4), each image changed in its own way."""
        drawn = [int(self.rng.integers(part.start, part.stop)) for part in parts(len(tracklet.paths), length)]
        return np.stack([augment(self.images[tracklet.paths[i]], self.rng, self._stranger) for i in drawn])

    def _stranger(self) -> Image:
        """Some crop of somebody, to stand in the way."""
        tracklets = self.people[int(self.rng.integers(len(self.people)))]
        paths = tracklets[int(self.rng.integers(len(tracklets)))].paths
        return self.images[paths[int(self.rng.integers(len(paths)))]]


def augment(image: Image, rng: np.random.Generator, stranger: Callable[[], Image]) -> Image:
    """What detectors, cameras and crowds do to a crop: flips, badly cut boxes, light, blur, people in front."""
    height, width = image.shape[:2]
    out: Any = image[:, ::-1] if rng.random() < 0.5 else image
    if rng.random() < 0.8:  # a badly cut box
        scale_x, scale_y = np.exp(rng.normal(0, 0.1, 2))
        shift_x, shift_y = rng.normal(0, 0.06, 2) * (width, height)
        matrix = np.array(
            [
                [scale_x, 0, (1 - scale_x) * width / 2 + shift_x],
                [0, scale_y, (1 - scale_y) * height / 2 + shift_y],
            ]
        )
        out = cv2.warpAffine(out, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < 0.25:  # small in the image, or out of focus
        small = (int(width * rng.uniform(0.3, 0.8)), int(height * rng.uniform(0.3, 0.8)))
        out = cv2.resize(cv2.resize(out, small, interpolation=cv2.INTER_AREA), (width, height))
    if rng.random() < 0.6:  # light and colour
        gain = rng.normal(1, 0.15) * rng.normal(1, 0.05, 3)
        out = np.clip(out * gain + rng.normal(0, 8), 0, 255)
    answer = np.array(out, dtype=np.uint8)
    if rng.random() < 0.4:  # somebody or something in front
        _cover(answer, rng, stranger)
    return answer


def _cover(image: Image, rng: np.random.Generator, stranger: Callable[[], Image]) -> None:
    """Cover up to half of a crop in place, with a piece of another crop or with one colour."""
    height, width = image.shape[:2]
    h, w = int(height * rng.uniform(0.2, 0.7)), int(width * rng.uniform(0.2, 0.6))
    top, left = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
    if rng.random() < 0.5:
        left = 0 if rng.random() < 0.5 else width - w  # people walk in from the side
        image[top : top + h, left : left + w] = stranger()[top : top + h, width - w - left : width - left]
    else:
        image[top : top + h, left : left + w] = rng.integers(0, 256, 3)
