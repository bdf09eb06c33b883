"""People out of sight for a while: who was there before and after, and what a tracker made of it.

Who "kept the identity through an absence" is decided here alone, by ``Identities.kept``.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import supervision as sv

from readtrack import boxes
from readtrack.evaluation.playback import Replay, replay
from readtrack.evaluation.recordings import Recording, label
from readtrack.pipeline import OnlineTracker

WINDOW = 25  # frames before and after that are looked at
LEAST = 5  # of these in which somebody must be detected to count as present
RETURNS = "returns"  # in the place of a gap, on synthetic streets


@dataclass(frozen=True)
class Absence:
    """A stretch of frames without detections of some people."""

    first: int  # frame of it
    last: int  # frame of it, inclusive; before ``first`` where somebody is there for the first time
    people: frozenset[int]  # who was away, and present before and after
    claimants: frozenset[int]  # whose claims are judged
    count_id_theft: bool = False  # whether anybody else's claim to an id of ``people`` is judged as well

    @property
    def before(self) -> range:
        """The frames before that are looked at."""
        return range(self.first - WINDOW, self.first)

    @property
    def after(self) -> range:
        """The same after."""
        return range(self.last + 1, self.last + 1 + WINDOW)


Plan = dict[str, list[Absence]]  # gap in frames, or RETURNS -> what is taken away


class Presence:
    """Who is detected in which frame; the same for all trackers."""

    def __init__(self, recording: Recording, frames: Iterable[int] | None = None) -> None:
        """Label all detections once; of the given frames, or of the recording's ``total``."""
        self.total = recording.total or 0
        indices = range(self.total) if frames is None else frames
        self.rows = {i: label(recording.detections(i), recording.truth(i)) for i in indices}  # who each detection is
        self.people = {i: frozenset(row[row >= 0].tolist()) for i, row in self.rows.items()}

    def during(self, frames: range) -> frozenset[int]:
        """Who is detected in at least five of them."""
        counts = Counter(person for i in frames for person in self.people.get(i, ()))
        return frozenset(person for person, count in counts.items() if count >= LEAST)

    def first(self, person: int, frames: range) -> int:
        """The first of these frames in which somebody is detected."""
        return next(i for i in frames if person in self.people.get(i, ()))


def places(total: int, gap: int, count: int) -> list[int]:
    """First frames of windows of ``gap`` frames, at equal steps, with ``WINDOW`` frames before and after."""
    last = total - gap - WINDOW
    return sorted({round(float(i)) for i in np.linspace(WINDOW, last, count)}) if last >= WINDOW else []


def windows(present: Presence, gap: int, count: int, one: bool) -> list[Absence]:
    """What is taken away: everybody, or each person who is present before and after by themselves."""
    found = []
    for first in places(present.total, gap, count):
        whole = Absence(first, first + gap - 1, frozenset(), frozenset())
        after = present.during(whole.after)
        asked = present.during(whole.before) & after
        if one:
            alone = [frozenset({person}) for person in sorted(asked)]
            found += [Absence(whole.first, whole.last, person, person, count_id_theft=True) for person in alone]
        else:
            found.append(Absence(whole.first, whole.last, asked, after))
    return found


def with_gap(recording: Recording, present: Presence, absence: Absence, one: bool) -> Callable[[int], sv.Detections]:
    """Detections without those that are taken away."""

    def detections(index: int) -> sv.Detections:
        found = recording.detections(index)
        if not absence.first <= index <= absence.last:
            return found
        kept = ~np.isin(present.rows[index], list(absence.people)) if one else np.zeros(len(found), dtype=bool)
        return boxes.take(found, kept)

    return detections


def returns(recording: Recording, present: Presence) -> list[Absence]:
    """Everybody's arrival in a recording that tells absences: those who return, and those who never were there."""
    found = []
    for told in recording.absences():
        absence = Absence(told.first, told.last, frozenset(), frozenset({told.person}))
        if told.person in present.during(absence.after):
            back = frozenset({told.person}) & present.during(absence.before)
            found.append(Absence(absence.first, absence.last, back, absence.claimants))
    known: set[int] = set()
    for place, (frame, people) in enumerate(present.people.items()):
        for person in sorted(people - known) if place else ():
            absence = Absence(frame, frame - 1, frozenset(), frozenset({person}))
            if person in present.during(absence.after):
                found.append(absence)
        known |= people
    return found


@dataclass
class Tally:
    """What was counted so far."""

    asked: int = 0  # people who were present before and after
    back: int = 0  # of these, who had the same id on both sides
    claims: int = 0  # ids after that had been somebody's before
    right: int = 0  # of these, those of the same person
    without_gap: int = 0  # of those asked, who have the same id on both sides when nothing is taken away
    delays: list[int] = field(default_factory=list)  # frames from being detected again until the id was reported

    def __iadd__(self, other: "Tally") -> "Tally":
        self.asked += other.asked
        self.back += other.back
        self.claims += other.claims
        self.right += other.right
        self.without_gap += other.without_gap
        self.delays += other.delays
        return self


