"""Blurring people: what a video, its crops and its page show of them, and what not."""

from typing import Literal

import cv2
import numpy as np
import supervision as sv

from readtrack import boxes
from readtrack.images import Image

Blur = Literal["faces", "people"]

UPPER = 0.3  # of a box's height, in which a standing person's head is
MARGIN = 0.1  # of a box's width and height by which more is blurred around it
CELLS = 6  # that an area is averaged to, each way


def blurred(image: Image, people: sv.Detections, what: Blur) -> Image:
    """A copy in which boxes, or their upper 30 %, with a tenth more around them, are 6 x 6 cells of mean colour.

    Only boxes that are handed in are: who was not detected stays as they are.
    """
    canvas: Image = np.ascontiguousarray(image).copy()
    height, width = canvas.shape[:2]
    xyxy = people.xyxy.astype(np.float64)
    xyxy = boxes.clip(xyxy[np.isfinite(xyxy).all(axis=1)], width, height)
    side = xyxy[:, 2:] - xyxy[:, :2]
    grown = np.concatenate([xyxy[:, :2] - MARGIN * side, xyxy[:, 2:] + MARGIN * side], axis=1)
    if what == "faces":
        grown[:, 3] = xyxy[:, 1] + UPPER * side[:, 1]
    inside = boxes.clip(grown, width, height)
    whole = np.concatenate([np.floor(inside[:, :2]), np.ceil(inside[:, 2:])], axis=1).astype(int)
    for left, top, right, bottom in whole.tolist():
        if right > left and bottom > top:
            area = image[top:bottom, left:right]
            cells = (min(CELLS, right - left), min(CELLS, bottom - top))
            mean = cv2.resize(area, cells, interpolation=cv2.INTER_AREA)
            pixels = cv2.resize(mean, (right - left, bottom - top), interpolation=cv2.INTER_NEAREST)
            canvas[top:bottom, left:right] = pixels
    return canvas
