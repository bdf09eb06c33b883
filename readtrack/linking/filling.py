"""Gaps filled, and boxes averaged over time, of one person whose identity is sure."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def fill(frames: Ints, xyxy: Floats, longest: Ints) -> tuple[Ints, Floats, NDArray[np.bool_]]:
    """Boxes for the frames in which somebody was not seen, on a straight line.

    Args:
        frames: (B,) ascending, none twice.
        xyxy: boxes (B, 4), where the background stands still.
        longest: frames that the gap before each box may have to be filled (B,).

    Returns:
        Frames (C,), boxes (C, 4) and which of them are filled in (C,).
    """
    gaps = np.flatnonzero((np.diff(frames) > 1) & (np.diff(frames) - 1 <= longest[1:]))
    new = [np.arange(frames[gap] + 1, frames[gap + 1]) for gap in gaps.tolist()]
    added = np.concatenate([np.zeros(0, np.int64), *new])
    every = np.concatenate([frames, added])
    order = np.argsort(every, kind="stable")
    lines = np.stack([np.interp(added, frames, xyxy[:, side]) for side in range(4)], axis=1)
    return every[order], np.concatenate([xyxy, lines])[order], order >= len(frames)


def smooth(frames: Ints, xyxy: Floats, deviation: float) -> Floats:
    """Boxes (B, 4) from straight lines through their neighbours, weighted by a Gaussian of ``deviation`` frames.

    Who walks straight on is not held back, at the ends neither.
    """
    if deviation <= 0 or len(frames) < 3:
        return xyxy
    time = frames.astype(np.float64)
    sums = np.zeros((3, len(time)))  # of weights, times lag, times lag squared
    moments = np.zeros((2, *xyxy.shape))
    reach = int(np.ceil(3 * deviation))
    for step in range(-reach, reach + 1):
        here = np.arange(max(0, -step), len(time) - max(0, step))
        lag = time[here + step] - time[here]
        weight = np.exp(-((lag / deviation) ** 2) / 2)
        sums[:, here] += weight * lag ** np.arange(3)[:, None]
        moments[:, here] += (weight * lag ** np.arange(2)[:, None])[:, :, None] * xyxy[here + step]
    spread = sums[0] * sums[2] - sums[1] ** 2
    line = (sums[2, :, None] * moments[0] - sums[1, :, None] * moments[1]) / np.maximum(spread, 1e-9)[:, None]
    return np.where((spread > 1e-9)[:, None], line, xyxy)
