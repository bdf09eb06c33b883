"""Detections of any detector, in any of the units that people write them in."""

from pathlib import Path

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack.boxes import area, clip, tlwh_to_xyxy, xyxy_to_tlwh
from readtrack.errors import InputError
from readtrack.mot.rows import Rows, by_frame, log, read_rows, row_error

STRAY = 0.2  # part of a box outside the image from which on its coordinates may be misread
STRAYS = 0.02  # share of such boxes that takes another reading of the coordinates into account


def read_mot(
    path: str | Path,
    size: tuple[int, int] | None = None,
    frames: int | None = None,
    min_confidence: float | None = None,
) -> dict[int, sv.Detections]:
    """Read detections or results, by 0-based frame; frames without a line are left out.

    What is written in other units is understood where it can be meant in one way only, and logged: confidences
    outside 0 to 1 (see ``probabilities``), coordinates from 0 to 1, and, beside a known ``size``, centres or right
    and bottom edges where the left and top or the width and height belong. Rows that repeat another's box are merged.

    Args:
        path: The file.
        size: Width and height of the images in pixels, where that is known.
        frames: How many the video has, where that is known.
        min_confidence: Leave out boxes below it.

    Returns:
        For each frame its boxes in the file's order, with ``class_id`` 0. ``confidence`` is column 7, in [0, 1], or 1
        where that is -1 or missing. ``tracker_id`` is column 2, or None where that is -1 throughout.

    Raises:
        InputError: the file is missing, a line of it is broken, its units cannot be told, it is of another video, or
            all of it is below ``min_confidence``; an empty file is fine, and said.
    """
    path = Path(path)
    rows = read_rows(path)
    if not len(rows):
        log.warning(f"{path}: holds no boxes: nobody will be found")
        return {}
    _refuse_whole_numbers(path, rows)
    rows[:, 2:6] = _in_pixels(path, rows[:, 2:6], size)
    rows[:, 6] = _in_probabilities(path, rows[:, 6])
    if frames is not None:
        _compare_length(path, rows, frames)
    rows = _inside(path, _merged(path, rows), size)
    if min_confidence is not None:
        highest = float(rows[:, 6].max(initial=0))
        rows = rows[rows[:, 6] >= min_confidence]
        if not len(rows):
            raise InputError(f"{path}: all boxes are below {min_confidence:g}, the best is {highest:g}: ask for less")
    return by_frame(rows)


def probabilities(scores: NDArray[np.float64]) -> tuple[NDArray[np.float64], str]:
    """Confidences in [0, 1] of a detector's scores in other units, in the same order, and how they were made.

    Scores that may be negative (DPM's, an SVM's, log-odds) are margins around 0: their logistic function. Up to 100,
    with the best near it: per cent. Anything else (ACF's sums, 0 to 255) has no unit: the square root of the share of
    scores that are no better, by which half of the boxes come above 0.7.

    Args:
        scores: (N,) of one detector, finite, N at least 1.
    """
    low, high = float(scores.min()), float(scores.max())
    if low >= 0 and high <= 1:
        return scores, "as they are"
    if low < 0 and max(-low, high) <= 20:
        return 1 / (1 + np.exp(-scores)), "as the logistic function of margins"
    if low >= 0 and 80 <= high <= 100:
        return scores / 100, "as per cent"
    return np.sqrt(np.searchsorted(np.sort(scores), scores, side="right") / len(scores)), "by their ranks"


