"""The street without people: perspective, sky, facades, road and pavement, and the pen that draws them.

Lengths are reference pixels: the image is 540 of them high, whatever its size; ``Pen`` scales them.
"""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from readtrack.images import Image

Colour = tuple[int, int, int]

HEIGHT = 540.0  # reference pixels, image height
HORIZON = 162.0  # reference pixels, row of the horizon
CAMERA = 2.5  # metres above the ground
FOCAL = 700.0  # reference pixels
FACADE, ROAD, KERB, PAVEMENT = 232.0, 250.0, 292.0, 298.0  # reference pixels, rows where they begin
SHIFT = 4  # fractional bits of the coordinates handed to OpenCV


def per_metre(row: float) -> float:
    """Reference pixels per metre for things standing on that row."""
    return (row - HORIZON) / CAMERA


def bgr(code: str) -> Colour:
    """A colour written ``rrggbb``, in OpenCV's order."""
    return int(code[4:], 16), int(code[2:4], 16), int(code[:2], 16)


@lru_cache(maxsize=4096)
def shade(colour: Colour, factor: float) -> Colour:
    """The colour made darker (factor below 1) or lighter (above 1)."""
    b, g, r = (min(255, max(0, round(channel * factor))) for channel in colour)
    return b, g, r


def pick(rng: np.random.Generator, codes: str) -> Colour:
    """One of several colours written ``rrggbb rrggbb ...``."""
    return bgr(str(rng.choice(codes.split())))


class Pen:
    """Draws in reference units at twice the size asked for; ``finish`` shrinks, which smooths every edge.

    With four channels the picture is premultiplied by its opacity, the fourth.
    """

    def __init__(self, left: float, top: float, size: tuple[int, int], unit: float, channels: int = 3) -> None:
        self.origin = np.array([left, top])
        self.size, self.unit = size, unit
        self.image: Image = np.zeros((size[1] * 2, size[0] * 2, channels), np.uint8)

    def at(self, points: Sequence[tuple[float, float]] | NDArray[np.float64]) -> NDArray[np.int32]:
        """Reference points as OpenCV's fixed-point pixels."""
        pixels = (np.asarray(points, dtype=np.float64) - self.origin) * self.unit * 2 - 0.5
        fixed: NDArray[np.int32] = np.round(pixels * 2**SHIFT).astype(np.int32)
        return fixed

    def poly(self, points: Sequence[tuple[float, float]] | NDArray[np.float64], colour: Colour) -> None:
        """Fill a polygon."""
        cv2.fillPoly(self.image, [self.at(points)], (*colour, 255), cv2.LINE_AA, SHIFT)

    def rect(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        """Fill an upright rectangle."""
        self.poly([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour)

    def oval(
        self, x: float, y: float, rx: float, ry: float, colour: Colour, arc: tuple[float, float] = (0, 360)
    ) -> None:
        """Fill an ellipse, or the slice of it between two angles (degrees, clockwise from the right)."""
        angle = np.radians(np.linspace(*arc, 33))
        self.poly(np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], axis=1), colour)

    def line(self, points: Sequence[tuple[float, float]], colour: Colour, width: float) -> None:
        """Draw an open line of that width in reference units."""
        thick = max(1, round(width * self.unit * 2))
        cv2.polylines(self.image, [self.at(points)], False, (*colour, 255), thick, cv2.LINE_AA, SHIFT)

    def finish(self) -> Image:
        """The picture at the size asked for."""
        return np.asarray(cv2.resize(self.image, self.size, interpolation=cv2.INTER_AREA), np.uint8)


