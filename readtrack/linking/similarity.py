"""Evidence of appearance: what a judge of crops says, set against what it says of people known to be different or same.

The judge's ranking of pairs is good, its level is the scene's. Every recording brings its own people who are different,
for they are seen at once, and its own pairs that are the same: two halves of one tracklet.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Clip: TypeAlias = Sequence[Any]  # crops of one tracklet or a part of it; means nothing here

NEGATIVES = 300  # pairs known to be different that are compared, at most
POSITIVES = 100  # pairs known to be the same
USUAL = 3.0  # log odds, on either side, of a judge that is right as it is,
BELIEF = 30.0  # in which is believed like in so many pairs
FITTED = 20  # pairs from which on vectors are set against the judge


@dataclass(frozen=True)
class Appearance:
    """What is known of how N tracklets look, and who can tell more."""

    clips: Sequence[Clip]  # up to four crops of each in the order of time; empty where it was never seen well enough
    vectors: Callable[[Sequence[Clip]], NDArray[Any]]  # one of unit length for each clip, (M, D)
    log_odds: Callable[[Sequence[Clip], Ints], Floats]  # of clips, and pairs of them (P, 2): both ways, averaged (P,)


@dataclass(frozen=True)
class Calibration:
    """A line from what a judge says to log odds."""

    slope: float
    offset: float

    def __call__(self, said: Floats) -> Floats:
        """Log odds of the same shape."""
        return self.slope * said + self.offset

    @classmethod
    def of(cls, different: Floats, same: Floats) -> "Calibration":
        """The linear discriminant of two Gaussians of one variance, shrunk towards a judge that is right as it is."""
        counts = np.array([min(len(different), NEGATIVES), min(len(same), POSITIVES)], dtype=np.float64)
        means = np.array([values.mean() if len(values) else 0.0 for values in (different, same)])
        spread = np.array([values.var() if len(values) else 0.0 for values in (different, same)])
        low, high = (means * counts + np.array([-USUAL, USUAL]) * BELIEF) / (counts + BELIEF)
        variance = (spread @ counts + 2 * USUAL * BELIEF) / (counts.sum() + BELIEF)
        slope = max(high - low, 1.0) / variance
        return cls(float(slope), float(-slope * (low + high) / 2))


@dataclass(frozen=True)
class OwnPairs:
    """A recording's own pairs of which the answer is known, and what was said of them.

    Q pairs are different, for they were seen at once; S are the same, for they are the halves of a tracklet.
    """

    different: Ints  # (Q, 2) tracklets
    same: Ints  # (S,) tracklets
    said_of_different: Floats  # (Q,) log odds by the judge alone
    said_of_same: Floats  # (S,)
    made_of_different: Floats  # (Q,) log odds that the engine made of it, as it believes them
    made_of_same: Floats  # (S,)


NO_PAIRS = OwnPairs(
    np.zeros((0, 2), np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0)
)


def compare(
    appearance: Appearance, first: Ints, second: Ints, possible: NDArray[np.bool_], different: Ints, most: int
) -> tuple[Floats, OwnPairs]:
    """Log odds (P,) by appearance that the tracklets of each pair are one person; NaN where one has no crops.

    The judge is asked about the ``most`` that resemble a tracklet best by their vectors; of all others the vectors
    alone tell, set against what the judge says of those that it was asked about.

    Args:
        appearance: of N tracklets.
        first: tracklets of P pairs.
        second: the others.
        possible: which pairs may be one person (P,).
        different: which are known not to be (places among the pairs).
        most: how many the judge is asked about for each tracklet.

    Returns:
        The log odds, and the recording's own pairs by which they were set.
    """
    known = np.array([len(clip) > 0 for clip in appearance.clips], dtype=bool)
    told = known[first] & known[second]
    answer = np.full(len(first), np.nan)
    if not told.any():
        return answer, NO_PAIRS
    rng = np.random.default_rng(0)  # the same recording gives the same answer
    halved = np.array([i for i, clip in enumerate(appearance.clips) if len(clip) >= 4], dtype=np.int64)
    halved = halved[np.sort(rng.permutation(len(halved))[:POSITIVES])]
    halves = [appearance.clips[i] for i in halved.tolist()]
    owners = np.flatnonzero(known)
    clips = [appearance.clips[i] for i in owners.tolist()]
    clips += [part for clip in halves for part in (clip[: len(clip) // 2], clip[len(clip) // 2 :])]
    vectors = np.asarray(appearance.vectors(clips), dtype=np.float64)
    place = np.zeros(len(known), dtype=np.int64)
    place[owners] = np.arange(len(owners))
    pairs = np.stack([place[first], place[second]], axis=1)
    same = np.arange(len(owners), len(clips)).reshape(-1, 2)
    likeness = np.zeros(len(first))
    likeness[told] = np.einsum("ij,ij->i", vectors[pairs[told, 0]], vectors[pairs[told, 1]])
    different = different[told[different]]
    different = np.sort(rng.permutation(different)[:NEGATIVES])
    asked = _nearest(first, second, np.where(told & possible, likeness, -np.inf), len(known), most)
    asked[different] = True
    rows = np.flatnonzero(asked)
    said = appearance.log_odds(clips, np.concatenate([pairs[rows], same]))
    alike = np.concatenate([likeness[rows], np.einsum("ij,ij->i", vectors[same[:, 0]], vectors[same[:, 1]])])
    expected = _line(alike, said)
    share = 0.5 if len(said) >= FITTED else 1.0  # of the judge; vectors add something of their own
    answer[told] = expected(likeness[told])
    answer[rows] += share * (said[: len(rows)] - answer[rows])
    positive = expected(alike[len(rows) :])
    positive += share * (said[len(rows) :] - positive)
    calibration = Calibration.of(answer[different], positive)
    answer = calibration(answer)
    own = OwnPairs(
        different=np.stack([first[different], second[different]], axis=1),
        same=halved,
        said_of_different=said[np.searchsorted(rows, different)],
        said_of_same=said[len(rows) :],
        made_of_different=answer[different],
        made_of_same=calibration(positive),
    )
    return answer, own


def _nearest(first: Ints, second: Ints, likeness: Floats, count: int, most: int) -> NDArray[np.bool_]:
    """Which pairs (P,) are among the ``most`` likeliest of either of their tracklets."""
    chosen = np.zeros(len(first), dtype=bool)
    order = np.argsort(-likeness, kind="stable")
    order = order[np.isfinite(likeness[order])]
    for side in (first[order], second[order]):
        grouped = np.argsort(side, kind="stable")
        begins = np.searchsorted(side[grouped], np.arange(count + 1))
        rank = np.arange(len(grouped)) - begins[side[grouped]]
        chosen[order[grouped[rank < most]]] = True
    return chosen


def _line(alike: Floats, said: Floats) -> Calibration:
    """What the judge is to be expected to say of pairs of a likeness: least squares; of too few the mean."""
    centre = alike - alike.mean() if len(alike) else alike
    slope = float(centre @ said / max(centre @ centre, 1e-9)) if len(alike) >= FITTED else 0.0
    return Calibration(slope, float(said.mean() - slope * alike.mean()) if len(alike) else 0.0)
