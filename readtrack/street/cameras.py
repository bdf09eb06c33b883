"""Several cameras on the same people: everybody walks from one to the next, and is never in two at once.

The cameras stand in streets of their own, in another light and at another scale; clothes are the same.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from readtrack.street.backdrop import HEIGHT
from readtrack.street.config import StreetConfig
from readtrack.street.occluders import furnish
from readtrack.street.plan import Planner, Visit, Walk

SCALES = (0.75, 1.2)  # of a camera's image, of which people are that much smaller or larger
GAINS = (0.7, 1.2)  # of its brightness
WARMTH = 0.08  # at most, to blue or to red
TRAVEL = (2.0, 12.0)  # seconds between two cameras
HASTE = 0.25  # standard deviation of the logarithm of what somebody needs for it
BEGIN = 300  # frames at 25 a second, within which everybody appears


def seen_by(config: StreetConfig) -> StreetConfig:
    """The settings at the camera's own scale."""
    scale = _drawn(config, SCALES, 21)
    width, height = (2 * round(side * scale / 2) for side in (config.width, config.height))
    return replace(config, width=max(width, height), height=max(height, 64))


def light_of(config: StreetConfig) -> tuple[float, float]:
    """Gain and warmth of the camera's picture; 1 and 0 where there is one camera only."""
    if not config.camera:
        return 1.0, 0.0
    return _drawn(config, GAINS, 22), _drawn(config, (-WARMTH, WARMTH), 23)


def _drawn(config: StreetConfig, span: tuple[float, float], purpose: int) -> float:
    """A number that is the camera's own."""
    return float(np.random.default_rng(config.place(purpose)).uniform(*span))


class Journeys:
    """Everybody's visits to one of several cameras."""

    def __init__(self, config: StreetConfig) -> None:
        """Plan the ways of everybody through all cameras, of which ``config.camera`` is shown."""
        self.config = config
        self._visits: list[list[Visit]] = []
        planners = []
        for camera in range(1, config.cameras + 1):
            own = seen_by(replace(config, camera=camera))
            unit = own.height / HEIGHT
            planners.append(Planner(own, furnish(np.random.default_rng(own.place(2)), own.width / unit, unit, 0)))
        between = np.random.default_rng([config.seed, 24]).uniform(*TRAVEL, (config.cameras, config.cameras))
        for person in range(config.people):
            self._visits.append(self._journey(person, planners, np.minimum(between, between.T)))

    def _journey(self, person: int, planners: list[Planner], between: np.ndarray) -> list[Visit]:
        """A person's visits to the camera that is shown."""
        config = self.config
        visits: list[tuple[int, Visit]] = []
        rng = np.random.default_rng([config.seed, 25, person])
        now = rng.uniform(0, BEGIN * config.fps / 25)
        here = int(rng.integers(config.cameras))
        while now < config.frames:
            walk = planners[here].stroll(np.random.default_rng([config.seed, 26, person, len(visits), here]))
            inside = np.flatnonzero(walk.inside)
            begin = round(now) - int(inside[0])
            visits.append((here, Visit(begin, walk)))
            there = (here + int(rng.integers(1, config.cameras))) % config.cameras if config.cameras > 1 else here
            seconds = between[here, there] * float(np.exp(HASTE * rng.normal()))
            now = begin + int(inside[-1]) + 1 + seconds * config.fps
            here = there
        return [visit for camera, visit in visits if camera == config.camera - 1]

    def present(self, index: int) -> Iterator[tuple[int, Walk, int]]:
        """People on a visit in that frame: person (from 0), walk, and the frame within the walk."""
        for person, visits in enumerate(self._visits):
            for visit in visits:
                if visit.start <= index < visit.end:
                    yield person, visit.walk, index - visit.start
                    break