def _in_probabilities(path: Path, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    answer = np.ones(len(scores))
    others = scores[scores != -1]
    given = np.full(len(scores), True) if len(others) and others.min() < 0 else scores != -1  # -1 among margins is one
    if given.any():
        answer[given], how = probabilities(scores[given])
        low, high = scores[given].min(), scores[given].max()
        if low < 0 or high > 1:
            log.warning(f"{path}: confidences run from {low:g} to {high:g}, taken {how}; better: write 0 to 1")
    return answer


def _refuse_whole_numbers(path: Path, rows: Rows) -> None:
    """Raise where decimal commas between commas have split numbers into columns that nobody else fills."""
    whole = (rows == np.round(rows)).all()
    if whole and (rows[:, 6] > 1).any() and (rows[:, 7:] != -1).all(axis=1).mean() > 0.5:
        row = int((rows[:, 7:] != -1).all(axis=1).argmax())
        fix = "write points, or put semicolons or tabs between the numbers; write -1 where a column is unused"
        raise row_error(path, row, f"is whole numbers, split at decimal commas as it seems: {fix}")


def _in_pixels(path: Path, boxes: NDArray[np.float64], size: tuple[int, int] | None) -> NDArray[np.float64]:
    """Left, top, width and height in pixels, (N, 4), whatever the file means by its four columns."""
    if (boxes[:, 2:] <= 1).all() and (np.abs(boxes[:, :2]) <= 1.5).all() and boxes.any():
        if size is None:
            raise row_error(path, 0, "has coordinates from 0 to 1: multiply them by the image's width and height")
        log.warning(f"{path}: coordinates from 0 to 1, taken as shares of {size[0]} x {size[1]} pixels")
        boxes = boxes * np.array([*size, *size])
    if size is None:
        return boxes
    strays = _strays(tlwh_to_xyxy(boxes), size)
    if strays.sum() < 3 or strays.mean() < STRAYS:
        return boxes
    centred = np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], axis=1)
    readings = {"centre x, centre y, width, height": centred, "left, top, right, bottom": boxes}
    fitting = {
        name: xyxy
        for name, xyxy in readings.items()
        if (xyxy[:, 2:] >= xyxy[:, :2]).all() and not _strays(xyxy, size, 0.05).any()
    }
    if len(fitting) == 1:
        ((name, xyxy),) = fitting.items()
        log.warning(f"{path}: {strays.sum()} boxes leave the {size[0]} x {size[1]} image: read as {name}, all fit")
        return xyxy_to_tlwh(xyxy)
    if len(fitting) > 1 or _strays(tlwh_to_xyxy(boxes), size, 1).mean() > 0.5:
        problem = f"and {strays.sum()} of {len(boxes)} boxes lie outside the {size[0]} x {size[1]} image"
        raise row_error(path, int(strays.argmax()), f"{problem}: pass left, top, width, height of this video in pixels")
    return boxes


def _strays(xyxy: NDArray[np.float64], size: tuple[int, int], part: float = STRAY) -> NDArray[np.bool_]:
    """Which boxes (N, 4) have more than a part of their area outside an image of that size; at 1, all of it."""
    inside = area(clip(xyxy, *size)) / np.maximum(area(xyxy), 1e-9)
    return np.asarray((inside == 0) if part == 1 else (inside < 1 - part))


def _inside(path: Path, rows: Rows, size: tuple[int, int] | None) -> Rows:
    """Without the rows of which nothing is in the image."""
    if size is None:
        return rows
    outside = _strays(tlwh_to_xyxy(rows[:, 2:6]), size, 1)
    if outside.any():
        log.warning(f"{path}: {outside.sum()} boxes lie outside the {size[0]} x {size[1]} image: left out")
    return rows[~outside]


def _merged(path: Path, rows: Rows) -> Rows:
    """Each box of an identity once in a frame, with the best confidence that it has there."""
    best_first = np.argsort(-rows[:, 6], kind="stable")
    _, first = np.unique(rows[best_first, :6], axis=0, return_index=True)
    if len(first) < len(rows):
        log.warning(f"{path}: {len(rows) - len(first)} rows repeat the box of another one: merged")
    return rows[np.sort(best_first[first])]


def _compare_length(path: Path, rows: Rows, frames: int) -> None:
    """Log rows beyond the end of a video; raise if there are no others."""
    beyond = rows[:, 0] > frames
    if beyond.all():
        raise row_error(path, 0, f"and all others are beyond the video's {frames} frames: pass this video's file")
    if beyond.any():
        last = int(rows[:, 0].max())
        log.warning(f"{path}: {beyond.sum()} rows are beyond the video's {frames} frames, up to {last}: left unused")
