"""Partition: tracklets to people by average-linkage agglomeration, the best gain first.

Only pairs about which something is known are kept, so that memory and time grow with them, not with all there could be.
"""

import heapq
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from readtrack.linking.settings import LinkingConfig

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_MOTION = -6.0  # people may do what nobody foresees,
MOST_MOTION = 5.0  # and beside crops a neat fit is no proof
SHARED = 0.35  # of what misleads about one pair of two people's tracklets, what misleads about all others as well
CONFLICT = 1.0  # price of being seen together from which two are rivals for a third


@dataclass
class Evidence:
    """What is known of P pairs of tracklets, or of the people that they have become; all arrays are (P,)."""

    first: Ints
    second: Ints
    looks: Floats  # sum of log odds by appearance times weights, over all pairs of their tracklets
    weight: Floats  # sum of those weights; 0 where nothing is known
    price: Floats  # of being seen together
    gap: Floats  # (2, P) seconds between them where the second follows the first, and where it precedes it, or infinite
    motion: Floats  # (2, P) evidence of motion there

    def gain(self, config: LinkingConfig, at: Ints | slice = slice(None)) -> Floats:
        """Log odds that the two are one person, of the pairs ``at``.

        What is said of n pairs of crops varies by ``SHARED`` + (1 - ``SHARED``) / n as much as of one; their mean tells
        as much more.
        """
        gap, motion = self.gap[:, at], self.motion[:, at]
        known = np.isfinite(gap)
        moved = (np.where(known, motion, 0).sum(axis=0)) / np.maximum(known.sum(axis=0), 1)
        weight = self.weight[at]
        moved = np.clip(moved, LEAST_MOTION, np.where(weight > 0, MOST_MOTION, np.inf))
        away = np.where(known.any(axis=0), gap.min(axis=0), 0)
        gain = config.prior - config.gap_penalty * np.log1p(away) - self.price[at]
        sure = 1 / (SHARED + (1 - SHARED) / np.maximum(weight, 1))  # the mean of many pairs errs less than one
        looks = sure * self.looks[at] / np.maximum(weight, 1e-9)
        seen = config.appearance_weight * looks + config.motion_weight * moved
        return np.asarray(gain + np.where(weight > 0, seen, config.motion_alone_weight * moved))


@dataclass(frozen=True)
class Merge:
    """Two people found to be one, known by their first tracklets."""

    first: int
    second: int
    probability: float  # of being one, over being two and over all others that either might be instead
    runner_up: float  # of the likeliest of those others, 0 without one
    gap: float  # seconds between them
    appearance: float  # mean log odds of their crops; NaN where nothing is known
    motion: float  # log likelihood ratio of how they moved


