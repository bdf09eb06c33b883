"""Charts of scores, drawn by OpenCV alone: what probabilities mean, and whom READ is wrong about."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from readtrack.images import Image

Colour = tuple[int, int, int]  # BGR

INK, FAINT, LINE = (40, 40, 40), (120, 120, 120), (222, 222, 222)
BLUE, PALE, RED = (180, 110, 40), (240, 214, 190), (60, 60, 210)
SIDE = 720  # pixels of the diagram's axes
LEFT, TOP = 110, 100  # pixels before the axes
COUNTS = 170  # pixels of the axis of counts
CROP = 160  # pixels of a crop's height in the sheet
GAP = 12
NAMES = 330  # pixels beside a row of crops, for its text
MOST_LINES = 8  # of text beside a row of crops


def reliability_chart(curve: Sequence[Mapping[str, float]], title: str, note: str = "") -> Image:
    """Stated probability against found share, and under it how many pairs that rests on.

    Args:
        curve: bins as ``readtrack.metrics.calibration.reliability_curve`` gives them.
        title: of the chart, with the error.
        note: a line under it.

    Returns:
        BGR (H, W, 3).
    """
    floor = TOP + SIDE + 60 + COUNTS
    chart = np.full((floor + 80, LEFT + SIDE + 50, 3), 255, np.uint8)
    _write(chart, title, (LEFT, 44), 0.75, thick=2)
    _write(chart, note, (LEFT, 74), 0.5, FAINT)
    for tick in np.linspace(0, 1, 6):
        x, y = LEFT + round(tick * SIDE), TOP + round((1 - tick) * SIDE)
        cv2.line(chart, (LEFT, y), (LEFT + SIDE, y), LINE, 1)
        cv2.line(chart, (x, TOP), (x, TOP + SIDE), LINE, 1)
        _write(chart, f"{tick:.1f}", (LEFT - 42, y + 5), 0.5, FAINT)
        _write(chart, f"{tick:.1f}", (x - 13, TOP + SIDE + 24), 0.5, FAINT)
    for row in curve:
        _draw_bin(chart, row)
    cv2.line(chart, (LEFT, TOP + SIDE), (LEFT + SIDE, TOP), FAINT, 1, cv2.LINE_AA)
    points = [_place(row["stated"], row["found"]) for row in curve]
    cv2.polylines(chart, [np.array(points, np.int32)], False, BLUE, 2, cv2.LINE_AA)
    for point in points:
        cv2.circle(chart, point, 6, BLUE, -1, cv2.LINE_AA)
    cv2.rectangle(chart, (LEFT, TOP), (LEFT + SIDE, TOP + SIDE), INK, 1)
    _write_upright(chart, "share found to be one person", (24, TOP + SIDE // 2))
    cv2.rectangle(chart, (LEFT + 16, TOP + 16), (LEFT + 36, TOP + 30), RED, 2)
    _write(chart, "off from what is stated", (LEFT + 46, TOP + 29), 0.5, INK)
    _draw_counts(chart, curve, floor)
    _write(chart, "stated probability", (LEFT + SIDE // 2 - 80, floor + 34), 0.55, INK)
    return chart


def _place(stated: float, found: float) -> tuple[int, int]:
    """Pixels of a point of the diagram."""
    return LEFT + round(stated * SIDE), TOP + round((1 - found) * SIDE)


def _draw_bin(chart: Image, row: Mapping[str, float]) -> None:
    """The found share as a bar, framed in red from there to the stated one."""
    left, right = _place(row["low"], 0)[0] + 2, _place(row["high"], 0)[0] - 2
    found, stated = _place(0, row["found"])[1], _place(0, row["stated"])[1]
    cv2.rectangle(chart, (left, found), (right, TOP + SIDE), PALE, -1)
    cv2.rectangle(chart, (left, min(found, stated)), (right, max(found, stated)), RED, 2)


def _draw_counts(chart: Image, curve: Sequence[Mapping[str, float]], floor: int) -> None:
    """Counts of true and wrong pairs in each bin, on a logarithmic axis that begins below 1."""
    tops = max(1, math.ceil(math.log10(max(row[kind] for row in curve for kind in ("true", "wrong")))))
    step = COUNTS / (tops + 0.5)
    for power in range(tops + 1):
        y = floor - round((power + 0.5) * step)
        cv2.line(chart, (LEFT, y), (LEFT + SIDE, y), LINE, 1)
        label = f"{10**power:,}"
        _write(chart, label, (LEFT - 8 - _width(label, 0.45), y + 5), 0.45, FAINT)
    for row in curve:
        left, right = _place(row["low"], 0)[0] + 2, _place(row["high"], 0)[0] - 2
        middle = (left + right) // 2
        for kind, colour, (x, end) in (("wrong", FAINT, (left, middle)), ("true", BLUE, (middle + 1, right))):
            if row[kind] > 0:
                top = floor - round((math.log10(row[kind]) + 0.5) * step)
                cv2.rectangle(chart, (x, top), (end, floor), colour, -1)
    cv2.line(chart, (LEFT, floor), (LEFT + SIDE, floor), INK, 1)
    _write_upright(chart, "pairs", (24, floor - COUNTS // 2))
    for x, colour, what in ((LEFT + SIDE - 240, FAINT, "of two people"), (LEFT + SIDE - 105, BLUE, "of one")):
        cv2.rectangle(chart, (x, floor + 22), (x + 14, floor + 36), colour, -1)
        _write(chart, what, (x + 20, floor + 34), 0.45, INK)


@dataclass(frozen=True, eq=False)
class Confusion:
    """A pair that was judged wrongly."""

    query: Image  # BGR (H, W, 3)
    clip: Sequence[Image]  # T of them
    lines: Sequence[str]  # what is written beside them, the first in bold


def confusion_sheet(columns: Mapping[str, Sequence[Confusion]], title: str) -> Image:
    """Confusions one under the other, in a column for each kind of them.

    Args:
        columns: heading -> its rows.
        title: of the sheet.

    Returns:
        BGR (H, W, 3); a column without rows says so.
    """
    drawn = [_column(heading, rows) for heading, rows in columns.items()]
    height = max(len(column) for column in drawn)
    padded = [np.pad(c, ((0, height - len(c)), (2 * GAP, 0), (0, 0)), constant_values=255) for c in drawn]
    body = np.concatenate(padded, axis=1)
    top = np.full((52, body.shape[1], 3), 255, np.uint8)
    _write(top, title, (2 * GAP, 36), 0.7, thick=2)
    return np.concatenate([top, body])


def _column(heading: str, rows: Sequence[Confusion]) -> Image:
    """Rows under their heading, all texts at one edge."""
    pictures = [_pictures(row) for row in rows]
    edge = max((picture.shape[1] for picture in pictures), default=0)
    column = np.full((44 + len(rows) * (CROP + GAP), edge + NAMES, 3), 255, np.uint8)
    _write(column, heading if rows else f"{heading}: none", (0, 26), 0.6, BLUE, thick=2)
    for i, (row, picture) in enumerate(zip(rows, pictures, strict=True)):
        top = 44 + i * (CROP + GAP)
        column[top : top + CROP, : picture.shape[1]] = picture
        lines = [*row.lines[:MOST_LINES], *(["..."] if len(row.lines) > MOST_LINES else [])]
        for k, line in enumerate(lines):
            size, colour = (0.5, INK) if k == 0 else (0.4, FAINT)
            _write(column, line, (edge + GAP, top + 18 + 17 * k), size, colour)
    return column


def _pictures(row: Confusion) -> Image:
    """The query, a space, the clip's images."""
    space, thin = (np.full((CROP, width, 3), 255, np.uint8) for width in (2 * GAP, 2))
    pieces = [_scaled(row.query), space]
    for image in row.clip:
        pieces += [_scaled(image), thin]
    return np.concatenate(pieces, axis=1)


def _scaled(image: Image) -> Image:
    """A crop at the sheet's height."""
    width = max(1, round(image.shape[1] * CROP / image.shape[0]))
    return np.asarray(cv2.resize(image, (width, CROP), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def _write(canvas: Image, text: str, place: tuple[int, int], size: float, colour: Colour = INK, thick: int = 1) -> None:
    """A line of text whose foot begins at (x, y)."""
    cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, thick, cv2.LINE_AA)


def _width(text: str, size: float) -> int:
    """Of a line of text, in pixels."""
    return int(cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 1)[0][0])


def _write_upright(canvas: Image, text: str, middle: tuple[int, int]) -> None:
    """A line of text that reads upwards, its middle at (x, y)."""
    width = _width(text, 0.55)
    line: Any = np.full((24, width, 3), 255, np.uint8)
    _write(line, text, (0, 17), 0.55)
    turned = cv2.rotate(line, cv2.ROTATE_90_COUNTERCLOCKWISE)
    x, y = middle[0] - 12, middle[1] - width // 2
    canvas[y : y + width, x : x + 24] = turned
