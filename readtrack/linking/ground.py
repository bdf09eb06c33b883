"""Ground: two cameras that see one floor agree where somebody stands on it, whatever they wear.

Where feet are in one image tells where they are in the other, by a homography of the floor. It is learnt of those whom
appearance joined, most of whom are rightly joined; how far off they are from it, against how far off anybody is, says
how much a place tells. Where the cameras share no floor, the two are alike, and it tells nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RATE = 5.0  # moments a second in which two cameras are compared
MEMORY = 1.5  # seconds in which people forget where they stood, so that each tells something new
TAIL = 4.0  # degrees of freedom of Student's t: feet are hidden at times
NEAR = 0.3  # body heights within which a place agrees, while the homography is sought
LEAST = 40  # common moments without which none is sought
BELIEF = 20.0  # seconds of people who were seen at once, from which on it is believed as much as what is thought before
MOST = 5.0  # log odds that a place can tell for one person
RANDOM = 2000  # pairs that tell how far off anybody is


@dataclass(frozen=True)
class Stand:
    """Where somebody stands, by moments of the common clock."""

    moments: Ints  # (M,) ascending
    feet: Floats  # (M, 2) pixels, where the background stands still
    height: Floats  # (M,) of the box

    @classmethod
    def of(cls, time: Floats, image: Floats, steady: Floats, size: tuple[int, int] | None) -> "Stand":
        """Of boxes at some seconds (B,): in the image (B, 4), which tells whether feet are seen, and steady (B, 4)."""
        seen = np.ones(len(time), dtype=bool) if size is None else image[:, 3] < size[1] - 1
        moment = np.round(time[seen] * RATE).astype(np.int64)
        moments, first = np.unique(moment, return_index=True)
        boxes = steady[seen][first]
        feet = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1)
        return cls(moments, feet, np.maximum(boxes[:, 3] - boxes[:, 1], 1.0))


@dataclass(frozen=True)
class Ground:
    """How places in one camera's image lie in another's, and how far off people are from that, in body heights."""

    plane: Floats  # (3, 3)
    same: float  # deviation
    anybody: float

    def price(self, one: Stand, other: Stand) -> float:
        """Log odds against two being one person by where they stood at once; 0 where they were not seen at once."""
        _, here, there = np.intersect1d(one.moments, other.moments, assume_unique=True, return_indices=True)
        if not len(here):
            return 0.0
        off = _off(self.plane, one.feet[here], other.feet[there], one.height[here], other.height[there])
        told = _log_density(off, self.same) - _log_density(off, self.anybody)
        return -min(float(told.mean()) * len(here) / RATE / MEMORY, MOST)


def learn_grounds(
    camera: Ints, stands: Sequence[Stand], person: Ints, apart: NDArray[np.bool_]
) -> Mapping[tuple[int, int], Ground]:
    """The ground that each two cameras share, by N parts of people.

    Args:
        camera: of each part.
        stands: where it stood.
        person: whose it is believed to be.
        apart: (C, C) which cameras share none.
    """
    found = {}
    for one in range(len(apart)):
        for other in range(one + 1, len(apart)):
            if not apart[one, other]:
                ground = _learn(np.flatnonzero(camera == one), np.flatnonzero(camera == other), stands, person)
                if ground is not None:
                    found[one, other] = ground
    return found


def _learn(here: Ints, there: Ints, stands: Sequence[Stand], person: Ints) -> Ground | None:
    """The ground of two cameras; None without enough people who were seen by both at once."""
    common: list[tuple[Floats, Floats, Floats, Floats]] = []
    for one in here.tolist():
        for other in there[person[there] == person[one]].tolist():
            a, b = stands[one], stands[other]
            _, i, j = np.intersect1d(a.moments, b.moments, assume_unique=True, return_indices=True)
            common.append((a.feet[i], b.feet[j], a.height[i], b.height[j]))
    if not common:
        return None
    feet, others, height, heights = (np.concatenate(column) for column in zip(*common, strict=True))
    if len(feet) < LEAST:
        return None
    near = NEAR * float(np.median(heights))
    plane, _ = cv2.findHomography(feet, others, cv2.RANSAC, near, maxIters=5000, confidence=0.999)
    if plane is None or abs(np.linalg.det(plane)) < 1e-12:
        return None
    rng = np.random.default_rng(0)  # the same recordings give the same answer
    a, b = rng.integers(0, len(feet), (2, RANDOM))
    floor: Floats = np.asarray(plane, dtype=np.float64)
    anybody = _deviation(_off(floor, feet[a], others[b], height[a], heights[b]))
    off = _off(floor, feet, others, height, heights)
    seconds = len(feet) / RATE
    share = seconds / (seconds + BELIEF)
    return Ground(floor, _deviation(off) ** share * anybody ** (1 - share), anybody)


def _deviation(off: Floats) -> float:
    """Of distances in a plane (N,), of which some are far off."""
    return max(float(np.median(off)) / math.sqrt(2 * math.log(2)), 1e-3)


def _off(plane: Floats, feet: Floats, others: Floats, height: Floats, heights: Floats) -> Floats:
    """How far off each of N feet is from another camera's, in body heights: the mean of both images."""
    there = np.linalg.norm(_mapped(plane, feet) - others, axis=1) / heights
    here = np.linalg.norm(_mapped(np.asarray(np.linalg.inv(plane)), others) - feet, axis=1) / height
    return np.asarray(np.minimum(np.sqrt((there**2 + here**2) / 2), 1e3))


def _mapped(plane: Floats, points: Floats) -> Floats:
    """Points (N, 2) by a homography; those beyond the horizon are far away."""
    ends = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ plane.T
    return np.asarray(ends[:, :2] / np.where(np.abs(ends[:, 2:]) > 1e-9, ends[:, 2:], 1e-9))


def _log_density(off: Floats, deviation: float) -> Floats:
    """Log density of Student's t in a plane, up to a constant."""
    return np.asarray(-((TAIL + 2) / 2 * np.log1p((off / deviation) ** 2 / TAIL)) - 2 * np.log(deviation))
