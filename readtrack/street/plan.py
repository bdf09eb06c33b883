"""Where everybody walks: visits to the image, planned so that some people hide and some return elsewhere.

The ground plane is metres: across from the image's middle column, and away from the camera. Frames count from 0.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from readtrack.street.backdrop import CAMERA, FOCAL, HEIGHT, HORIZON, per_metre
from readtrack.street.config import StreetConfig
from readtrack.street.occluders import Occluder

Floats = NDArray[np.float64]
Rng = np.random.Generator

NEAR_ROW, FAR_ROW = 526.0, 304.0  # reference pixels, feet of the nearest and furthest walkers
HALF_BODY = 0.17  # half a body's width as a share of its height, without the swinging limbs
LONGEST = 420  # frames at 25 frames a second, the longest visit
TRIES = 150  # walks drawn before the best is taken
SEEN = 66  # frames in sight before and after a planned absence


@dataclass(frozen=True, eq=False)
class Walk:
    """One visit, frame by frame, from one edge of the image to another."""

    x: Floats  # (n,) reference pixels, between the feet
    row: Floats  # (n,) reference pixels, the feet
    yaw: Floats  # (n,) radians, 0 to the right, pi / 2 towards the camera
    way: Floats  # (n,) metres walked so far
    speed: Floats  # (n,) metres per second
    inside: NDArray[np.bool_]  # (n,) the body reaches into the image
    hidden: NDArray[np.bool_]  # (n,) an occluder covers the body, as far as rectangles tell

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Visit:
    """A walk and the frame at which it begins."""

    start: int
    walk: Walk

    @property
    def end(self) -> int:
        """The first frame after it."""
        return self.start + len(self.walk)


def _longest_run(flags: NDArray[np.bool_]) -> tuple[int, int]:
    """Begin and length of the longest run of True; (0, 0) when there is none."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    if not len(edges):
        return 0, 0
    begins, ends = edges[::2], edges[1::2]
    best = int(np.argmax(ends - begins))
    return int(begins[best]), int(ends[best] - begins[best])


