"""Evidence of motion: whether one tracklet can be the continuation of another, in log likelihood ratios.

People are taken to walk on as they did and to forget it within seconds: their velocity is an Ornstein-Uhlenbeck
process. Between the end of one tracklet and the beginning of another, whose velocities are known, its integral has a
known mean and variance. How far off people really are is learnt from the recording's own tracklets, cut in two; how far
off anybody would be, from its random pairs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MEMORY = 1.5  # seconds in which people forget how they walked
TAIL = 4.0  # degrees of freedom of Student's t: covered people are measured badly
PLACE = np.array([0.06, 0.05, 0.06])  # deviations to begin with: centre x, centre y in heights, log height,
SPEED = np.array([0.6, 0.2, 0.12])  # and of the same per second
ANYBODY = np.array([2.5, 0.6, 0.35])  # difference of two random people
SPAN = 1.0  # seconds at either end of a tracklet that tell its velocity
CUTS = 200  # tracklets that are cut in two, at most
SHORTEST_PART = 0.2  # seconds that a part must have
CUT_GAPS = (0.2, 0.5, 1.0, 2.0)  # seconds taken out
SCALES = np.exp(np.linspace(-1.0, 1.0, 9))  # of PLACE and SPEED, that are tried
BELIEF = 10.0  # in PLACE and SPEED, in cuts


@dataclass(frozen=True)
class Ends:
    """Where N tracklets begin and end, and how fast: the first of two is the beginning."""

    time: Floats  # (N, 2) seconds
    place: Floats  # (N, 2, 3) centre x, centre y in pixels, log height
    speed: Floats  # (N, 2, 3) heights per second, log height per second
    doubt: Floats  # (N, 2, 3) standard deviation of the speed

    @classmethod
    def of(cls, time: Floats, xyxy: Floats, starts: Ints) -> "Ends":
        """Straight lines through the first and the last moments of tracklets.

        Args:
            time: seconds of B boxes, ascending within each tracklet.
            xyxy: the boxes (B, 4), where the background stands still.
            starts: where each tracklet's boxes begin among them, and B at the end (N + 1,).
        """
        count = len(starts) - 1
        height = np.maximum(xyxy[:, 3] - xyxy[:, 1], 1.0)
        points = np.stack([(xyxy[:, 0] + xyxy[:, 2]) / 2, (xyxy[:, 1] + xyxy[:, 3]) / 2, np.log(height)], axis=1)
        lines = [_line(time, points, starts, end) for end in (0, 1)]
        joined = [np.stack(both, axis=1) for both in zip(*lines, strict=True)]
        assert len(joined[0]) == count
        return cls(*joined)


def _line(time: Floats, points: Floats, starts: Ints, end: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Time (N,), place, speed and its doubt (N, 3) at one end of each tracklet."""
    lengths = np.diff(starts)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    at = time[starts[:-1]] if end == 0 else time[starts[1:] - 1]
    since = time - at[owner]
    weight = (np.abs(since) <= SPAN).astype(np.float64)

    def total(values: Floats) -> Floats:
        return np.asarray(np.bincount(owner, weight * values, len(lengths)))

    count = total(np.ones(len(time)))
    middle = total(since) / count
    mean = np.stack([total(points[:, k]) for k in range(3)], axis=1) / count[:, None]
    off = since - middle[owner]
    power = total(off**2)[:, None]
    shared = np.stack([total(off * points[:, k]) for k in range(3)], axis=1)
    size = np.exp(mean[:, 2])
    scale = np.stack([size, size, np.ones_like(size)], axis=1)
    shrink = power / (power + (PLACE / SPEED) ** 2)  # towards standing still, as far as noise may be all there is
    speed = shared / np.maximum(power, 1e-12) / scale * shrink
    return at, mean - middle[:, None] * speed * scale, speed, SPEED * np.sqrt(1 - shrink)


