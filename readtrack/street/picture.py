"""Putting the layers of one frame together: backdrop, people and things by depth, then light and noise.

The canvas is the image and a margin around it, which the shaken camera looks into; its unit is the pixel.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from readtrack.images import Image
from readtrack.street import backdrop
from readtrack.street.backdrop import HEIGHT, SHIFT, per_metre
from readtrack.street.cast import Look
from readtrack.street.clothes import person as draw_person
from readtrack.street.config import StreetConfig
from readtrack.street.figure import Figure, Pose
from readtrack.street.occluders import Occluder

CEILING = 180.0  # reference pixels; no body reaches above this row
BEHIND_ALL = 304.0  # reference pixels; nobody walks behind what stands further than this row


@dataclass(frozen=True, eq=False)
class Actor:
    """A person placed in one frame; coordinates are pixels of the canvas, which is the image and its margin."""

    person: int  # from 0
    look: Look
    pose: Pose
    x: float
    y: float  # feet
    tall: float
    row: float  # feet, reference pixels: who is in front

    def figure(self, detail: bool) -> tuple[NDArray[np.int32], list[int], Figure]:
        """Outlines in OpenCV's fixed point, where each ends, and the figure with its colours."""
        figure = draw_person(self.look, self.pose, detail)
        points, ends = figure.outlines()
        pixels = (points * self.tall + (self.x - 0.5, self.y - 0.5)) * 2**SHIFT
        return np.round(pixels).astype(np.int32), ends, figure


