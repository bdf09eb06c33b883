"""Constant-velocity motion of one box, as in DeepSORT (Wojke et al., 2017)."""

import numpy as np
from filterpy.kalman import KalmanFilter
from numpy.typing import NDArray

from readtrack import boxes

POSITION_NOISE = 1 / 20  # standard deviations as shares of the box's height
VELOCITY_NOISE = 1 / 160
ASPECT_NOISE = 1e-2  # aspect is a ratio: its deviations are plain numbers
ASPECT_VELOCITY_NOISE = 1e-5
MEASURED = [0, 1, 3]  # of xyah: what tells boxes apart
TAIL = 4  # degrees of freedom of Student's t


class BoxMotion:
    """A Kalman filter on centre x, centre y, aspect and height (``xyah``) and their velocities per frame."""

    def __init__(self, xyxy: NDArray[np.float64]) -> None:
        """Start at a box (4,), not moving."""
        self._filter = KalmanFilter(dim_x=8, dim_z=4)
        self._filter.F = np.eye(8) + np.eye(8, k=4)
        self._filter.H = np.eye(4, 8)
        self._filter.x = np.concatenate([boxes.xyxy_to_xyah(xyxy[None])[0], np.zeros(4)])[:, None]
        self._filter.P = np.diag(np.square(self._deviations(2 * POSITION_NOISE, 10 * VELOCITY_NOISE)))

    @property
    def height(self) -> float:
        """Height in pixels."""
        return float(self._filter.x[3, 0])

    @property
    def xyxy(self) -> NDArray[np.float64]:
        """Where the box is believed to be, (4,)."""
        return boxes.xyah_to_xyxy(self._filter.x[None, :4, 0])[0]

    def predict(self, seen: bool) -> None:
        """Go on by one frame; a box that was not ``seen`` in the last one no longer changes its size."""
        if not seen:
            self._filter.x[6:] = 0
        self._filter.predict(Q=np.diag(np.square(self._deviations(POSITION_NOISE, VELOCITY_NOISE))))
        self._filter.x[2:4] = np.maximum(self._filter.x[2:4], [[1e-2], [1.0]])

    def update(self, xyxy: NDArray[np.float64]) -> None:
        """Learn that the box was seen at ``xyxy`` (4,)."""
        noise = np.array([POSITION_NOISE, POSITION_NOISE, 0, POSITION_NOISE]) * self.height
        noise[2] = 10 * ASPECT_NOISE
        self._filter.update(boxes.xyxy_to_xyah(xyxy[None])[0][:, None], R=np.diag(np.square(noise)))

    def surprise(self, xyxy: NDArray[np.float64]) -> NDArray[np.float64]:
        """How unlikely boxes (N, 4) are where this one is believed to be, (N,); about 0 on the spot.

        Minus the log density of Student's t (heavy tails: partly hidden people are measured badly) over centre and
        height, up to a constant that all boxes of one height share. Aspect is left out, it swings with the gait.
        """
        off = (boxes.xyxy_to_xyah(xyxy) - self._filter.x[:4, 0])[:, MEASURED]
        noise = np.diag(np.square([POSITION_NOISE * self.height] * 3))
        spread = self._filter.P[np.ix_(MEASURED, MEASURED)] + noise
        squared = np.einsum("ni,ij,nj->n", off, np.linalg.inv(spread), off)
        volume = np.linalg.slogdet(spread / POSITION_NOISE**2 / self.height**2)[1] / 2
        return np.asarray((TAIL + 3) / 2 * np.log1p(squared / TAIL) + volume)

    def _deviations(self, position: float, velocity: float) -> NDArray[np.float64]:
        """Standard deviations of the state (8,) for noises given as shares of the height."""
        h = self.height
        places = [position * h, position * h, ASPECT_NOISE, position * h]
        return np.array([*places, velocity * h, velocity * h, ASPECT_VELOCITY_NOISE, velocity * h])
