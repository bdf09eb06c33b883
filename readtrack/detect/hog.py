"""OpenCV's built-in HOG person detector (Dalal and Triggs, CVPR 2005): weak and slow, but always there."""

import cv2
import numpy as np
import supervision as sv

from readtrack.detect.config import DetectorConfig, log
from readtrack.errors import InputError
from readtrack.images import Image
from readtrack.odds import logistic

WINDOW = (64, 128)  # width, height the SVM was trained on
PERSON = np.array([0.58, 0.80])  # part of a hit's width and height that the person fills
SMALL = 1000  # images of a shorter long side are enlarged, to find people from 80 pixels on
ENLARGE = 1.6


class Hog:
    """Upright people, whole and at least some 80 pixels high in small images."""

    name = "HOG"

    def __init__(self, config: DetectorConfig) -> None:
        if not hasattr(cv2, "HOGDescriptor"):
            raise InputError("detector hog: this OpenCV has none: pip install 'opencv-python<5', or use a model")
        if 0 not in config.classes:
            raise InputError(f"detector hog: finds people, class 0, not {config.classes}: use a model")
        if config.precision != "fp32" or config.device not in (None, "cpu"):
            log.warning("HOG: runs on the CPU in full precision")
        self._config = config
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(np.array(cv2.HOGDescriptor.getDefaultPeopleDetector()))

    def __call__(self, image: Image) -> sv.Detections:
        """Detect in one BGR image."""
        height, width = image.shape[:2]
        scale = max(ENLARGE if max(width, height) < SMALL else 1.0, WINDOW[0] / width, WINDOW[1] / height)
        if scale > 4:  # no person to be seen in this
            return sv.Detections.empty()
        size = (max(WINDOW[0], round(width * scale)), max(WINDOW[1], round(height * scale)))
        large = image if scale == 1 else cv2.resize(image, size)
        hits, weights = self._hog.detectMultiScale(large, winStride=(8, 8), padding=(8, 8), scale=1.05)
        if not len(hits):
            return sv.Detections.empty()
        tlwh = np.asarray(hits, dtype=np.float32) / scale
        centre, half = tlwh[:, :2] + tlwh[:, 2:] / 2, tlwh[:, 2:] * PERSON / 2
        # 1.5: of TUD's hits with weight w about this part is right
        confidence = logistic(1.5 * np.asarray(weights, dtype=np.float32).ravel())
        found = sv.Detections(
            xyxy=np.concatenate([centre - half, centre + half], axis=1).astype(np.float32),
            confidence=confidence,
            class_id=np.zeros(len(hits), dtype=int),
        )
        found = found[confidence >= self._config.confidence]  # type: ignore[assignment]
        return found.with_nms(self._config.nms_iou)
