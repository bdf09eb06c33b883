"""RF-DETR (Robinson et al., 2025) by Roboflow's package, Apache-2.0; its weights come at first use."""

import re
from typing import Any

import numpy as np
import supervision as sv

from readtrack.detect.config import DetectorConfig, log
from readtrack.detect.exports import COCO_GAPS
from readtrack.errors import InputError, first_line
from readtrack.images import Image

NAME = re.compile(r"rfdetr-(nano|small|medium)")
NUMBERS = np.delete(np.arange(91), COCO_GAPS)  # of COCO's 80 classes, among its 91 numbers


class RfDetr:
    """One of its networks by name, such as "rfdetr-nano"."""

    def __init__(self, name: str, config: DetectorConfig, device: str | None) -> None:
        self.name = name
        if max(config.classes) >= len(NUMBERS):
            raise InputError(f"{name}: has {len(NUMBERS)} classes, no {max(config.classes)}: choose others", "classes")
        try:
            import rfdetr
        except ImportError as error:
            raise InputError(
                f'{name}: needs a package ({error}): pip install "readtrack[rfdetr]"', "detector"
            ) from error
        try:
            self._model: Any = getattr(rfdetr, f"RFDETR{name.partition('-')[2].capitalize()}")(
                **({} if device is None else {"device": device})
            )
        except Exception as error:  # weights that cannot be fetched, an older version, whatever its network raises
            raise InputError(f"{name}: rfdetr cannot load it ({first_line(error)})", "detector") from error
        if config.precision != "fp32":
            log.warning(f"{name}: runs in float32")
        self._config = config

    def __call__(self, image: Image) -> sv.Detections:
        """Detect in one BGR image."""
        found = self._model.predict(np.ascontiguousarray(image[..., ::-1]), threshold=self._config.confidence)
        labels = np.searchsorted(NUMBERS, found.class_id)
        keep = np.isin(found.class_id, NUMBERS) & np.isin(labels, self._config.classes)
        return sv.Detections(found.xyxy[keep], confidence=found.confidence[keep], class_id=labels[keep].astype(int))
