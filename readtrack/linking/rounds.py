"""Rounds: the partition of crowds, all pairs at once that are each other's best, so that it costs as much as they are.

Like ``Partition`` it is average-linkage agglomeration; it may join a pair earlier than one elsewhere that gains more.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.linking.pairs import parties
from readtrack.linking.partition import CONFLICT, Evidence, Merge
from readtrack.linking.settings import LinkingConfig

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass
class Rounds:
    """Merges pairs that are each other's best until none gains, all such pairs at once."""

    count: int  # N tracklets
    evidence: Evidence
    config: LinkingConfig
    final: NDArray[np.bool_] | None = None  # (N,) who stay apart from each other
    person: Ints = field(init=False)  # (N,) the first tracklet of each tracklet's person
    merges: list[Merge] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.person = np.arange(self.count)
        final = np.zeros(self.count, dtype=bool) if self.final is None else self.final.copy()
        evidence = _sorted(self.evidence, self.count)
        gain = evidence.gain(self.config)
        component = parties(self.count, evidence.first, evidence.second, gain)
        evidence = _take(evidence, component[evidence.first] == component[evidence.second])
        while True:
            gain = evidence.gain(self.config)
            able = np.where(final[evidence.first] & final[evidence.second], -np.inf, gain)
            open_ended = np.zeros(self.count, dtype=bool)
            open_ended[evidence.first[able > 0]] = open_ended[evidence.second[able > 0]] = True
            kept = open_ended[evidence.first] | open_ended[evidence.second]  # nobody joins any of the others
            evidence, gain, able = _take(evidence, kept), gain[kept], able[kept]
            pairs = _mutual(evidence.first, evidence.second, able, self.count)
            if not len(pairs):
                break
            self._describe(evidence, gain, pairs, final)
            one, other = evidence.first[pairs], evidence.second[pairs]
            final[one] |= final[other]
            into = np.arange(self.count)
            into[other] = one
            self.person = into[self.person]
            evidence = _joined(evidence, into)

    def _describe(self, evidence: Evidence, gain: Floats, pairs: Ints, final: NDArray[np.bool_]) -> None:
        """Tell of merges of M pairs: also how sure each is, given whom else the two might be."""
        merge = np.full(self.count, -1)
        merge[evidence.first[pairs]] = merge[evidence.second[pairs]] = np.arange(len(pairs))
        side = np.zeros(self.count, np.int64)
        side[evidence.second[pairs]] = 1
        node = np.concatenate([evidence.first, evidence.second])
        there = np.concatenate([evidence.second, evidence.first])
        row = np.tile(np.arange(len(gain)), 2)
        kept = (merge[node] >= 0) & (merge[node] != merge[there])
        node, there, row = node[kept], there[kept], row[kept]
        order = np.lexsort((side[node], there, merge[node]))
        node, there, row = node[order], there[order], row[order]
        both = np.flatnonzero(~boxes.begins(merge[node], there)) - 1  # a neighbour of either
        here, beside = np.concatenate([both, both + 1]), np.concatenate([both + 1, both])
        rival = evidence.price[row[beside]] >= CONFLICT  # whoever is seen together with the one may be the other
        rivals = here[rival]
        alone = np.ones(len(node), dtype=bool)
        alone[here] = False
        known = final[evidence.first[pairs]] | final[evidence.second[pairs]]
        mine = np.where(final[evidence.second[pairs]], 0, 1)  # whoever is known may be the other as well
        more = alone & final[there] & known[merge[node]] & (side[node] == mine[merge[node]])
        rivals = np.concatenate([rivals, np.flatnonzero(more)])
        whose, odds = merge[node[rivals]], gain[row[rivals]]
        best = np.full(len(pairs), -np.inf)
        np.maximum.at(best, whose, odds)
        top = np.maximum(np.maximum(best, gain[pairs]), 0)
        total = np.exp(-top) + np.exp(gain[pairs] - top) + np.bincount(whose, np.exp(odds - top[whose]), len(pairs))
        probability, runner_up = np.exp(gain[pairs] - top) / total, np.exp(best - top) / total
        gap, motion = evidence.gap[:, pairs], evidence.motion[:, pairs]
        finite = np.isfinite(gap)
        weight = evidence.weight[pairs]
        for k in np.argsort(-gain[pairs], kind="stable").tolist():
            self.merges.append(
                Merge(
                    first=int(evidence.first[pairs[k]]),
                    second=int(evidence.second[pairs[k]]),
                    probability=float(probability[k]),
                    runner_up=float(runner_up[k]),
                    gap=float(gap[:, k].min()) if finite[:, k].any() else 0.0,
                    appearance=float(evidence.looks[pairs[k]] / weight[k]) if weight[k] > 0 else float("nan"),
                    motion=float(motion[finite[:, k], k].mean()) if finite[:, k].any() else 0.0,
                )
            )


def _mutual(first: Ints, second: Ints, gain: Floats, count: int) -> Ints:
    """Places of pairs (P,) that gain, and more than any other of either; of equal ones the first."""
    some = np.flatnonzero(gain > 0)
    some = some[np.argsort(-gain[some], kind="stable")]
    rank = np.arange(len(some))
    best = np.full(count, len(some))
    np.minimum.at(best, first[some], rank)
    np.minimum.at(best, second[some], rank)
    return np.asarray(some[(best[first[some]] == rank) & (best[second[some]] == rank)])


def _take(pairs: Evidence, which: Ints | NDArray[np.bool_]) -> Evidence:
    """Some of the pairs, in that order."""
    looks, weight, price = (values[which] for values in (pairs.looks, pairs.weight, pairs.price))
    gap, motion = pairs.gap[:, which], pairs.motion[:, which]
    return Evidence(pairs.first[which], pairs.second[which], looks, weight, price, gap, motion)


def _sorted(pairs: Evidence, count: int) -> Evidence:
    """The same, the smaller number of each pair first, and by them."""
    turned = pairs.first > pairs.second
    if turned.any():
        first, second = np.minimum(pairs.first, pairs.second), np.maximum(pairs.first, pairs.second)
        gap, motion = (np.where(turned, values[::-1], values) for values in (pairs.gap, pairs.motion))
        pairs = Evidence(first, second, pairs.looks, pairs.weight, pairs.price, gap, motion)
    return _take(pairs, np.argsort(pairs.first * count + pairs.second, kind="stable"))


def _joined(pairs: Evidence, into: Ints) -> Evidence:
    """The evidence on what tracklets (N,) have been merged into; pairs within one are gone."""
    pairs = _take(pairs, into[pairs.first] != into[pairs.second])
    pairs.first, pairs.second = into[pairs.first], into[pairs.second]
    pairs = _sorted(pairs, len(into))
    begins = boxes.begins(pairs.first, pairs.second)
    if begins.all():
        return pairs
    group, starts = np.cumsum(begins) - 1, np.flatnonzero(begins)
    looks, weight, price = (np.add.reduceat(values, starts) for values in (pairs.looks, pairs.weight, pairs.price))
    nearest = np.minimum.reduceat(pairs.gap, starts, axis=1)
    motion = np.zeros_like(nearest)
    for side in (0, 1):
        place = np.flatnonzero(pairs.gap[side] == nearest[side, group])[::-1]
        motion[side, group[place]] = pairs.motion[side, place]  # of equally near ones the first
    return Evidence(pairs.first[starts], pairs.second[starts], looks, weight, price, nearest, motion)
