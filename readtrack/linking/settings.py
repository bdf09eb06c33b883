"""Settings of the linking engine."""

import math
from dataclasses import dataclass

from readtrack.errors import InputError


@dataclass(frozen=True)
class LinkingConfig:
    """How tracklets become people. Times are seconds, lengths body heights, evidence and prices log odds."""

    appearance_weight: float = 0.9  # of the mean evidence of two people's crops, which are not independent
    motion_weight: float = 0.25  # of the evidence of how they moved, where there are crops as well
    motion_alone_weight: float = 0.6  # of the same without crops
    prior: float = 0.0  # log odds that two tracklets are one person before anything is known of them
    gap_penalty: float = 1.0  # times ln(1 + gap): the longer somebody is away, the more others it may be
    together_price: float = 1.0  # of each frame in which both are seen; a fifth where their boxes overlap
    host_weight: float = 2.0  # of another tracker's word that two tracklets are one person
    max_gap: float = 60.0  # seconds unseen after which nobody is brought back
    compared: int = 12  # crops of a tracklet are compared with those of so many that resemble it most
    min_person: float = 0.4  # probability of being a person below which one is dropped; 0 keeps all
    fill_gap: float = 4.0  # longest gap that is filled, in seconds; half of it where the camera moves, 0 for none
    smoothing: float = 0.12  # standard deviation of the average over time of boxes, in seconds; 0 for none

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not math.isfinite(value) or (value < 0 and name != "prior"):
                raise InputError(f"{name}={value}: must be a number from 0", name)
        if self.min_person > 1:
            raise InputError(f"min_person={self.min_person}: must lie in [0, 1]", "min_person")
