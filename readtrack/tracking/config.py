"""The tracker's settings, and what it reports beside its answer."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from readtrack.errors import InputError


@dataclass(frozen=True)
class TrackerConfig:
    """When a detection belongs to a track. IoU and shares are in [0, 1], probabilities are READ's."""

    fps: float = 25.0  # frames handed in per second of the world; turns the times below into frames
    high_confidence: float = 0.5  # detections from here on are matched first
    start_confidence: float = 0.7  # from here on, those of them that nobody claims start tracks, as in ByteTrack
    low_confidence: float = 0.1  # weaker ones, down to here, may only continue a track (ByteTrack's second stage)
    min_iou: float = 0.2  # least overlap of a prediction with a detection
    min_iou_alone: float = 0.3  # the same without READ, which could tell that it was somebody else
    min_iou_low: float = 0.5  # the same for weak detections
    same_box: float = 0.7  # overlap with somebody's detection above which another one starts no track
    min_hits: int = 3  # detections before a track is believed
    coast: float = 1.0  # seconds for which motion alone may find an unseen track again
    max_surprise: float = 10.0  # most that a box may deviate from the prediction: minus log likelihood, a good fit is 0
    exit_surprise: float = 5.0  # added where who was missed while leaving the image is to be back at its edge
    clear: float = 0.9  # share of the likelihood above which motion is unambiguous and READ is not asked; 1: always
    budget: float = 1.0  # most of all detections that READ is asked about, as a share; 1 sets no bound
    min_probability: float = 0.1  # READ's probability below which it refuses what motion proposes
    memory: float = 60.0  # seconds for which a lost track may be brought back by READ
    max_lost: int = 200  # lost tracks remembered at most; the longest unseen are forgotten first
    crops: int = 16  # crops remembered per track, spread over its life
    same: float = 0.9  # probability, among all whom an arrival may be, from which it is a lost person
    likely: float = 0.8  # the same once patience is over
    different: float = 0.2  # probability of being any of them up to which it surely is somebody new
    patience: float = 2.5  # seconds that an arrival may stay undecided between the two
    proofs: int = 3  # clear crops for a fair hearing: READ may be sure sooner; a close case takes 3 to 6 times as many
    look_every: float = 0.12  # seconds between such crops of one track
    stay: float = 0.9  # probability that motion followed the right person through a doubtful moment
    max_speed: float = 3.0  # plausible speed of a lost person, body heights per second
    moving_camera: bool = False  # whether the camera's own motion is measured in the images and made up for
    cover_weight: float = 0.6  # what READ's log odds of a crop that others cover count
    cut_weight: float = 0.5  # the same of one that the image's edge cuts off
    clean_cover: float = 0.35  # most of a crop that others may cover for it to be remembered or judged

    def __post_init__(self) -> None:
        shares = (
            "high_confidence",
            "start_confidence",
            "low_confidence",
            "min_iou",
            "min_iou_alone",
            "min_iou_low",
            "clear",
            "budget",
            "min_probability",
            "same",
            "likely",
            "different",
            "clean_cover",
            "same_box",
            "cover_weight",
            "cut_weight",
            "stay",
        )
        for name in shares:
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name}={getattr(self, name)}: must lie in [0, 1]")
        if self.clear < 0.5:
            raise InputError(f"clear={self.clear}: must be at least 0.5, or motion might be clear about two at once")
        for name in ("fps", "min_hits", "max_surprise", "max_speed", "crops", "max_lost", "proofs"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name}={getattr(self, name)}: must be positive")
        for name in ("coast", "memory", "patience", "look_every", "exit_surprise"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name}={getattr(self, name)}: must not be negative")
        if self.low_confidence > self.high_confidence or not self.different <= self.likely <= self.same:
            raise InputError(
                "low_confidence must not exceed high_confidence, nor different exceed likely, nor likely same"
            )


REASONS = {
    "ambiguous": "motion had several answers",
    "verified": "motion had one answer, for a track that had been missed",
    "revived": "a lost person is back",
    "corrected": "two people had been mixed up and got their ids back",
    "parted": "the track had slipped onto somebody else and gives up its id",
}


@dataclass(frozen=True)
class Association:
    """Why READ gave a detection to a track."""

    frame: int
    track: int  # the track's id; -1 while it has none
    detection: int  # row among the detections handed in
    reason: str  # one of REASONS
    probability: float  # that both show the same person
    runner_up: float  # probability of the best rival track, 0 where there was none
    gap: int  # frames since the track was last seen
    motion_cost: float  # 1 - IoU of the track's predicted box with the detection


@dataclass(frozen=True)
class Decided:
    """A box of an earlier frame whose id is known only now."""

    frame: int
    xyxy: NDArray[np.float64]  # (4,)
    confidence: float
    track: int  # its id
    was: int = -1  # the id, now known to be wrong, under which it was told before; -1 where it had none
