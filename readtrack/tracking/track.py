"""Track: one hypothesis, its life and its memory of crops."""

from collections import defaultdict, deque
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.tracking.motion import BoxMotion

UNDECIDED = -1  # the id of a track that has none yet


TOLD = 500  # sightings in doubt that can be told again under another id, at most


@dataclass(frozen=True, eq=False)
class Sighting:
    """Where a track was seen."""

    frame: int
    xyxy: NDArray[np.float64]  # (4,)
    confidence: float
    previous_id: int = UNDECIDED  # the id under which it was told


class State(Enum):
    """Where a track is in its life."""

    TENTATIVE = "tentative"  # too few detections to be believed
    CONFIRMED = "confirmed"  # seen in the last frame
    LOST = "lost"  # confirmed once, not seen in the last frame


class CropMemory:
    """Crops spread evenly over the whole life of a track, never more than ``capacity``."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.crops: list[Any] = []
        self._offered = 0
        self._step = 1  # every how manieth crop offered is kept

    def offer(self, crop: Any) -> None:
        """Take the crop of a clean match, if its turn has come; when full, forget every second one."""
        if self._offered % self._step == 0:
            if len(self.crops) == self.capacity:
                del self.crops[1::2]
                self._step *= 2
            if self._offered % self._step == 0:
                self.crops.append(crop)
        self._offered += 1

    def extend(self, later: "CropMemory") -> None:
        """Append what another track of the same person gathered later."""
        self.crops.extend(later.crops)
        self._offered += later._offered
        while len(self.crops) > self.capacity:
            del self.crops[1::2]
            self._step *= 2


class Track:
    """A person as far as the tracker believes."""

    def __init__(
        self, xyxy: NDArray[np.float64], confidence: float, frame: int, capacity: int, cut: bool = False
    ) -> None:
        """Start from a detection: box (4,), confidence, frame, how many crops to keep, whether the edge cuts it off."""
        self.id = UNDECIDED
        self.state = State.TENTATIVE
        self.motion = BoxMotion(xyxy)
        self.memory = CropMemory(capacity)
        self.confidence = confidence  # of the last sighting
        self.written = -1  # the last frame that went out under its id
        self.hits = 1
        self.entry = (frame, xyxy)  # where it first appeared
        self.last = (frame, xyxy)  # where it was seen last
        self.pending = [Sighting(frame, xyxy, confidence)]  # while it had no id
        self.told: deque[Sighting] = deque(maxlen=TOLD)  # under its id since that is in doubt
        self.looked = frame  # the first look that gave evidence
        self.evidence: dict[int, list[float]] = defaultdict(list)  # id -> log odds of being that person, one per crop
        self.looks = 0  # crops that gave evidence
        self.next_look = 0  # the frame from which another one may
        self.unproven = False  # named as somebody new for want of clear crops
        self.rivals: set[int] = set()  # ids with which it may have been mixed up
        self.sure = self.last  # where it was seen last before it fell into doubt
        self.doubted = False
        self.clean = False  # whether its last sighting was neither covered nor cut off
        self.cut = cut  # whether the image's edge cut it off
        self.withheld: list[Any] = []  # crops for the memory, once the doubt is over
        self.glimpse: Any = None  # a crop that shows it in part, for want of clean ones

    def gap(self, frame: int) -> int:
        """Frames since it was last seen: 1 if that was the frame before."""
        return frame - self.last[0]

    def see(self, xyxy: NDArray[np.float64], confidence: float, cut: bool, frame: int) -> None:
        """Take a matched detection; its motion learns with all others' (``motion.update``)."""
        self.last, self.cut = (frame, xyxy), cut
        if not self.doubted:
            self.sure = self.last
        self.confidence = confidence
        self.hits += 1
        if self.state is State.LOST:
            self.state = State.CONFIRMED
        if self.id == UNDECIDED:
            self.pending.append(Sighting(frame, xyxy, confidence))
        elif self.doubted:
            self.told.append(Sighting(frame, xyxy, confidence, self.id))

    def shift(self, affine: NDArray[np.float64]) -> None:
        """Take over places of earlier frames into this one, after the camera moved by ``affine`` (2, 3)."""
        self.last, self.sure, self.entry = (
            (frame, boxes.moved(xyxy[None], affine)[0]) for frame, xyxy in (self.last, self.sure, self.entry)
        )

    @property
    def crops(self) -> list[Any]:
        """What is remembered of how it looks."""
        return self.memory.crops or ([] if self.glimpse is None else [self.glimpse])

    def remember(self, crop: Any, clean: bool = True) -> None:
        """Keep a clean crop, for good only while nothing is in doubt; of others one, until there is a clean one."""
        if not clean:
            if self.glimpse is None and not self.doubted:
                self.glimpse = crop
            return
        if self.doubted:
            self.withheld = [*self.withheld, crop][-self.memory.capacity :]
        else:
            self.memory.offer(crop)

    def doubt(self, rivals: set[int]) -> None:
        """It may have been mixed up with others, or (no rivals) with somebody unknown; earlier evidence is void.

        A track that remembers nobody has nothing to be doubted against.
        """
        if self.id != UNDECIDED and self.crops:
            self.doubted = True
            self.rivals |= rivals
            self._void()

    def trust(self) -> None:
        """Its identity is certain again."""
        for crop in self.withheld:
            self.memory.offer(crop)
        self.doubted, self.rivals, self.withheld, self.sure = False, set(), [], self.last
        self.told.clear()
        self._void()

    def _void(self) -> None:
        """Forget what READ said so far."""
        self.evidence.clear()
        self.looks, self.next_look = 0, 0

    def adopt(self, lost: "Track") -> None:
        """Become the person of a lost track: take its id and its memory."""
        self.pending = [told for told in self.pending if told.previous_id == UNDECIDED or told.frame > lost.written]
        self.id, self.written = lost.id, lost.written
        self.glimpse = self.glimpse if lost.glimpse is None else lost.glimpse
        lost.memory.extend(self.memory)
        self.memory = lost.memory
        self.unproven = False
        self.trust()

    def swap(self, other: "Track") -> None:
        """Exchange identities with a track that it was mixed up with."""
        self.id, other.id = other.id, self.id
        self.written, other.written = other.written, self.written
        self.memory, other.memory = other.memory, self.memory
        self.glimpse, other.glimpse = other.glimpse, self.glimpse
        self.trust()
        other.withheld = []  # whose they are shows when it is seen again
        other.trust()

    def part(self, capacity: int) -> "Track":
        """Give up an identity that proved wrong; it stays behind as a lost track, where it was last sure."""
        frame, xyxy = self.sure
        lost = Track(xyxy, self.confidence, frame, capacity)
        lost.id, lost.memory, lost.written, lost.state = self.id, self.memory, self.written, State.LOST
        lost.glimpse, self.glimpse = self.glimpse, None
        self.pending = [told for told in self.told if self.looked <= told.frame < self.last[0]]
        self.pending.append(Sighting(*self.last, self.confidence))
        self.id, self.memory, self.entry = UNDECIDED, CropMemory(capacity), self.last
        self.trust()
        return lost
