"""The tracker's settings, and what it reports beside its answer."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from readtrack.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class TrackerConfig:
    """How people are followed as they come. Times are seconds, confidences and probabilities lie in [0, 1]."""

    fps: float = 25.0  # frames handed in per second of the world, where frames have no times
    start_confidence: float = 0.5  # least confidence of a detection that begins a tracklet
    low_confidence: float = 0.3  # weaker ones, down to here, only continue one
    delay: float = 2.0  # seconds within which everybody has an id; 0 tells it at once
    correction: float = 3.0  # further seconds for which an id that was told may prove wrong; 0 never corrects one
    max_age: float = 60.0  # seconds unseen after which nobody is brought back
    max_lost: int = 200  # people remembered at most; the longest unseen are forgotten first
    min_person: float = 0.4  # probability of being a person below which one gets no id; 0 keeps all
    fill_gap: float = 4.0  # longest gap that is filled afterwards; half of it where the camera moves, 0 for none
    appearance_weight: float = 0.9  # of how two people look, in log odds, of which crops give several that are alike
    motion_weight: float = 0.25  # of how they moved, where there are crops as well
    prior: float = 0.0  # log odds that two tracklets are one person before anything is known; lower links less
    gap_penalty: float = 1.0  # log odds against it for each ln(1 + seconds unseen)

    def __post_init__(self) -> None:
        for name in ("start_confidence", "low_confidence", "min_person"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name}={getattr(self, name)}: must lie in [0, 1]", name)
        for name in ("fps", "max_lost"):
            if not 0 < getattr(self, name) < math.inf:
                raise InputError(f"{name}={getattr(self, name)}: must be positive", name)
        if not self.max_age >= 0:
            raise InputError(f"max_age={self.max_age}: must not be negative", "max_age")
        if not math.isfinite(self.prior):
            raise InputError(f"prior={self.prior}: must be a number", "prior")
        for name in ("delay", "correction", "fill_gap", "appearance_weight", "motion_weight", "gap_penalty"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"{name}={getattr(self, name)}: must be a number from 0", name)
        if self.low_confidence > self.start_confidence:
            values = f"low_confidence={self.low_confidence}, start_confidence={self.start_confidence}"
            raise InputError(f"{values}: the first may not exceed the second", "start_confidence")


REASONS = {
    "reidentified": "somebody is back who was out of sight for a second or more",
    "linked": "two tracklets show one person who was out of sight for less than a second, or not at all",
    "camera": "somebody was seen by another camera before",
}


@dataclass(frozen=True)
class Association:
    """Why what was seen of somebody became one track."""

    frame: int
    track: int  # the track's id
    detection: int  # -1: a whole tracklet was linked
    reason: str  # one of REASONS
    probability: float  # that both show the same person
    runner_up: float  # probability of the best rival, 0 where there was none
    gap: int  # frames between them
    motion_cost: float  # minus the log likelihood ratio of how they moved
    boxes: int = 1  # of the smaller one of the two


@dataclass(frozen=True)
class Reassignment:
    """A box of an earlier frame whose id is known only now."""

    frame: int
    xyxy: "NDArray[np.float64]"  # (4,)
    confidence: float
    track: int  # its id; -1 where it has none any more, for somebody else in that frame has it
    previous_id: int = -1  # the id, now known to be wrong, under which it was reported before; -1 where it had none
    filled: bool = False  # whether nobody detected it, and it lies in a gap


@dataclass(frozen=True)
class Prediction:
    """Where somebody is believed to be."""

    track: int  # the id; -1 while undecided
    xyxy: "NDArray[np.float64]"  # (4,)
    gap: int  # frames since they were seen
