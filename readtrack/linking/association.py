"""Linking: which tracks are one person, weighed against all others that either might be."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

ROUNDS = 200  # of messages, at most
STILL = 1e-7  # change of messages from which they have settled
FAINT = 1e-3  # weight below which a link is no rival


def marginals(odds: Floats, conflict: Mask) -> Floats:
    """Probability (N, N) that two tracks are one person, over all ways to link tracks; symmetric.

    A way to link weighs the product of its links' odds. A track that is linked with one cannot be linked with another
    one as well, as far as these two are somebody else: wholly, where they are in conflict, and hardly, where they
    resemble each other and the three are likely one person. The sum over all ways is taken by belief propagation on
    matchings (Bayati et al. 2007, "Simple deterministic approximation algorithms for counting matchings").

    Args:
        odds: log odds of two of N tracks being one person (N, N), symmetric; minus infinity where that is impossible
            or unknown.
        conflict: where it is known to be impossible (N, N).
    """
    count = len(odds)
    weight = np.exp(odds)
    alike = np.where(np.isfinite(odds), weight, np.where(conflict, 0.0, 1.0))
    rivals = [np.flatnonzero(row > FAINT) for row in weight]
    exclusive = []
    for i, near in enumerate(rivals):
        shut = 1 / (1 + weight[i, near] * alike[np.ix_(near, near)])
        np.fill_diagonal(shut, 0)
        exclusive.append(shut * weight[i, near])
    free = np.ones((count, count))  # how free the first is for the second, by what its rivals offer
    for _ in range(ROUNDS):
        change = 0.0
        before = free.copy()
        for i, near in enumerate(rivals):
            new = 1 / (1 + exclusive[i] @ before[near, i])
            free[i, near] = (before[i, near] + new) / 2  # by halves, or they would swing
            change = max(change, float(np.abs(new - before[i, near]).max(initial=0)))
        if change < STILL:
            break
    told = weight * free * free.T
    return np.asarray(told / (1 + told))


@dataclass(frozen=True)
class Join:
    """Two groups of tracks become one."""

    first: int  # the one that begins first goes on
    second: int  # and takes this one in
    probability: float
    runner_up: float  # of the likeliest link of either with whom the other cannot be
    odds: float
    gap: int  # frames that they are apart


def join(odds: Floats, conflict: Mask, apart: NDArray[np.int64], longest: float, threshold: float) -> Iterator[Join]:
    """Join tracks into people, surest first, until nothing is likely enough; groups are known by their first track.

    In each round every group is joined once at most. Then the evidence on joined groups is averaged over their
    tracks, so that a track that resembles one part only does not come in through it, and all is weighed again.

    Args:
        odds: log odds of two of N tracks, which are in the order of their beginning (N, N); NaN where unknown.
        conflict: which cannot be one person (N, N).
        apart: frames between them (N, N).
        longest: frames apart from which nobody is brought back.
        threshold: least probability of a link.
    """
    known = ~np.isnan(odds)
    total, pieces = np.where(known, odds, 0), known.astype(np.int64)
    conflict, apart = conflict.copy(), apart.copy()
    while True:
        possible = ~conflict & (pieces > 0) & (apart <= longest)
        joins = _surest(np.where(possible, total / np.maximum(pieces, 1), -np.inf), conflict, apart, threshold)
        if not joins:
            return
        yield from joins
        for made in joins:
            i, j = made.first, made.second
            for matrix in (total, pieces):  # the second's row and column are spent
                matrix[i] += matrix[j]
                matrix[:, i] += matrix[:, j]
                matrix[j] = matrix[:, j] = 0
            conflict[i] |= conflict[j]
            conflict[:, i] |= conflict[:, j]
            apart[i] = apart[:, i] = np.minimum(apart[i], apart[j])


def _surest(mean: Floats, conflict: Mask, apart: NDArray[np.int64], threshold: float) -> list[Join]:
    """Links that are likely enough, the likeliest first, of each group one at most."""
    share = marginals(mean, conflict)
    rows, columns = np.nonzero(np.triu(np.isfinite(mean) & (share >= threshold), 1))
    order = np.lexsort((columns, rows, -share[rows, columns].round(9)))
    joined: set[int] = set()
    joins = []
    for i, j in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if i not in joined and j not in joined:
            joined |= {i, j}
            others = np.concatenate([np.delete(share[i] * conflict[j], j), np.delete(share[j] * conflict[i], i)])
            odds, gap = float(mean[i, j]), int(apart[i, j])
            joins.append(Join(i, j, float(share[i, j]), float(others.max(initial=0)), odds, gap))
    return joins
