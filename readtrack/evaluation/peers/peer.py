"""What every tracker does, and what it is given."""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.images import Image
from readtrack.tracking import Association, Reassignment

if TYPE_CHECKING:
    from readtrack.read.matcher import Matcher

Vectors = Callable[[NDArray[Any], Image], NDArray[np.float32]]  # boxes xyxy (N, 4), BGR image -> (N, D), unit length
Step = Callable[[sv.Detections, Image | None], Iterable[tuple[int, int]]]  # -> row of a detection, its id from 1


class HostError(RuntimeError):
    """A host broke down on what it was given; the message is one line."""


@dataclass(frozen=True)
class Setup:
    """What a tracker may know of a recording, and the networks that it may look with."""

    fps: float
    pixels: bool  # whether frames have images
    vectors: Vectors | None = None  # re-ID for hosts that take one
    matcher: "Matcher | None" = None  # READ


class Host:
    """Somebody else's tracker as an ``OnlineTracker``: a box that it gives an id to keeps the detection's place."""

    def __init__(self, name: str, step: Step) -> None:
        self.name = name
        self.associations: list[Association] = []  # never any
        self.reassignments: list[Reassignment] = []  # never any
        self._step = step

    def update(self, detections: sv.Detections, image: Image | None) -> sv.Detections:
        """As ``OnlineTracker`` says.

        Raises:
            HostError: the host broke down.
        """
        answer = boxes.with_data(detections)
        answer.tracker_id = np.full(len(detections), -1, dtype=int)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the host's own
                for row, number in self._step(detections, image):
                    answer.tracker_id[row] = number
        except Exception as error:  # of any kind: it is not ours
            told = str(error).splitlines() or [""]
            raise HostError(f"{self.name} broke down ({type(error).__name__}: {told[0]})") from error
        return answer

    def finish(self) -> list[Reassignment]:
        """Nothing is undecided."""
        return []
