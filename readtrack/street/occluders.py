"""Things that stand on the pavement and that people walk behind: van, kiosk, advertising column, tree, hedge, lamp.

Each is drawn in metres: x to the right of its middle, y down from its foot (so upwards is negative).
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from readtrack.images import Image
from readtrack.street.backdrop import Pen, bgr, per_metre, pick, shade

Rng = np.random.Generator


@dataclass(frozen=True, eq=False)
class Occluder:
    """One thing in the street; people whose feet are further up the image than its foot are behind it."""

    name: str
    x: float  # reference pixels, middle
    row: float  # reference pixels, foot
    width: float  # metres
    height: float  # metres, of the part that hides people
    deep: float  # metres from its front to its back
    hides: bool  # wide and tall enough to hide a walking person wholly
    left: int  # pixels of the canvas where the sprite begins
    top: int
    sprite: Image  # (h, w, 3), premultiplied by the opacity
    clear: Image  # (h, w, 3), 255 minus the opacity
    solid: NDArray[np.bool_]  # (h, w), opacity above one half

    @property
    def cover(self) -> tuple[float, float, float]:
        """Left, right and top of the part that hides people, in reference pixels."""
        k = per_metre(self.row)
        return self.x - self.width * k / 2, self.x + self.width * k / 2, self.row - self.height * k


def _wheel(pen: Pen, x: float, size: float) -> None:
    pen.oval(x, -size, size, size, bgr("232428"))
    pen.oval(x, -size, size * 0.62, size * 0.62, bgr("b4b8bc"))
    pen.oval(x, -size, size * 0.2, size * 0.2, bgr("6d7176"))


def _van(pen: Pen, rng: Rng) -> None:
    """A small delivery van, 3.1 m long, 2.05 m high."""
    paint = pick(rng, "e9e4d8 5f8296 c8884a 6c8a68")
    dark = shade(paint, 0.84)
    pen.poly(
        [
            (-1.5, -0.25),
            (-1.55, -1.9),
            (-1.42, -2.05),
            (0.72, -2.05),
            (1.0, -1.9),
            (1.36, -1.1),
            (1.55, -0.95),
            (1.57, -0.25),
        ],
        paint,
    )
    pen.poly([(-1.5, -0.25), (-1.52, -0.57), (1.57, -0.57), (1.57, -0.25)], dark)
    pen.poly([(-1.55, -1.9), (-1.42, -2.05), (0.72, -2.05), (1.0, -1.9)], shade(paint, 1.06))
    pen.poly([(0.55, -1.18), (0.55, -1.82), (0.92, -1.82), (1.24, -1.18)], bgr("41525f"))
    pen.poly([(0.6, -1.18), (0.6, -1.78), (0.74, -1.78), (0.9, -1.18)], bgr("627785"))
    for x in (-0.35, 0.46):
        pen.line([(x, -0.4), (x, -1.95)], shade(paint, 0.72), 0.02)
    pen.line([(0.46, -0.95), (1.4, -0.95)], shade(paint, 0.76), 0.02)
    pen.rect(0.56, -1.02, 0.72, -0.98, bgr("4a4a4a"))
    accent = pick(rng, "a8483f 2f6b62 3d5a80")
    pen.rect(-1.53, -1.12, 0.46, -0.94, accent)
    pen.oval(-0.95, -1.45, 0.27, 0.27, accent)
    pen.oval(-0.95, -1.45, 0.19, 0.19, shade(paint, 1.1))
    pen.oval(-0.95, -1.45, 0.1, 0.1, accent)
    pen.rect(1.42, -0.9, 1.55, -0.72, bgr("f6eec8"))
    pen.rect(-1.55, -1.3, -1.48, -0.98, bgr("b83a32"))
    pen.rect(-1.54, -0.34, 1.6, -0.22, bgr("3a3b3e"))
    for x in (-0.95, 0.98):
        pen.oval(x, -0.32, 0.4, 0.4, shade(paint, 0.5))
        _wheel(pen, x, 0.31)


def _kiosk(pen: Pen, rng: Rng) -> None:
    """A newspaper kiosk, 2.2 m wide, 2.6 m high, with an awning."""
    paint = pick(rng, "3d6b5c 486285 8a4f48")
    pen.rect(-1.08, -2.3, 1.08, 0, paint)
    pen.rect(-1.08, -0.16, 1.08, 0, shade(paint, 0.68))
    for x in np.linspace(-1.02, 0.66, 4):
        pen.rect(x, -0.92, x + 0.45, -0.22, shade(paint, 0.86))
        pen.rect(x + 0.04, -0.88, x + 0.41, -0.26, shade(paint, 1.08))
    pen.rect(-0.98, -1.82, 0.98, -1.02, bgr("4c4338"))
    for row in (-1.8, -1.53, -1.26):
        for x in np.arange(-0.94, 0.9, 0.2):
            if -0.3 < x < 0.32 and row < -1.3:
                continue
            cover = pick(rng, "d9c7a0 b5584c 5c86a3 e3e0d6 d0a04c 7f9c74 86678c")
            pen.rect(x, row, x + 0.165, row + 0.235, cover)
            pen.rect(x + 0.02, row + 0.02, x + 0.145, row + 0.06, shade(cover, 0.7))
            pen.rect(x + 0.03, row + 0.09, x + 0.135, row + 0.2, shade(cover, 1.15))
    pen.rect(-1.16, -1.03, 1.16, -0.95, bgr("d8c9a8"))
    pen.rect(-1.13, -2.48, 1.13, -2.2, shade(paint, 0.8))
    pen.poly([(-1.2, -2.46), (-0.95, -2.62), (0.95, -2.62), (1.2, -2.46)], shade(paint, 0.62))
    edges, low = np.linspace(-1.1, 1.1, 13), np.linspace(-1.24, 1.24, 13)
    for i in range(12):
        tone = bgr("efe6d2") if i % 2 else shade(paint, 1.15)
        pen.poly([(edges[i], -2.22), (edges[i + 1], -2.22), (low[i + 1], -1.86), (low[i], -1.86)], tone)
        pen.oval((low[i] + low[i + 1]) / 2, -1.86, 0.103, 0.08, shade(tone, 0.9), (0, 180))


def _column(pen: Pen, rng: Rng) -> None:
    """An advertising column, 1.2 m across, 3.2 m high, under posters."""
    body = bgr("8b9590")
    pen.rect(-0.57, -2.8, 0.57, -0.02, body)
    pen.oval(0, -0.02, 0.57, 0.07, body)
    sheets = rng.permutation(["e6dcc0", "c65b4e", "3f6c88", "e0a94a", "6f8f6a", "9a5f7f"])
    places = [
        (-0.6, -2.7, 0.5, 0.8),
        (-0.06, -2.72, 0.62, 0.95),
        (-0.58, -1.8, 0.44, 1.3),
        (-0.08, -1.68, 0.62, 1.15),
    ]
    for code, (x, row, w, h) in zip(sheets, places, strict=False):
        sheet = bgr(str(code))
        pen.rect(x, row, x + w, row + h, sheet)
        mark = shade(sheet, 0.62) if sum(sheet) > 400 else shade(sheet, 1.35)
        pen.oval(x + w / 2, row + h * 0.42, w * 0.28, w * 0.28, mark)
        pen.rect(x + w * 0.12, row + h * 0.72, x + w * 0.88, row + h * 0.78, mark)
        pen.rect(x + w * 0.2, row + h * 0.84, x + w * 0.8, row + h * 0.88, mark)
        pen.rect(x + w * 0.1, row + h * 0.07, x + w * 0.9, row + h * 0.14, mark)
    base = bgr("5b6663")
    pen.rect(-0.65, -0.36, 0.65, -0.02, base)
    pen.oval(0, -0.02, 0.65, 0.075, base)
    pen.rect(-0.72, -2.95, 0.72, -2.74, shade(base, 0.92))
    pen.oval(0, -2.74, 0.72, 0.06, shade(base, 0.8))
    pen.oval(0, -2.95, 0.72, 0.3, base, (180, 360))
    pen.oval(0, -3.24, 0.08, 0.1, bgr("b99a55"))
    shine = pen.image.astype(np.float32)  # a cylinder: darker to the sides, most to the right
    turn = np.linspace(-1.15, 1.15, shine.shape[1])
    shine[..., :3] *= (1.06 - 0.3 * np.clip(turn + 0.25, -1, 1.4) ** 2)[None, :, None]
    pen.image[:] = np.clip(np.minimum(shine, shine[..., 3:]), 0, 255)


def _crown(pen: Pen, rng: Rng, x: float, y: float, spread: float, leaves: int) -> None:
    """Foliage: blobs from dark below to light at the upper left."""
    greens = [bgr(code) for code in rng.permutation(["4b6e3a", "587d43", "4d7350"])]
    place = rng.normal(0, 1, (leaves, 2))
    place *= np.minimum(1, 1.5 / np.linalg.norm(place, axis=1))[:, None] * 0.56
    order = np.argsort(place[:, 0] * -0.4 - place[:, 1])
    for rank, i in enumerate(order):
        light = 0.78 + 0.42 * rank / leaves + rng.normal(0, 0.035)
        size = spread * rng.uniform(0.13, 0.24)
        tone = shade(greens[rank % 3], light)
        pen.oval(x + spread * place[i, 0], y + 0.86 * spread * place[i, 1], size, size * 0.85, tone)


def _tree(pen: Pen, rng: Rng) -> None:
    """A street tree: trunk 0.3 m, crown from 2.3 m upwards."""
    bark = bgr("6e5844")
    pen.oval(0, 0, 0.62, 0.1, bgr("7a6a57"))
    pen.poly([(-0.2, 0), (-0.13, -0.4), (-0.11, -2.7), (0.12, -2.7), (0.14, -0.4), (0.22, 0)], bark)
    pen.poly([(0.04, -0.02), (0.03, -2.6), (0.12, -2.6), (0.14, -0.4), (0.2, 0)], shade(bark, 0.78))
    for side in (-1, 1):
        pen.line([(0, -2.2), (side * 0.55, -3.0)], shade(bark, 0.85), 0.1)
    _crown(pen, rng, 0, -3.35, 1.42, 190)


def _hedge(pen: Pen, rng: Rng) -> None:
    """A clipped hedge in a trough, 2.4 m long, 0.95 m high."""
    pen.rect(-1.12, -0.72, 1.12, -0.4, bgr("3c5a31"))
    for size, low, light in ((0.11, 0.42, 0.8), (0.1, 0.5, 0.95), (0.085, 0.62, 1.12)):
        for x in np.arange(-1.08, 1.09, 0.075):
            tone = shade(pick(rng, "4b6e3a 567a43 47693c"), light * rng.uniform(0.93, 1.07))
            row = -rng.uniform(low, 0.86)
            pen.oval(x, row, size * rng.uniform(0.8, 1.2), size, tone)
    for _ in range(14):
        pen.oval(rng.uniform(-1.1, 1.1), -rng.uniform(0.55, 0.92), 0.032, 0.032, pick(rng, "e7d3da d98aa0 f1e9d2"))
    trough = bgr("9c8468")
    pen.rect(-1.2, -0.46, 1.2, 0, trough)
    pen.rect(-1.2, -0.46, 1.2, -0.4, shade(trough, 1.14))
    for row in (-0.3, -0.15):
        pen.line([(-1.2, row), (1.2, row)], shade(trough, 0.8), 0.018)
    pen.rect(-1.2, -0.03, 1.2, 0, shade(trough, 0.65))


def _lamp(pen: Pen, rng: Rng) -> None:
    """A lamp post, 3.9 m high."""
    iron = pick(rng, "3b4746 403f47")
    pen.poly([(-0.16, 0), (-0.1, -0.45), (0.1, -0.45), (0.16, 0)], iron)
    pen.poly([(-0.06, -0.4), (-0.035, -3.3), (0.035, -3.3), (0.06, -0.4)], iron)
    pen.rect(-0.06, -0.4, -0.03, -3.2, shade(iron, 1.5))
    for row in (-0.46, -1.2, -3.1):
        pen.rect(-0.085, row - 0.04, 0.085, row + 0.04, iron)
    pen.poly([(-0.13, -3.3), (-0.2, -3.75), (0.2, -3.75), (0.13, -3.3)], bgr("f1e7c4"))
    pen.line([(0, -3.3), (0, -3.75)], iron, 0.03)
    pen.poly([(-0.27, -3.74), (0, -3.98), (0.27, -3.74)], iron)


Draw = Callable[[Pen, Rng], None]
# name: draw, width, hiding height, depth, hides, extent to each side and upwards (metres)
KINDS: dict[str, tuple[Draw, float, float, float, bool, float, float]] = {
    "van": (_van, 3.05, 2.0, 1.7, True, 1.75, 2.2),
    "kiosk": (_kiosk, 2.16, 2.5, 1.7, True, 1.4, 2.75),
    "column": (_column, 1.2, 3.0, 1.2, True, 0.8, 3.45),
    "tree": (_tree, 0.26, 2.4, 0.4, False, 1.8, 4.9),
    "hedge": (_hedge, 2.35, 0.85, 0.5, False, 1.35, 1.15),
    "lamp": (_lamp, 0.1, 3.4, 0.3, False, 0.4, 4.1),
}
# where they stand: name, middle as a share of the image's width, foot row, freedom of the middle
LAYOUT = [
    ("tree", 0.04, 303.0, 0.02),
    ("tree", 0.475, 303.0, 0.02),
    ("tree", 0.95, 334.0, 0.02),
    ("van", 0.225, 358.0, 0.01),
    ("kiosk", 0.835, 398.0, 0.01),
    ("column", 0.51, 428.0, 0.012),
    ("hedge", 0.055, 496.0, 0.02),
    ("lamp", 0.935, 508.0, 0.015),
]


def furnish(rng: Rng, width: float, unit: float, margin: int) -> list[Occluder]:
    """The street's things, furthest first, for a canvas that reaches ``margin`` pixels beyond the image.

    ``width`` is the image's in reference pixels; half of all streets are mirrored.
    """
    mirrored = rng.random() < 0.5
    made = []
    for name, share, row, free in LAYOUT:
        draw, wide, high, deep, hides, reach, rise = KINDS[name]
        share += rng.uniform(-free, free)
        x, k = width * (1 - share if mirrored else share), per_metre(row)
        scale = k * unit
        left, top = int((x - reach * k) * unit) + margin, int((row - rise * k) * unit) + margin
        size = max(2, int(2 * reach * scale) + 2), max(2, int((rise + 0.2) * scale) + 2)
        pen = Pen((left - margin - x * unit) / scale, (top - margin - row * unit) / scale, size, scale, 4)
        draw(pen, rng)
        picture = pen.finish()
        made.append((name, x, row, wide, high, deep, hides, left, top, picture))
    return [_placed(*thing) for thing in sorted(made, key=lambda thing: thing[2])]


def _placed(
    name: str,
    x: float,
    row: float,
    wide: float,
    high: float,
    deep: float,
    hides: bool,
    left: int,
    top: int,
    picture: Image,
) -> Occluder:
    """An occluder with its sprite taken apart into what it adds and what it lets through."""
    opacity = picture[..., 3]
    clear = cv2.merge([255 - opacity] * 3)
    sprite = np.ascontiguousarray(picture[..., :3])
    return Occluder(
        name, x, row, wide, high, deep, hides, left, top, sprite, np.asarray(clear, np.uint8), opacity > 127
    )