def _sky(pen: Pen, rng: np.random.Generator) -> None:
    """Blue fading towards the roofs, with soft clouds."""
    rows = np.arange(pen.image.shape[0]) / (2 * pen.unit) + pen.origin[1]
    mix = np.clip(rows / 120, 0, 1)[:, None, None]
    pen.image[:] = (1 - mix) * np.array(bgr("86b4df")) + mix * np.array(bgr("dfe9ef"))
    width = pen.size[0] / pen.unit
    for _ in range(7):
        x, y = pen.origin[0] + rng.uniform(0, width), rng.uniform(0, 50)
        for _ in range(5):
            spread = rng.normal(0, 1, 2)
            pen.oval(x + 26 * spread[0], y + 5 * spread[1], rng.uniform(14, 34), rng.uniform(5, 10), bgr("f4f6f7"))
    small = cv2.resize(pen.image, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), 2.5 * pen.unit)
    pen.image[:] = cv2.resize(soft, pen.image.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def _window(pen: Pen, x: float, y: float, w: float, h: float, trim: Colour, shutter: Colour | None) -> None:
    """A sash window hung at its centre x and top y, with an optional pair of shutters."""
    if shutter is not None:
        for side in (-1, 1):
            centre = x + side * (w * 0.5 + 4.5)
            pen.rect(centre - 4, y - 1, centre + 4, y + h + 1, shutter)
            for slat in np.arange(y + 3, y + h - 1, 4):
                pen.line([(centre - 3, slat), (centre + 3, slat)], shade(shutter, 0.82), 0.8)
    pen.rect(x - w / 2 - 2, y - 2, x + w / 2 + 2, y + h + 2, trim)
    pen.rect(x - w / 2, y, x + w / 2, y + h, bgr("5d7486"))
    pen.poly([(x - w / 2, y), (x + w * 0.2, y), (x - w / 2, y + h * 0.75)], bgr("8ba5b5"))
    pen.rect(x - w / 2, y, x + w / 2, y + 2.5, bgr("48586a"))
    pen.rect(x - 0.8, y, x + 0.8, y + h, trim)
    pen.rect(x - w / 2, y + h * 0.4, x + w / 2, y + h * 0.4 + 1.4, trim)
    pen.rect(x - w / 2 - 4, y + h + 2, x + w / 2 + 4, y + h + 5, shade(trim, 0.9))


def _awning(pen: Pen, x0: float, x1: float, y: float, colour: Colour) -> None:
    """A striped awning with a scalloped edge and its shadow on the wall."""
    count = max(4, round((x1 - x0) / 11))
    edges = np.linspace(x0, x1, count + 1)
    low = np.linspace(x0 - 5, x1 + 5, count + 1)
    for i in range(count):
        tone = colour if i % 2 else bgr("f3ede1")
        pen.poly([(edges[i], y), (edges[i + 1], y), (low[i + 1], y + 17), (low[i], y + 17)], tone)
        middle, half = (low[i] + low[i + 1]) / 2, (low[i + 1] - low[i]) / 2
        pen.oval(middle, y + 17, half, 4.5, shade(tone, 0.9), (0, 180))


def _shop(pen: Pen, rng: np.random.Generator, x0: float, x1: float, wall: Colour, word: str) -> None:
    """A ground floor: shop window with things on display, door, sign and awning."""
    accent = pick(rng, "a8483f 2f6b62 35557f b8772e 6d4a77 48703c")
    base, top = FACADE, FACADE - 92
    pen.rect(x0, base - 8, x1, base, shade(wall, 0.7))
    door = x0 + 10 if rng.random() < 0.5 else x1 - 38
    left, right = (door + 36, x1 - 9) if door < (x0 + x1) / 2 else (x0 + 9, door - 8)
    pen.rect(left - 3, top + 24, right + 3, base - 9, shade(accent, 0.85))
    pen.rect(left, top + 27, right, base - 14, bgr("54646b"))
    for x in np.arange(left + 6, right - 5, 9.0):
        tall = rng.uniform(6, 17)
        pen.rect(x - 3, base - 14 - tall, x + 3, base - 14, pick(rng, "c9a36a b56a5a 7f9a8a d8cdb4 8a7aa0"))
    pen.poly([(left, top + 27), (left + 22, top + 27), (left + 4, base - 14), (left, base - 14)], bgr("70828a"))
    pen.rect(door - 2, top + 26, door + 30, base, shade(accent, 0.62))
    pen.rect(door, top + 28, door + 28, base, accent)
    pen.rect(door + 5, top + 33, door + 23, base - 26, bgr("6f8790"))
    pen.oval(door + 24, base - 22, 1.5, 1.5, bgr("e0c888"))
    pen.rect(x0 + 6, top + 3, x1 - 6, top + 15, shade(accent, 0.8))
    size = 0.33 * pen.unit * 2
    wide = cv2.getTextSize(word, cv2.FONT_HERSHEY_DUPLEX, size, 1)[0][0] / (2 * pen.unit)
    place = pen.at([((x0 + x1 - wide) / 2, top + 12.5)])[0] // 2**SHIFT
    thick = max(1, round(pen.unit))
    cv2.putText(pen.image, word, place.tolist(), cv2.FONT_HERSHEY_DUPLEX, size, bgr("f2e9d3"), thick, cv2.LINE_AA)
    if rng.random() < 0.75:
        _awning(pen, left - 5, right + 5, top + 18, accent)


def _house(pen: Pen, rng: np.random.Generator, x0: float, x1: float, wall: Colour, word: str) -> None:
    """One house: wall, upper windows, cornice, roof and ground floor."""
    storeys = int(rng.choice([1, 1, 2]))
    top = FACADE - 92 - 78 * storeys
    roof = pick(rng, "8a5648 6f5a55 7a6a66 94604d")
    pen.poly([(x0 - 2, top), (x0 + 9, top - 26), (x1 - 9, top - 26), (x1 + 2, top)], roof)
    for row in (19, 12.5, 6):
        inset = 9 * row / 26
        pen.line([(x0 + inset, top - row), (x1 - inset, top - row)], shade(roof, 0.9), 1)
    chimney = rng.uniform(x0 + 20, x1 - 20)
    pen.rect(chimney - 6, top - 42, chimney + 6, top - 20, shade(roof, 0.8))
    pen.rect(x0, top, x1, FACADE, wall)
    pen.rect(x1 - 3, top, x1, FACADE, shade(wall, 0.88))
    trim = pick(rng, "f2ede2 efe6d6 dcd5c8")
    pen.rect(x0 - 3, top - 3, x1 + 3, top + 4, trim)
    shutter = pick(rng, "5f7d6e 6c7f95 8c5a4c 7d6f5c") if rng.random() < 0.55 else None
    count = max(2, round((x1 - x0) / 50))
    for storey in range(storeys):
        row = FACADE - 92 - 78 * (storey + 1) + 19
        for i in range(count):
            x = x0 + (x1 - x0) * (i + 0.5) / count
            _window(pen, x, row, 20, 40, trim, shutter)
            if rng.random() < 0.25:
                for blossom in np.linspace(x - 11, x + 11, 8):
                    leaf = pick(rng, "4f7d45 628f4e d0577a e0a040")
                    pen.oval(blossom, row + 43 + rng.uniform(-2, 1), 2.6, 2.6, leaf)
    pen.rect(x0, FACADE - 95, x1, FACADE - 91, trim)
    _shop(pen, rng, x0, x1, wall, word)


def _parked(pen: Pen, x: float, row: float, paint: Colour, direction: int) -> None:
    """A parked car seen from its side on the far lane of the road; it stays in the backdrop."""
    k = per_metre(row)

    def spot(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(x + direction * a * k, row - b * k) for a, b in points]

    pen.oval(x, row, 2.1 * k, 0.16 * k, bgr("55565a"))
    body = [
        (-2, 0.3),
        (-2, 0.8),
        (-1.75, 0.95),
        (-1.2, 1.0),
        (-0.75, 1.42),
        (0.6, 1.42),
        (1.15, 0.97),
        (1.9, 0.84),
    ]
    pen.poly(spot([*body, (2.02, 0.5), (2, 0.3)]), paint)
    pen.poly(spot([(-1.0, 0.98), (-0.66, 1.33), (-0.08, 1.33), (-0.08, 0.98)]), bgr("3f4d57"))
    pen.poly(spot([(0.02, 0.98), (0.02, 1.33), (0.52, 1.33), (0.95, 0.98)]), bgr("46555f"))
    pen.line(spot([(-1.95, 0.62), (1.98, 0.62)]), shade(paint, 0.85), 1)
    pen.poly(spot([(1.86, 0.78), (2.0, 0.7), (2.0, 0.58), (1.84, 0.62)]), bgr("f2e8c0"))
    for wheel in (-1.25, 1.25):
        centre = spot([(wheel, 0.3)])[0]
        pen.oval(*centre, 0.31 * k, 0.31 * k, bgr("26272b"))
        pen.oval(*centre, 0.17 * k, 0.17 * k, bgr("a9adb2"))


def _ground(pen: Pen, rng: np.random.Generator, left: float, right: float) -> None:
    """Far pavement, road with its parked cars, kerb, and the near pavement's slabs in perspective."""
    bottom = HEIGHT + 60
    pen.rect(left, FACADE, right, ROAD, bgr("b9b3a8"))
    pen.rect(left, ROAD - 3, right, ROAD, bgr("93908a"))
    pen.rect(left, ROAD, right, KERB, bgr("74777c"))
    for x in np.arange(left, right, 90.0):
        pen.rect(x, 276, x + 42, 278, bgr("d9d6cb"))
    paints = rng.permutation(["b5473f", "4a6a8f", "d9d4c7", "5b6f5e", "30363f", "c49a4a"])
    for i in range(int((right - left) // 330)):
        x = left + 330 * i + rng.uniform(90, 240)
        _parked(pen, x, 263, bgr(str(paints[i % len(paints)])), -1 if rng.random() < 0.5 else 1)
    pen.rect(left, KERB, right, PAVEMENT, bgr("a19d95"))
    pen.rect(left, KERB, right, KERB + 2.5, bgr("cbc6bb"))
    pen.rect(left, PAVEMENT, right, bottom, bgr("b3a792"))
    centre = (left + right) / 2
    depths = FOCAL * CAMERA / (PAVEMENT - HORIZON) - 1.05 * np.arange(0, 12)
    rows = [HORIZON + FOCAL * CAMERA / z for z in depths if z > 3.5] + [bottom]
    for i, (far, near) in enumerate(zip(rows[:-1], rows[1:], strict=True)):
        for j in range(-24, 24):
            a, b = (centre + 1.05 * (j + 0.5 * (i % 2)) * per_metre(y) for y in (far, near))
            c, d = (centre + 1.05 * (j + 1 + 0.5 * (i % 2)) * per_metre(y) for y in (far, near))
            if max(c, d) < left or min(a, b) > right:
                continue
            tone = shade(bgr("c6baa7"), rng.uniform(0.96, 1.035))
            gap = 0.016 * per_metre(near)
            pen.poly(
                [
                    (a + gap, far + gap / 2),
                    (c - gap, far + gap / 2),
                    (d - gap, near - gap / 2),
                    (b + gap, near),
                ],
                tone,
            )


def paint(rng: np.random.Generator, size: tuple[int, int], unit: float, margin: float) -> Image:
    """The empty street (H, W, 3) for an image of that size in pixels, which reaches ``margin`` beyond it.

    ``size`` already counts the margin, itself given in reference pixels; ``unit`` is pixels per reference pixel.
    """
    pen = Pen(-margin, -margin, size, unit)
    left, right = -margin, size[0] / unit - margin
    _sky(pen, rng)
    walls = rng.permutation(["e3cba2", "d9a98a", "c9d0c2", "e8dcc6", "c98f78", "b9c4cf", "dcb97f", "d7c3bb"])
    words = rng.permutation(["BAKERY", "BOOKS", "CAFE", "FLOWERS", "TAILOR", "GROCER", "OPTICS", "TOYS", "TEA", "WINE"])
    x, i = left - rng.uniform(10, 80), 0
    while x < right:
        wide = rng.uniform(128, 190)
        _house(pen, rng, x, x + wide, bgr(str(walls[i % len(walls)])), str(words[i % len(words)]))
        x, i = x + wide, i + 1
    _ground(pen, rng, left, right)
    picture = pen.finish().astype(np.float32)
    coarse = cv2.resize(rng.normal(0, 1, (9, 16)).astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    grain = rng.normal(0, 1, (size[1], size[0])).astype(np.float32)
    rows = np.arange(size[1], dtype=np.float32)[:, None] / unit - margin
    below = (rows > FACADE).astype(np.float32)
    light = 1 + 0.018 * coarse + 0.010 * grain * (0.4 + 0.6 * below)
    light *= 1 - 0.16 * np.exp(-(((rows - FACADE) / 14) ** 2)) * below  # the walls' contact shadow
    light *= 1 - 0.10 * np.clip((rows - 470) / 130, 0, 1) ** 2
    return np.clip(picture * light[..., None], 0, 255).astype(np.uint8)


def soft_shadow(width: int, height: int) -> NDArray[np.float32]:
    """How much light is left (height, width) under a body: 1 at the border, dark in the middle."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    light: NDArray[np.float32] = (1 - 0.5 * np.clip(1 - np.sqrt(x * x + y * y), 0, 1) ** 0.8).astype(np.float32)
    return light
