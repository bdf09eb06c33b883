"""Crossing: live, who of one camera is who of another. Every camera's people have ids of their own; here they get one.

An id of a camera may be found to be somebody else's for as long as the camera itself may correct it; whatever was told
under another id by then is corrected.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from readtrack.gathering import linking_config
from readtrack.judging import Judge
from readtrack.linking.cameras import CLOCKS
from readtrack.linking.engine import FULL_WEIGHT, LEAST_WEIGHT
from readtrack.linking.partition import SHARED
from readtrack.linking.parts import CROPS
from readtrack.linking.similarity import Appearance, Clip, compare
from readtrack.live import Live
from readtrack.read.matcher import Matcher
from readtrack.tracking import Reassignment, TrackerConfig

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

INTERVAL = 0.5  # seconds between two linkings, while anybody may still be somebody else
RATE = 5.0  # moments a second in which it is noted where people are
AT_ONCE = 0.6  # seconds together in one image from which two are surely different


@dataclass
class Sight:
    """Somebody in one camera, under that camera's id."""

    camera: int
    local: int
    begin: float  # seconds
    number: int  # over all cameras; 0 until it is told
    last: float = 0.0
    clip: Clip = ()
    moments: set[int] = field(default_factory=set)  # at which they were seen
    final: bool = False


@dataclass(frozen=True)
class _Told:
    """A frame of a camera as it was told; arrays (R,)."""

    frame: int
    time: float
    xyxy: Floats
    confidence: Floats
    local: Ints
    number: Ints


