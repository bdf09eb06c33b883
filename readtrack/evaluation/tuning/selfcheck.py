"""Self-check: how well people of a recording can be told apart, by its own pairs, without a ground truth.

Halves of unbroken tracklets are one person, people seen at once are two: the linking engine takes the level of READ's
answers from the latter, and both tell what is to be expected of it. They flatter: halves are seconds apart, in one
light, from one side.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from readtrack.evaluation.tuning.gathered import Gathered
from readtrack.linking.similarity import OwnPairs
from readtrack.metrics.calibration import auc
from readtrack.tracking import TrackerConfig

Floats = NDArray[np.float64]

FEWEST = 20  # pairs of either kind from which they tell something
CHANCE = 0.6  # AUC that the interval must leave behind for appearance to be of use
ABSENCES = (0.0, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)  # seconds
HALF = 0.5  # of the true pairs that must still convince
SHORT = 10.0  # seconds, of max_age where appearance decides nothing
BETWEEN = (0.0, 0.25, 0.5, 1.0, 2.0, math.inf)  # seconds between halves, by which they are told apart
SAMPLES = 1000  # of the bootstrap


@dataclass(frozen=True)
class Halves:
    """True pairs by the seconds between them."""

    low: float
    high: float
    pairs: int
    auc: float  # against all wrong pairs
    over_half: float  # share that READ calls likelier one than two


@dataclass(frozen=True)
class Away:
    """Who would be linked by appearance alone after an absence."""

    seconds: float
    true: float  # share of true pairs
    wrong: float  # share of wrong pairs
    mistaken: float  # of the others in the recording, so many would pass for somebody


@dataclass(frozen=True)
class Check:
    """What a recording's own pairs tell."""

    name: str
    people: int  # that the engine found
    same: int  # pairs
    different: int
    auc: float  # chance that READ finds a true pair likelier than a wrong one; NaN without either
    auc_low: float  # 95 % of the bootstrap over pairs
    auc_high: float
    true_over: float  # share of true pairs of a probability over 0.5, by READ alone
    wrong_over: float
    true_made: float  # the same of what the engine makes of it
    wrong_made: float
    halves: list[Halves]
    away: list[Away]
    verdict: str  # too few, alike, clear
    settings: dict[str, float]  # that follow, by name


def check(gathered: Gathered, config: TrackerConfig) -> Check:
    """What the pairs of a recording tell, found by settings whose ``start_confidence`` it was gathered for."""
    linked, people = gathered.link(config)
    own, count = linked.own, len(np.unique(people.ids[~people.dropped]))
    times = [gathered.crop_times(config.start_confidence, tracklet) for tracklet in own.same.tolist()]
    between = np.array([each[len(each) // 2] - each[len(each) // 2 - 1] for each in times])
    return of_pairs(gathered.name, own, between, count, config)


def of_pairs(name: str, own: OwnPairs, between: Floats, people: int, config: TrackerConfig) -> Check:
    """The same of a recording's pairs.

    Args:
        name: of the recording.
        own: its pairs.
        between: seconds between the halves (S,).
        people: in the recording.
        config: settings by which absences are judged.
    """
    true, wrong = own.said_of_same, own.said_of_different
    low, high = _interval(true, wrong)
    away = [_away(seconds, own, people, config) for seconds in ABSENCES]
    few = min(len(true), len(wrong)) < FEWEST
    usable = [one.seconds for one in away if one.true >= max(HALF, one.mistaken)]
    clear = low > CHANCE and bool(usable)
    verdict = "too few" if few else "clear" if clear else "alike"
    return Check(
        name=name,
        people=people,
        same=len(true),
        different=len(wrong),
        auc=auc(true, wrong),
        auc_low=low,
        auc_high=high,
        true_over=_share(true),
        wrong_over=_share(wrong),
        true_made=_share(own.made_of_same),
        wrong_made=_share(own.made_of_different),
        halves=_by_gap(true, wrong, between),
        away=away,
        verdict=verdict,
        settings={} if few else {"max_age": max(usable) if clear else SHORT},
    )


def _away(seconds: float, own: OwnPairs, people: int, config: TrackerConfig) -> Away:
    """Who would be linked after so long, where neither motion nor anybody else speaks for or against it."""
    needed = (config.gap_penalty * math.log1p(seconds) - config.prior) / max(config.appearance_weight, 1e-9)
    true, wrong = _share(own.made_of_same, needed), _share(own.made_of_different, needed)
    return Away(seconds, true, wrong, max(people - 1, 0) * wrong)


def _share(values: Floats, bar: float = 0.0) -> float:
    """Share of values over a bar; NaN of none."""
    return float((values > bar).mean()) if len(values) else float("nan")


def _by_gap(true: Floats, wrong: Floats, between: Floats) -> list[Halves]:
    """True pairs by the seconds between them."""
    found = []
    for low, high in zip(BETWEEN, BETWEEN[1:], strict=False):
        own = true[(between >= low) & (between < high)]
        if len(own):
            found.append(Halves(low, high, len(own), auc(own, wrong), _share(own)))
    return found


def _interval(true: Floats, wrong: Floats) -> tuple[float, float]:
    """Between which values 95 % of the bootstrap's AUC lie."""
    if not len(true) or not len(wrong):
        return float("nan"), float("nan")
    rng = np.random.default_rng(0)
    found: Sequence[float] = [auc(rng.choice(true, len(true)), rng.choice(wrong, len(wrong))) for _ in range(SAMPLES)]
    low, high = np.quantile(found, (0.025, 0.975)).tolist()
    return low, high
