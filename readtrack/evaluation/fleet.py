"""How long linking takes over many recordings, and what it needs, on drawn tracklets."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from readtrack.errors import InputError
from readtrack.evaluation.openset import pairs
from readtrack.evaluation.playback import Progress
from readtrack.fleet.candidates import Reach, Seen, candidates
from readtrack.fleet.linking import link_tracklets

DIMENSION = 96  # of vectors
VISITS = 4  # tracklets of a person, each in another recording
BUSY = 30.0  # tracklets that begin in a minute, over all cameras
CAMERAS = 50
LASTING = 20.0  # seconds that somebody is seen
AWAY = 600.0  # seconds between somebody's tracklets, about
RECORDING = 3600.0  # seconds of a recording
ALIKE = 0.5  # share of vectors that all people have in common
NOISE = 0.6  # of a person's vectors, beside what is their own
SAME, DIFFERENT = (6.7, 2.1), (-3.1, 2.4)  # log odds that the judge gives, mean and standard deviation: what a
# read-s said of Market-1501's people over cameras, of whom only those that resemble each other are compared
MOST = 12  # compared with each


@dataclass(frozen=True)
class FleetSpeed:
    """Of so many tracklets; seconds are of the processor: other work beside it counts little."""

    tracklets: int
    within: float  # hours in which somebody is looked for
    possible: float  # others that each may be, in the mean
    pairs: int  # that are judged
    found: float  # share of the true pairs that follow each other which are among them
    choosing: float  # seconds until the pairs are known
    linking: float  # seconds after they were judged
    megabytes: float  # most memory of the process so far
    precision: float  # share of pairs of tracklets put together that are one person
    recall: float  # share of pairs of one person put together


def evaluate_fleet(
    tracklets: Sequence[int],
    within: Sequence[float] = (1.0, float("inf")),
    seed: int = 0,
    progress: Progress = lambda done, total: None,
) -> list[FleetSpeed]:
    """Draw people who pass from recording to recording, and link them; a drawn judge takes no time.

    Args:
        tracklets: of each fleet, the smaller first.
        within: hours in which somebody is looked for.
        seed: of who is drawn.
        progress: told how many fleets are linked, and of how many.

    Raises:
        InputError: a number of tracklets below 2, or hours that are not above 0.
    """
    if not tracklets or min(tracklets) < 2 or not within or not min(within) > 0:
        raise InputError(f"fleets of {tuple(tracklets)} tracklets within {tuple(within)} hours: from 2 on, above 0")
    rows: list[FleetSpeed] = []
    progress(0, len(tracklets) * len(within))
    for count in sorted(tracklets):
        for hours in within:
            rows.append(_linked(count, hours, seed))
            progress(len(rows), len(tracklets) * len(within))
    return rows


def _linked(count: int, hours: float, seed: int) -> FleetSpeed:
    """One fleet."""
    rng, reach = np.random.default_rng(seed), Reach(3600 * hours)
    seen, truth = draw(count, rng)
    began = time.process_time()
    first, second = candidates(seen, reach, MOST)
    chosen = time.process_time()
    same = (truth[first] == truth[second])[:, None]
    odds = rng.normal(*np.where(same, SAME, DIFFERENT).T)
    before_linking = time.process_time()
    who, _ = link_tracklets(seen, reach, first, second, odds, np.arange(count), np.zeros(count, dtype=bool))
    linked = time.process_time()
    order = np.lexsort((seen.first, truth))
    follows = truth[order[1:]] == truth[order[:-1]]
    ends = np.sort(np.stack([order[:-1][follows], order[1:][follows]]), axis=0)
    together, right, true = pairs(who), pairs(who * (count + 1) + truth), pairs(truth)
    return FleetSpeed(
        count,
        hours,
        float(reach.count(seen).mean()),
        len(first),
        float(np.isin(ends[0] * count + ends[1], first * count + second).mean()) if follows.any() else 1.0,
        chosen - began,
        linked - before_linking,
        _megabytes(),
        right / max(together, 1),
        right / max(true, 1),
    )


def draw(count: int, rng: np.random.Generator) -> tuple[Seen, NDArray[np.int64]]:
    """So many tracklets, and whose each is (N,)."""
    truth = np.arange(count) // VISITS
    people = int(truth[-1]) + 1
    begin = rng.uniform(0, 60 * count / BUSY, people)[truth] + (np.arange(count) % VISITS) * rng.uniform(
        0.5 * AWAY, 1.5 * AWAY, count
    )
    camera = (rng.integers(0, CAMERAS, people)[truth] + np.arange(count) % VISITS) % CAMERAS
    _, recording = np.unique(np.stack([camera, begin // RECORDING]), axis=1, return_inverse=True)
    common = rng.normal(size=DIMENSION)
    own = rng.normal(size=(people, DIMENSION)).astype(np.float32)
    vectors = own[truth] + NOISE * rng.normal(size=(count, DIMENSION)).astype(np.float32)
    vectors = np.sqrt(1 - ALIKE) * vectors + np.sqrt(ALIKE) * common.astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    seen = Seen(vectors.astype(np.float32), recording.reshape(-1).astype(np.int64), begin, begin + LASTING)
    return seen, truth.astype(np.int64)


def _megabytes() -> float:
    """Most memory of this process so far; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / 1e6 if sys.platform == "darwin" else size / 1e3
