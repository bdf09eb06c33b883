"""How long trackers take for crowds: boxes alone, of so many people who walk about."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import supervision as sv
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from readtrack.errors import InputError
from readtrack.evaluation.peers.peer import HostError, Setup
from readtrack.evaluation.peers.registry import make, pick, unable
from readtrack.tracking import Reassignment

FPS = 25.0
DENSITY = 0.2  # share of the image that boxes would cover side by side
HEIGHTS = (30.0, 90.0)  # of people, in pixels
PACE = 0.5  # standard deviation of how fast they walk, in heights per second each way
NOISE = 0.03  # of a box's sides, in heights
MISSED = 0.05  # share of boxes that nobody detects
WARM = 2  # frames that are not timed


@dataclass(frozen=True)
class CrowdSpeed:
    """Of one tracker and one crowd, in milliseconds of the processor: other work beside it counts little."""

    people: int
    tracker: str
    mean: float
    median: float
    slowest: float
    frames: int  # that were timed: fewer where the time was up
    idf1: float  # of the boxes handed in: who was given which id


@dataclass(frozen=True)
class CrowdReport:
    """All of it, and why somebody is missing."""

    rows: list[CrowdSpeed]
    left_out: dict[str, str]


def crowd(people: int, frames: int, seed: int = 0) -> Iterator[sv.Detections]:
    """Boxes of so many people in so many frames: they walk through each other, some are missed."""
    rng = np.random.default_rng(seed)
    height = rng.uniform(*HEIGHTS, people)
    side = np.sqrt((0.4 * height**2).sum() / DENSITY)  # of the image, as large as it takes
    place = rng.uniform(0, side, (people, 2))
    pace = rng.normal(0, PACE, (people, 2)) * height[:, None] / FPS
    half = np.stack([0.2 * height, 0.5 * height], axis=1)
    confidence = rng.uniform(0.55, 0.95, people)
    for _ in range(frames):
        place += pace
        pace = np.where((place < 0) | (place > side), -pace, pace)
        centre = place + rng.normal(0, NOISE, (people, 2)) * height[:, None]
        seen = rng.random(people) >= MISSED
        xyxy = np.concatenate([centre - half, centre + half], axis=1)[seen]
        found = sv.Detections(xyxy, confidence=confidence[seen], class_id=np.zeros(len(xyxy), int))
        found.data["person"] = np.flatnonzero(seen)
        yield found


class Ids:
    """Which box was given which id, also later."""

    def __init__(self) -> None:
        """Begin with none."""
        self._people: list[NDArray[np.int64]] = []
        self._ids: list[NDArray[np.int64]] = []
        self._row: list[dict[bytes, int]] = []  # of each frame's boxes

    def add(self, found: sv.Detections, answer: sv.Detections, late: Sequence[Reassignment]) -> None:
        """Take a frame, and what is told of earlier ones."""
        assert answer.tracker_id is not None
        self._people.append(np.asarray(found.data["person"]))
        self._ids.append(np.array(answer.tracker_id, np.int64))
        self._row.append({box.tobytes(): row for row, box in enumerate(found.xyxy)})
        for one in late:
            if not one.filled:
                self._ids[one.frame][self._row[one.frame][one.xyxy.tobytes()]] = one.track

    @property
    def idf1(self) -> float:
        """Of all boxes."""
        people, ids = np.concatenate(self._people), np.concatenate(self._ids)
        given = ids > 0
        known, number = np.unique(ids[given], return_inverse=True)
        counts = np.zeros((int(people.max()) + 1, len(known)))
        np.add.at(counts, (people[given], number), 1)
        matched = counts[linear_sum_assignment(counts, maximize=True)].sum()
        return float(2 * matched / (len(ids) + given.sum()))


def evaluate_crowds(
    people: Sequence[int],
    frames: int,
    trackers: Sequence[str],
    seconds: float = 600.0,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> CrowdReport:
    """Time trackers, by their names among the peers, on crowds.

    Args:
        people: of each crowd.
        frames: of each.
        trackers: who is timed.
        seconds: after which a tracker need not go on with a crowd.
        seed: of the crowds.
        progress: told how many frames are done, and of how many.

    Raises:
        InputError: a host that is installed cannot be used.
    """
    pick(trackers)
    left_out = {name: why for name in trackers if (why := unable(name, False, False)) is not None}
    able = [name for name in trackers if name not in left_out]
    if min(people, default=0) < 1 or frames <= WARM:
        raise InputError(f"crowds of {list(people)} in {frames} frames: give people, and {WARM + 1} frames or more")
    done, total, rows = 0, len(people) * len(able) * frames, []
    progress(0, total)
    for count in people:
        for name in able:
            tracker, spent, ids = make(name, Setup(FPS, False)), [], Ids()
            for found in crowd(count, frames, seed):
                begun = time.process_time()
                try:
                    answer = tracker.update(found, None)
                except HostError as error:
                    left_out[name] = str(error)
                    break
                spent.append(time.process_time() - begun)
                ids.add(found, answer, tracker.reassignments)
                progress(done + len(spent), total)
                if sum(spent) > seconds:
                    break
            done += frames
            if len(spent) > WARM:
                told = 1e3 * np.array(spent[WARM:])
                speed = (float(told.mean()), float(np.median(told)), float(told.max()))
                rows.append(CrowdSpeed(count, name, *speed, len(told), ids.idf1))
    progress(total, total)
    return CrowdReport(rows, left_out)
