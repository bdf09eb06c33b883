"""Track: one hypothesis, its life and its memory of crops."""

from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from readtrack.tracking.motion import BoxMotion

UNDECIDED = -1  # the id of a track that has none yet


class State(Enum):
    """Where a track is in its life."""

    TENTATIVE = "tentative"  # too few detections to be believed
    CONFIRMED = "confirmed"  # seen in the last frame
    LOST = "lost"  # confirmed once, not seen in the last frame


class TrackletMemory:
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

    def extend(self, later: "TrackletMemory") -> None:
        """Append what another track of the same person gathered later."""
        self.crops.extend(later.crops)
        self._offered += later._offered
        while len(self.crops) > self.capacity:
            del self.crops[1::2]
            self._step *= 2


class Track:
    """A person as far as the tracker believes."""

    def __init__(self, xyxy: NDArray[np.float64], confidence: float, frame: int, capacity: int) -> None:
        """Start from a detection: its box (4,) and confidence, in which frame, and how many crops to keep."""
        self.id = UNDECIDED
        self.state = State.TENTATIVE
        self.motion = BoxMotion(xyxy)
        self.memory = TrackletMemory(capacity)
        self.first_frame = frame
        self.last_frame = frame  # the last one in which it was seen
        self.last_xyxy = xyxy
        self.entry_xyxy = xyxy  # where it first appeared
        self.hits = 1
        self.pending = [(frame, xyxy, confidence)]  # seen while it had no id
        self.evidence: dict[int, list[float]] = {}  # lost track's id -> log odds of being the same, one per crop

    def gap(self, frame: int) -> int:
        """Frames since it was last seen: 1 if that was the frame before."""
        return frame - self.last_frame

    def see(self, xyxy: NDArray[np.float64], confidence: float, frame: int) -> None:
        """Learn from a matched detection."""
        self.motion.update(xyxy)
        self.last_frame = frame
        self.last_xyxy = xyxy
        self.hits += 1
        if self.state is State.LOST:
            self.state = State.CONFIRMED
        if self.id == UNDECIDED:
            self.pending.append((frame, xyxy, confidence))

    def adopt(self, lost: "Track") -> None:
        """Become the person of a lost track: take its id, its memory and its age."""
        self.id = lost.id
        lost.memory.extend(self.memory)
        self.memory = lost.memory
        self.hits += lost.hits
        self.first_frame = lost.first_frame
        self.evidence = {}
