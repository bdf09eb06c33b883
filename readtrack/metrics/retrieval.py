"""Scores of a re-ID ranking from a similarity matrix, mAP in both of its definitions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from readtrack.errors import InputError

Floats = NDArray[np.floating[Any]]
Ids = NDArray[np.integer[Any]] | Sequence[int]

TITLES = {  # field of Retrieval -> how it is called in print
    "top1": "top-1",
    "top5": "top-5",
    "top10": "top-10",
    "map_step": "mAP (step)",
    "map_trapezoid": "mAP (trapezoid, paper)",
}


@dataclass(frozen=True)
class Retrieval:
    """Shares in [0, 1], means over the queries that have a true match in the gallery.

    The two mAPs read one precision-recall curve, a point per rank. A lone hit at rank k scores 1 / k by steps and, for
    k > 1, half of that by trapezoids; they agree on perfect rankings only. Compare figures of one kind.
    """

    top1: float  # share of queries whose first answer is right
    top5: float  # share with a right answer among the first 5
    top10: float
    map_step: float  # step sum: precision at each hit; scikit-learn since 0.19
    map_trapezoid: (
        float  # area by trapezoids from the point (recall 0, precision 1): scikit-learn before 0.19, the paper
    )
    queries: int  # how many had a true match
    without_match: int  # how many had none, and count nowhere

    def __str__(self) -> str:
        return ", ".join(f"{title} {100 * getattr(self, name):.1f}" for name, title in TITLES.items())


def score_retrieval(
    similarity: Floats, query_pids: Ids, query_camids: Ids, gallery_pids: Ids, gallery_camids: Ids
) -> Retrieval:
    """CMC and mAP with the cross-camera rule: gallery entries of the query's person *and* camera are left out.

    Args:
        similarity: (N, M), higher is closer. Among ties the wrong answers rank first, whatever the input order.
        query_pids, query_camids: (N,).
        gallery_pids, gallery_camids: (M,).

    Raises:
        InputError: no query has a true match, or a similarity is NaN or infinite.
        ValueError: shapes that do not fit each other.
    """
    found = [  # rank of the first hit, both average precisions of each query with a true match
        (ranks[0], *_average_precisions(ranks))
        for ranks in _ranks_of_hits(similarity, query_pids, query_camids, gallery_pids, gallery_camids)
        if len(ranks)
    ]
    if not found:
        raise InputError("no query has a true match in the gallery: nothing to score")
    first, step, trapezoid = np.array(found).T
    top1, top5, top10 = (float((first <= k).mean()) for k in (1, 5, 10))
    return Retrieval(
        top1, top5, top10, float(step.mean()), float(trapezoid.mean()), len(found), len(similarity) - len(found)
    )


def cmc_curve(
    similarity: Floats,
    query_pids: Ids,
    query_camids: Ids,
    gallery_pids: Ids,
    gallery_camids: Ids,
) -> list[float]:
    """Share of queries with a right answer among the first 1, 2, ... 50; as ``score_retrieval`` counts them."""
    hits = _ranks_of_hits(similarity, query_pids, query_camids, gallery_pids, gallery_camids)
    first = np.array([ranks[0] for ranks in hits if len(ranks)])
    if not len(first):
        raise InputError("no query has a true match in the gallery: nothing to score")
    return [float((first <= k).mean()) for k in range(1, 51)]


def _ranks_of_hits(
    similarity: Floats, query_pids: Ids, query_camids: Ids, gallery_pids: Ids, gallery_camids: Ids
) -> Iterator[NDArray[np.int64]]:
    """The ranks of each query's right answers, from 1 and ascending; none where it has no true match."""
    queries, galleries = (
        (np.asarray(pids), np.asarray(camids))
        for pids, camids in ((query_pids, query_camids), (gallery_pids, gallery_camids))
    )
    wanted = tuple(array.shape for array in (*queries, *galleries))
    n, m = similarity.shape if similarity.ndim == 2 else (-1, -1)
    if wanted != ((n,), (n,), (m,), (m,)):
        raise ValueError(f"similarities {similarity.shape} do not fit pids and camids of shapes {wanted}")
    for row, pid, camid in zip(similarity, *queries, strict=True):  # one row at a time: MARS has 22 million pairs
        if not np.isfinite(row).all():
            raise InputError("similarities contain NaN or infinite values: the weights or the precision are unfit")
        same = galleries[0] == pid
        yield _hit_ranks(row[same & (galleries[1] != camid)], row[~same])


def _hit_ranks(right: Floats, wrong: Floats) -> NDArray[np.int64]:
    """Ranks from 1 of the right answers, ascending; a wrong answer as similar as a right one ranks before it."""
    right, wrong = np.sort(right)[::-1], np.sort(wrong)
    return np.arange(1, len(right) + 1) + len(wrong) - np.searchsorted(wrong, right)


def _average_precisions(ranks: NDArray[np.int64]) -> tuple[float, float]:
    """Step sum and trapezoid area under the precision-recall curve of hits at these ranks.

    Recall grows at hits only, by the same amount at each; a trapezoid there stands between the precision at the hit
    and that of the rank before it, or the added point's precision 1 where there is no rank before.
    """
    hits = np.arange(1, len(ranks) + 1)
    at = hits / ranks
    before = np.where(ranks > 1, (hits - 1) / np.maximum(ranks - 1, 1), 1.0)
    return float(at.mean()), float((at + before).mean() / 2)


def identification_rate(score: Floats, right: NDArray[np.bool_], unknown: Floats, false_alarms: float) -> float:
    """Open set: share of the known who are found where so many of the unknown are taken for somebody.

    The threshold is the lowest above which at most that share of the unknown scores; of equal scores none is above.

    Args:
        score: of the likeliest person, of each search for somebody known (N,).
        right: whether that is the one (N,).
        unknown: the scores of searches for somebody who is not there (U,).
        false_alarms: share of the unknown in [0, 1).
    """
    if not len(score):
        return 0.0
    above = np.sort(unknown)[::-1]
    allowed = int(false_alarms * len(above) + 1e-9)
    threshold = above[allowed] if allowed < len(above) else -np.inf
    return float((right & (score > threshold)).mean())
