"""What a source of frames is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from readtrack.images import Image


@dataclass(frozen=True)
class Frame:
    """One frame: its 0-based index in the source, its BGR image (H, W, 3) or None if it has no pixels, its time.

    ``time`` is in seconds since the source's first frame, and grows: by the container's clock, by the computer's for
    what is live, else by the frame rate. None where whoever made the frame knows none.
    """

    index: int
    image: Image | None
    time: float | None = None


class Source(ABC):
    """The base of all sources: ``frames`` yields those of ``steps`` that there are."""

    pixels = True  # whether images are not None
    live = False  # whether frames come at their time and only once
    lost = 0  # frames that were there and could not be decoded
    gone = False  # whether what is live ended and did not come back
    files: Sequence[Path] = ()  # that frames are read from

    name: str
    fps: float | None
    size: tuple[int, int] | None  # width, height in pixels
    length: int | None  # in frames; None where unknown, an estimate for some containers
    notes: list[str]  # what to tell the user at once

    @abstractmethod
    def frames(self, steps: range, warn: Callable[[str], None]) -> Iterator[Frame]:
        """Yield frames, with a time where the source knows one, telling ``warn`` of what is missing."""

    def count(self, steps: range) -> int | None:
        """How many of ``steps`` there are, as far as known."""
        return None if self.length is None else len(range(steps.start, min(steps.stop, self.length), steps.step))

    def close(self) -> None:  # noqa: B027 (nothing is held between frames, unless a source says otherwise)
        """Let go of what is held."""
