"""Evidence of appearance: what a judge of crops says, set against what it says of people known to be different or same.

The judge's ranking of pairs is good, its level is the scene's. Every recording brings its own people who are different,
for they are seen at once: what is said of them sets the level. Its own pairs that are the same, two halves of one
tracklet, are too easy to set anything; they only show what people who stay in sight look like to the judge.
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
USUAL = -6.5  # log odds, on average, of people known to be different, by a calibrated judge,
BELIEF = 30.0  # in which is believed like in so many pairs
PRIOR = float(np.log(9))  # calibrated judges take one pair in ten for the same; here the alternatives are weighed
BLOCK = 8192  # pairs of vectors that are multiplied at once
FITTED = 20  # pairs from which on vectors are set against the judge


@dataclass(frozen=True)
class Appearance:
    """What is known of how N tracklets look, and who can tell more."""

    clips: Sequence[Clip]  # up to four crops of each in the order of time; empty where it was never seen well enough
    vectors: Callable[[Sequence[Clip]], NDArray[Any]]  # one of unit length for each clip, (M, D)
    log_odds: Callable[[Sequence[Clip], Ints], Floats]  # of clips, and pairs of them (P, 2): both ways, averaged (P,)
    persons: Callable[[Sequence[Clip]], Floats] | None = None  # log odds (M,) that clips show people, NaN if unknown

    def pictures(self) -> Floats:
        """Log odds (N,) that tracklets show a person; NaN where nothing tells."""
        answer = np.full(len(self.clips), np.nan)
        own = [k for k, clip in enumerate(self.clips) if len(clip)]
        if self.persons is not None and own:
            answer[own] = self.persons([self.clips[k] for k in own])
        return answer


def level(different: Floats) -> float:
    """What is to be added to what a judge says, who said that of pairs known to be different (Q,)."""
    count = min(len(different), NEGATIVES)
    mean = float(different.mean()) if count else 0.0
    return PRIOR + USUAL - (count * mean + BELIEF * USUAL) / (count + BELIEF)


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

    The judge is asked about the ``most`` that resemble a tracklet best by their vectors; of all others the vectors tell
    what it is to be expected to say.

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
    likeness[told] = _alike(vectors, pairs[told])
    different = different[told[different]]
    different = np.sort(rng.permutation(different)[:NEGATIVES])
    asked = _nearest(first, second, np.where(told & possible, likeness, -np.inf), len(known), most)
    asked[different] = True
    rows = np.flatnonzero(asked)
    said = appearance.log_odds(clips, np.concatenate([pairs[rows], same]))
    alike = np.concatenate([likeness[rows], _alike(vectors, same)])
    answer[told] = _line(alike, said, likeness[told])
    answer[rows] = said[: len(rows)]
    added = level(answer[different])
    answer += added
    own = OwnPairs(
        different=np.stack([first[different], second[different]], axis=1),
        same=halved,
        said_of_different=said[np.searchsorted(rows, different)],
        said_of_same=said[len(rows) :],
        made_of_different=answer[different],
        made_of_same=said[len(rows) :] + added,
    )
    return answer, own


def _alike(vectors: Floats, pairs: Ints) -> Floats:
    """The products of pairs (K, 2) of vectors (M, D), without copies of all of them at once."""
    parts = [pairs[at : at + BLOCK] for at in range(0, len(pairs), BLOCK)]
    found = [np.einsum("ij,ij->i", vectors[part[:, 0]], vectors[part[:, 1]]) for part in parts]
    return np.concatenate([np.zeros(0), *found])


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


def _line(alike: Floats, said: Floats, likeness: Floats) -> Floats:
    """What the judge is to be expected to say of pairs by their likeness (M,), after what it said of others (K,).

    A straight line of least squares; of too few pairs their mean.
    """
    if len(said) < FITTED:
        return np.full(len(likeness), said.mean() if len(said) else USUAL)
    centre = alike - alike.mean()
    slope = float(centre @ said / max(centre @ centre, 1e-9))
    return np.asarray(said.mean() + slope * (likeness - alike.mean()))
