"""Live: people by the same engine on what has been seen, every so often; ids are told soon and corrected for a while.

Only the last seconds are linked anew. What is older has become people who are final: of each of them the engine gets
their last moments and a few crops, as one tracklet. So memory and time are bounded on endless streams.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from readtrack.linking.engine import Linked, Observations, link
from readtrack.linking.motion import SPAN, Motion
from readtrack.linking.remembered import NO_ROWS, NOBODY, Frame, Rows, Unit, between, looked_up, owners
from readtrack.linking.settings import LinkingConfig
from readtrack.linking.settling import MOVING, steady_boxes
from readtrack.linking.similarity import NO_PAIRS, Appearance

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

INTERVAL = 0.25  # seconds between two linkings
CROWD = 50  # people in a frame, on average, from which on
CROWD_INTERVAL = 1.0  # seconds lie between two linkings, at least, and not all pairs are weighed
WINDOW = 5.0  # seconds back to which boxes are kept, at least
LEARNT = 2.0, 10.0  # seconds for which what was learnt of motion holds; the longer where a crowd was seen as long
CONFIDENT = 0.9  # probability of a link from which an id is told before its time


@dataclass(frozen=True)
class Told:
    """A box of an earlier frame whose id is known only now."""

    frame: int
    xyxy: Floats  # (4,)
    confidence: float
    id: int  # 0 where it has none any more
    previous: int  # under which it was told before, 0 where it was not
    filled: bool  # whether nobody detected it


@dataclass(frozen=True)
class Found:
    """Somebody known was found again."""

    id: int
    probability: float  # of this link among all that either might have instead
    runner_up: float
    gap: float  # seconds unseen
    motion: float  # log likelihood ratio of how they moved
    boxes: int  # of the smaller one of the two
    unit: int  # what was found, by its first tracklet
    before: int  # what was seen of that person before, likewise; -1 where nothing is remembered


class LivePeople:
    """Links tracklets as they come. It sees no image: ``look`` tells how tracklets look."""

    def __init__(
        self,
        config: LinkingConfig = LinkingConfig(),
        fps: float = 25.0,
        delay: float = 2.0,
        correction: float = 3.0,
        most: int = 200,
    ) -> None:
        """Begin with nobody.

        Args:
            config: how tracklets become people.
            fps: frames per second, about, until it is known from their times.
            delay: seconds after which everybody who is a person has an id; 0 tells it at once.
            correction: further seconds for which an id that was told may prove wrong; 0 for none.
            most: people remembered; the longest unseen are forgotten first.
        """
        self.config, self.fps, self.delay, self.correction, self.most = config, fps, delay, correction, most
        self.count = 0  # ids told
        self.late: list[Told] = []  # of earlier frames, by the last frame
        self.found: list[Found] = []  # by the last frame
        self.merged: list[tuple[int, int]] = []  # tracklets whose crops are the first one's from now on
        self.own = NO_PAIRS  # the last pairs of both kinds, by which appearance was set
        self._units: dict[int, Unit] = {}
        self._unit_of: dict[int, int] = {}  # tracklet -> unit, by its first tracklet
        self._rows, self._new = NO_ROWS, [NO_ROWS]
        self._frames: deque[Frame] = deque()
        self._standing = np.eye(3)
        self._horizon = -np.inf  # before which nothing is told any more
        self._begin = np.inf  # when it was linked first,
        self._linked = -np.inf  # and last
        self._crowd = False  # whether there were too many people then to link anew as soon as one is due
        self._motion: tuple[float, Motion] | None = None

    def add(
        self,
        frame: int,
        time: float,
        xyxy: Floats,
        confidence: Floats,
        tracklets: Ints,
        moved: Floats | None = None,
        before: dict[int, int] | None = None,
    ) -> None:
        """Take the boxes of a frame.

        Args:
            frame: its number, higher than that of the last one.
            time: of it in seconds, later than that of the last one.
            xyxy: (R, 4).
            confidence: (R,).
            tracklets: whose boxes they are (R,), none twice.
            moved: how the background moved since the last frame, (2, 3); None where it stood still.
            before: with which tracklet new ones go on, as another tracker says.
        """
        self.late, self.found, self.merged = [], [], []
        if moved is not None:
            self._standing = self._standing @ np.linalg.inv(np.vstack([moved, [0, 0, 1]]))
        self._frames.append((frame, time, self._standing[:2].copy(), moved is not None))
        for tracklet in tracklets.tolist():
            if tracklet not in self._unit_of:
                self._unit_of[tracklet] = tracklet
                self._units[tracklet] = Unit(time, time, before=(before or {}).get(tracklet, -1))
            unit = self._units[self._unit_of[tracklet]]
            unit.last, unit.boxes = time, unit.boxes + 1
        steady = steady_boxes(xyxy, np.repeat(self._standing[None, :2], len(xyxy), axis=0))
        ids = self._free(np.array([self._units[self._unit_of[t]].id for t in tracklets.tolist()], np.int64), tracklets)
        count = len(tracklets)
        self._new.append(
            Rows(
                np.full(count, frame, np.int64),
                np.full(count, time),
                xyxy,
                steady,
                confidence,
                tracklets,
                ids,
                np.zeros(count, bool),
            )
        )

    def _free(self, ids: Ints, tracklets: Ints) -> Ints:
        """Ids of the boxes of a frame, none twice: of two the one of the longer tracklet keeps it."""
        order = np.argsort([-self._units[self._unit_of[t]].boxes for t in tracklets.tolist()], kind="stable")
        taken: set[int] = set()
        for row in order.tolist():
            if int(ids[row]) in taken:
                ids[row] = NOBODY
            elif ids[row] != NOBODY:
                taken.add(int(ids[row]))
        return ids

    @property
    def rate(self) -> float:
        """Frames a second, as they came lately; as told before that is known."""
        (_, first, *_), (_, last, *_) = self._frames[0], self._frames[-1]
        return (len(self._frames) - 1) / (last - first) if last > first else self.fps

    @property
    def due(self) -> bool:
        """Whether it is time to link."""
        _, now, _, _ = self._frames[-1]
        if self._crowd and now - self._linked < self._pace - 0.5 / self.rate:
            return False
        opened = [unit for unit in self._units.values() if not unit.final]
        ripe = now - self.delay + 0.5 / self.rate
        if any(self._linked - self.delay + 0.5 / self.rate < unit.begin <= ripe for unit in opened if not unit.id):
            return True
        return now - self._linked >= (INTERVAL if opened else WINDOW) - 0.5 / self.rate

    @property
    def _pace(self) -> float:
        """Seconds between two linkings, where there is a crowd; ids are told so much before their time is up."""
        return min(CROWD_INTERVAL, self.delay / 2) if self._crowd else 0.0

    def new_id(self) -> int:
        """An id that is nobody's, from the same count."""
        self.count += 1
        return self.count

    @property
    def used(self) -> set[int]:
        """Ids of everybody who is remembered."""
        return {unit.id for unit in self._units.values()} - {NOBODY}

    @property
    def named(self) -> dict[int, int]:
        """The id of each unit that has one."""
        return {name: unit.id for name, unit in self._units.items() if unit.id != NOBODY}

    def knows(self, tracklet: int) -> bool:
        """Whether a tracklet is still remembered by itself."""
        return tracklet in self._unit_of

    @property
    def units(self) -> set[int]:
        """What is linked as a whole, each by its first tracklet: the names that ``look`` is asked about."""
        return set(self._units)

    @property
    def ids(self) -> Ints:
        """Ids of the last frame's boxes (R,), 0 where there is none (yet)."""
        if self._new:
            return self._new[-1].told
        return np.asarray(self._rows.told[self._rows.frame == self._frames[-1][0]])

    def link(self, look: Callable[[list[int]], Appearance | None], end: bool = False) -> None:
        """Link what has been seen lately, tell ids and corrections.

        Args:
            look: appearance of units, which are known by their first tracklet.
            end: whether nothing follows, so that everybody gets an id.
        """
        if not self._frames:
            return
        now = self._frames[-1][1]
        self._linked, self._begin = now, min(self._begin, now)
        self._rows, self._new = Rows.joined([self._rows, *self._new]), []
        self._forget(now)
        kept = self._rows
        self._crowd = len(kept.frame) > CROWD * len(self._frames)
        seen = np.flatnonzero(~kept.filled)
        if not len(seen):
            return
        owner = looked_up(self._unit_of, kept.tracklet[seen])
        order = np.lexsort((kept.frame[seen], owner))
        again = (np.diff(owner[order]) == 0) & (np.diff(kept.frame[seen][order]) == 0)
        seen, owner = seen[order][np.append(True, ~again)], owner[order][np.append(True, ~again)]
        names, numbers = np.unique(owner, return_inverse=True)
        units = [self._units[name] for name in names.tolist()]
        place = {name: k for k, name in enumerate(names.tolist())}
        before = [place.get(self._unit_of.get(unit.before, -1), -1) for unit in units]
        motion = None
        if self._motion is not None:
            learnt, held = self._motion[0], LEARNT[0]
            if self._crowd:
                held = min(max(held, learnt - self._begin), LEARNT[1])
            motion = self._motion[1] if now - learnt < held else None
        linked = link(
            Observations(
                kept.frame[seen],
                kept.xyxy[seen],
                kept.confidence[seen],
                numbers.astype(np.int64),
                kept.steady[seen],
                kept.time[seen],
            ),
            self.rate,
            self.config,
            look(names.tolist()),
            np.array(before) if max(before) >= 0 else None,
            np.array([unit.final for unit in units]),
            motion,
            crowd=self._crowd,
        )
        if motion is None:
            self._motion = (now, linked.motion)
        if len(linked.own.same) and len(linked.own.different):
            self.own = linked.own
        self._name(names.tolist(), units, linked, now, end)
        self._tell(end)
        self._close(now, linked.longest_gap, end)

    def _name(self, names: list[int], units: list[Unit], linked: Linked, now: float, end: bool) -> None:
        """Give units the ids of their people."""
        groups: dict[int, list[int]] = {}
        for place, person in enumerate(linked.people.tolist()):
            groups.setdefault(person, []).append(place)
        owner = owners(groups, units)
        links = {one.tracklet: one for one in linked.links}
        for person, places in sorted(groups.items(), key=lambda group: min(units[k].begin for k in group[1])):
            number = owner.get(person, NOBODY)
            known = number != NOBODY
            if not known:
                ripe = now - min(units[k].begin for k in places) >= self.delay - self._pace - 0.5 / self.rate
                if linked.probability[person] < self.config.min_person or not (end or ripe):
                    continue
                number = self.new_id()
            for k in places:
                unit = units[k]
                patient = not end and now - unit.begin < self.delay - 0.5 / self.rate and linked.joined[k] < CONFIDENT
                if unit.final or unit.id == number or (known and unit.id == NOBODY and patient):
                    continue
                if known and (one := links.get(k)) is not None:
                    earlier = [q for q in places if units[q].begin < unit.begin]
                    before = names[max(earlier, key=lambda q: units[q].last)] if earlier else -1
                    told = (number, one.probability, one.runner_up, one.gap, one.motion, one.boxes)
                    self.found.append(Found(*told, names[k], before))
                unit.id, unit.sure = number, float(linked.joined[k])

    def _tell(self, end: bool) -> None:
        """Bring boxes up to the ids of their units; nobody is twice in a frame."""
        rows, frame = self._rows, self._frames[-1][0]
        owner = looked_up(self._unit_of, rows.tracklet)
        wanted = looked_up({name: unit.id for name, unit in self._units.items()}, owner)
        wanted = np.where(rows.filled | (rows.time < self._horizon), rows.told, wanted)
        stays = (wanted == rows.told) & (wanted != NOBODY)
        length = looked_up({name: unit.boxes for name, unit in self._units.items()}, owner)
        order = np.lexsort((-length, ~stays, wanted, rows.frame))
        again = (np.diff(rows.frame[order]) == 0) & (np.diff(wanted[order]) == 0)
        wanted[order[1:][again]] = NOBODY
        for row in np.flatnonzero((wanted != rows.told) & ((rows.frame != frame) | end)).tolist():
            self.late.append(
                Told(
                    int(rows.frame[row]),
                    rows.xyxy[row],
                    float(rows.confidence[row]),
                    int(wanted[row]),
                    int(rows.told[row]),
                    False,
                )
            )
        self._rows = replace(rows, told=wanted)

    def _close(self, now: float, longest: float, end: bool) -> None:
        """Make people final whose time is over, and fill their gaps."""
        horizon = now - (self.delay + self.correction if self.correction else 0)
        people = {unit.id: name for name, unit in self._units.items() if unit.final}
        due = [name for name, unit in self._units.items() if not unit.final and unit.id != NOBODY]
        due = [name for name in due if end or self._units[name].begin <= horizon]
        if not due:
            return
        order = np.argsort(self._rows.told, kind="stable")
        told = self._rows.told[order]
        moving = float(np.mean([moved for *_, moved in self._frames])) > MOVING
        longest = min(self.config.fill_gap / (2 if moving else 1), longest)
        filled: dict[int, list[Rows]] = {}
        whole_of: dict[int, int] = {}
        for name in sorted(due, key=lambda name: self._units[name].begin):
            unit = self._units[name]
            begin, stop = np.searchsorted(told, [unit.id, unit.id + 1]).tolist()
            own = Rows.joined([self._rows.take(order[begin:stop]), *filled.get(unit.id, [])])
            if (found := between(unit, own, self._frames, longest, self.config.smoothing * self.rate)) is not None:
                filled.setdefault(unit.id, []).append(found)
                told_now = zip(found.frame.tolist(), found.xyxy, found.confidence.tolist(), strict=True)
                self.late += [Told(frame, box, sure, unit.id, NOBODY, True) for frame, box, sure in told_now]
            first = people.setdefault(unit.id, name)
            unit.final = True
            if first != name:
                whole = self._units[first]
                whole.last, whole.boxes = max(whole.last, unit.last), whole.boxes + unit.boxes
                whole_of[name] = first
                del self._units[name]
                self.merged.append((first, name))
        self._unit_of = {tracklet: whole_of.get(name, name) for tracklet, name in self._unit_of.items()}
        self._rows = Rows.joined([self._rows, *(part for parts in filled.values() for part in parts)])

    def _forget(self, now: float) -> None:
        """Let go of what is too old to matter."""
        horizon = self._horizon = now - max(WINDOW, self.delay + self.correction + 1)
        unseen = sorted((unit.last, name) for name, unit in self._units.items() if unit.final and unit.last < now)
        gone = {name for last, name in unseen if last < now - self.config.max_gap}
        gone |= {name for _, name in unseen[: max(0, len(unseen) - self.most)]}
        gone |= {name for name, unit in self._units.items() if not unit.final and unit.last < horizon}
        rows = self._rows
        owner = looked_up(self._unit_of, rows.tracklet)
        last = looked_up({name: unit.last for name, unit in self._units.items()}, owner)
        recent = rows.time >= np.minimum(horizon, last - SPAN)
        recent &= (rows.time >= horizon) | ~rows.filled
        recent &= ~np.isin(owner, np.array(sorted(gone), np.int64))
        self._rows = rows.take(recent)
        held = set(np.unique(self._rows.tracklet).tolist())
        for name in gone:
            del self._units[name]
        self._unit_of = {
            tracklet: name
            for tracklet, name in self._unit_of.items()
            if name not in gone and (tracklet in held or tracklet == name)
        }
        while self._frames[0][1] < horizon:
            self._frames.popleft()
        back = np.linalg.inv(self._standing)  # from now on, this frame is where everything stands still
        if not np.array_equal(back, np.eye(3)):
            maps = np.repeat(back[None, :2], len(self._rows.frame), axis=0)
            self._rows = replace(self._rows, steady=steady_boxes(self._rows.steady, maps))
            self._frames = deque(
                (frame, time, (back @ np.vstack([standing, [0, 0, 1]]))[:2], moved)
                for frame, time, standing, moved in self._frames
            )
            self._standing = np.eye(3)
