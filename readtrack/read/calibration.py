"""Logits to probabilities that mean something: Platt's sigmoid at a stated prior, and how far it is off."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


def fit_sigmoid(logits: Floats, same: NDArray[np.bool_], prior: float) -> tuple[float, float]:
    """Scale and offset such that sigmoid(scale * logit + offset) is the probability of "the same person".

    Args:
        logits: the network's answers (K,).
        same: whether each pair shows one person (K,); both kinds must occur.
        prior: the share of positives where the probabilities will be used, in (0, 1).
    """
    from sklearn.linear_model import LogisticRegression

    weights = _weights(same, prior)
    fit = LogisticRegression(C=1e4).fit(logits.reshape(-1, 1), same, sample_weight=weights * len(same))
    return float(fit.coef_[0, 0]), float(fit.intercept_[0])


def calibration_error(probability: Floats, same: NDArray[np.bool_], prior: float, bins: int = 15) -> float:
    """Expected calibration error in [0, 1]: mean gap of stated and found share over bins of equal width.

    Args:
        probability: (K,) in [0, 1].
        same: whether each pair shows one person (K,).
        prior: as given to ``fit_sigmoid``; pairs are weighed to match it.
        bins: over [0, 1].
    """
    weights = _weights(same, prior)
    place = np.minimum((probability * bins).astype(int), bins - 1)
    gaps = np.bincount(place, weights * (probability - same), bins)
    return float(np.abs(gaps).sum())


def _weights(same: NDArray[np.bool_], prior: float) -> Floats:
    """Weights (K,) that sum to 1, positives to the prior."""
    return np.where(same, prior / max(same.sum(), 1), (1 - prior) / max((~same).sum(), 1))
