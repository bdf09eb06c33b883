"""Track: one hypothesis, its life and what it is known by."""

from collections import defaultdict, deque
from dataclasses import dataclass
from enum import Enum
from typing import Any

from readtrack import boxes
from readtrack.boxes import Floats
from readtrack.tracking.gallery import Gallery
from readtrack.tracking.motion import BoxMotion

UNDECIDED = -1  # the id of a track that has none yet
MAX_HISTORY = 500  # unverified observations that can be reported again under another id, at most


@dataclass(frozen=True, eq=False)
class Observation:
    """Where a track was seen."""

    frame: int
    xyxy: Floats  # (4,)
    confidence: float
    previous_id: int = UNDECIDED  # the id that it was reported under


class State(Enum):
    """Where a track is in its life."""

    TENTATIVE = "tentative"  # too few detections to be believed
    CONFIRMED = "confirmed"  # seen in the last frame
    LOST = "lost"  # confirmed once, not seen in the last frame


class Track:
    """A person as far as the tracker believes."""

    def __init__(self, xyxy: Floats, confidence: float, frame: int, gallery_size: int, truncated: bool = False) -> None:
        """Start from a detection: box (4,), confidence, frame, crops to keep, whether the image's edge cuts it off."""
        self.id = UNDECIDED
        self.state = State.TENTATIVE
        self.motion = BoxMotion(xyxy)
        self.gallery = Gallery(gallery_size)
        self.confidence = confidence  # of the last observation
        self.last_reported = -1  # the last frame that went out under its id
        self.hits = 1
        self.birth = (frame, xyxy)  # where it first appeared
        self.last = (frame, xyxy)  # where it was seen last
        self.pending = [Observation(frame, xyxy, confidence)]  # while it had no id
        self.unverified_history: deque[Observation] = deque(maxlen=MAX_HISTORY)  # under its id since that is unverified
        self.first_comparison = frame  # the frame of the first that gave evidence
        self.evidence: dict[int, list[float]] = defaultdict(list)  # id -> log odds of being that person, one per crop
        self.comparisons = 0  # crops that gave evidence
        self.next_comparison = 0  # the frame from which another one may
        self.provisional = False  # named as somebody new for want of unobstructed crops
        self.confusable_ids: set[int] = set()  # with which it may have been mixed up
        self.last_verified = self.last  # where it was seen last before it became unverified
        self.unverified = False
        self.unobstructed = False  # whether its last observation was neither occluded nor truncated
        self.truncated = truncated  # whether the image's edge cut it off
        self.pending_crops: list[Any] = []  # for the gallery, once it is verified
        self.fallback_crop: Any = None  # a crop that shows it in part, for want of unobstructed ones

    def gap(self, frame: int) -> int:
        """Frames since it was last seen: 1 if that was the frame before."""
        return frame - self.last[0]

    def observe(self, xyxy: Floats, confidence: float, truncated: bool, frame: int) -> None:
        """Take a matched detection; its motion learns with all others' (``motion.update``)."""
        self.last, self.truncated = (frame, xyxy), truncated
        if not self.unverified:
            self.last_verified = self.last
        self.confidence = confidence
        self.hits += 1
        if self.state is State.LOST:
            self.state = State.CONFIRMED
        if self.id == UNDECIDED:
            self.pending.append(Observation(frame, xyxy, confidence))
        elif self.unverified:
            self.unverified_history.append(Observation(frame, xyxy, confidence, self.id))

    def shift(self, affine: Floats) -> None:
        """Take over places of earlier frames into this one, after the camera moved by ``affine`` (2, 3)."""
        self.last, self.last_verified, self.birth = (
            (frame, boxes.moved(xyxy[None], affine)[0]) for frame, xyxy in (self.last, self.last_verified, self.birth)
        )

    @property
    def crops(self) -> list[Any]:
        """What is remembered of how it looks."""
        return self.gallery.crops or ([] if self.fallback_crop is None else [self.fallback_crop])

    def keep_crop(self, crop: Any, unobstructed: bool = True) -> None:
        """Keep an unobstructed crop, for good only while verified; of others one, for want of these."""
        if not unobstructed:
            if self.fallback_crop is None and not self.unverified:
                self.fallback_crop = crop
            return
        if self.unverified:
            self.pending_crops = [*self.pending_crops, crop][-self.gallery.capacity :]
        else:
            self.gallery.offer(crop)

    def mark_unverified(self, confusable_ids: set[int]) -> None:
        """It may have been mixed up with others, or (no ids) with somebody unknown; earlier evidence is void.

        A track that remembers nobody has nothing to be verified against.
        """
        if self.id != UNDECIDED and self.crops:
            self.unverified = True
            self.confusable_ids |= confusable_ids
            self._discard_evidence()

    def mark_verified(self) -> None:
        """Its identity is certain again."""
        for crop in self.pending_crops:
            self.gallery.offer(crop)
        self.unverified, self.confusable_ids, self.pending_crops = False, set(), []
        self.last_verified = self.last
        self.unverified_history.clear()
        self._discard_evidence()

    def _discard_evidence(self) -> None:
        """Forget what READ said so far."""
        self.evidence.clear()
        self.comparisons, self.next_comparison = 0, 0

    def take_identity(self, lost: "Track") -> None:
        """Become the person of a lost track: take its id and its gallery."""
        self.pending = [one for one in self.pending if one.previous_id == UNDECIDED or one.frame > lost.last_reported]
        self.id, self.last_reported = lost.id, lost.last_reported
        self.fallback_crop = self.fallback_crop if lost.fallback_crop is None else lost.fallback_crop
        lost.gallery.extend(self.gallery)
        self.gallery = lost.gallery
        self.provisional = False
        self.mark_verified()

    def swap(self, other: "Track") -> None:
        """Exchange identities with a track that it was mixed up with."""
        self.id, other.id = other.id, self.id
        self.last_reported, other.last_reported = other.last_reported, self.last_reported
        self.gallery, other.gallery = other.gallery, self.gallery
        self.fallback_crop, other.fallback_crop = other.fallback_crop, self.fallback_crop
        self.mark_verified()
        other.pending_crops = []  # whose they are shows when it is seen again
        other.mark_verified()

    def split(self) -> "Track":
        """Give up an identity that proved wrong; it stays behind as a lost track, where it was last verified."""
        frame, xyxy = self.last_verified
        lost = Track(xyxy, self.confidence, frame, self.gallery.capacity)
        lost.id, lost.gallery, lost.last_reported, lost.state = self.id, self.gallery, self.last_reported, State.LOST
        lost.fallback_crop, self.fallback_crop = self.fallback_crop, None
        self.pending = [one for one in self.unverified_history if self.first_comparison <= one.frame < self.last[0]]
        self.pending.append(Observation(*self.last, self.confidence))
        self.id, self.gallery, self.birth = UNDECIDED, Gallery(self.gallery.capacity), self.last
        self.mark_verified()
        return lost