def offsets(ends: Ends, first: Ints, second: Ints) -> tuple[Floats, Floats, Floats, Floats]:
    """How P tracklets lie after others.

    Returns:
        Seconds between them (P,), never negative; how far off the second begins (P, 3) in heights and log height; how
        far off that is from where the first would have gone (P, 3); and what the doubt of its speeds makes of that, as
        a variance (P, 3).
    """
    gap = np.maximum(ends.time[second, 0] - ends.time[first, 1], 0)
    size = np.exp((ends.place[first, 1, 2] + ends.place[second, 0, 2]) / 2)
    scale = np.stack([size, size, np.ones_like(size)], axis=1)
    away = (ends.place[second, 0] - ends.place[first, 1]) / scale
    reach = (MEMORY * np.tanh(gap / (2 * MEMORY)))[:, None]
    error = away - (ends.speed[first, 1] + ends.speed[second, 0]) * reach
    doubt = (ends.doubt[first, 1] ** 2 + ends.doubt[second, 0] ** 2) * reach**2
    return gap, away, error, doubt


@dataclass(frozen=True)
class Motion:
    """How far off people of a recording are: standard deviations (3,) in heights and log height."""

    place: Floats  # of a box
    speed: Floats  # of people's velocity, per second
    anybody: Floats  # of the difference of two random people

    def evidence(self, ends: Ends, first: Ints, second: Ints) -> Floats:
        """Log likelihood ratios (P,) of the second being the first further on, rather than anybody."""
        gap, away, error, doubt = offsets(ends, first, second)
        deviation = np.sqrt(2 * self.place**2 + doubt + _wandered(gap)[:, None] * self.speed**2)
        deviation = np.minimum(deviation, self.anybody)
        return _log_density(error, deviation) - _log_density(away, self.anybody)

    def at_best(self, ends: Ends, first: Ints, second: Ints) -> Floats:
        """What ``evidence`` is at most (P,), roughly, by how far to the side the second begins: quick."""
        gap = np.maximum(ends.time[second, 0] - ends.time[first, 1], 0)
        away = (ends.place[second, 0, 0] - ends.place[first, 1, 0]) / np.exp(ends.place[first, 1, 2])
        reach, walked = MEMORY * np.tanh(gap / (2 * MEMORY)), _wandered(gap)
        error = away - (ends.speed[first, 1, 0] + ends.speed[second, 0, 0]) * reach
        doubt = (ends.doubt[first, 1, 0] ** 2 + ends.doubt[second, 0, 0] ** 2) * reach**2
        place, speed, anybody = 2 * self.place**2, self.speed**2, self.anybody**2
        variance = np.minimum(place[0] + doubt + walked * speed[0], anybody[0])
        far = (TAIL + 1) * np.log((1 + away**2 / (anybody[0] * TAIL)) / (1 + error**2 / (variance * TAIL)))
        rest = sum(np.log(np.maximum(anybody[k] / (place[k] + walked * speed[k]), 1)) for k in (1, 2))
        return np.asarray((far + np.log(anybody[0] / variance) + rest) / 2)

    def leeway(self, ends: Ends, gaps: Floats, needed: Floats) -> tuple[Floats, Floats]:
        """By how much evidence may exceed what is needed after G gaps, and how far aside, in heights, a sight may lie.

        Args:
            ends: of the tracklets, whose doubts and speeds count at their largest.
            gaps: seconds (G,).
            needed: evidence (G,).
        """
        reach = MEMORY * np.tanh(gaps / (2 * MEMORY))
        variance = 2 * self.place**2 + _wandered(gaps)[:, None] * self.speed**2
        unsure = np.sqrt(variance[:, 0] + 2 * ends.doubt[:, :, 0].max(initial=0) ** 2 * reach**2)
        deviation = np.minimum(np.sqrt(variance), self.anybody)
        fit = np.log(self.anybody / deviation).sum(axis=1) - needed
        error = unsure * np.sqrt(TAIL * np.expm1(np.maximum(fit, 0) / ((TAIL + 1) / 2)))
        return fit, error + 2 * reach * np.abs(ends.speed[:, :, 0]).max(initial=0)

    def believed(self, error: float) -> float:
        """Seconds up to which people stray sideways from a straight line between two sights by ``error`` heights."""
        gaps = np.linspace(0, 60, 601)
        astray = np.sqrt(_wandered(gaps)) * self.speed[0] / 4  # in the middle, of who is bound at both ends
        return float(gaps[astray <= error][-1])