@dataclass
class Partition:
    """Merges pairs until none gains."""

    count: int  # N tracklets
    evidence: Evidence
    config: LinkingConfig
    final: NDArray[np.bool_] | None = None  # (N,) who stay apart from each other
    person: Ints = field(init=False)  # (N,) the first tracklet of each tracklet's person
    merges: list[Merge] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        evidence = self.evidence
        self._final = [False] * self.count if self.final is None else self.final.tolist()
        self._near: list[dict[int, int]] = [{} for _ in range(self.count)]  # neighbour -> pair
        for pair, (i, j) in enumerate(zip(evidence.first.tolist(), evidence.second.tolist(), strict=True)):
            self._near[i][j] = self._near[j][i] = pair
        self._gain = evidence.gain(self.config)
        self._version = np.zeros(len(self._gain), dtype=np.int64)
        self._heap: list[tuple[float, int, int]] = []
        self._offer(np.flatnonzero(self._gain > 0))
        while self._heap:
            _, pair, version = heapq.heappop(self._heap)
            if version == self._version[pair]:
                one, other = sorted((int(evidence.first[pair]), int(evidence.second[pair])))
                if self._final[one] and self._final[other]:
                    continue
                self.merges.append(self._described(one, other, pair))
                self._merge(one, other, pair)
        self.person = np.arange(self.count)
        for merge in reversed(self.merges):  # whoever took over last is known by then
            self.person[merge.second] = self.person[merge.first]

    def _offer(self, pairs: Ints) -> None:
        """Queue pairs that gain."""
        for pair, gain, version in zip(
            pairs.tolist(), self._gain[pairs].tolist(), self._version[pairs].tolist(), strict=True
        ):
            heapq.heappush(self._heap, (-gain, pair, version))

    def _merge(self, one: int, other: int, pair: int) -> None:
        """Let one person take over all that is known of another."""
        evidence, near, gone = self.evidence, self._near[one], self._near[other]
        del near[other], gone[one]
        self._final[one] |= self._final[other]
        self._version[pair] += 1
        shared = [neighbour for neighbour in gone if neighbour in near]
        kept = np.array([near[neighbour] for neighbour in shared], dtype=np.int64)
        spent = np.array([gone[neighbour] for neighbour in shared], dtype=np.int64)
        for values in (evidence.looks, evidence.weight, evidence.price):
            values[kept] += values[spent]
        turned = (evidence.first[kept] == one) != (evidence.first[spent] == other)
        gap = np.where(turned, evidence.gap[::-1, spent], evidence.gap[:, spent])
        motion = np.where(turned, evidence.motion[::-1, spent], evidence.motion[:, spent])
        nearer = gap < evidence.gap[:, kept]
        evidence.motion[:, kept] = np.where(nearer, motion, evidence.motion[:, kept])
        evidence.gap[:, kept] = np.where(nearer, gap, evidence.gap[:, kept])
        self._version[spent] += 1
        moved = []
        for neighbour, row in gone.items():
            del self._near[neighbour][other]
            if neighbour not in near:
                near[neighbour] = self._near[neighbour][one] = row
                moved.append(row)
        gone.clear()
        rows = np.array(moved, dtype=np.int64)
        for side in (evidence.first, evidence.second):
            side[rows[side[rows] == other]] = one
        changed = np.concatenate([kept, rows])
        self._version[changed] += 1
        self._gain[changed] = evidence.gain(self.config, changed)
        self._offer(changed[self._gain[changed] > 0])

    def _described(self, one: int, other: int, pair: int) -> Merge:
        """What is to be told of a merge: also how sure it is, given whom else the two might be."""
        evidence, near, others = self.evidence, self._near[one], self._near[other]
        shared = [neighbour for neighbour in near if neighbour in others]
        rows = np.array([[near[k] for k in shared], [others[k] for k in shared]], dtype=np.int64).reshape(2, -1)
        rival = evidence.price[rows[::-1]] >= CONFLICT  # whoever is seen together with the one may be the other
        rivals = self._gain[rows][rival]
        if self._final[one] or self._final[other]:  # whoever is known may be the other as well
            mine, theirs = (near, others) if self._final[other] else (others, near)
            more = [row for k, row in mine.items() if self._final[k] and k not in theirs and k not in (one, other)]
            rivals = np.concatenate([rivals, self._gain[np.array(more, dtype=np.int64)]])
        gain = self._gain[pair]
        top = max(0.0, float(gain), float(rivals.max(initial=0)))
        total = np.exp(-top) + np.exp(gain - top) + np.exp(rivals - top).sum()
        gap = evidence.gap[:, pair].min()
        weight = evidence.weight[pair]
        known = np.isfinite(evidence.gap[:, pair])
        return Merge(
            first=one,
            second=other,
            probability=float(np.exp(gain - top) / total),
            runner_up=float(np.exp(rivals.max(initial=-np.inf) - top) / total),
            gap=float(gap) if np.isfinite(gap) else 0.0,
            appearance=float(evidence.looks[pair] / weight) if weight > 0 else float("nan"),
            motion=float(evidence.motion[known, pair].mean()) if known.any() else 0.0,
        )
