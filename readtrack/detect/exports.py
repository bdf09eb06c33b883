"""Detectors of others as their own tools export them to ONNX, recognised by their inputs and outputs.

RTMDet (Lyu et al., 2022) by mmdeploy; YOLOv8 and later by ultralytics, with and without their own suppression; RT-DETR
(Zhao et al., CVPR 2024) and D-FINE (Peng et al., ICLR 2025) by their authors and by transformers; RF-DETR by Roboflow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack.detect.config import DetectorConfig, log
from readtrack.errors import InputError
from readtrack.images import Image
from readtrack.odds import logistic

Array = NDArray[np.float32]

GREY = 114  # what is padded with
STRIDES = (8, 16, 32)
RTMDET_MEAN = np.array([103.53, 116.28, 123.675], np.float32)  # BGR
RTMDET_STD = np.array([57.375, 57.12, 58.395], np.float32)
IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32)  # RGB
IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32)
COCO_GAPS = (0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83)  # of COCO's 91 numbers, those that are no class


@dataclass(frozen=True)
class Canvas:
    """An image as large as a network's input, and the way back."""

    pixels: Image  # (H, W, 3) BGR
    scale: tuple[float, float]  # of x and y, canvas over image
    offset: tuple[float, float]  # left and top of the image in the canvas, in pixels

    def back(self, xyxy: NDArray[Any]) -> Array:
        """Boxes (N, 4) of the canvas in the image."""
        boxes = (xyxy - np.array([*self.offset, *self.offset])) / np.array([*self.scale, *self.scale])
        return np.asarray(boxes, np.float32)


@dataclass(frozen=True)
class Family:
    """What one kind of export wants and answers."""

    fit: Callable[[Image, tuple[int, int]], Canvas]  # an image to height and width
    encode: Callable[[Array], Array]  # BGR 0 to 255 (H, W, 3) to the network's values
    decode: Callable[[dict[str, Any], tuple[int, int]], tuple[Array, Array, NDArray[np.intp] | None]]
    # outputs and input size -> xyxy on the canvas (N, 4), and scores (N, classes), or (N,) and their classes
    suppress: bool = False  # whether boxes of one person still overlap
    stretches: bool = False  # whether the image fills the input, its shape lost


