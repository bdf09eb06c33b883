"""What READ has to beat: one vector a crop, be it a colour histogram or what another re-ID network makes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from readtrack.datasets.clips import ImageCache, scoring_clip
from readtrack.datasets.tracklets import ReidSplits
from readtrack.evaluation.reid.pairing import Stopwatch, blocks
from readtrack.images import Image
from readtrack.read.vectors import VectorNetwork, unit

Floats = NDArray[np.floating[Any]]

DESCRIBED_AT_ONCE = 64  # images


@dataclass(frozen=True)
class Baseline:
    """Compares crops by one vector each; a tracklet's is the mean of its images'."""

    name: str  # as it stands in tables
    size: tuple[int, int]  # height and width of the images that it wants
    describe: Callable[[Sequence[Image]], Floats]  # RGB images (H, W, 3) -> (N, D)
    finish: Callable[[Floats], Floats]  # what vectors, and means of vectors, (.., D) are put through before the product

    def similarity(self, queries: Floats, clips: Floats) -> Floats:
        """Inner products (N, M) of queries (N, D) with the means of clips (M, T, D)."""
        return np.asarray(self.finish(queries) @ self.finish(clips.mean(axis=1)).T)


def colours(height: int, width: int) -> Baseline:
    """Bhattacharyya similarity of HSV histograms, of the upper and the lower half: what any re-ID has to beat."""
    return Baseline("HSV histogram", (height, width), lambda images: np.stack([_histogram(i) for i in images]), np.sqrt)


def peer(file: str | Path) -> Baseline:
    """Another re-ID network, by the cosine of a crop's vector and the mean unit vector of a tracklet's images.

    Args:
        file: ONNX, as ``VectorNetwork`` takes it.

    Raises:
        InputError: the file is no such network.
    """
    network = VectorNetwork(file)
    network.vectors([np.zeros((*network.size, 3), np.uint8)])  # what makes no vectors is told at once
    return Baseline(Path(file).stem, network.size, network.vectors, unit)


def baseline_similarity(
    baseline: Baseline, splits: ReidSplits, images: ImageCache, length: int, watch: Stopwatch | None = None
) -> tuple[Floats, int]:
    """Similarities (N, M) of the same crops that READ is given, and how many images were described for them.

    Args:
        baseline: what compares.
        splits: whose ``query`` and ``gallery`` are compared.
        images: where crops come from, in the baseline's size.
        length: T, images of a gallery tracklet.
        watch: told the seconds of "reading" and "describing".

    Raises:
        InputError: an image cannot be read.
    """
    watch = watch or Stopwatch()
    queries = [query.paths[0] for query in splits.query]
    clips = [scoring_clip(gallery, length) for gallery in splits.gallery]
    files = list(dict.fromkeys(queries + [path for clip in clips for path in clip]))
    made = []
    for block in blocks(files, DESCRIBED_AT_ONCE):
        with watch("reading"):
            pixels = [images[path] for path in block]
        with watch("describing"):
            made.append(baseline.describe(pixels))
    vectors, row = np.concatenate(made), {path: i for i, path in enumerate(files)}
    still = vectors[[row[path] for path in queries]]
    return baseline.similarity(still, vectors[[[row[path] for path in clip] for clip in clips]]), len(files)


def _histogram(image: Image) -> Floats:
    """Hue x saturation x value histograms of both halves of an RGB crop, summing to 1."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    halves = np.array_split(hsv, 2)
    counts = [cv2.calcHist([half], [0, 1, 2], None, [16, 4, 4], [0, 180, 0, 256, 0, 256]).ravel() for half in halves]
    joined = np.concatenate(counts)
    return np.asarray(joined / joined.sum())
