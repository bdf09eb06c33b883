"""Constant-velocity motion of boxes: the Kalman filter of DeepSORT (Wojke et al., 2017), of all tracks at once.

All its noises are independent, so that the filter of eight numbers falls apart into one of place and velocity each for
centre x, centre y, aspect and height (``xyah``), which are worked out in closed form.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.boxes import Floats
from readtrack.tracking.config import TrackerConfig

POSITION_NOISE = 1 / 20  # standard deviations as shares of the box's height
VELOCITY_NOISE = 1 / 160
ASPECT_NOISE = 1e-2  # aspect is a ratio: its deviations are plain numbers
ASPECT_VELOCITY_NOISE = 1e-5
MEASURED = [0, 1, 3]  # of xyah: what tells boxes apart
TAIL = 4  # degrees of freedom of Student's t
SMALLEST = np.array([1e-2, 1.0])  # aspect and height that a prediction never falls below


class BoxMotion:
    """What is believed of one box: ``xyah``, their velocities per frame, and how sure that is."""

    def __init__(self, xyxy: Floats) -> None:
        """Start at a box (4,), not moving."""
        self.mean = np.zeros((2, 4))  # place, velocity
        self.mean[0] = boxes.xyxy_to_xyah(xyxy[None])[0]
        height = self.mean[0, 3:]
        place, velocity = _deviations(height, 2 * POSITION_NOISE, 10 * VELOCITY_NOISE)
        self.spread = np.zeros((3, 4))  # variance of the place, covariance, variance of the velocity
        self.spread[0], self.spread[2] = place[0] ** 2, velocity[0] ** 2

    @property
    def xyxy(self) -> Floats:
        """Where the box is believed to be, (4,)."""
        return np.asarray(boxes.xyah_to_xyxy(self.mean[:1])[0])


def shift(motions: Sequence[BoxMotion], affine: Floats) -> None:
    """Take over what is believed after the camera moved by ``affine`` (2, 3)."""
    scale = np.sqrt(abs(np.linalg.det(affine[:, :2])))
    for motion in motions:
        motion.mean[:, :2] = motion.mean[:, :2] @ affine[:, :2].T
        motion.mean[0, :2] += affine[:, 2]
        motion.mean[:, 3] *= scale
        motion.spread[:, [0, 1, 3]] *= scale**2


def predict(motions: Sequence[BoxMotion], seen: NDArray[np.bool_]) -> None:
    """Go on by one frame; boxes that were not ``seen`` (M,) in the last one no longer change their size."""
    if not motions:
        return
    mean, spread = _stack(motions)
    mean[~seen, 1, 2:] = 0
    place, velocity = _deviations(mean[:, 0, 3], POSITION_NOISE, VELOCITY_NOISE)
    mean[:, 0] += mean[:, 1]
    np.maximum(mean[:, 0, 2:], SMALLEST, out=mean[:, 0, 2:])
    spread[:, 0] += 2 * spread[:, 1] + spread[:, 2] + place**2
    spread[:, 1] += spread[:, 2]
    spread[:, 2] += velocity**2
    _keep(motions, mean, spread)


def update(motions: Sequence[BoxMotion], xyxy: Floats) -> None:
    """Learn that boxes were seen at ``xyxy`` (M, 4)."""
    if not motions:
        return
    mean, spread = _stack(motions)
    noise = np.square(POSITION_NOISE * mean[:, 0, 3:]).repeat(4, axis=1)
    noise[:, 2] = (10 * ASPECT_NOISE) ** 2
    gain = spread[:, :2] / (spread[:, 0] + noise)[:, None]
    mean += gain * (boxes.xyxy_to_xyah(xyxy) - mean[:, 0])[:, None]
    spread[:, 2] -= gain[:, 1] * spread[:, 1]
    spread[:, :2] *= 1 - gain[:, :1]
    _keep(motions, mean, spread)


def predictions(motions: Sequence[BoxMotion]) -> Floats:
    """Where boxes are believed to be, (M, 4)."""
    return boxes.xyah_to_xyxy(np.array([motion.mean[0] for motion in motions]).reshape(-1, 4))


def negative_log_likelihood(motions: Sequence[BoxMotion], xyxy: Floats) -> Floats:
    """How unlikely boxes (N, 4) are where M others are believed to be, (M, N); about 0 on the spot.

    Minus the log density of Student's t (heavy tails: partly hidden people are measured badly) over centre and height,
    up to a constant that all boxes of one height share. Aspect is left out, it swings with the gait.
    """
    if not len(motions) or not len(xyxy):
        return np.zeros((len(motions), len(xyxy)))
    mean, spread = _stack(motions)
    noise = np.square(POSITION_NOISE * mean[:, 0, 3:])
    variance = spread[:, 0, MEASURED] + noise
    off = boxes.xyxy_to_xyah(xyxy)[:, MEASURED] - mean[:, 0, MEASURED][:, None]
    squared = (off**2 / variance[:, None]).sum(axis=2)
    volume = np.log(variance / noise).sum(axis=1, keepdims=True) / 2
    return np.asarray((TAIL + 3) / 2 * np.log1p(squared / TAIL) + volume)


def within_reach(gone: tuple[int, Floats], come: tuple[int, Floats], config: TrackerConfig) -> bool:
    """Whether somebody last seen in a frame and box (4,) can appear in a later frame and box, at a plausible speed."""
    if come[0] <= gone[0]:
        return False
    ends = np.stack([gone[1], come[1]])
    distance = np.hypot(*np.diff(ends[:, :2] + ends[:, 2:], axis=0)[0] / 2)
    height = float((ends[:, 3] - ends[:, 1]).max())
    seconds = (come[0] - gone[0]) / config.fps
    return bool(distance <= height * (1 + config.max_speed * seconds))


def _stack(motions: Sequence[BoxMotion]) -> tuple[Floats, Floats]:
    """Copies of the means (M, 2, 4) and spreads (M, 3, 4)."""
    return np.array([motion.mean for motion in motions]), np.array([motion.spread for motion in motions])


def _keep(motions: Sequence[BoxMotion], mean: Floats, spread: Floats) -> None:
    """Give each motion its rows."""
    for motion, own_mean, own_spread in zip(motions, mean, spread, strict=True):
        motion.mean, motion.spread = own_mean, own_spread


def _deviations(height: Floats, position: float, velocity: float) -> tuple[Floats, Floats]:
    """Standard deviations of place and velocity (M, 4) for noises given as shares of the heights (M,)."""
    place, speed = ((share * height)[:, None].repeat(4, axis=1) for share in (position, velocity))
    place[:, 2], speed[:, 2] = ASPECT_NOISE, ASPECT_VELOCITY_NOISE
    return place, speed
