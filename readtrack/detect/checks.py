"""What every detector's answer goes through: no broken boxes, no missing fields."""

from dataclasses import replace
from typing import cast

import numpy as np
import supervision as sv

from readtrack.boxes import usable
from readtrack.detect.config import Detector, log
from readtrack.errors import InputError
from readtrack.images import Image, check_image


def clean(detections: sv.Detections, image_size: tuple[int, int]) -> sv.Detections:
    """Drop boxes nobody can use and fill in what is missing.

    Dropped are boxes that are not finite (or whose confidence is not), and those of which less than a pixel
    each way lies in the image. Boxes that are partly outside stay as they are. Order, ``tracker_id``,
    ``mask`` and ``data`` are kept; a missing ``confidence`` becomes 1, a missing ``class_id`` 0.

    Args:
        detections: Boxes in pixels; it is left untouched.
        image_size: Width and height in pixels.
    """
    keep = usable(np.asarray(detections.xyxy, dtype=np.float64).reshape(-1, 4), *image_size)
    if detections.confidence is not None:
        keep &= np.isfinite(detections.confidence)
    # First drop, then fill: supervision refuses to make Detections of boxes that are not finite.
    kept = detections if keep.all() else cast(sv.Detections, detections[keep])
    return replace(
        kept,
        confidence=np.ones(len(kept), np.float32) if kept.confidence is None else kept.confidence,
        class_id=np.zeros(len(kept), int) if kept.class_id is None else kept.class_id,
    )


class Checked:
    """A detector whose images and answers are checked.

    Attributes:
        name: What it is, for messages.
        removed: How many broken boxes were removed so far; the first time is logged.
    """

    def __init__(self, detector: Detector, name: str | None = None) -> None:
        self._detector = detector
        self.name = name or getattr(detector, "name", None) or getattr(detector, "__name__", "detector")
        self.removed = 0

    def __call__(self, image: Image) -> sv.Detections:
        """Detect in one BGR image (H, W, 3) uint8; an empty one holds nobody.

        Raises:
            InputError: this is no image, or the detector's answer is no ``supervision.Detections``.
        """
        if image is None:
            raise InputError(f"{self.name}: a frame without pixels: hand in detections from a file instead")
        check_image(image, f"{self.name}: an image")
        if not image.size:
            return clean(sv.Detections.empty(), (0, 0))
        found = self._detector(image)
        if not isinstance(found, sv.Detections):
            kind = type(found).__name__
            raise InputError(f"{self.name}: returned {kind}: let it return supervision.Detections")
        kept = clean(found, (image.shape[1], image.shape[0]))
        if len(kept) < len(found) and not self.removed:
            lost = len(found) - len(kept)
            log.warning(
                f"{self.name}: {lost} of {len(found)} boxes removed: not finite, no area or off the image;"
                " further ones go without a word"
            )
        self.removed += len(found) - len(kept)
        return kept


def checked(detector: Detector, name: str | None = None) -> Checked:
    """Wrap any callable from image to ``Detections`` so that its answers can be relied on."""
    return detector if isinstance(detector, Checked) else Checked(detector, name)
