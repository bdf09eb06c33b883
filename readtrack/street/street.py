"""The drawn street itself: frames, exact truth and simulated detections."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.images import Image
from readtrack.street.backdrop import HEIGHT, SHIFT, per_metre
from readtrack.street.cameras import Journeys, light_of, seen_by
from readtrack.street.cast import dress
from readtrack.street.config import Absence, StreetConfig
from readtrack.street.figure import Pose
from readtrack.street.occluders import furnish
from readtrack.street.picture import Actor, Picture
from readtrack.street.plan import Plan

GONE = 0.1  # a person with less visibility than this is absent
INCIDENTAL = 15  # frames; shorter stretches out of sight are not told
STRIDE = 0.78  # two steps, as a share of the height
SWING = 0.42  # radians, of the thighs at a full stride


@dataclass(frozen=True, eq=False)
class Sight:
    """What can be seen of one actor: boxes are pixels of the image."""

    actor: Actor
    box: NDArray[np.float64]  # (4,) the whole body, clipped to the image
    seen: NDArray[np.float64]  # (4,) its uncovered part; the whole box when nothing is uncovered
    visibility: float  # uncovered share of the body's pixels in the image
    inside: float  # share of the body's width that is in the image


def _extent(mask: NDArray[np.bool_], left: float, top: float) -> NDArray[np.float64]:
    """The box of a mask's pixels, given where the mask begins."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return np.array([left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1], np.float64)


