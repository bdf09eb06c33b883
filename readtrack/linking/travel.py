"""How long people need from one camera to another, learnt of those who went there."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BELIEF = 10.0  # passages from which on what was learnt counts as much as what is thought beforehand
SPREAD = 0.7  # standard deviation of the logarithm of seconds that is thought beforehand
LEAST_TIME = 1.0  # seconds that are added, so that somebody may be at once in the next camera


@dataclass(frozen=True)
class Travels:
    """Of each two of C cameras how many went from one to another, and how long that took.

    The logarithm of the time is taken to be normal. Beforehand all times' logarithms are equally likely, which is what
    the engine's price of a gap stands for; of n passages n / (n + 10) is believed.
    """

    count: Floats  # (C, C) passages
    mean: Floats  # (C, C) of the logarithm of seconds
    deviation: Floats  # (C, C)
    longest: float  # seconds that anybody may have needed

    @classmethod
    def unknown(cls, cameras: int) -> "Travels":
        """Of cameras between which nobody went."""
        nothing = np.zeros((cameras, cameras))
        return cls(nothing, nothing, nothing + SPREAD, 0.0)

    @classmethod
    def learnt(cls, camera: Ints, first: Floats, last: Floats, person: Ints, cameras: int) -> "Travels":
        """Of N stays: the camera, when they began and ended, in seconds, and whose they were (N,)."""
        order = np.lexsort((first, person))
        one, other = order[:-1], order[1:]
        went = (person[one] == person[other]) & (camera[one] != camera[other]) & (first[other] > last[one])
        one, other = one[went], other[went]
        time = np.log(first[other] - last[one] + LEAST_TIME)
        pair = np.minimum(camera[one], camera[other]), np.maximum(camera[one], camera[other])
        count, total, squares = (np.zeros((cameras, cameras)) for _ in range(3))
        np.add.at(count, pair, 1)
        np.add.at(total, pair, time)
        mean = total / np.maximum(count, 1)
        np.add.at(squares, pair, (time - mean[pair]) ** 2)
        deviation = np.sqrt((squares + BELIEF * SPREAD**2) / (count + BELIEF))
        longest = float(last.max() - first.min()) if len(first) else 0.0
        return cls(count + count.T, mean + mean.T, np.triu(deviation) + np.triu(deviation, 1).T, longest)

    def evidence(self, one: Ints, other: Ints, gap: Floats) -> Floats:
        """Log likelihood ratios (P,) of somebody needing so many seconds between cameras, over any time as likely."""
        known = self.count[one, other]
        share = known / (known + BELIEF)
        width = self.deviation[one, other]
        away = (np.log(gap + LEAST_TIME) - self.mean[one, other]) / width
        density = np.exp(-(away**2) / 2) / (width * np.sqrt(2 * np.pi))
        return np.asarray(np.log(1 - share + share * density * np.log1p(max(self.longest, 1.0))))
