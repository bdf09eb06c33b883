"""Scores of a re-ID ranking from a similarity matrix."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Retrieval:
    """Shares in [0, 1] over the queries that have a true match in the gallery."""

    top1: float
    top5: float
    top10: float
    mAP: float  # step definition: a lone hit at rank k scores 1 / k
    queries: int  # how many queries had a true match


def score_retrieval(
    similarity: NDArray[np.floating],
    query_pids: NDArray[np.int64],
    query_camids: NDArray[np.int64],
    gallery_pids: NDArray[np.int64],
    gallery_camids: NDArray[np.int64],
) -> Retrieval:
    """CMC and mAP with the cross-camera rule: gallery entries of the query's person *and* camera are left out.

    Args:
        similarity: (N, M), higher is closer. Among ties the wrong answers rank first, whatever the input order.
        query_pids, query_camids: (N,).
        gallery_pids, gallery_camids: (M,).

    Raises:
        ValueError: no query has a true match, or a similarity is NaN.
    """
    if np.isnan(similarity).any():
        raise ValueError("similarities contain NaN")
    ranks: list[NDArray[np.int64]] = []
    for row, pid, camid in zip(similarity, query_pids, query_camids, strict=True):
        keep = (gallery_pids != pid) | (gallery_camids != camid)
        hits = gallery_pids[keep] == pid
        order = np.lexsort((hits, -row[keep]))
        if hits.any():
            ranks.append(np.flatnonzero(hits[order]))
    if not ranks:
        raise ValueError("no query has a true match in the gallery")
    first = np.array([r[0] for r in ranks])
    precision = [np.mean(np.arange(1, len(r) + 1) / (r + 1)) for r in ranks]
    top1, top5, top10 = (float((first < k).mean()) for k in (1, 5, 10))
    return Retrieval(top1, top5, top10, float(np.mean(precision)), len(ranks))
