"""Gallery: the crops that a track, or a person, is known by."""

from typing import Any


class Gallery:
    """Crops spread evenly over all that were offered, never more than ``capacity``."""

    def __init__(self, capacity: int) -> None:
        """Start empty."""
        self.capacity = capacity
        self.crops: list[Any] = []
        self.offered = 0  # crops so far
        self._step = 1  # every how manieth of them is kept

    def offer(self, crop: Any) -> None:
        """Take the next crop, if its turn has come; when full, forget every second one."""
        if self.offered % self._step == 0:
            if len(self.crops) == self.capacity:
                self._thin()
            if self.offered % self._step == 0:
                self.crops.append(crop)
        self.offered += 1

    def extend(self, later: "Gallery") -> None:
        """Append what was gathered of the same person later."""
        self.crops.extend(later.crops)
        self.offered += later.offered
        while len(self.crops) > self.capacity:
            self._thin()

    def _thin(self) -> None:
        """Forget every second crop, and keep half as many from now on."""
        del self.crops[1::2]
        self._step *= 2
