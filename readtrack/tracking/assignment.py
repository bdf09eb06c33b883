"""The Hungarian method: who gets whom, at the lowest total cost."""

from dataclasses import dataclass

import lap
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Assignment:
    """Rows and columns of a cost matrix, matched and left over, each in ascending order."""

    pairs: list[tuple[int, int]]
    unmatched_tracks: list[int]
    unmatched_detections: list[int]


def assign(cost: NDArray[np.float64], limit: float) -> Assignment:
    """Match tracks (rows) with detections (columns) at the lowest total cost; no pair costs more than ``limit``.

    Args:
        cost: (M, N), lower is better; infinite where a pair is impossible, never NaN.
        limit: a pair that costs more stays unmatched.
    """
    rows, columns = cost.shape
    if not cost.size:
        return Assignment([], list(range(rows)), list(range(columns)))
    finite = np.where(cost <= limit, cost, 1e6 + abs(limit))
    _, matched, _ = lap.lapjv(finite, extend_cost=True, cost_limit=limit + 1e-9)
    pairs = [(row, int(column)) for row, column in enumerate(matched) if column >= 0]
    tracks, detections = {row for row, _ in pairs}, {column for _, column in pairs}
    return Assignment(
        pairs,
        [row for row in range(rows) if row not in tracks],
        [column for column in range(columns) if column not in detections],
    )
