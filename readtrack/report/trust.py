"""How far a run can be trusted: its decisions by probability, and what READ says of the recording's own pairs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from readtrack.metrics.calibration import auc
from readtrack.report.people import sureness
from readtrack.results import Decision

BINS = 10
EDGE, STEP = 8, 1  # log odds at which the spread of pairs ends, and of one of its bins


@dataclass(frozen=True)
class Bar:
    """A bin of the decisions' probabilities."""

    low: float
    count: int
    height: float  # of 100
    kind: str


def bars_of(decisions: list[Decision]) -> list[Bar]:
    """How many decisions were made at which probability."""
    counts = np.histogram([one.probability for one in decisions], BINS, (0, 1))[0].tolist()
    most = max(1, *counts)
    bars = []
    for place, many in enumerate(counts):
        low = place / BINS
        bars.append(Bar(low, many, round(100 * many / most, 1), sureness(low + 0.5 / BINS)))
    return bars


@dataclass(frozen=True)
class PairBar:
    """Pairs of log odds in a bin."""

    low: float  # log odds
    same: int
    different: int
    up: float  # of 100
    down: float


@dataclass(frozen=True)
class Spread:
    """Pairs by what somebody makes of them; shares are in [0, 1]."""

    title: str
    bars: list[PairBar]
    same_over: float  # share of true pairs of a probability over 0.5
    different_over: float


@dataclass(frozen=True)
class Pairs:
    """The recording's own pairs whose answer is known."""

    same: int
    different: int
    auc: float  # chance that READ finds a true pair likelier than a wrong one
    spreads: list[Spread]  # by READ alone, and as the engine takes it


def pairs_of(about: dict[str, Any]) -> Pairs | None:
    """Those that summary.json tells of; None without any of either kind."""
    told = about.get("own_pairs") or {}
    names = ("said_of_same", "said_of_different", "made_of_same", "made_of_different")
    said_same, said_different, made_same, made_different = (
        np.asarray(told.get(name, ()), dtype=np.float64) for name in names
    )
    if not min(map(len, (said_same, said_different, made_same, made_different))):
        return None
    return Pairs(
        same=len(said_same),
        different=len(said_different),
        auc=auc(said_same, said_different),
        spreads=[
            _spread("by READ alone", said_same, said_different),
            _spread("as the engine takes it", made_same, made_different),
        ],
    )


def _spread(title: str, same: NDArray[np.float64], different: NDArray[np.float64]) -> Spread:
    """Shares of pairs in bins of log odds; what lies beyond the last ones counts in them."""
    edges = np.arange(-EDGE, EDGE + STEP, STEP)
    counts = [np.histogram(values.clip(-EDGE, EDGE), edges)[0] for values in (same, different)]
    shares = [count / count.sum() for count in counts]
    most = max(float(share.max()) for share in shares)
    bars = [
        PairBar(
            float(low), int(up), int(down), round(100 * float(upper / most), 1), round(100 * float(lower / most), 1)
        )
        for low, up, down, upper, lower in zip(edges[:-1], *counts, *shares, strict=True)
    ]
    return Spread(title, bars, float((same > 0).mean()), float((different > 0).mean()))
