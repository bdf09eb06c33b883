"""The linking engine: tracklets in, people out. Appearance is handed in; without it, motion and time decide."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from readtrack.linking import persons, similarity
from readtrack.linking.motion import ANYBODY, PLACE, SPEED, Ends, Motion, learn_motion
from readtrack.linking.pairs import PAIRS, TOGETHER_FRAMES, Known, Seen, pairs_in_reach, pairs_in_time, weigh
from readtrack.linking.partition import Evidence, Partition
from readtrack.linking.rounds import Rounds
from readtrack.linking.settings import LinkingConfig

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FULL_WEIGHT = 0.5  # seconds from which a tracklet's crops count in full
LEAST_WEIGHT = 0.2
CERTAIN = 1e4  # log odds of what is known
FILL_ERROR = 0.2  # heights by which somebody may be off a straight line between two sights, for it to be filled


@dataclass(frozen=True)
class Observations:
    """B boxes of N tracklets; all arrays begin with B."""

    frames: Ints  # from 0; none twice in a tracklet
    xyxy: Floats  # (B, 4) in the image
    confidence: Floats
    tracklets: Ints  # whose it is, from 0 to N - 1
    steady: Floats  # (B, 4) the same boxes where the background stands still
    time: Floats | None = None  # seconds; None goes by the frames

    def seconds(self, fps: float) -> Floats:
        """When each box was seen (B,)."""
        return self.frames / fps if self.time is None else self.time


@dataclass(frozen=True)
class Link:
    """Two tracklets, or what had been joined already, that are one person."""

    person: int  # number of both from now on, from 0
    tracklet: int  # first tracklet of the one that begins later
    boxes: int  # of the smaller of both
    frame: int  # its first, from 0
    gap: float  # seconds between them
    probability: float  # of this link among all that either might have instead
    runner_up: float  # of the likeliest of those, 0 without one
    appearance: float  # log odds of their crops alone; NaN without any
    motion: float  # log likelihood ratio of how they moved alone


@dataclass(frozen=True)
class Certain:
    """Pairs of tracklets of which somebody knows the answer."""

    same: Ints  # (P, 2) which are one person
    different: Ints  # (Q, 2) which are two, and stronger than what is the same


@dataclass(frozen=True)
class Linked:
    """Who is who among N tracklets."""

    people: Ints  # the person of each tracklet (N,), from 0 to K - 1 in the order of appearance
    probability: Floats  # (K,) of being a person rather than something else
    features: Floats  # (K, 3) by which that is told, in the order of ``persons.FEATURES``
    pictures: Floats  # (N,) log odds that the crops of each tracklet show a person; NaN where nothing tells
    links: list[Link]  # in the order in which they were made, the surest first
    joined: Floats  # (N,) probability of the link that joined each tracklet with the one before it; 1 without one
    longest_gap: float  # seconds up to which a straight line between two sights of somebody can be believed
    motion: Motion  # how far off people are, as it was learnt
    own: similarity.OwnPairs = similarity.NO_PAIRS  # by which appearance was set; none without crops


def link(
    observations: Observations,
    fps: float,
    config: LinkingConfig = LinkingConfig(),
    appearance: similarity.Appearance | None = None,
    before: Ints | None = None,
    final: NDArray[np.bool_] | None = None,
    motion: Motion | None = None,
    certain: "Certain | None" = None,
    crowd: bool = False,
) -> Linked:
    """Find the people that tracklets belong to. The order in which boxes are handed in does not matter.

    Args:
        observations: boxes of N tracklets, each of at least one.
        fps: frames per second.
        config: how.
        appearance: of the tracklets; None goes by motion and time.
        before: the tracklet of which another tracker says that each goes on with it (N,), -1 for none; it is believed
            as far as ``config`` says.
        final: which are people who stay apart from each other (N,).
        motion: how far off people are; None learns it.
        certain: pairs of tracklets of which somebody knows the answer.
        crowd: whether there are so many people that not all pairs can be weighed; very many tracklets always are.
    """
    if not len(observations.frames):
        nothing = np.zeros(0)
        still = Motion(PLACE, SPEED, ANYBODY)
        return Linked(nothing.astype(np.int64), nothing, np.zeros((0, 3)), nothing, [], nothing, 0.0, still)
    order = np.lexsort((observations.frames, observations.tracklets))
    frames, steady, owner = (
        values[order] for values in (observations.frames, observations.steady, observations.tracklets)
    )
    starts = np.searchsorted(owner, np.arange(owner[-1] + 2))
    rank = np.lexsort((steady[starts[:-1], 1], steady[starts[:-1], 0], frames[starts[:-1]]))  # by beginning
    place = np.empty(len(rank), np.int64)
    place[rank] = np.arange(len(rank))
    order = order[np.lexsort((frames, place[owner]))]
    frames, steady, time = observations.frames[order], observations.steady[order], observations.seconds(fps)[order]
    owner = place[observations.tracklets[order]]
    starts = np.searchsorted(owner, np.arange(len(rank) + 1))
    ends = Ends.of(time, steady, starts)
    motion = motion or learn_motion(time, steady, starts, ends)
    fixed = np.zeros(len(rank), dtype=bool) if final is None else final[rank]
    seen = Seen(frames, observations.xyxy[order], owner, ends, fixed)
    said = None
    if before is not None:
        known = before[rank] >= 0
        later, earlier = np.flatnonzero(known), place[before[rank][known]]
        said = np.minimum(earlier, later), np.maximum(earlier, later)
    crowded = crowd or len(rank) ** 2 > 2 * PAIRS
    if crowded and appearance is None:
        pairs = pairs_in_reach(seen, motion, config, said)
    else:
        pairs = pairs_in_time(seen, config, max(100, PAIRS // len(rank)))
    evidence = weigh(seen, *pairs, motion, config)
    if said is not None:
        _believe(evidence.pairs, *said, config)
    own, pictures = similarity.NO_PAIRS, np.full(len(rank), np.nan)
    if appearance is not None:
        ranked = replace(appearance, clips=[appearance.clips[tracklet] for tracklet in rank.tolist()])
        own, pictures = _look(evidence, ranked, starts, fps, config), ranked.pictures()
        own = replace(own, different=rank[own.different], same=rank[own.same])
    if certain is not None:
        _settle(evidence.pairs, place[certain.same], -CERTAIN)
        _settle(evidence.pairs, place[certain.different], 100 * CERTAIN)
    found = (Rounds if crowded else Partition)(len(rank), evidence.pairs, config, fixed)
    known, people = np.unique(found.person, return_inverse=True)
    number = {tracklet: k for k, tracklet in enumerate(known.tolist())}
    root, smaller = found.person, _smaller(found, np.diff(starts))
    links = [
        Link(
            person=number[int(root[merge.first])],
            tracklet=int(rank[merge.second]),
            boxes=fewest,
            frame=int(frames[starts[merge.second]]),
            gap=merge.gap,
            probability=merge.probability,
            runner_up=merge.runner_up,
            appearance=merge.appearance,
            motion=merge.motion,
        )
        for merge, fewest in zip(found.merges, smaller, strict=True)
    ]
    told = persons.features(people[owner], frames, observations.confidence[order], pictures[owner])
    joined, sure = _joined(found, len(rank))[place], persons.probability(told)
    reach = motion.believed(FILL_ERROR)
    return Linked(people[place], sure, told, pictures[place], links, joined, reach, motion, own)


def _smaller(found: Partition | Rounds, lengths: Ints) -> list[int]:
    """Boxes of the smaller of the two that each merge joins, of those of each tracklet (N,)."""
    size = lengths.tolist()
    smaller = []
    for merge in found.merges:
        smaller.append(min(size[merge.first], size[merge.second]))
        size[merge.first] += size[merge.second]
    return smaller


def _joined(found: Partition | Rounds, count: int) -> Floats:
    """Probability (N,) of the merge that brought each tracklet together with the one that begins before it."""
    above = np.arange(count)  # the tracklet that took it over,
    turn = np.full(count, len(found.merges))  # in which merge
    for place, merge in enumerate(found.merges):
        above[merge.second], turn[merge.second] = merge.first, place
    probability = np.ones(count)
    last: dict[int, int] = {}
    for tracklet, person in enumerate(found.person.tolist()):
        one, other, met = last.get(person, tracklet), tracklet, -1
        last[person] = tracklet
        while one != other:  # whoever was taken over first moves up, until both are the same
            lower = one if turn[one] < turn[other] else other
            met = max(met, int(turn[lower]))
            one, other = (above[one], other) if lower == one else (one, above[other])
        if met >= 0:
            probability[tracklet] = found.merges[met].probability
    return probability


def _believe(pairs: Evidence, first: Ints, second: Ints, config: LinkingConfig) -> None:
    """Add what another tracker says: that some pairs are one person."""
    count = int(max(pairs.second.max(initial=0), second.max(initial=0))) + 1
    said = np.isin(pairs.first * count + pairs.second, first * count + second)
    pairs.price -= config.host_weight * said


def _settle(pairs: Evidence, known: Ints, price: float) -> None:
    """Let nothing but a price decide some pairs (K, 2), which may be new."""
    known = np.unique(np.sort(known[known[:, 0] != known[:, 1]], axis=1), axis=0)
    count = int(max(pairs.second.max(initial=0), known.max(initial=0))) + 1
    wanted, key = known[:, 0] * count + known[:, 1], pairs.first * count + pairs.second
    pairs.price[np.isin(key, wanted)] += price
    new = known[~np.isin(wanted, key)]
    nothing = np.zeros(len(new))
    pairs.first, pairs.second = np.append(pairs.first, new[:, 0]), np.append(pairs.second, new[:, 1])
    pairs.looks, pairs.weight = np.append(pairs.looks, nothing), np.append(pairs.weight, nothing)
    pairs.price = np.append(pairs.price, nothing + price)
    pairs.gap = np.append(pairs.gap, np.full((2, len(new)), np.inf), axis=1)
    pairs.motion = np.append(pairs.motion, np.zeros((2, len(new))), axis=1)


def _look(
    known: Known, appearance: similarity.Appearance, starts: Ints, fps: float, config: LinkingConfig
) -> similarity.OwnPairs:
    """Add what appearance says; returns the pairs by which that was set."""
    pairs = known.pairs
    possible = known.shared < TOGETHER_FRAMES
    odds, own = similarity.compare(appearance, pairs.first, pairs.second, possible, known.apart, config.compared)
    weight = np.clip(np.sqrt(np.diff(starts) / fps / FULL_WEIGHT), LEAST_WEIGHT, 1)
    pairs.weight = np.where(np.isnan(odds), 0, weight[pairs.first] * weight[pairs.second])
    pairs.looks = np.nan_to_num(odds) * pairs.weight
    return own