def learn_motion(time: Floats, xyxy: Floats, starts: Ints, ends: Ends) -> Motion:
    """Deviations of a recording, from its tracklets cut in two and from random pairs; without any, the usual ones."""
    rng = np.random.default_rng(0)  # the same recording gives the same answer
    anybody = ANYBODY
    count = len(starts) - 1
    one, other = rng.integers(0, max(count, 1), (2, 2000)) if count else np.zeros((2, 0), np.int64)
    kept = (one != other) & (np.abs(ends.time[one, 1] - ends.time[other, 0]) < 10)
    if kept.sum() >= 20:
        away = offsets(ends, one[kept], other[kept])[1]
        anybody = np.clip(np.quantile(np.abs(away), 0.68, axis=0), ANYBODY / 3, ANYBODY * 4)
    parts: list[slice | NDArray[np.intp]] = []
    long = np.flatnonzero(ends.time[:, 1] - ends.time[:, 0] >= CUT_GAPS[0] + 2 * SHORTEST_PART)
    for tracklet in rng.permutation(long)[:CUTS].tolist():
        parts += _cut(time, int(starts[tracklet]), int(starts[tracklet + 1]), rng)
    if len(parts) < 20:
        return Motion(PLACE, SPEED, anybody)
    chosen = np.concatenate([np.asarray(part) for part in parts])
    cut_ends = Ends.of(time[chosen], xyxy[chosen], np.cumsum([0, *(len(part) for part in parts)]))  # type: ignore[arg-type]
    gap, _, error, doubt = offsets(cut_ends, np.arange(0, len(parts), 2), np.arange(1, len(parts), 2))
    walked = _wandered(gap)
    place, speed = PLACE.copy(), SPEED.copy()
    u, v = (grid.ravel() for grid in np.meshgrid(SCALES, SCALES, indexing="ij"))
    for k in range(3):
        variance = 2 * (u * PLACE[k]) ** 2 + walked[:, None] * (v * SPEED[k]) ** 2 + doubt[:, k, None]
        likelihood = _log_density(error[:, k, None, None], np.sqrt(variance)[:, :, None]).sum(axis=0)
        best = (likelihood - BELIEF * (np.log(u) ** 2 + np.log(v) ** 2)).argmax()
        place[k], speed[k] = u[best] * PLACE[k], v[best] * SPEED[k]
    return Motion(place, speed, anybody)


def _cut(time: Floats, start: int, stop: int, rng: np.random.Generator) -> list[NDArray[np.intp]]:
    """Places of the boxes of a tracklet before and after gaps cut into it, in pairs."""
    parts = []
    life = float(time[stop - 1] - time[start])
    for gap in CUT_GAPS:
        spare = life - gap - 2 * SHORTEST_PART
        if spare < 0:
            break
        end = time[start] + SHORTEST_PART + rng.random() * spare
        middle = start + int(np.searchsorted(time[start:stop], end, side="right"))
        later = start + int(np.searchsorted(time[start:stop], end + gap))
        if start < middle and later < stop:
            parts += [np.arange(start, middle), np.arange(later, stop)]
    return parts


def _wandered(gap: Floats) -> Floats:
    """Variance of how far people stray within a gap whose velocities at both ends are known, for a velocity of 1."""
    share = gap / MEMORY
    return np.asarray(2 * MEMORY**2 * (share - 2 * np.tanh(share / 2)))


def _log_density(error: Floats, deviation: Floats) -> Floats:
    """Log density of Student's t up to a constant, summed over the last axis."""
    return np.asarray(-((TAIL + 1) / 2 * np.log1p((error / deviation) ** 2 / TAIL) + np.log(deviation)).sum(axis=-1))