class Crossing:
    """Numbers people over several cameras as they come."""

    def __init__(self, cameras: Sequence[Live], matcher: Matcher | None, config: TrackerConfig, apart: bool) -> None:
        """Begin with nobody.

        Args:
            cameras: what follows people in each.
            matcher: what compares crops; None leaves every camera alone.
            config: of every camera.
            apart: whether no two cameras can show one person at once.
        """
        self.cameras, self.config, self.apart = cameras, config, apart
        self.linking = linking_config(config)
        self.count = 0  # numbers told
        self._judge = None if matcher is None else Judge(matcher)
        self._sights: dict[tuple[int, int], Sight] = {}
        self._told: list[deque[_Told]] = [deque() for _ in cameras]
        self._linked = -np.inf

    def decide(self, boxes: Sequence[tuple[Floats, Floats, Ints]]) -> list[Ints]:
        """Numbers of the people of every camera's last frame; their reassignments and associations are renamed.

        Args:
            boxes: of each camera xyxy (R, 4), confidence (R,) and the ids that it gave (R,), -1 for none.

        Returns:
            Of each camera (R,), -1 where there is no id.
        """
        now = max(live.gathering.time for live in self.cameras)
        new = self._see(now, [ids for _, _, ids in boxes])
        if new or (now - self._linked >= INTERVAL and any(not one.final for one in self._sights.values())):
            self._link(now)
        late = [self._late(camera, live.reassignments) for camera, live in enumerate(self.cameras)]
        for camera, changed in enumerate(self._correct()):
            late[camera] += changed
        answers = []
        for camera, (live, (xyxy, confidence, ids)) in enumerate(zip(self.cameras, boxes, strict=True)):
            numbers = self._numbers(camera, ids)
            frame = live.gathering.frames - 1
            self._told[camera].append(_Told(frame, now, xyxy, confidence, ids.copy(), numbers.copy()))
            self._rename(camera, late[camera])
            answers.append(numbers)
        self._forget(now)
        return answers

    def finish(self) -> list[list[Reassignment]]:
        """What is settled at the end, of each camera, whose own ``finish`` was called."""
        now = max(live.gathering.time for live in self.cameras)
        self._see(now, [np.zeros(0, np.int64) for _ in self.cameras])
        self._link(now)
        late = [self._late(camera, live.reassignments) for camera, live in enumerate(self.cameras)]
        for camera, changed in enumerate(self._correct()):
            late[camera] += changed
            self._rename(camera, late[camera])
        return late

    def _sight(self, camera: int, local: int, time: float) -> None:
        """Note that somebody, who may be new, was seen at some time."""
        one = self._sights.setdefault((camera, local), Sight(camera, local, time, 0, time))
        one.begin, one.last = min(one.begin, time), max(one.last, time)
        one.moments.add(round(time * RATE))

    def _see(self, now: float, ids: Sequence[Ints]) -> bool:
        """Note who is there; whether anybody is new."""
        known = len(self._sights)
        for camera, (live, own) in enumerate(zip(self.cameras, ids, strict=True)):
            times = {told.frame: told.time for told in self._told[camera]}
            for one in live.reassignments:  # who was undecided was there as well
                if one.track > 0:
                    self._sight(camera, one.track, times.get(one.frame, now))
            for local in own[own > 0].tolist():
                self._sight(camera, local, now)
        return len(self._sights) > known

    def _link(self, now: float) -> None:
        """Decide who is who, but for those that are final."""
        self._linked = now
        for camera, live in enumerate(self.cameras):
            wanted = {one.local for one in self._sights.values() if one.camera == camera and not one.final}
            for local, clip in live.clips(wanted).items():
                self._sights[camera, local].clip = clip[-CROPS:] or self._sights[camera, local].clip
        sights = sorted(self._sights.values(), key=lambda one: (not one.final, one.begin, one.camera, one.local))
        taken: set[int] = set()
        for group in self._groups(sights):
            own = [sights[place] for place in group]
            old = {one.number for one in own if one.final} or {one.number for one in own} - taken - {0}
            if not old:
                self.count += 1
            number = min(old, default=self.count)
            taken.add(number)
            for one in own:
                one.number = number
        limit = now - self.config.delay - self.config.correction
        for one in sights:
            one.final |= one.begin <= limit

    def _groups(self, sights: Sequence[Sight]) -> list[list[int]]:
        """Places of sights by person, those that are final first: the best gain first, as in the engine."""
        gain = self._gains(sights)
        people: dict[int, list[int]] = {}
        for place, sight in enumerate(sights):
            people.setdefault(sight.number if sight.final else -1 - place, []).append(place)
        groups = list(people.values())
        known = sum(number > 0 for number in people)  # nobody final joins another who is
        while True:
            pairs = [(one, other) for other in range(known, len(groups)) for one in range(other)]
            pairs = [(one, other) for one, other in pairs if groups[one] and groups[other]]
            values = [_between(gain, groups[one], groups[other]) for one, other in pairs]
            if max(values, default=0.0) <= 0:
                return [group for group in groups if group]
            one, other = pairs[int(np.argmax(values))]
            groups[one] += groups[other]
            groups[other] = []

    def _gains(self, sights: Sequence[Sight]) -> tuple[Floats, Floats, Floats, Floats]:
        """Of all pairs (S, S): log odds of crops, their weights, seconds between, and the price of time."""
        count = len(sights)
        odds, weight, gap, price = (np.zeros((count, count)) for _ in range(4))
        opened = [place for place, one in enumerate(sights) if not one.final]
        pairs = sorted({(min(one, k), max(one, k)) for one in opened for k in range(count) if k != one})
        for one, other in pairs:
            a, b = sights[one], sights[other]
            both = len(a.moments & b.moments) / RATE
            gap[one, other] = 0 if both else max(b.begin - a.last, a.begin - b.last, 0)
            if a.camera == b.camera or self.apart:
                spare = CLOCKS if a.camera != b.camera else 0
                price[one, other] = self.linking.together_price * max(both - spare, 0) * self.config.fps
        if self._judge is not None and pairs:
            rows, columns = np.array(pairs).T
            surely = price[rows, columns] >= AT_ONCE * self.config.fps
            look = Appearance([one.clip for one in sights], self._judge.vectors, self._judge.log_odds)
            said, _ = compare(look, rows, columns, ~surely, np.flatnonzero(surely), self.linking.compared)
            seen = np.array([len(one.moments) / RATE for one in sights])
            trust = np.clip(np.sqrt(seen / FULL_WEIGHT), LEAST_WEIGHT, 1)
            weight[rows, columns] = np.where(np.isnan(said), 0, trust[rows] * trust[columns])
            odds[rows, columns] = np.nan_to_num(said)
        odds, weight, gap, price = (values + values.T for values in (odds, weight, gap, price))
        config = self.linking
        value = config.appearance_weight * odds * weight
        return value, weight, config.gap_penalty * np.log1p(gap), price

    def _number(self, camera: int, local: int) -> int:
        """What somebody is called; -1 for nobody."""
        one = self._sights.get((camera, local))
        return one.number if one is not None and one.number else -1

    def _numbers(self, camera: int, ids: Ints) -> Ints:
        """The same of ids (R,); of two in a frame that have become one the second has none."""
        found = np.array([self._number(camera, local) for local in ids.tolist()], dtype=np.int64)
        _, once = np.unique(found, return_index=True)
        again = np.ones(len(found), dtype=bool)
        again[once] = False
        found[again] = -1
        return found

    def _late(self, camera: int, reassignments: Sequence[Reassignment]) -> list[Reassignment]:
        """A camera's own corrections, noted and renamed."""
        answer = []
        told = {one.frame: one for one in self._told[camera]}
        for one in reassignments:
            number = self._number(camera, one.track) if one.track > 0 else -1
            frame, before = told.get(one.frame), -1
            if frame is not None:
                same = np.flatnonzero((np.abs(frame.xyxy - one.xyxy) < 1e-3).all(axis=1))
                if len(same):
                    before = int(frame.number[same[0]])
                    frame.local[same[0]], frame.number[same[0]] = one.track, number
                elif one.track > 0:
                    told[one.frame] = self._added(camera, frame, one, number)
            if number != before:
                answer.append(replace(one, track=number, previous_id=before))
        return answer

    def _added(self, camera: int, frame: _Told, one: Reassignment, number: int) -> _Told:
        """A frame with one more box, that lies in a gap."""
        more = _Told(
            frame.frame,
            frame.time,
            np.concatenate([frame.xyxy, one.xyxy[None]]),
            np.append(frame.confidence, one.confidence),
            np.append(frame.local, one.track),
            np.append(frame.number, number),
        )
        place = self._told[camera].index(frame)
        self._told[camera][place] = more
        return more

    def _correct(self) -> list[list[Reassignment]]:
        """What was told under another number than it has now."""
        late: list[list[Reassignment]] = [[] for _ in self.cameras]
        for camera, frames in enumerate(self._told):
            for one in frames:
                wanted = self._numbers(camera, one.local)
                for row in np.flatnonzero(wanted != one.number).tolist():
                    box, sure = one.xyxy[row], float(one.confidence[row])
                    late[camera].append(Reassignment(one.frame, box, sure, int(wanted[row]), int(one.number[row])))
                one.number[:] = wanted
        return late

    def _rename(self, camera: int, late: list[Reassignment]) -> None:
        """Let a camera tell numbers over all cameras."""
        live = self.cameras[camera]
        live.reassignments = late
        live.associations = [replace(one, track=self._number(camera, one.track)) for one in live.associations]
        live.names = self.names(camera)

    def names(self, camera: int) -> Mapping[int, int]:
        """The number of each id that a camera gave and that is remembered."""
        return {local: one.number for (whose, local), one in self._sights.items() if whose == camera}

    def _forget(self, now: float) -> None:
        """Let go of what is too old to matter."""
        horizon = now - max(5.0, self.config.delay + self.config.correction + 1)
        for frames in self._told:
            while frames and frames[0].time < horizon:
                frames.popleft()
        past = round((now - 60) * RATE)
        for key, one in list(self._sights.items()):
            if one.final and now - one.last > self.config.max_age:
                del self._sights[key]
            elif one.moments and min(one.moments) < past - 60 * RATE:
                one.moments = {moment for moment in one.moments if moment >= past}


def _between(known: tuple[Floats, Floats, Floats, Floats], one: Sequence[int], other: Sequence[int]) -> float:
    """Log odds that two groups of sights are one person, as in the engine."""
    value, weight, gap, price = (values[np.ix_(one, other)] for values in known)
    total = weight.sum()
    if not total:
        return -1.0
    sure = 1 / (SHARED + (1 - SHARED) / max(total, 1.0))
    return float(sure * value.sum() / total - gap.min() - price.sum())