class Identities:
    """Which ids a tracker gave to whom."""

    def __init__(
        self,
        tracks: Mapping[int, sv.Detections],
        truth: Callable[[int], sv.Detections],
        known: Mapping[tuple[int, int], int] | None = None,
    ) -> None:
        """Find out who each tracked box is.

        Args:
            tracks: frame -> boxes with ``tracker_id``.
            truth: frame -> people with ``tracker_id``.
            known: frame and id of a box -> the frame in which the id was reported; at once where it is not said.
        """
        self.known = known or {}
        self.of_person: defaultdict[int, dict[int, int]] = defaultdict(dict)  # person -> frame -> id
        self.of_id: defaultdict[int, dict[int, int]] = defaultdict(dict)  # id -> frame -> person
        for frame, people in tracks.items():
            assert people.tracker_id is not None
            for person, number in zip(label(people, truth(frame)).tolist(), people.tracker_id.tolist(), strict=True):
                if person >= 0:
                    self.of_person[person][frame] = number
                    self.of_id[number][frame] = person

    def usual(self, person: int, frames: range) -> int | None:
        """The id that most of somebody's boxes have in these frames; None without any."""
        held = self.of_person.get(person, {})
        return _commonest(held[frame] for frame in frames if frame in held)

    def kept(self, person: int, absence: Absence) -> bool:
        """Whether somebody's usual id in the 25 frames after is that of the 25 before; not without one."""
        number = self.usual(person, absence.after)
        return number is not None and number == self.usual(person, absence.before)

    def owner(self, number: int, before: int) -> int | None:
        """Who had an id in most of its last 25 boxes before a frame; None where nobody had it."""
        held = self.of_id.get(number, {})
        latest = sorted(frame for frame in held if frame < before)[-WINDOW:]
        return _commonest(held[frame] for frame in latest)

    def reported(self, person: int, number: int, frames: range) -> int:
        """The frame in which an id of somebody's boxes in these frames was reported first."""
        held = self.of_person[person]
        return min(self.known.get((frame, number), frame) for frame in frames if held.get(frame) == number)


def judge(absence: Absence, present: Presence, found: Identities, whole: Identities | None = None) -> Tally:
    """What a tracker made of an absence.

    Args:
        absence: who was away when.
        present: who is detected when.
        found: what the tracker gave to whom on the detections with the gap.
        whole: the same on the whole ones.
    """
    tally = Tally(asked=len(absence.people))
    for person in sorted(absence.people):
        number = found.usual(person, absence.after)
        if number is not None and found.kept(person, absence):
            tally.back += 1
            reported = found.reported(person, number, absence.after)
            tally.delays.append(max(0, reported - present.first(person, absence.after)))
        tally.without_gap += whole is not None and whole.kept(person, absence)
    for person in sorted(present.during(absence.after)):
        number = found.usual(person, absence.after)
        owner = None if number is None else found.owner(number, absence.first)
        theft = absence.count_id_theft and owner in absence.people
        if owner is not None and (person in absence.claimants or theft):
            tally.claims += 1
            tally.right += owner == person
    return tally


def plan_absences(recording: Recording, present: Presence, gaps: Sequence[int], count: int, one: bool) -> Plan:
    """What is asked of a recording: windows of each gap that fits in; on a synthetic street, its own absences."""
    if recording.synthetic:
        return {RETURNS: returns(recording, present)}
    found = {str(gap): windows(present, gap, count, one) for gap in gaps}
    return {gap: absences for gap, absences in found.items() if any(absence.people for absence in absences)}


def tally_absences(
    make: Callable[[], OnlineTracker],
    whole: Replay,
    recording: Recording,
    present: Presence,
    plan: Plan,
    one: bool = False,
    step: Callable[[], None] = lambda: None,
) -> dict[str, Tally]:
    """Run a tracker on all that is planned for a recording.

    Args:
        make: gives it afresh.
        whole: what it made of the whole detections.
        recording: the recording.
        present: who is detected when.
        plan: of ``plan_absences``.
        one: whether it takes away one person at a time.
        step: called after each frame.
    """
    without_gap = Identities(whole.tracks, recording.truth, whole.known)
    tallies = {gap: Tally() for gap in plan}
    for gap, absences in plan.items():
        for absence in absences:
            if gap == RETURNS:
                tallies[gap] += judge(absence, present, without_gap)
                continue
            run = replay(make(), recording, with_gap(recording, present, absence, one), step)
            tallies[gap] += judge(absence, present, Identities(run.tracks, recording.truth, run.known), without_gap)
    return tallies


def _commonest(values: Iterable[int]) -> int | None:
    """The commonest, the lowest of those that are equally common; None of none."""
    counts: Mapping[int, int] = Counter(values)
    return min(counts, key=lambda value: (-counts[value], value)) if counts else None
