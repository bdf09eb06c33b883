"""People out of sight for a while: who was there before and after, and what a tracker made of it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import supervision as sv

from readtrack import boxes
from readtrack.evaluation.playback import Played, play
from readtrack.evaluation.recordings import STREET, Footage, label
from readtrack.pipeline import OnlineTracker

SEEN = 25  # frames before and after that are looked at
LEAST = 5  # of these in which somebody must be detected to count as present
RETURNS = "returns"  # in the place of a gap, on the drawn street


@dataclass(frozen=True)
class Away:
    """A stretch of frames without detections of some people."""

    first: int  # frame of it
    last: int  # frame of it, inclusive; before ``first`` where somebody is there for the first time
    people: frozenset[int]  # who was away, and present before and after
    claimants: frozenset[int]  # whose claims are judged
    thieves: bool = False  # whether anybody else's claim to an id of ``people`` is judged as well

    @property
    def before(self) -> range:
        """The frames before that are looked at."""
        return range(self.first - SEEN, self.first)

    @property
    def after(self) -> range:
        """The same after."""
        return range(self.last + 1, self.last + 1 + SEEN)


Plan = dict[str, list[Away]]  # gap in frames, or RETURNS -> what is taken away


class Present:
    """Who is detected in which frame; the same for all trackers."""

    def __init__(self, footage: Footage) -> None:
        self.total = footage.total or 0
        self.rows = [label(footage.found(i), footage.truth(i)) for i in range(self.total)]  # person of each detection
        self.people = [frozenset(row[row >= 0].tolist()) for row in self.rows]

    def during(self, frames: range) -> frozenset[int]:
        """Who is detected in at least five of them."""
        inside = range(max(frames.start, 0), min(frames.stop, self.total))
        counts = Counter(person for i in inside for person in self.people[i])
        return frozenset(person for person, count in counts.items() if count >= LEAST)

    def first(self, person: int, frames: range) -> int:
        """The first of these frames in which somebody is detected."""
        return next(i for i in frames if i < self.total and person in self.people[i])


def places(total: int, gap: int, count: int) -> list[int]:
    """First frames of windows of ``gap`` frames, at equal steps, with ``SEEN`` frames before and after."""
    last = total - gap - SEEN
    return sorted({round(float(i)) for i in np.linspace(SEEN, last, count)}) if last >= SEEN else []


def windows(present: Present, gap: int, count: int, one: bool) -> list[Away]:
    """What is taken away: everybody, or each person who is present before and after by themselves."""
    found = []
    for first in places(present.total, gap, count):
        whole = Away(first, first + gap - 1, frozenset(), frozenset())
        after = present.during(whole.after)
        asked = present.during(whole.before) & after
        if one:
            alone = [frozenset({person}) for person in sorted(asked)]
            found += [Away(whole.first, whole.last, person, person, thieves=True) for person in alone]
        else:
            found.append(Away(whole.first, whole.last, asked, after))
    return found


def damaged(footage: Footage, present: Present, away: Away, one: bool) -> Callable[[int], sv.Detections]:
    """Detections without those that are taken away."""

    def found(index: int) -> sv.Detections:
        seen = footage.found(index)
        if not away.first <= index <= away.last:
            return seen
        kept = ~np.isin(present.rows[index], list(away.people)) if one else np.zeros(len(seen), dtype=bool)
        return boxes.take(seen, kept)

    return found


def returns(footage: Footage, present: Present) -> list[Away]:
    """Everybody's arrival in footage that tells absences: those who return, and those who never were there."""
    found = []
    for absence in footage.absences():
        away = Away(absence.first, absence.last, frozenset(), frozenset({absence.person}))
        if absence.person in present.during(away.after):
            back = frozenset({absence.person}) & present.during(away.before)
            found.append(Away(away.first, away.last, back, away.claimants))
    known: set[int] = set()
    for frame, people in enumerate(present.people):
        for person in sorted(people - known) if frame else ():
            away = Away(frame, frame - 1, frozenset(), frozenset({person}))
            if person in present.during(away.after):
                found.append(away)
        known |= people
    return found


@dataclass
class Tally:
    """What was counted so far."""

    asked: int = 0  # people who were present before and after
    back: int = 0  # of these, who had the same id on both sides
    claims: int = 0  # ids after that had been somebody's before
    right: int = 0  # of these, those of the same person
    uncut: int = 0  # of those asked, who have the same id on both sides when nothing is taken away
    delays: list[int] = field(default_factory=list)  # frames from being detected again until the id was told

    def __iadd__(self, other: "Tally") -> "Tally":
        self.asked += other.asked
        self.back += other.back
        self.claims += other.claims
        self.right += other.right
        self.uncut += other.uncut
        self.delays += other.delays
        return self


