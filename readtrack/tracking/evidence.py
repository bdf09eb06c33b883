"""Log-odds arithmetic: what several of READ's judgements say together of who somebody is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from readtrack.boxes import Floats

FLOOR = 1e-4  # probability below which, and above 1 minus which, READ is no surer
OBSERVATION_CORRELATION = 2 / 3  # of READ's log odds of two crops of one person, from 145 returns on synthetic streets


def log_odds(probability: Floats) -> Floats:
    """How much likelier "same" is than "different", as a logarithm; within +-9.21, whatever the probability."""
    inside = np.clip(probability, FLOOR, 1 - FLOOR)
    return np.asarray(np.log(inside / (1 - inside)))


LIMIT = float(-log_odds(np.zeros(())))  # of log odds of one crop


def bounded(odds: Floats) -> Floats:
    """Log odds of any shape as ``log_odds`` gives them: never surer than READ can be from one crop."""
    return np.clip(odds, -LIMIT, LIMIT)


def pool_log_odds(observations: Sequence[float] | None) -> float:
    """Log odds of several crops of one person together; minus infinity without any.

    Their mean (paper Eq. 3) times the number n / (1 + (n - 1) OBSERVATION_CORRELATION) of independent ones that these
    n are worth.
    """
    if not observations:
        return -np.inf
    return float(np.mean(observations)) * float(worth(np.array(len(observations))))


def worth(count: NDArray[np.integer[Any]]) -> Floats:
    """How many independent crops so many of one person, of any shape, are worth."""
    return np.asarray(count / (1 + (count - 1) * OBSERVATION_CORRELATION))


def posterior(odds: Floats, possible: int | None = None) -> Floats:
    """Probability that each of N tracks is each of M people (N, M), where it may also be nobody among them.

    Beforehand it is as likely nobody among them as any of those who are possible, however many there are.

    Args:
        odds: log odds of each pair (N, M); minus infinity where it is impossible or unknown.
        possible: how many people are, with those of whom it is as good as sure that they are not; None: those of
            finite log odds.
    """
    weight = np.exp(odds)
    nobody = np.maximum(np.isfinite(odds).sum(axis=1, keepdims=True) if possible is None else possible, 1)
    return np.asarray(weight / (nobody + weight.sum(axis=1, keepdims=True)))