class Exported:
    """A network of one of these families."""

    def __init__(self, session: Any, name: str, family: Family, config: DetectorConfig) -> None:
        self.name = name
        self._session, self._family, self._config = session, family, config
        self._ports = [port.name for port in session.get_inputs()]
        self._outputs = [port.name for port in session.get_outputs()]
        self._fixed = _fixed_size(session)
        if config.precision != "fp32":
            log.warning(f"{name}: half precision is fixed by the ONNX file: runs as exported")
        self(np.full((64, 64, 3), GREY, np.uint8))  # says at once whether the classes are there

    def __call__(self, image: Image) -> sv.Detections:
        """Detect in one BGR image."""
        size = self._fixed or self._least_size(image)
        canvas = self._family.fit(image, size)
        values = self._family.encode(canvas.pixels.astype(np.float32))
        fed = {self._ports[0]: np.ascontiguousarray(values.transpose(2, 0, 1)[None], np.float32)}
        if len(self._ports) == 2:  # boxes then come in pixels of that width and height
            fed[self._ports[1]] = np.array([[size[1], size[0]]], np.int64)
        answer = dict(zip(self._outputs, self._session.run(None, fed), strict=True))
        xyxy, scores, labels = self._family.decode(answer, size)
        if labels is None:
            xyxy, confidence, labels = self._best(xyxy, scores)
        else:
            keep = np.isin(labels, self._config.classes)
            xyxy, confidence, labels = xyxy[keep], scores[keep], labels[keep]
        keep = (confidence >= self._config.confidence) & np.isfinite(xyxy).all(axis=1)
        found = sv.Detections(
            xyxy=canvas.back(xyxy[keep]), confidence=confidence[keep], class_id=labels[keep].astype(int)
        )
        return found.with_nms(self._config.nms_iou) if self._family.suppress and len(found) else found

    def _least_size(self, image: Image) -> tuple[int, int]:
        """Height and width, multiples of the coarsest stride, that hold the image at the side that is set."""
        side = -(-self._config.input_side // STRIDES[-1]) * STRIDES[-1]
        if self._family.stretches:
            return side, side
        ratio = side / max(image.shape[:2])
        height, width = (-(-round(n * ratio) // STRIDES[-1]) * STRIDES[-1] for n in image.shape[:2])
        return max(STRIDES[-1], height), max(STRIDES[-1], width)

    def _best(self, xyxy: Array, scores: Array) -> tuple[Array, Array, NDArray[np.intp]]:
        """Each box with the likeliest of the wanted classes."""
        if max(self._config.classes) >= scores.shape[1]:
            wrong = max(self._config.classes)
            raise InputError(f"{self.name}: has {scores.shape[1]} classes, no {wrong}: choose others", "classes")
        wanted = np.array(self._config.classes)
        return xyxy, scores[:, wanted].max(axis=1), wanted[scores[:, wanted].argmax(axis=1)]


def recognise(session: Any) -> Family | None:
    """The family of a network by its ports, None where it is of none."""
    inputs, outputs = session.get_inputs(), {port.name: port.shape for port in session.get_outputs()}
    names, shapes = set(outputs), list(outputs.values())
    if inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 4:
        return None
    if len(inputs) == 2:
        return DFINE if names == {"labels", "boxes", "scores"} and inputs[1].type == "tensor(int64)" else None
    if len(inputs) != 1:
        return None
    if names == {"dets", "labels"}:
        return {2: RTMDET, 3: RFDETR}.get(len(outputs["labels"]))
    if names == {"logits", "pred_boxes"}:
        return TRANSFORMERS
    if len(shapes) == 1 and len(shapes[0]) == 3:
        _, rows, columns = shapes[0]
        if columns == 6:
            return YOLO_ONE_TO_ONE
        size = _fixed_size(session)
        cells = sum((size[0] // stride) * (size[1] // stride) for stride in STRIDES) if size else columns
        if columns == cells and isinstance(rows, int) and rows > 4:
            return YOLO
    return None


def _fixed_size(session: Any) -> tuple[int, int] | None:
    """Height and width of a network's input; None where the file leaves them open."""
    height, width = session.get_inputs()[0].shape[2:]
    return (height, width) if isinstance(height, int) and isinstance(width, int) and min(height, width) > 0 else None


def _letterbox(image: Image, size: tuple[int, int], middle: bool) -> Canvas:
    """As large as fits, its shape kept, on grey: in the middle or at the top left."""
    ratio = min(size[0] / image.shape[0], size[1] / image.shape[1])
    height, width = max(1, round(image.shape[0] * ratio)), max(1, round(image.shape[1] * ratio))
    top, left = ((size[0] - height) / 2, (size[1] - width) / 2) if middle else (0.0, 0.0)
    top, left = round(top - 0.1), round(left - 0.1)
    pixels = np.full((*size, 3), GREY, np.uint8)
    pixels[top : top + height, left : left + width] = cv2.resize(image, (width, height))
    return Canvas(pixels, (ratio, ratio), (left, top))


def _stretch(image: Image, size: tuple[int, int]) -> Canvas:
    pixels = np.asarray(cv2.resize(image, (size[1], size[0])), np.uint8)
    return Canvas(pixels, (size[1] / image.shape[1], size[0] / image.shape[0]), (0, 0))


def _rgb(values: Array) -> Array:
    return np.asarray(values[..., ::-1] / 255, np.float32)


def _corners(boxes: Array, size: tuple[int, int] = (1, 1)) -> Array:
    """Centre x, centre y, width, height (N, 4), as shares of height and width, to corners in pixels."""
    boxes = boxes * np.array([size[1], size[0]] * 2, np.float32)
    corners = np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], axis=1)
    return np.asarray(corners, np.float32)


def _decode_rtmdet(answer: dict[str, Any], _: tuple[int, int]) -> tuple[Array, Array, NDArray[np.intp] | None]:
    found = answer["dets"][0]
    return found[:, :4], found[:, 4], answer["labels"][0]


def _decode_yolo(answer: dict[str, Any], _: tuple[int, int]) -> tuple[Array, Array, NDArray[np.intp] | None]:
    (found,) = answer.values()
    return _corners(found[0, :4].T), found[0, 4:].T, None


def _decode_one_to_one(answer: dict[str, Any], _: tuple[int, int]) -> tuple[Array, Array, NDArray[np.intp] | None]:
    (found,) = answer.values()
    return found[0, :, :4], found[0, :, 4], np.round(found[0, :, 5]).astype(np.intp)


def _decode_dfine(answer: dict[str, Any], _: tuple[int, int]) -> tuple[Array, Array, NDArray[np.intp] | None]:
    return answer["boxes"][0], answer["scores"][0], answer["labels"][0]


def _decode_transformers(answer: dict[str, Any], size: tuple[int, int]) -> tuple[Array, Array, NDArray[np.intp] | None]:
    return _corners(answer["pred_boxes"][0], size), logistic(answer["logits"][0]), None


def _decode_rfdetr(answer: dict[str, Any], size: tuple[int, int]) -> tuple[Array, Array, NDArray[np.intp] | None]:
    scores = logistic(answer["labels"][0])
    if scores.shape[1] == 91:  # COCO's own numbers, with gaps
        scores = np.delete(scores, COCO_GAPS, axis=1)
    return _corners(answer["dets"][0], size), scores, None


RTMDET = Family(
    lambda image, size: _letterbox(image, size, middle=False),
    lambda values: (values - RTMDET_MEAN) / RTMDET_STD,
    _decode_rtmdet,
)
YOLO = Family(lambda image, size: _letterbox(image, size, middle=True), _rgb, _decode_yolo, suppress=True)
YOLO_ONE_TO_ONE = Family(lambda image, size: _letterbox(image, size, middle=True), _rgb, _decode_one_to_one)
DFINE = Family(_stretch, _rgb, _decode_dfine, stretches=True)
TRANSFORMERS = Family(_stretch, _rgb, _decode_transformers, stretches=True)
RFDETR = Family(_stretch, lambda values: (_rgb(values) - IMAGENET_MEAN) / IMAGENET_STD, _decode_rfdetr, stretches=True)