class Street:
    """A drawn street with people, at random access; only the boxes of a few hundred frames are kept.

    Ids count from 1 and stay with a person through absences. Frames do not depend on the order of the calls.
    """

    def __init__(self, config: StreetConfig | None = None) -> None:
        given = config or StreetConfig()
        self.config = config = seen_by(given) if given.camera else given
        self.fps, self.size = config.fps, (config.width, config.height)
        self._unit = config.height / HEIGHT
        self._margin = math.ceil(3 * config.shake) + 2 if config.shake else 0
        things = np.random.default_rng(config.place(2))
        self._occluders = furnish(things, config.width / self._unit, self._unit, self._margin)
        self._plan = Journeys(given) if given.camera else Plan(config, self._occluders)
        self._looks = dress(np.random.default_rng([config.seed, 3]), config.people, config.lookalikes)
        self._waves = np.random.default_rng(config.place(4)).uniform(0, 1, (config.people + 2, 2, 4, 2))
        self._picture = Picture(config, self._occluders, self._margin)
        self._front = self._picture.front_rows()
        self._sights: Callable[[int], list[Sight]] = lru_cache(maxsize=512)(self._look_at)

    def __len__(self) -> int:
        return self.config.frames

    def image(self, index: int) -> Image:
        """The frame (H, W, 3), BGR. Raises IndexError outside the clip."""
        actors = self._actors(self._checked(index))
        shift = self._shift(index)
        strength = self.config.lighting
        bright, warm = light_of(self.config)
        gain = bright * (1 + 0.05 * strength * self._wave(1, 0, index, 0.03, 0.15))
        warmth = warm + 0.018 * strength * self._wave(1, 1, index, 0.02, 0.1)
        return self._picture.expose(self._picture.frame(actors, shift), index, gain, warmth)

    def truth(self, index: int) -> sv.Detections:
        """Everybody at least partly in the image, hidden or not, furthest first.

        Boxes of the whole body, clipped to the image; ``tracker_id`` the person, from 1; ``class_id`` 0;
        ``data["visibility"]`` the share of the person's pixels in the image that nothing covers, 0 to 1.
        Raises IndexError outside the clip.
        """
        sights = self._sights(self._checked(index))
        return sv.Detections(
            xyxy=np.array([sight.box for sight in sights]).reshape(-1, 4),
            class_id=np.zeros(len(sights), int),
            tracker_id=np.array([sight.actor.person + 1 for sight in sights], int),
            data={"visibility": np.array([sight.visibility for sight in sights], np.float64)},
        )

    def detections(self, index: int) -> sv.Detections:
        """What a detector might report: boxes and confidence, ``class_id`` 0, in no telling order.

        Of people more than 0.7 visible all but ``miss_rate`` are found, except while they only begin to enter the
        image; below that fewer, under 0.2 none. Boxes shrink towards the visible part. ``data["person"]`` is the
        true id, or -1 for a false alarm. Raises IndexError outside the clip.
        """
        rng = np.random.default_rng(self.config.place(6, self._checked(index)))
        rows, scores, people = [], [], []
        for sight in self._sights(index):
            noise, luck = rng.normal(0, 1, 5), rng.random()
            shown = sight.visibility * min(1.0, sight.inside / 0.35)
            chance = (1 - self.config.miss_rate) * min(1.0, max(0.0, (shown - 0.2) / 0.5)) ** 0.7
            if luck < chance:
                rows.append(self._reported(sight, noise[:4], index))
                scores.append(0.93 * (0.3 + 0.7 * shown) + 0.035 * noise[4])
                people.append(sight.actor.person + 1)
        for _ in range(rng.poisson(self.config.false_alarms)):
            rows.append(self._imagined(rng))
            scores.append(0.12 + 0.5 * rng.random() ** 2)
            people.append(-1)
        xyxy = boxes.clip(np.array(rows).reshape(-1, 4), *self.size)
        order = rng.permutation(len(xyxy))
        order = order[boxes.usable(xyxy[order], *self.size, smallest=2.0)]
        return sv.Detections(
            xyxy=xyxy[order],
            confidence=np.clip(np.array(scores, np.float64)[order], 0.05, 0.99),
            class_id=np.zeros(len(order), int),
            data={"person": np.array(people, int)[order]},
        )

    @cached_property
    def absences(self) -> list[Absence]:
        """Who cannot be seen when, by first frame: every stretch of more than 15 frames between two sights.

        Out of sight is out of the image, or in it with a visibility below 0.1. Walks through the whole clip once,
        in a few milliseconds a frame.
        """
        found: list[Absence] = []
        last_seen: dict[int, int] = {}
        hidden = dict.fromkeys(range(1, self.config.people + 1), 0)
        for index in range(len(self)):
            for sight in self._sights(index):
                person = sight.actor.person + 1
                if sight.visibility < GONE:
                    hidden[person] += 1
                    continue
                gap = index - last_seen.get(person, index) - 1
                if gap > INCIDENTAL:
                    kind = "hidden" if hidden[person] > gap / 2 else "away"
                    found.append(Absence(person, kind, index - gap, index - 1))
                last_seen[person], hidden[person] = index, 0
        return sorted(found, key=lambda absence: (absence.first, absence.person))

    def _checked(self, index: int) -> int:
        if not 0 <= index < len(self):
            raise IndexError(f"frame {index} of a clip of {len(self)}")
        return index

    def _wave(self, which: int, axis: int, index: int, slow: float, fast: float) -> float:
        """A smooth random signal of RMS 1 and peak below 3, made of frequencies from slow to fast (hertz)."""
        share, phase = self._waves[which, axis].T
        turns = slow * (fast / slow) ** share * index / self.fps + phase
        return float(np.sin(2 * math.pi * turns).sum() * math.sqrt(0.5))

    def _shift(self, index: int) -> NDArray[np.float64]:
        """Where the image begins on the canvas, beyond the margin, pixels (x, y)."""
        return self.config.shake * np.array([self._wave(0, axis, index, 0.6, 5.0) for axis in (0, 1)])

    def _actors(self, index: int) -> list[Actor]:
        """Everybody on a visit who may reach into the image, furthest first."""
        actors = []
        for person, walk, i in self._plan.present(index):
            look, row = self._looks[person], float(walk.row[i])
            tall = look.height * per_metre(row) * self._unit
            x, y = (float(value) * self._unit + self._margin for value in (walk.x[i], row))
            if not -tall < x - self._margin < self.config.width + tall:
                continue
            phase = float(walk.way[i]) * 2 * math.pi / (STRIDE * look.height) + person
            pose = Pose(float(walk.yaw[i]), phase, SWING * min(1.0, float(walk.speed[i]) / 0.7))
            actors.append(Actor(person, look, pose, x, y, tall, row))
        return sorted(actors, key=lambda actor: (actor.row, actor.person))

    def _look_at(self, index: int) -> list[Sight]:
        """What can be seen of everybody in the image, furthest first, from their silhouettes."""
        shift = self._shift(index)
        corner = self._margin + np.round(shift).astype(int)
        ends = corner + self.size
        covered = np.zeros(self._front.shape, bool)
        sights = []
        for actor in reversed(self._actors(index)):
            points, cuts, _ = actor.figure(detail=False)
            low, high = points.min(axis=0) / 2**SHIFT, points.max(axis=0) / 2**SHIFT
            first = np.maximum(np.floor(low).astype(int) - 1, corner)
            last = np.minimum(np.ceil(high).astype(int) + 2, ends)
            if (last <= first).any():
                continue
            area = np.s_[first[1] : last[1], first[0] : last[0]]
            mask = np.zeros((last - first)[::-1], np.uint8)
            points -= (first * 2**SHIFT).astype(np.int32)
            for a, b in zip([0, *cuts[:-1]], cuts, strict=True):
                cv2.fillConvexPoly(mask, points[a:b], 1, cv2.LINE_8, SHIFT)
            body = mask.astype(bool)
            if not body.any():
                continue
            seen = body & ~covered[area] & (self._front[area] <= actor.row)
            covered[area] |= body
            begin = first - self._margin - shift
            box, part = _extent(body, *begin), _extent(seen if seen.any() else body, *begin)
            inside = (box[2] - box[0]) / max(1.0, high[0] - low[0])
            limits = np.array([*self.size, *self.size])
            visibility = float(seen.sum() / body.sum())
            sights.append(Sight(actor, np.clip(box, 0, limits), np.clip(part, 0, limits), visibility, float(inside)))
        return sights[::-1]

    def _reported(self, sight: Sight, noise: NDArray[np.float64], index: int) -> NDArray[np.float64]:
        """The box that a detector would give: drawn to the visible part, with a drift and white noise."""
        box = sight.box + 0.75 * (1 - sight.visibility) * (sight.seen - sight.box)
        span = np.tile(box[2:] - box[:2], 2)
        drift = [self._wave(sight.actor.person + 2, axis, index, 0.3, 2.0) for axis in (0, 1)]
        return box + self.config.jitter * span * (0.8 * noise + 0.6 * np.array([*drift, *drift]))

    def _imagined(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """A false alarm: the size of a person who might stand there, often at a thing in the street."""
        row = rng.uniform(310, 530)
        x = rng.uniform(0, self.config.width / self._unit)
        if self._occluders and rng.random() < 0.5:
            thing = self._occluders[int(rng.integers(len(self._occluders)))]
            row, x = thing.row + rng.normal(0, 4), thing.x + rng.normal(0, 12)
        tall = rng.uniform(1.3, 1.9) * per_metre(row)
        wide = tall * rng.uniform(0.28, 0.45)
        return np.array([x - wide / 2, row - tall, x + wide / 2, row]) * self._unit
