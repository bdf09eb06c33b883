"""Logits to probabilities that mean something: Platt's sigmoid at a stated prior, and how far it is off."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from readtrack.odds import logistic

Floats = NDArray[np.floating[Any]]


def fit_sigmoid(
    logits: Floats, same: NDArray[np.bool_], prior: float, group: NDArray[np.int64] | None = None
) -> tuple[float, float]:
    """Scale and offset such that sigmoid(scale * logit + offset) is the probability of "the same person".

    Args:
        logits: the network's answers (K,).
        same: whether each pair shows one person (K,); both kinds must occur.
        prior: the share of positives where the probabilities will be used, in (0, 1).
        group: of each pair (K,), from 0; groups weigh the same, each at the prior. None is one group.
    """
    from sklearn.linear_model import LogisticRegression

    weights = _weights(same, prior)
    if group is not None:
        for one in range(int(group.max()) + 1):
            weights[group == one] = _weights(same[group == one], prior)
        weights /= weights.sum()
    fit = LogisticRegression(C=1e4).fit(logits.reshape(-1, 1), same, sample_weight=weights * len(same))
    return float(fit.coef_[0, 0]), float(fit.intercept_[0])


def sigmoid(logits: Floats, scale: float, offset: float) -> Floats:
    """Probabilities of logits of any shape, by what ``fit_sigmoid`` found."""
    return logistic(scale * logits + offset)


def reliability_curve(
    probability: Floats, same: NDArray[np.bool_], prior: float, bins: int = 15
) -> list[dict[str, float]]:
    """What is said against what is found, over bins of equal width; empty bins are left out.

    Args:
        probability: (K,) in [0, 1].
        same: whether each pair shows one person (K,).
        prior: as given to ``fit_sigmoid``; pairs are weighed to match it.
        bins: over [0, 1].

    Returns:
        For each bin its edges "low" and "high", the mean of "stated" probabilities and the share "found" to be one
        person, both of weighed pairs, its "weight" (they sum to 1), and the plain counts "true" and "wrong".
    """
    weights = _weights(same, prior)
    place = np.clip((probability * bins).astype(int), 0, bins - 1)
    weight, stated, found = (np.bincount(place, weights * values, bins) for values in (1, probability, same))
    true, wrong = (np.bincount(place[kind], minlength=bins) for kind in (same, ~same))
    return [
        {
            "low": i / bins,
            "high": (i + 1) / bins,
            "stated": float(stated[i] / weight[i]),
            "found": float(found[i] / weight[i]),
            "weight": float(weight[i]),
            "true": int(true[i]),
            "wrong": int(wrong[i]),
        }
        for i in np.flatnonzero(weight).tolist()
    ]


def calibration_error(probability: Floats, same: NDArray[np.bool_], prior: float, bins: int = 15) -> float:
    """Expected calibration error in [0, 1]: mean gap of stated and found share over bins, as ``reliability_curve``."""
    curve = reliability_curve(probability, same, prior, bins)
    return sum(row["weight"] * abs(row["stated"] - row["found"]) for row in curve)


def auc(true: Floats, wrong: Floats) -> float:
    """Chance that one of the true scores is higher than one of the wrong ones, half a chance where they are equal.

    NaN without either.
    """
    if not len(true) or not len(wrong):
        return float("nan")
    ordered = np.sort(wrong)
    below = np.searchsorted(ordered, true, "left") + np.searchsorted(ordered, true, "right")
    return float(below.mean() / (2 * len(wrong)))


def _weights(same: NDArray[np.bool_], prior: float) -> Floats:
    """Weights (K,) that sum to 1, positives to the prior."""
    weights: Floats = np.where(same, prior / max(same.sum(), 1), (1 - prior) / max((~same).sum(), 1))
    return weights
