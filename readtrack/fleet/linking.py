"""Who is who over many recordings, of pairs of tracklets that were judged."""

import numpy as np
from numpy.typing import NDArray

from readtrack.fleet.candidates import Floats, Ints, Reach, Seen
from readtrack.linking.pairs import parties
from readtrack.linking.partition import Evidence
from readtrack.linking.rounds import Rounds
from readtrack.linking.settings import LinkingConfig

CONFIG = LinkingConfig(appearance_weight=1.0, gap_penalty=0.0)  # how rare it is to be one is in the odds already
CERTAIN = 1e6  # price of what cannot be


def link_tracklets(
    seen: Seen, reach: Reach, first: Ints, second: Ints, odds: Floats, person: Ints, named: NDArray[np.bool_]
) -> tuple[Ints, Floats]:
    """Put together who is likelier one person than two.

    Beforehand a tracklet is as likely nobody of the others as any of those that it may be, as in ``TrackletMemory``.
    Average linkage, the surest first; of those who hang together everybody of one recording, and everybody who was seen
    at the same time, stays apart.

    Args:
        seen: N tracklets.
        reach: who may be the same person.
        first: tracklets of P pairs.
        second: the others.
        odds: log odds of each pair (P,), by appearance alone.
        person: of N tracklets, from 0 to K - 1: who is known to be one already.
        named: people (K,) who bear names, and stay apart from each other.

    Returns:
        For each of K people who that is, by the smallest number (K,), and how sure the weakest link of that is (K,).
    """
    possible = reach.count(seen)
    prior = np.log(np.maximum(possible[first], possible[second]))
    count = len(named)
    kept = person[first] != person[second]
    one, other = person[first[kept]], person[second[kept]]
    gain = (odds - prior)[kept]
    component = parties(count, one, other, gain)
    inside = component[one] == component[other]
    apart = _apart(seen, reach, component[person], person)
    both = np.flatnonzero(named)
    names = _pairs_within(component[both])
    price = np.concatenate([np.zeros(int(inside.sum())), np.full(len(apart[0]) + len(names[0]), CERTAIN)])
    zeros = np.zeros(len(price) - int(inside.sum()))
    evidence = _evidence(
        np.concatenate([one[inside], apart[0], both[names[0]]]),
        np.concatenate([other[inside], apart[1], both[names[1]]]),
        np.concatenate([gain[inside], zeros]),
        np.concatenate([np.ones(int(inside.sum())), zeros]),
        price,
        count,
    )
    found = Rounds(count, evidence, CONFIG)
    sure = np.ones(count)
    for merge in found.merges:
        root = int(found.person[merge.first])
        sure[root] = min(sure[root], merge.probability)
    return found.person, sure[found.person]


def _apart(seen: Seen, reach: Reach, component: Ints, person: Ints) -> tuple[Ints, Ints]:
    """Pairs of people who hang together, and cannot be one."""
    first, second = _pairs_within(component)
    impossible = ~reach.possible(seen, first, second) & (person[first] != person[second])
    return person[first[impossible]], person[second[impossible]]


def _pairs_within(component: Ints) -> tuple[Ints, Ints]:
    """All pairs of the same component."""
    order = np.argsort(component, kind="stable")
    bounds = np.flatnonzero(np.diff(component[order], prepend=-1, append=-1))
    parts = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    for start, stop in zip(bounds, bounds[1:], strict=False):
        if stop - start > 1:
            one, other = np.triu_indices(stop - start, 1)
            parts.append((order[start + one], order[start + other]))
    first, second = (np.concatenate(side) for side in zip(*parts, strict=True))
    return first, second


def _evidence(first: Ints, second: Ints, looks: Floats, weight: Floats, price: Floats, count: int) -> Evidence:
    """Of pairs that may come several times, in any order."""
    key = np.minimum(first, second) * count + np.maximum(first, second)
    known, place = np.unique(key, return_inverse=True)
    sums = [np.bincount(place, values, len(known)).astype(np.float64) for values in (looks, weight, price)]
    nothing = np.full((2, len(known)), np.inf)
    return Evidence(known // count, known % count, sums[0], sums[1], sums[2], nothing, np.zeros_like(nothing))
