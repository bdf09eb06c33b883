"""Small people in large frames: a detector sees the frame as a whole and in tiles."""

from typing import Any, cast

import supervision as sv

from readtrack.detect.config import Detector, DetectorConfig
from readtrack.images import Image

OVERLAP = 0.2  # of a tile's side that it shares with the next, so that nobody is cut by both


class Tiled:
    """A detector that is asked about the whole frame and about each tile of it, by supervision's InferenceSlicer."""

    def __init__(self, detector: Detector, config: DetectorConfig, name: str) -> None:
        self.name = name
        self._detector, self._config = detector, config
        side = (config.tiles, config.tiles)
        shared = (round(OVERLAP * config.tiles), round(OVERLAP * config.tiles))
        callback = cast(Any, self._plain)
        self._slicer = sv.InferenceSlicer(callback, side, overlap_wh=shared, iou_threshold=config.nms_iou)

    def __call__(self, image: Image) -> sv.Detections:
        """Detect in one BGR image."""
        if max(image.shape[:2]) <= self._config.tiles:
            return self._detector(image)
        found = sv.Detections.merge([self._plain(image), self._slicer(image)])
        return found.with_nms(self._config.nms_iou) if len(found) else found

    def _plain(self, image: Image) -> sv.Detections:
        """Box, confidence and class alone, which can be merged."""
        found = self._detector(image)
        return sv.Detections(found.xyxy, confidence=found.confidence, class_id=found.class_id)
