"""YOLOX (Ge et al., 2021) in ONNX, as its authors export it, by ONNX Runtime."""

from typing import Any

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack.detect.config import DetectorConfig, log
from readtrack.errors import InputError
from readtrack.images import Image

Array = NDArray[np.float32]

STRIDES = (8, 16, 32)
GREY = 114  # what YOLOX pads with


class Yolox:
    """A YOLOX network. Images are letterboxed to the top left; BGR from 0 to 255, no mean or deviation."""

    def __init__(self, session: Any, name: str, config: DetectorConfig) -> None:
        self.name = name
        self._session = session
        self._config = config
        self._input = session.get_inputs()[0].name
        self._size = input_size(session)
        self._cells, self._strides = _grid(*self._size)
        blank = self._run(np.full((*self._size, 3), GREY, np.uint8))
        # Exports with "decode_in_inference" give pixels: on average half the input, not half a cell.
        self._decoded = float(np.abs(blank[:, :2]).mean()) > min(self._size) / 8
        classes = blank.shape[1] - 5
        if max(config.classes) >= classes:
            raise InputError(f"{name}: has {classes} classes, no {max(config.classes)}: choose other classes")
        if config.precision != "fp32":
            log.warning(f"{name}: half precision is fixed by the ONNX file: runs as exported")

    def __call__(self, image: Image) -> sv.Detections:
        """Detect in one BGR image."""
        canvas, ratio = self._letterbox(image)
        found = self._decode(self._run(canvas))
        found.xyxy = found.xyxy / ratio
        return found

    def _letterbox(self, image: Image) -> tuple[Image, float]:
        height, width = self._size
        ratio = min(height / image.shape[0], width / image.shape[1])
        inner = (max(1, int(image.shape[1] * ratio)), max(1, int(image.shape[0] * ratio)))
        canvas = np.full((height, width, 3), GREY, np.uint8)
        canvas[: inner[1], : inner[0]] = cv2.resize(image, inner, interpolation=cv2.INTER_LINEAR)
        return canvas, ratio

    def _run(self, canvas: Image) -> Array:
        """Raw predictions (anchors, 5 + classes)."""
        tensor = np.ascontiguousarray(canvas.transpose(2, 0, 1)[None], dtype=np.float32)
        return np.asarray(self._session.run(None, {self._input: tensor})[0][0])

    def _decode(self, raw: Array) -> sv.Detections:
        """Offsets in cells and log sizes of the sure enough anchors to boxes in network pixels."""
        classes = np.array(self._config.classes)
        scores = raw[:, 4:5] * raw[:, 5 + classes]
        best = scores.argmax(axis=1)
        confidence = scores.max(axis=1)
        keep = (confidence >= self._config.confidence) & np.isfinite(raw[:, :4]).all(axis=1)
        centre, half = raw[keep, :2], raw[keep, 2:4] / 2
        if not self._decoded:
            centre = (centre + self._cells[keep]) * self._strides[keep]
            half = np.exp(np.minimum(raw[keep, 2:4], 20)) * self._strides[keep] / 2
        found = sv.Detections(
            xyxy=np.concatenate([centre - half, centre + half], axis=1).astype(np.float32),
            confidence=confidence[keep],
            class_id=classes[best[keep]],
        )
        return found.with_nms(self._config.nms_iou) if len(found) else found


def input_size(session: Any) -> tuple[int, int]:
    """Height and width of the network's input; 640 where the file leaves it open."""
    height, width = (n if isinstance(n, int) and n > 0 else 640 for n in session.get_inputs()[0].shape[2:])
    return height, width


def is_yolox(session: Any) -> bool:
    """Whether a network has YOLOX's layout: one image in, one (1, anchors, 5 + classes) out."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 4:
        return False
    height, width = input_size(session)
    anchors = sum((height // stride) * (width // stride) for stride in STRIDES)
    shape = outputs[0].shape
    return len(shape) == 3 and shape[1] == anchors and (not isinstance(shape[2], int) or shape[2] > 5)


def _grid(height: int, width: int) -> tuple[Array, Array]:
    """Cell corners (anchors, 2) in cells and strides (anchors, 1), stride by stride, row by row."""
    cells, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[: height // stride, : width // stride]
        cells.append(np.stack([x, y], axis=-1).reshape(-1, 2))
        strides.append(np.full((x.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)
