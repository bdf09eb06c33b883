"""What a detector is, and its settings."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from readtrack.devices import Precision
from readtrack.errors import InputError

if TYPE_CHECKING:
    import supervision as sv

    from readtrack.images import Image

log = logging.getLogger("readtrack")

Detector = Callable[["Image"], "sv.Detections"]


@dataclass(frozen=True)
class DetectorConfig:
    """Settings of the detectors that readtrack runs itself."""

    confidence: float = 0.1  # below this a box is dropped; low, since weak boxes still carry tracks on
    classes: tuple[int, ...] = (0,)  # of the model's classes; person is 0 in COCO
    nms_iou: float = 0.6  # of two boxes that overlap more, the weaker goes
    input_side: int = 640  # longest side in pixels of what an ONNX network sees, where its file leaves that open
    tiles: int = 0  # side in pixels of tiles in which frames that are larger are searched as well; 0: none
    device: str | None = None  # cpu, cuda, cuda:1, mps; if not given, a GPU where there is one
    precision: Precision = "fp32"  # fp16 is for GPUs

    def __post_init__(self) -> None:
        for name in ("confidence", "nms_iou"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} {getattr(self, name)}: give a number from 0 to 1")
        if not 32 <= self.input_side <= 8192:
            raise InputError(f"input_side {self.input_side}: give pixels, from 32 to 8192")
        if self.tiles and not 32 <= self.tiles <= 8192:
            raise InputError(f"tiles {self.tiles}: give their side in pixels, from 32 to 8192, or 0", "tiles")
        if not self.classes or any(not isinstance(c, int) or c < 0 for c in self.classes):
            raise InputError(f"classes {self.classes}: give the numbers of one class or more, such as (0,)")
