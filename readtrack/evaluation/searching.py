"""How long a search takes in galleries of many tracklets, and what they weigh."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from readtrack.errors import InputError
from readtrack.evaluation.playback import Progress, counting
from readtrack.gallery import Gallery
from readtrack.gallery.entries import jpeg_of, mean
from readtrack.gallery.store import Entry
from readtrack.images import Image
from readtrack.read.matcher import Matcher

LOOKS = 200  # crops whose features all tracklets are made of
CROPS = 4  # of a tracklet
AT_ONCE = 5000  # tracklets that are written in one go
SIZE = (128, 64)  # of a crop, in pixels


@dataclass(frozen=True)
class Searches:
    """In a gallery of so many tracklets, each of somebody else; medians, in milliseconds."""

    tracklets: int
    megabytes: float  # on disk
    opened: float  # until the first answer, in seconds
    wall: dict[int, float]  # of a search, by the number of its crops
    processor: dict[int, float]  # the same, of the processor: other work beside it counts little


def evaluate_searching(
    tracklets: Sequence[int],
    searches: int = 50,
    weights: str = "read-s",
    device: str | None = None,
    threads: int | None = None,
    seed: int = 0,
    progress: Progress = lambda done, total: None,
) -> list[Searches]:
    """Fill galleries with features of random pictures, and search.

    Args:
        tracklets: of each gallery, 4 crops each; 50 MB for a thousand while it lasts.
        searches: of each kind.
        weights: READ's: a shipped name or a file.
        device: where READ runs.
        threads: of READ, on a CPU; None takes one for each core.
        seed: of the pictures.
        progress: told how many searches are done, and of how many.

    Raises:
        InputError: a number is below 1, weights or device cannot be used, or the disk is full.
    """
    if min(*tracklets, searches, 1) < 1:
        raise InputError(f"galleries of {tuple(tracklets)} tracklets, {searches} searches: at least 1 each")
    matcher, rng = Matcher.load(weights, device, threads=threads), np.random.default_rng(seed)
    patches = rng.integers(0, 256, (LOOKS, 8, 4, 3), dtype=np.uint8)
    looks = list(patches.repeat(SIZE[0] // 8, axis=1).repeat(SIZE[1] // 4, axis=2))
    report = counting(progress, 2 * searches * len(tracklets))
    found = []
    for count in tracklets:
        with TemporaryDirectory() as folder:
            with Gallery(folder, matcher) as gallery:
                _fill(gallery, looks, count, rng)
            megabytes = sum(file.stat().st_size for file in Path(folder).iterdir()) / 1e6
            with Gallery(folder, matcher) as gallery:
                started = time.perf_counter()
                gallery.find(looks[:1])
                opened = time.perf_counter() - started
                wall: dict[int, float] = {}
                processor: dict[int, float] = {}
                for crops in (1, CROPS):
                    times = []
                    for _ in range(searches):
                        asked = [looks[place] for place in rng.integers(0, LOOKS, crops)]
                        began = time.perf_counter(), time.process_time()
                        gallery.find(asked)
                        times.append((time.perf_counter() - began[0], time.process_time() - began[1]))
                        report()
                    wall[crops], processor[crops] = (1000 * median(column) for column in zip(*times, strict=True))
            found.append(Searches(count, megabytes, opened, wall, processor))
    return found


def _fill(gallery: Gallery, looks: list[Image], count: int, rng: np.random.Generator) -> None:
    """Enrol so many people of one tracklet each."""
    matcher = gallery.matcher
    assert matcher is not None
    crops = matcher.crops(looks)
    features, vectors, jpegs = matcher.features(crops), matcher.vectors(crops), [jpeg_of(look) for look in looks]
    for start in range(0, count, AT_ONCE):
        with gallery.store.transaction():
            for _ in range(start, min(start + AT_ONCE, count)):
                own = rng.integers(0, LOOKS, CROPS).tolist()
                vector = mean(vectors[own] + rng.normal(0, 0.02, vectors[own].shape).astype(np.float32))
                entry = Entry("drawn", 0.0, 1.0, vector, [features[i] for i in own], [jpegs[i] for i in own])
                gallery.store.add(gallery.store.add_person(None), entry)