class Identities:
    """Which ids a tracker gave to whom."""

    def __init__(self, played: Played, truth: Callable[[int], sv.Detections]) -> None:
        self.known = played.known
        self.of_person: defaultdict[int, dict[int, int]] = defaultdict(dict)  # person -> frame -> id
        self.of_id: defaultdict[int, dict[int, int]] = defaultdict(dict)  # id -> frame -> person
        for frame, tracks in played.tracks.items():
            assert tracks.tracker_id is not None
            people = label(tracks, truth(frame)).tolist()
            for person, number in zip(people, tracks.tracker_id.tolist(), strict=True):
                if person >= 0:
                    self.of_person[person][frame] = number
                    self.of_id[number][frame] = person

    def usual(self, person: int, frames: range) -> int | None:
        """The id that most of somebody's boxes have in these frames; None without any."""
        held = self.of_person.get(person, {})
        return _commonest(held[frame] for frame in frames if frame in held)

    def owner(self, number: int, before: int) -> int | None:
        """Who had an id in most of its last 25 boxes before a frame; None where nobody had it."""
        held = self.of_id.get(number, {})
        latest = sorted(frame for frame in held if frame < before)[-SEEN:]
        return _commonest(held[frame] for frame in latest)

    def told(self, person: int, number: int, frames: range) -> int:
        """The frame in which an id of somebody's boxes in these frames was told first."""
        held = self.of_person[person]
        return min(self.known[frame, number] for frame in frames if held.get(frame) == number)


def judge(away: Away, present: Present, cut: Identities, uncut: Identities | None = None) -> Tally:
    """What a tracker made of an absence.

    Args:
        away: who was away when.
        present: who is detected when.
        cut: what the tracker gave to whom on the damaged detections.
        uncut: the same on the whole ones.
    """
    tally = Tally(asked=len(away.people))
    for person in sorted(away.people):
        number = cut.usual(person, away.after)
        if number is not None and number == cut.usual(person, away.before):
            tally.back += 1
            told = cut.told(person, number, away.after)
            tally.delays.append(max(0, told - present.first(person, away.after)))
        if uncut is not None and (number := uncut.usual(person, away.after)) is not None:
            tally.uncut += number == uncut.usual(person, away.before)
    for person in sorted(present.during(away.after)):
        number = cut.usual(person, away.after)
        owner = None if number is None else cut.owner(number, away.first)
        if owner is not None and (person in away.claimants or (away.thieves and owner in away.people)):
            tally.claims += 1
            tally.right += owner == person
    return tally


def plan_absences(footage: Footage, present: Present, gaps: Sequence[int], count: int, one: bool) -> Plan:
    """What is asked of a recording: windows of each gap that fits in; on the drawn street, its own absences."""
    if footage.name.partition(":")[0] == STREET:
        return {RETURNS: returns(footage, present)}
    found = {str(gap): windows(present, gap, count, one) for gap in gaps}
    return {gap: aways for gap, aways in found.items() if any(away.people for away in aways)}


def tally_absences(
    make: Callable[[], OnlineTracker],
    whole: Played,
    footage: Footage,
    present: Present,
    plan: Plan,
    one: bool = False,
    step: Callable[[], None] = lambda: None,
) -> dict[str, Tally]:
    """Run a tracker on all that is planned for a recording.

    Args:
        make: gives it afresh.
        whole: what it made of the whole detections.
        footage: the recording.
        present: who is detected when.
        plan: of ``plan_absences``.
        one: whether it takes away one person at a time.
        step: called after each frame.
    """
    uncut = Identities(whole, footage.truth)
    tallies = {gap: Tally() for gap in plan}
    for gap, aways in plan.items():
        for away in aways:
            if gap == RETURNS:
                tallies[gap] += judge(away, present, uncut)
                continue
            found = damaged(footage, present, away, one)
            cut = Identities(play(make(), footage, found, step), footage.truth)
            tallies[gap] += judge(away, present, cut, uncut)
    return tallies


def _commonest(values: Iterable[int]) -> int | None:
    """The commonest, the lowest of those that are equally common; None of none."""
    counts: Mapping[int, int] = Counter(values)
    return min(counts, key=lambda value: (-counts[value], value)) if counts else None
