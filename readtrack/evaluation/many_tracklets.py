"""How long linking takes, and how much memory, by how many tracklets there are: people who come and go all day."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from readtrack.errors import InputError
from readtrack.gathering import CROPS, Seen
from readtrack.judging import Place
from readtrack.linker import Linker
from readtrack.read.crops import Crop
from readtrack.read.matcher import Matcher
from readtrack.recorded import Recorded

Floats = NDArray[np.float64]

FPS = 25.0
SIZE = (1920, 1080)
THERE = 10  # people at once, on average
STAY = 40.0  # seconds that somebody is there
SEEN = 1.2  # seconds of a tracklet, on average
UNSEEN = 0.6  # seconds between two of them
HEIGHT = 200.0  # pixels
PACE = 0.3  # heights a second
NOISE = 0.02  # of a box, in heights
LIKENESS = 0.7  # share of how somebody looks that stays from crop to crop
WRITTEN = 1000  # frames at once


@dataclass(frozen=True)
class LinkingCost:
    """Of one number of tracklets."""

    tracklets: int
    minutes: float  # of the recording
    boxes: int
    people: int  # who were there
    found: int  # who were found
    seconds: float  # of the processor, that linking took
    megabytes: float  # most memory of the process so far, PyTorch or ONNX Runtime among it
    on_disk: float  # megabytes of what was recorded
    right: float  # of neighbouring tracklets of a person, the share that was linked
    wrong: float  # of neighbouring tracklets of who was found, the share that is not one person's


def evaluate_linking(
    tracklets: Sequence[int],
    matcher: Matcher | None,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[LinkingCost]:
    """Link ever more tracklets. Features are random, each person's like themselves, so that times are right only.

    Args:
        tracklets: how many each time, ascending, since memory that was taken is seldom given back.
        matcher: what compares crops; None goes by boxes alone.
        seed: of people.
        progress: told how often it was done, and of how often.

    Raises:
        InputError: the numbers do not ascend.
    """
    if not tracklets or min(tracklets) < 1 or list(tracklets) != sorted(tracklets):
        raise InputError(f"tracklets {list(tracklets)}: give numbers from 1 that ascend", "tracklets")
    rows = []
    for done, count in enumerate(tracklets):
        progress(done, len(tracklets))
        with TemporaryDirectory() as folder:
            rows.append(_cost(count, matcher, Path(folder) / "tracklets.sqlite", seed))
    progress(len(tracklets), len(tracklets))
    return rows


def _cost(count: int, matcher: Matcher | None, path: Path, seed: int) -> LinkingCost:
    """Of so many tracklets."""
    recorded = Recorded(path, matcher)
    recorded.note(fps=FPS, size=SIZE, timed=False)
    person, boxes, frames = _fill(recorded, count, matcher, np.random.default_rng(seed))
    begun = time.process_time()
    found = Linker(recorded).finish_people()[1].people
    spent = time.process_time() - begun
    recorded.close()
    pairs, linked = _neighbours(person), _neighbours(found)
    right = float((found[pairs[:, 0]] == found[pairs[:, 1]]).mean()) if len(pairs) else float("nan")
    wrong = float((person[linked[:, 0]] != person[linked[:, 1]]).mean()) if len(linked) else float("nan")
    people = (len(np.unique(person)), len(np.unique(found)))
    size = path.stat().st_size / 2**20
    return LinkingCost(count, frames / FPS / 60, boxes, *people, spent, peak_megabytes(), size, right, wrong)


def _neighbours(person: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pairs (P, 2) of tracklets that follow each other in one person's life; tracklets are in the order of time."""
    order = np.argsort(person, kind="stable")
    return np.asarray(np.stack([order[:-1], order[1:]], axis=1)[np.diff(person[order]) == 0])


def _fill(
    recorded: Recorded, count: int, matcher: Matcher | None, rng: np.random.Generator
) -> tuple[NDArray[np.int64], int, int]:
    """Record tracklets; returns whose each is, the number of boxes and that of frames."""
    lives = _lives(count, rng)
    looks: dict[int, NDArray[np.float32]] = {}
    open_: dict[int, int] = {}  # tracklets that go on, and their last frame
    following, boxes, frame = 0, 0, 0
    kept: dict[int, list[Place]] = {}
    while following < count or open_:
        while following < count and lives[following][1] <= frame:
            open_[following] = lives[following][2]
            if matcher is not None:
                kept[following] = _places(lives[following], looks, matcher, rng)
            following += 1
        there = np.array(sorted(open_), dtype=np.int64)
        xyxy = np.array([_box(lives[one], frame, rng) for one in there.tolist()]).reshape(-1, 4)
        recorded.see(Seen(frame, frame / FPS, there, xyxy, np.full(len(there), 0.9), there, None), frame)
        boxes += len(there)
        open_ = {one: last for one, last in open_.items() if last > frame}
        frame += 1
        if frame % WRITTEN == 0:
            recorded.keep(kept)
            kept = {}
    recorded.keep(kept)
    return np.array([life[0] for life in lives]), boxes, frame


Life = tuple[
    int, int, int, float, float, float
]  # of a tracklet: person, first and last frame, place x, y, pace in pixels


def _lives(count: int, rng: np.random.Generator) -> list[Life]:
    """Tracklets in the order of their beginning."""
    found: list[Life] = []
    person, arrival = 0, 0.0
    while len(found) < count or arrival * FPS < sorted(life[1] for life in found)[count - 1]:
        x, y, pace = (
            rng.uniform(100, SIZE[0] - 100),
            rng.uniform(300, SIZE[1] - 150),
            rng.normal(0, PACE) * HEIGHT / FPS,
        )
        now, left = arrival, arrival + rng.exponential(STAY)
        while True:
            last = now + rng.exponential(SEEN)
            frames = round(now * FPS), round(last * FPS)
            found.append((person, *frames, x + pace * (frames[0] - arrival * FPS), y, pace))
            now = last + 2 / FPS + rng.exponential(UNSEEN)
            if now > left:
                break
        person, arrival = person + 1, arrival + rng.exponential(STAY / THERE)
    return sorted(found, key=lambda life: life[1])[:count]


def _box(life: Life, frame: int, rng: np.random.Generator) -> Floats:
    """Where somebody is; who comes to an edge of the image turns round."""
    _, first, _, x, y, pace = life
    wide = SIZE[0] - 200
    along = (x - 100 + pace * (frame - first)) % (2 * wide)
    middle = 100 + (along if along < wide else 2 * wide - along)
    noise = rng.normal(0, NOISE * HEIGHT, 4)
    half = HEIGHT / 2
    return np.array([middle - 0.4 * half, y - half, middle + 0.4 * half, y + half]) + noise


def _places(
    life: Life, looks: dict[int, NDArray[np.float32]], matcher: Matcher, rng: np.random.Generator
) -> list[Place]:
    """Crops of a tracklet."""
    person, first, last, *_ = life
    shape = (matcher.config.positions, matcher.config.channels)
    if person not in looks:
        looks[person] = rng.random(shape, np.float32)
        looks.pop(person - 20 * THERE, None)
    frames = np.unique(np.linspace(first, last, CROPS).astype(int))
    noise = rng.random((len(frames), *shape), np.float32)
    features = LIKENESS * looks[person] + (1 - LIKENESS) * noise
    crops = [Crop(None, matcher.network.array(values)) for values in features]
    return [Place(int(frame), np.zeros(4), crop) for frame, crop in zip(frames, crops, strict=True)]


def peak_megabytes() -> float:
    """The most memory that the process had so far; not a number where nothing tells."""
    if sys.platform == "win32":
        return float("nan")
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
