"""The tracker's settings, and what it reports beside its answer."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from readtrack.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class TrackerConfig:
    """When a detection belongs to a track. IoU and shares are in [0, 1], probabilities are READ's."""

    fps: float = 25.0  # frames handed in per second of the world; turns the times below into frames
    high_confidence: float = 0.5  # detections from here on are matched first
    start_confidence: float = 0.7  # from here on, those of them that nobody claims start tracks, as in ByteTrack
    low_confidence: float = 0.1  # weaker ones, down to here, may only continue a track (ByteTrack's second stage)
    min_iou: float = 0.2  # least overlap of a prediction with a detection
    min_iou_motion: float = 0.3  # the same without READ, which could tell that it was somebody else
    min_iou_low: float = 0.5  # the same for weak detections
    duplicate_iou: float = 0.7  # overlap with somebody's detection above which another one starts no track
    min_hits: int = 3  # detections before a track is confirmed
    coast: float = 1.0  # seconds for which motion alone may find an unseen track again
    gate: float = 10.0  # negative log-likelihood of a box under a track's motion above which they never match
    border_penalty: float = 5.0  # added where a track that was missed while leaving the image is to be back at its edge
    unambiguous_share: float = 0.9  # share of the likelihood above which motion decides and READ is not asked; 1: never
    budget: float = 1.0  # most of all detections that READ is asked about, as a share; 1 sets no bound
    min_probability: float = 0.1  # READ's probability below which it refuses what motion proposes
    max_age: float = 60.0  # seconds for which READ may re-identify a lost track
    max_lost: int = 200  # lost tracks remembered at most; the longest unseen are forgotten first
    gallery_size: int = 16  # crops remembered per track, spread over its life
    match_probability: float = 0.9  # among all whom a new track may be, from which it is a lost person
    late_match_probability: float = 0.8  # the same once max_delay is over
    new_probability: float = 0.2  # of being any of them, up to which it is somebody new
    max_delay: float = 2.5  # seconds for which a new track may stay undecided between the two
    min_comparisons: int = 3  # unobstructed crops that settle an identity; a close case takes 3 to 6 times as many
    comparison_interval: float = 0.12  # seconds between compared crops of one track
    motion_prior: float = 0.9  # probability that motion followed the right person through an ambiguous moment
    max_speed: float = 3.0  # plausible speed of a lost person, body heights per second
    moving_camera: bool = False  # whether the camera's own motion is measured in the images and made up for
    occluded_weight: float = 0.6  # what READ's log odds of an occluded crop count
    truncated_weight: float = 0.5  # the same of one that the image's edge cuts off
    max_occlusion: float = 0.35  # share of a box hidden by another person above which its crop counts as occluded

    def __post_init__(self) -> None:
        shares = (
            "high_confidence",
            "start_confidence",
            "low_confidence",
            "min_iou",
            "min_iou_motion",
            "min_iou_low",
            "duplicate_iou",
            "unambiguous_share",
            "budget",
            "min_probability",
            "match_probability",
            "late_match_probability",
            "new_probability",
            "motion_prior",
            "occluded_weight",
            "truncated_weight",
            "max_occlusion",
        )
        for name in shares:
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name}={getattr(self, name)}: must lie in [0, 1]", name)
        if self.unambiguous_share < 0.5:
            given = f"unambiguous_share={self.unambiguous_share}"
            raise InputError(f"{given}: must be at least 0.5, or two pairs might have it at once", "unambiguous_share")
        for name in ("fps", "min_hits", "gate", "max_speed", "gallery_size", "max_lost", "min_comparisons"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name}={getattr(self, name)}: must be positive", name)
        for name in ("coast", "max_age", "max_delay", "comparison_interval", "border_penalty"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name}={getattr(self, name)}: must not be negative", name)
        for names in (
            ("low_confidence", "high_confidence"),
            ("new_probability", "late_match_probability", "match_probability"),
        ):
            values = [getattr(self, name) for name in names]
            if values != sorted(values):
                raise InputError(f"{', '.join(names)}={values}: none may exceed the next", names[-1])


REASONS = {
    "ambiguous": "motion had several answers",
    "verified": "motion had one answer, for a track that had been missed",
    "reidentified": "a lost person is back",
    "swapped": "two people had been mixed up and got their ids back",
    "linked": "two tracklets show one person who was out of sight for less than a second, or not at all",
    "split": "the track had slipped onto somebody else and gives up its id",
}


@dataclass(frozen=True)
class Association:
    """Why READ gave a detection to a track."""

    frame: int
    track: int  # the track's id; -1 while it has none
    detection: int  # row among the detections handed in; -1 where a whole tracklet was linked
    reason: str  # one of REASONS
    probability: float  # that both show the same person
    runner_up: float  # probability of the best rival track, 0 where there was none
    gap: int  # frames since the track was last seen
    motion_cost: float  # 1 - IoU of the track's predicted box with the detection; of a linked tracklet minus the
    # log likelihood ratio of its motion
    boxes: int = 1  # that were given with it; of two tracklets those of the smaller one


@dataclass(frozen=True)
class Reassignment:
    """A box of an earlier frame whose id is known only now."""

    frame: int
    xyxy: "NDArray[np.float64]"  # (4,)
    confidence: float
    track: int  # its id
    previous_id: int = -1  # the id, now known to be wrong, under which it was reported before; -1 where it had none


@dataclass(frozen=True)
class Prediction:
    """Where somebody is believed to be."""

    track: int  # the id; -1 while undecided
    xyxy: "NDArray[np.float64]"  # (4,)
    gap: int  # frames since they were seen