class Picture:
    """Paints frames of one street. Large pictures are made at the first use, so truth alone needs none."""

    def __init__(self, config: StreetConfig, occluders: list[Occluder], margin: int) -> None:
        self.config, self.occluders, self.margin = config, occluders, margin
        self.unit = config.height / HEIGHT
        self.width, self.height = config.width + 2 * margin, config.height + 2 * margin
        self.standing = [thing for thing in occluders if thing.row > BEHIND_ALL]

    def frame(self, actors: list[Actor], shift: NDArray[np.float64]) -> Image:
        """The image (H, W, 3) with those people, seen ``shift`` pixels off."""
        canvas: Image = self._backdrop.copy()
        layers: list[Actor | Occluder] = [*actors, *self.standing]
        for layer in sorted(layers, key=lambda layer: layer.row):
            if isinstance(layer, Actor):
                self._draw_actor(canvas, layer)
            else:
                self._lay(canvas, layer, round(CEILING * self.unit) + self.margin, self.height)
        if not self.margin:
            return canvas
        x, y = -self.margin - shift
        move = np.array([[1, 0, x], [0, 1, y]], np.float64)
        size = self.config.width, self.config.height
        return np.asarray(cv2.warpAffine(canvas, move, size, flags=cv2.INTER_LINEAR), np.uint8)

    def front_rows(self) -> NDArray[np.float32]:
        """For every pixel of the canvas the foot row of the nearest thing that covers it, else 0."""
        front = np.zeros((self.height, self.width), np.float32)
        for thing in self.occluders:
            where, part = self._overlap(thing, 0, self.height)
            front[where][thing.solid[part]] = thing.row
        return front

    def _overlap(self, thing: Occluder, top: int, bottom: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """The canvas rows from top to bottom that the thing's sprite covers, and that part of the sprite."""
        high, wide = thing.solid.shape
        y0, y1 = max(thing.top, top), max(top, min(thing.top + high, bottom))
        x0, x1 = max(thing.left, 0), min(thing.left + wide, self.width)
        y1, x1 = max(y0, y1), max(x0, x1)
        part = slice(y0 - thing.top, y1 - thing.top), slice(x0 - thing.left, x1 - thing.left)
        return (slice(y0, y1), slice(x0, x1)), part

    def _lay(self, canvas: Image, thing: Occluder, top: int, bottom: int) -> None:
        """Put the thing's sprite over those rows of the canvas."""
        where, part = self._overlap(thing, top, bottom)
        under = canvas[where]
        if under.size:
            canvas[where] = cv2.add(cv2.multiply(under, thing.clear[part], scale=1 / 255), thing.sprite[part])

    @cached_property
    def _backdrop(self) -> Image:
        """Everything behind the people: the empty street, the things' shadows and what is above all heads."""
        rng = np.random.default_rng(self.config.place(1))
        canvas = backdrop.paint(rng, (self.width, self.height), self.unit, self.margin / self.unit)
        for thing in self.occluders:
            k = per_metre(thing.row) * self.unit
            x, y = thing.x * self.unit + self.margin, thing.row * self.unit + self.margin
            self._darken(canvas, x + 0.18 * k, y - 0.1 * k, thing.width * k * 1.35 + 0.5 * k, 0.55 * k)
        for thing in self.occluders:
            ceiling = round(CEILING * self.unit) + self.margin if thing in self.standing else self.height
            self._lay(canvas, thing, 0, ceiling)
        return canvas

    def _darken(self, canvas: Image, x: float, y: float, width: float, height: float) -> None:
        """A soft shadow on the ground around a point of the canvas."""
        size = max(3, round(width)), max(3, round(height))
        left, top = round(x - size[0] / 2), round(y - size[1] / 2)
        x0, y0 = max(left, 0), max(top, 0)
        x1, y1 = min(left + size[0], canvas.shape[1]), min(top + size[1], canvas.shape[0])
        if x1 <= x0 or y1 <= y0:
            return
        shadow = cv2.resize(self._shadow, size, interpolation=cv2.INTER_LINEAR)[
            y0 - top : y1 - top, x0 - left : x1 - left
        ]
        under = canvas[y0:y1, x0:x1]
        canvas[y0:y1, x0:x1] = cv2.multiply(under, cv2.merge([shadow] * 3), dtype=cv2.CV_8U)

    @cached_property
    def _shadow(self) -> NDArray[np.float32]:
        return backdrop.soft_shadow(96, 32)

    def _draw_actor(self, canvas: Image, actor: Actor) -> None:
        """Paint one person and the shadow under the feet."""
        tall = actor.tall
        self._darken(canvas, actor.x + 0.06 * tall, actor.y - 0.008 * tall, 0.62 * tall, 0.15 * tall)
        points, cuts, figure = actor.figure(detail=tall > 40)
        for a, b, colour in zip([0, *cuts[:-1]], cuts, figure.colours, strict=True):
            cv2.fillConvexPoly(canvas, points[a:b], colour, cv2.LINE_AA, SHIFT)

    def expose(self, image: Image, index: int, gain: float, warmth: float) -> Image:
        """The image under that light (``warmth`` shifts blue to red), with the frame's sensor noise."""
        if gain != 1 or warmth:
            curve = np.arange(256)[:, None] * max(0.05, gain) * np.array([1 - warmth, 1, 1 + warmth])
            table = np.clip(np.round(curve), 0, 255).astype(np.uint8)[None]
            image = np.asarray(cv2.LUT(image, table), np.uint8)
        if self.config.noise:
            x, y = np.random.default_rng(self.config.place(5, index)).integers(0, 48, 2)
            area = np.s_[y : y + self.config.height, x : x + self.config.width]
            brighter, darker = self._grain
            image = np.asarray(cv2.subtract(cv2.add(image, brighter[area]), darker[area]), np.uint8)
        return image

    @cached_property
    def _grain(self) -> tuple[Image, Image]:
        """Sensor noise, its positive and its negative part, larger than the image to be shifted about."""
        rng = np.random.default_rng(self.config.place(7))
        shape = self.config.height + 48, self.config.width + 48, 3
        noise = np.clip(np.round(rng.standard_normal(shape, np.float32) * self.config.noise), -255, 255)
        return np.maximum(noise, 0).astype(np.uint8), np.maximum(-noise, 0).astype(np.uint8)
