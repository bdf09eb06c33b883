"""Blocks: recordings of very many tracklets are linked block by block, so that time grows with their number only.

A block is linked together with what came before, as it was decided, and with as much of what follows, which is decided
again in the next one: no decision is made without a look at both sides. The idea of overlapping windows is that of
SUSHI (Cetintas et al., CVPR 2023) and NOOUGAT (2025).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.linking import persons
from readtrack.linking.engine import Certain, Link, Linked, Observations, link
from readtrack.linking.pairs import APART_IOU, TOGETHER_FRAMES, TOGETHER_SHARE
from readtrack.linking.settings import LinkingConfig
from readtrack.linking.similarity import NEGATIVES, NO_PAIRS, POSITIVES, Appearance, Ints, OwnPairs

Floats = NDArray[np.float64]

BLOCK = 300  # tracklets that are decided at once, with as many before and as many behind
LATEST = 4  # tracklets by which people who were seen before are known; more only while there is room
DIFFERENT = ("different", "said_of_different", "made_of_different")  # of ``OwnPairs``
SAME = ("same", "said_of_same", "made_of_same")
AT_ONCE = 4  # times as many as there are boxes in a frame, at least


def link_blocks(
    observations: Observations,
    fps: float,
    config: LinkingConfig = LinkingConfig(),
    appearance: Appearance | None = None,
    before: Ints | None = None,
    certain: Certain | None = None,
    block: int = BLOCK,
) -> Linked:
    """Find the people that N tracklets belong to, in blocks where they are more than three of them.

    Args:
        observations: as in ``engine.link``, as are all others.
        fps: frames per second.
        config: how.
        appearance: of the tracklets.
        before: the tracklet of which another tracker says that each goes on with it.
        certain: pairs of which somebody knows the answer.
        block: tracklets.
    """
    most = int(np.bincount(observations.frames).max(initial=0)) if len(observations.frames) else 0
    size = max(block, AT_ONCE * most)
    if observations.tracklets.max(initial=-1) < 3 * size:
        return link(observations, fps, config, appearance, before, certain=certain)
    return _Blocks(observations, fps, config, appearance, before, certain, size).linked


@dataclass
class _Rows:
    """Boxes by tracklet and frame, and where those of each of N tracklets are."""

    order: Ints
    starts: Ints  # (N + 1,)

    def of(self, tracklets: Ints) -> tuple[Ints, Ints]:
        """Rows of some tracklets, and whose they are, as places among them."""
        parts = [self.order[self.starts[one] : self.starts[one + 1]] for one in tracklets.tolist()]
        return np.concatenate(parts), np.repeat(np.arange(len(parts)), [len(part) for part in parts])


class _Blocks:
    """Links block after block."""

    def __init__(
        self,
        observations: Observations,
        fps: float,
        config: LinkingConfig,
        appearance: Appearance | None,
        before: Ints | None,
        certain: Certain | None,
        size: int,
    ) -> None:
        self.observations, self.fps, self.config, self.appearance = observations, fps, config, appearance
        self.before, self.certain = before, certain
        frames, owner = observations.frames, observations.tracklets
        order = np.lexsort((frames, owner))
        self.rows = _Rows(order, np.searchsorted(owner[order], np.arange(int(owner.max()) + 2)))
        first, self.last = order[self.rows.starts[:-1]], frames[order[self.rows.starts[1:] - 1]]
        steady = observations.steady[first]
        self.rank = np.lexsort((steady[:, 1], steady[:, 0], frames[first]))  # by beginning
        self._together: dict[tuple[int, int], float] = {}  # price of having been seen together, of pairs of people
        self._apart = set() if certain is None else set(certain.different.ravel().tolist())
        count = len(self.rank)
        self.above = np.arange(count)  # a tracklet of the same person; the first of all has itself
        self.joined, self.pictures = np.ones(count), np.full(count, np.nan)
        self.links: list[Link] = []
        self.gaps: list[float] = []  # the longest that can be believed, by each block
        self.own: list[OwnPairs] = []
        known = np.zeros(0, np.int64)  # earlier tracklets by which people are known
        for at in range(0, count, size):
            new, ahead = self.rank[at : at + size], self.rank[at + size : at + 2 * size]
            self._link(known, new, ahead)
            known = self._latest(np.concatenate([known, new]), size)
        self.linked = self._whole()

    def _latest(self, known: Ints, most: int) -> Ints:
        """So many of earlier tracklets, in their order: the last ones of people, the latest people first."""
        turn, counts = np.empty(len(known), np.int64), dict[int, int]()
        for place in np.argsort(-self.last[known], kind="stable").tolist():
            person = self._first(int(known[place]))
            turn[place] = counts[person] = counts.get(person, 0) + 1
        order = np.lexsort((-self.last[known], turn > LATEST))
        return known[np.sort(order[:most])]

    def _link(self, known: Ints, new: Ints, ahead: Ints) -> None:
        """Decide about new tracklets, in the light of others."""
        chosen = np.concatenate([known, new, ahead])
        place = {tracklet: k for k, tracklet in enumerate(chosen.tolist())}
        rows, owner = self.rows.of(chosen)
        seen = self.observations
        time = None if seen.time is None else seen.time[rows]
        part = Observations(seen.frames[rows], seen.xyxy[rows], seen.confidence[rows], owner, seen.steady[rows], time)
        looks, said = self.appearance, None
        if looks is not None:
            looks = replace(looks, clips=[looks.clips[tracklet] for tracklet in chosen.tolist()])
        if self.before is not None:
            said = np.array([place.get(one, -1) for one in self.before[chosen].tolist()])
        chains, follows = self._chains(known)
        people = {self._first(tracklet): k for k, tracklet in enumerate(known.tolist())}
        for tracklet in self._apart - place.keys():  # whoever else of the same person is there stands for it
            if (there := people.get(self._first(tracklet))) is not None:
                place[tracklet] = there
        certain = self._certain(place, chains, people)
        found = link(part, self.fps, self.config, looks, said, certain=certain)
        for one in found.links:
            if one.tracklet < len(known) + len(new) and one.tracklet not in follows:
                self.links.append(replace(one, tracklet=int(chosen[one.tracklet])))
        decided = len(known) + len(new)
        first: dict[int, int] = {}
        for tracklet, person in zip(chosen[:decided].tolist(), found.people[:decided].tolist(), strict=True):
            self._join(first.setdefault(person, tracklet), tracklet)
        self._meet(part, chosen, len(known), decided)
        some = chosen[:decided]
        self.joined[some] = np.minimum(self.joined[some], found.joined[:decided])
        self.pictures[some] = found.pictures[:decided]
        self.own.append(_renumbered(found.own, chosen))
        self.gaps.append(found.longest_gap)
        self.motion = found.motion

    def _chains(self, known: Ints) -> tuple[list[tuple[int, int]], set[int]]:
        """Places of pairs that were decided to be one person, and those that are not the first of theirs."""
        last: dict[int, int] = {}
        pairs = []
        for place, tracklet in enumerate(known.tolist()):
            person = self._first(tracklet)
            if person in last:
                pairs.append((last[person], place))
            last[person] = place
        return pairs, {place for _, place in pairs}

    def _meet(self, part: Observations, chosen: Ints, known: int, decided: int) -> None:
        """Remember who was seen together with whom: their tracklets of then need not be in a later block."""
        rows = np.flatnonzero(part.tracklets < decided)
        rows = rows[np.argsort(part.frames[rows], kind="stable")]
        frames, new = part.frames[rows], part.tracklets[rows] >= known
        one, other = boxes.spans(np.arange(1, len(rows) + 1), np.searchsorted(frames, frames, side="right"))
        counted = new[one] | new[other]
        one, other = rows[one[counted]], rows[other[counted]]
        overlap = boxes.iou_each(part.xyxy[one], part.xyxy[other]) > APART_IOU
        price = self.config.together_price * np.where(overlap, TOGETHER_SHARE, 1.0)
        pairs = np.sort([part.tracklets[one], part.tracklets[other]], axis=0)
        keys, whose = np.unique(pairs[0] * decided + pairs[1], return_inverse=True)
        prices = np.bincount(whose, price, len(keys)).tolist()
        added = zip(chosen[keys // decided].tolist(), chosen[keys % decided].tolist(), prices, strict=True)
        together: dict[tuple[int, int], float] = {}
        for first, second, cost in [*((*pair, cost) for pair, cost in self._together.items()), *added]:
            low, high = sorted((self._first(first), self._first(second)))
            if low != high:
                together[low, high] = together.get((low, high), 0.0) + cost
        self._together = together

    def _certain(self, place: dict[int, int], chains: list[tuple[int, int]], people: dict[int, int]) -> Certain:
        """What is known of a block's tracklets; ``people`` are places of those of earlier ones."""
        same = list(chains)
        least = TOGETHER_FRAMES * self.config.together_price
        self._together = {pair: cost for pair, cost in self._together.items() if people.keys() >= set(pair)}
        different = [(people[i], people[j]) for (i, j), cost in self._together.items() if cost >= least]
        if self.certain is not None:
            for kind, pairs in ((same, self.certain.same), (different, self.certain.different)):
                kind += [(place[i], place[j]) for i, j in pairs.tolist() if i in place and j in place]
        return Certain(*(np.array(kind, dtype=np.int64).reshape(-1, 2) for kind in (same, different)))

    def _first(self, tracklet: int) -> int:
        """By which tracklet a person is known."""
        while self.above[tracklet] != tracklet:
            self.above[tracklet] = self.above[self.above[tracklet]]
            tracklet = int(self.above[tracklet])
        return tracklet

    def _join(self, one: int, other: int) -> None:
        """Two tracklets are one person's."""
        self.above[self._first(other)] = self._first(one)

    def _whole(self) -> Linked:
        """What was found in all blocks."""
        for one, other in [] if self.certain is None else self.certain.same.tolist():
            self._join(one, other)
        number: dict[int, int] = {}
        people = np.empty(len(self.rank), np.int64)
        for tracklet in self.rank.tolist():
            people[tracklet] = number.setdefault(self._first(tracklet), len(number))
        seen = self.observations
        told = persons.features(people[seen.tracklets], seen.frames, seen.confidence, self.pictures[seen.tracklets])
        return Linked(
            people=people,
            probability=persons.probability(told),
            features=told,
            pictures=self.pictures,
            links=[replace(one, person=int(people[one.tracklet])) for one in self.links],
            joined=self.joined,
            longest_gap=float(np.median(self.gaps)),
            motion=self.motion,
            own=_thinned(self.own),
        )


def _renumbered(own: OwnPairs, chosen: Ints) -> OwnPairs:
    """The same pairs, of tracklets as the recording numbers them."""
    return replace(own, different=chosen[own.different], same=chosen[own.same])


def _thinned(own: list[OwnPairs]) -> OwnPairs:
    """Pairs of all blocks, as many as one has at most, evenly over them."""
    columns = {name: np.concatenate([getattr(one, name) for one in own]) for name in vars(NO_PAIRS)}
    for names, most in ((DIFFERENT, NEGATIVES), (SAME, POSITIVES)):
        count = len(columns[names[0]])
        kept = np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))
        columns |= {name: columns[name][kept] for name in names}
    return OwnPairs(**columns)