class Planner:
    """Finds walks by drawing candidates until one does what is asked."""

    def __init__(self, config: StreetConfig, occluders: list[Occluder]) -> None:
        self.fps = config.fps
        self.width = config.width / config.height * HEIGHT
        self.occluders = occluders
        self.screens = [thing for thing in occluders if thing.hides]

    def across(self, x: float, row: float) -> float:
        """Metres from the middle column to a point on the ground."""
        return (x - self.width / 2) / per_metre(row)

    def edge(self, side: int, row: float) -> tuple[float, float]:
        """A point on the ground just outside the image's left (-1) or right (1) edge."""
        x = self.width / 2 + side * (self.width / 2 + 0.5 * per_metre(row) + 12)
        return self.across(x, row), FOCAL * CAMERA / (row - HORIZON)

    def point(self, x: float, row: float) -> tuple[float, float]:
        """A point of the image on the ground."""
        return self.across(x, row), FOCAL * CAMERA / (row - HORIZON)

    def walk(self, points: list[tuple[float, float]], speed: float, pause: tuple[int, int], gaze: float) -> Walk:
        """Walk along points at that speed; ``pause`` is the point to stop at and for how many frames."""
        path = np.array(points)
        step = speed / self.fps
        legs = np.maximum(np.ceil(np.linalg.norm(np.diff(path, axis=0), axis=1) / step), 1).astype(int)
        pieces = []
        for i, count in enumerate(legs):
            if i == pause[0]:
                pieces.append(np.repeat(path[i : i + 1], pause[1], axis=0))
            pieces.append(path[i] + np.arange(count)[:, None] / count * (path[i + 1] - path[i]))
        reach = max(2, round(0.36 * self.fps))
        kernel = np.hanning(2 * reach + 3)[1:-1]
        raw = np.pad(np.concatenate(pieces), ((reach, reach), (0, 0)), mode="edge")
        x, z = (np.convolve(raw[:, axis], kernel / kernel.sum(), mode="valid") for axis in (0, 1))
        dx, dz = np.gradient(x), np.gradient(z)
        moved = np.hypot(dx, dz)
        yaw = np.arctan2(-dz, dx)
        still = moved < 0.25 * step
        yaw[still] = gaze
        turn = np.convolve(np.pad(np.unwrap(yaw), reach, mode="edge"), kernel / kernel.sum(), mode="valid")
        row = HORIZON + FOCAL * CAMERA / z
        column = self.width / 2 + x * per_metre(HORIZON + CAMERA) * FOCAL / z
        inside, hidden = self._seen(column, row)
        return Walk(column, row, turn, np.cumsum(moved), moved * self.fps, inside, hidden)

    def _seen(self, x: Floats, row: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether the body reaches into the image, and whether an occluder covers it."""
        high = (row - HORIZON) * 1.72 / CAMERA
        half = HALF_BODY * high
        inside = (x + 0.21 * high > 0) & (x - 0.21 * high < self.width)
        hidden = np.zeros(len(x), bool)
        for thing in self.screens:
            left, right, top = thing.cover
            hidden |= (row < thing.row) & (x - half > left) & (x + half < right) & (row - high > top)
        return inside, hidden & inside

    def blocked(self, walk: Walk) -> bool:
        """Whether the walk would go through a thing that stands in the street."""
        z = FOCAL * CAMERA / (walk.row - HORIZON)
        x = (walk.x - self.width / 2) * z / FOCAL
        for thing in self.occluders:
            front = FOCAL * CAMERA / (thing.row - HORIZON)
            middle = (thing.x - self.width / 2) * front / FOCAL
            beside = np.abs(x - middle) < thing.width / 2 + 0.22
            if np.any(beside & (z > front - 0.2) & (z < front + thing.deep + 0.15)):
                return True
        return False

    def find(self, rng: Rng, draw: Callable[[Rng], Walk], faults: Callable[[Walk], float]) -> Walk:
        """The first drawn walk without faults that goes through no obstacle, else the one with the least."""
        best, least = None, math.inf
        for _ in range(TRIES):
            walk = draw(rng)
            wrong = faults(walk) + max(0, len(walk) - LONGEST * self.fps / 25)
            if wrong < least:
                wrong += 50 * self.blocked(walk)
            if wrong < least:
                best, least = walk, wrong
            if not least:
                break
        assert best is not None
        return best

    def stroll(self, rng: Rng, enter: int = 0, leave: int = 0, avoid_row: float | None = None) -> Walk:
        """Through the image, entering and leaving at the sides given (0: either), seldom hidden for long."""

        def draw(rng: Rng) -> Walk:
            first = enter or int(rng.choice([-1, 1]))
            last = leave or (-first if rng.random() < 0.75 else first)
            rows = FAR_ROW + (NEAR_ROW - FAR_ROW) * rng.random(4) ** 0.6
            points = [self.edge(first, rows[0])]
            middles = int(rng.integers(0, 3)) if first != last else int(rng.integers(1, 3))
            shares = np.sort(rng.uniform(0.15, 0.85, middles))
            shares = shares if first < 0 else shares[::-1]
            points += [self.point(share * self.width, row) for share, row in zip(shares, rows[2:], strict=False)]
            points.append(self.edge(last, rows[1]))
            stop = int(rng.integers(20, 60) * self.fps / 25) if rng.random() < 0.5 else 0
            where = int(rng.integers(1, middles + 1)) if middles else -1
            return self.walk(points, float(rng.uniform(0.85, 1.45)), (where, stop), float(rng.uniform(0, math.pi)))

        def faults(walk: Walk) -> float:
            begins = walk.row[int(np.argmax(walk.inside))]
            same = avoid_row is not None and abs(begins - avoid_row) < 45
            brief = max(0.0, 110 * self.fps / 25 - int(walk.inside.sum()))
            return 40 * same + brief + max(0.0, _longest_run(walk.hidden)[1] - 7 * self.fps / 25)

        return self.find(rng, draw, faults)

    def hide(self, rng: Rng, screen: Occluder, frames: int) -> Walk:
        """Behind an occluder, out of sight for that many frames, and on to the other side."""
        back = FOCAL * CAMERA / (screen.row - HORIZON) + screen.deep + 0.35
        lane = HORIZON + FOCAL * CAMERA / back
        left, right, _ = screen.cover
        body = 2 * HALF_BODY * (lane - HORIZON) * 1.72 / CAMERA
        shrink = per_metre(lane) / per_metre(screen.row)  # its back corners lie closer to the image's middle
        corners = [self.width / 2 + (x - self.width / 2) * shrink for x in (left, right)]
        before = min(left - 0.6 * body, corners[0] - 0.27 * per_metre(lane))
        after = max(right + 0.6 * body, corners[1] + 0.27 * per_metre(lane))
        gap = max(0.2, (right - left - 0.6 * body) / per_metre(lane))  # metres out of sight
        speed = float(np.clip(gap * self.fps / frames, 0.95, 1.7))
        stop = max(0, round(frames - gap / speed * self.fps))

        def draw(rng: Rng) -> Walk:
            way = int(rng.choice([-1, 1]))
            near, far = (before, after)[::way]
            rows = FAR_ROW + (NEAR_ROW - FAR_ROW) * rng.random(4) ** 0.5
            enter, leave = rng.choice([-1, 1], 2)
            points = [self.edge(int(enter), rows[0])]
            if rng.random() < 0.8:
                points.append(self.point(near - way * rng.uniform(-0.3, 1.2) * body, rows[1]))
            points += [self.point(near, lane), self.point((left + right) / 2, lane), self.point(far, lane)]
            stop_at = len(points) - 2
            if rng.random() < 0.8:
                points.append(self.point(far + way * rng.uniform(-0.3, 1.2) * body, rows[2]))
            points.append(self.edge(int(leave), rows[3]))
            return self.walk(points, speed, (stop_at, stop), math.pi / 2 - way * 0.8)

        def faults(walk: Walk) -> float:
            begin, count = _longest_run(walk.hidden)
            seen = walk.inside & ~walk.hidden
            other = walk.hidden.copy()
            other[begin : begin + count] = False
            enough = SEEN * self.fps / 25
            short = max(0, enough - seen[:begin].sum()) + max(0, enough - seen[begin + count :].sum())
            return float(short + max(0, _longest_run(other)[1] - 6 * self.fps / 25))

        return self.find(rng, draw, faults)


class Plan:
    """Everybody's visits, for ever: an opening that holds the planned absences, then one visit a turn."""

    def __init__(self, config: StreetConfig, occluders: list[Occluder]) -> None:
        self.config, self.planner = config, Planner(config, occluders)
        self.pace = config.fps / 25
        rng = np.random.default_rng([config.seed, 11])
        roles = rng.permutation(config.people)
        self.opening: list[list[Visit]] = [[] for _ in roles]
        screens = sorted(self.planner.screens, key=lambda thing: abs(thing.width - 2.1))
        for place, person in enumerate(roles.tolist()):
            own = np.random.default_rng([config.seed, 12, person])
            if place < config.hidden:
                screen = screens[place % len(screens)]
                self.opening[person] = [self._hiding(own, screen, place)]
            elif place < config.hidden + config.returning:
                self.opening[person] = self._returning(own, place - config.hidden)
            else:
                walk = self.planner.stroll(own)
                first = int(np.argmax(walk.inside))
                self.opening[person] = [Visit(self._begin(own, place) - first, walk)]
        self.turns = [self._first_turn(person) for person in range(config.people)]
        self.turn = round(LONGEST * self.pace) + config.away_frames + 40  # frames from one visit to the next
        self._later = lru_cache(maxsize=4 * config.people)(self._later_visit)

    def _begin(self, rng: Rng, place: int) -> int:
        """The frame at which somebody without a planned absence enters; some are there from the first."""
        others = self.config.people - self.config.hidden - self.config.returning
        share = (place - self.config.hidden - self.config.returning + float(rng.random())) / others
        return round((-110 + 340 * share) * self.pace)

    def _spread(self, place: int, count: int, after: int) -> int:
        """The frame of a planned absence: staggered, late enough to be seen before, early enough after."""
        lead = round(SEEN * self.pace) + 6
        room = max(0, self.config.frames - after - round((SEEN + 10) * self.pace) - lead)
        return lead + round(min(room, 320 * self.pace) * (place + 0.5) / max(1, count))

    def _hiding(self, rng: Rng, screen: Occluder, place: int) -> Visit:
        walk = self.planner.hide(rng, screen, self.config.hidden_frames)
        begin, _ = _longest_run(walk.hidden)
        target = self._spread(place, self.config.hidden, self.config.hidden_frames)
        return Visit(target - begin, walk)

    def _returning(self, rng: Rng, place: int) -> list[Visit]:
        """Out of one side, back from another, elsewhere in depth."""
        leave = int(rng.choice([-1, 1]))
        first = self.planner.stroll(rng, leave=leave)
        gone = len(first) - int(np.argmax(first.inside[::-1]))
        target = self._spread(place, self.config.returning, self.config.away_frames)
        second = self.planner.stroll(rng, enter=-leave, avoid_row=float(first.row[gone - 1]))
        back = target + self.config.away_frames - int(np.argmax(second.inside))
        return [Visit(target - gone, first), Visit(back, second)]

    def _first_turn(self, person: int) -> int:
        """The frame at which a person's turns begin, some time after the opening."""
        gap = np.random.default_rng([self.config.seed, 14, person]).uniform(150, 300) * self.pace
        return self.opening[person][-1].end + self.config.away_frames + round(gap)

    def _later_visit(self, person: int, turn: int) -> Visit:
        """The visit of one of a person's turns after the opening, counted from 0."""
        rng = np.random.default_rng([self.config.seed, 13, person, turn])
        begin = self.turns[person] + turn * self.turn + int(rng.integers(0, 40))
        if self.config.hidden and rng.random() < 0.25:
            screen = self.planner.screens[int(rng.integers(len(self.planner.screens)))]
            return Visit(begin, self.planner.hide(rng, screen, self.config.hidden_frames))
        return Visit(begin, self.planner.stroll(rng))

    def _visits(self, person: int, index: int) -> Iterator[Visit]:
        """A person's visits that may cover that frame."""
        yield from self.opening[person]
        turn = (index - self.turns[person]) // self.turn
        if turn >= 0:
            yield self._later(person, turn)
        if turn >= 1:
            yield self._later(person, turn - 1)

    def present(self, index: int) -> Iterator[tuple[int, Walk, int]]:
        """People on a visit in that frame: person (from 0), walk, and the frame within the walk."""
        for person in range(self.config.people):
            for visit in self._visits(person, index):
                if visit.start <= index < visit.end:
                    yield person, visit.walk, index - visit.start
                    break
