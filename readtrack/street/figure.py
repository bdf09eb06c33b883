"""A walking person as a stack of filled outlines, from joints posed in three dimensions.

Lengths are shares of the person's height. In the body's frame: forward, to the person's right, up from the ground.
In the image a point is one complex number, x + iy with y down, from the point between the feet.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from readtrack.street.backdrop import Colour, shade
from readtrack.street.cast import Look

Outline = NDArray[np.complex128]

THIGH, SHIN, ANKLE = 0.245, 0.232, 0.035
UPPER_ARM, FOREARM = 0.165, 0.14
TILT = 0.16  # how far nearer things slide down the image: the camera looks down a little
HALF_TURN = np.exp(1j * np.linspace(math.pi / 2, 3 * math.pi / 2, 7))
UNIT = np.linspace(0, 1, 17)

# the torso from the neck down: height, half-width, half-depth; the last row is the hem
HEIGHTS = np.array([0.852, 0.838, 0.822, 0.80, 0.745, 0.63, 0.545, 0.50])
WIDE_STRAIGHT = np.array([0.030, 0.070, 0.096, 0.107, 0.104, 0.088, 0.089, 0.088])
WIDE_CURVED = np.array([0.028, 0.060, 0.083, 0.094, 0.091, 0.070, 0.090, 0.094])
DEEP = np.array([0.028, 0.040, 0.050, 0.058, 0.067, 0.058, 0.066, 0.064])
KNOTS = [i / 7 for i in range(8)]


@dataclass(frozen=True)
class Pose:
    """How a person stands at one moment."""

    yaw: float  # radians: 0 walks to the right of the image, pi / 2 towards the camera
    phase: float  # radians: one turn is two steps
    swing: float  # radians: how far the thighs swing, 0 when standing


class Canvas:
    """Collects outlines in painter's order; round ones are computed together at the end, which is fast."""

    def __init__(self) -> None:
        self.colours: list[Colour] = []
        self.order: list[tuple[int, int]] = []  # kind (0 polygon, 1 capsule, 2 oval) and place in its list
        self.polygons: list[Outline] = []
        self.capsules: list[tuple[complex, complex, float, float]] = []
        self.ovals: list[tuple[complex, float, float, float, float]] = []

    def polygon(self, points: list[complex], colour: Colour) -> None:
        """A filled outline that no row crosses more than twice."""
        self.order.append((0, len(self.polygons)))
        self.polygons.append(np.array(points))
        self.colours.append(colour)

    def capsule(self, p: complex, q: complex, start: float, end: float, colour: Colour) -> None:
        """A tapering bar with round ends."""
        self.order.append((1, len(self.capsules)))
        self.capsules.append((p, q, start, end))
        self.colours.append(colour)

    def oval(self, p: complex, rx: float, ry: float, colour: Colour, first: float = 0, last: float = 360) -> None:
        """An ellipse, or the part of it between two angles (degrees, clockwise from the right)."""
        self.order.append((2, len(self.ovals)))
        self.ovals.append((p, rx, ry, first, last))
        self.colours.append(colour)

    def outlines(self) -> tuple[NDArray[np.float64], list[int]]:
        """All outlines in one array (n, 2), and where each one ends in it."""
        p, q, start, end = (np.array(column)[:, None] for column in zip(*self.capsules, strict=True))
        along = np.exp(1j * np.angle(q - p + 1e-9))
        bars = np.concatenate([p + start * along * HALF_TURN, q - end * along * HALF_TURN], axis=1)
        p, rx, ry, first, last = (np.array(column)[:, None] for column in zip(*self.ovals, strict=True))
        angle = np.radians(first + (last - first) * UNIT)
        rings = p + rx * np.cos(angle) + 1j * (ry * np.sin(angle))
        kinds = (self.polygons, bars, rings)
        stack = [kinds[kind][place] for kind, place in self.order]
        ends = np.cumsum([len(outline) for outline in stack]).tolist()
        return np.concatenate(stack).view(np.float64).reshape(-1, 2), ends


class Figure(Canvas):
    """The outlines of one person in one pose, furthest first; without ``detail`` only what shapes them."""

    def __init__(self, look: Look, pose: Pose, detail: bool = True) -> None:
        super().__init__()
        self.look, self.pose, self.detail = look, pose, detail
        self.cos, self.sin = math.cos(pose.yaw), math.sin(pose.yaw)
        self.stout = math.sqrt(look.build)
        self.lean = 0.10 * pose.swing
        self.rise = 0.0
        self.legs = self._pose_legs()

    def flat(self, forward: float, right: float, up: float) -> complex:
        """A body point in the image."""
        nearer = forward * self.sin + right * self.cos
        return complex(forward * self.cos - right * self.sin, TILT * nearer - up)

    def spot(self, forward: float, right: float, up: float) -> complex:
        """A body point above the hips in the image: it leans forward and bobs."""
        return self.flat(forward + self.lean * (up - 0.5), right, up + self.rise)

    def limb(self, p: complex, q: complex, start: float, end: float, colour: Colour) -> None:
        """A rounded limb, darker along its border, lighter towards the sun (upper left)."""
        if not self.detail:
            self.capsule(p, q, start, end, colour)
            return
        self.capsule(p, q, start, end, shade(colour, 0.87))
        sun = complex(-0.26, -0.12)
        self.capsule(p + sun * start, q + sun * end, start * 0.66, end * 0.66, shade(colour, 1.04))

    def _pose_legs(self) -> list[list[complex]]:
        """Hip, knee, ankle, heel, toe of the right and left leg; the lower foot touches the ground."""
        swing, bent = self.pose.swing, []
        for phase in (self.pose.phase, self.pose.phase + math.pi):
            hip = swing * (math.cos(phase) + 0.1)
            bend = swing * (0.25 + 2.2 * max(0.0, -math.sin(phase + 0.35)) ** 1.5)
            knee = THIGH * math.sin(hip), THIGH * math.cos(hip)
            ankle = knee[0] + SHIN * math.sin(hip - bend), knee[1] + SHIN * math.cos(hip - bend)
            bent.append((knee, ankle, hip - bend))
        waist = ANKLE + max(ankle[1] for _, ankle, _ in bent)
        self.rise = waist - (ANKLE + THIGH + SHIN)  # the body sinks while the legs are apart
        self.stride = abs(bent[0][0][0] - bent[1][0][0])
        self.reach = [ankle[0] for _, ankle, _ in bent]
        legs = []
        for side, (knee, ankle, slope) in zip((1, -1), bent, strict=True):
            out = side * (0.048 + 0.008 * self.look.hips)
            foot = waist - ankle[1]
            pitch = 0.5 * slope if foot > ANKLE + 0.004 or slope > 0 else 0.0
            toe = max(0.014, foot - 0.018 + 0.09 * math.sin(pitch))
            heel = max(0.016, foot - 0.02 - 0.02 * math.sin(pitch))
            joints = [(0.0, out, waist), (knee[0], out, waist - knee[1]), (ankle[0], out * 0.9, foot)]
            joints += [
                (ankle[0] - 0.028, out * 0.9, heel),
                (ankle[0] + 0.095 * math.cos(pitch), out * 1.15, toe),
            ]
            legs.append([self.flat(*joint) for joint in joints])
        return legs

    def leg(self, index: int, light: float) -> None:
        """Shoe, shin and thigh, in trousers, shorts or bare below a skirt."""
        look, size = self.look, self.stout
        hip, knee, ankle, heel, toe = self.legs[index]
        cloth, skin = shade(look.bottom, light), shade(look.skin, light)
        self.limb(heel, toe, 0.021, 0.016, shade(look.shoes, light))
        if look.legs == "trousers":
            self.limb(knee, ankle + 0.012j, 0.041 * size, 0.029, cloth)
        else:
            self.limb(knee, ankle, 0.034 * size, 0.02, skin)
            self.limb(ankle, (heel + toe) / 2, 0.02, 0.02, shade(look.shoes, light))
        self.limb(hip, knee, 0.06 * size, 0.042 * size, cloth if look.legs in ("trousers", "shorts") else skin)
        if look.legs == "shorts":
            self.limb((hip + knee) / 2, knee, 0.056 * size, 0.05 * size, cloth)

    def arm(self, side: int, light: float) -> None:
        """Upper arm, forearm, hand and sleeve; the arms swing against the legs."""
        look, size = self.look, self.stout
        phase = self.pose.phase + (math.pi if side > 0 else 0)
        carrying = look.bag == "tote" and side < 0
        lift = (0.15 if carrying else 0.85) * self.pose.swing * math.cos(phase) - 0.02
        bend = 0.2 + 0.5 * self.pose.swing * (1 + math.cos(phase)) * (not carrying)
        out = side * (0.106 - 0.014 * look.hips) * size
        shoulder = self.spot(0, out, 0.802)
        ahead, down = UPPER_ARM * math.sin(lift), UPPER_ARM * math.cos(lift)
        elbow = self.spot(ahead, out * 1.16, 0.802 - down)
        ahead, down = ahead + FOREARM * math.sin(lift + bend), down + FOREARM * math.cos(lift + bend)
        wrist = self.spot(ahead, out * 1.12, 0.802 - down)
        hand = wrist + (wrist - elbow) * 0.16
        skin, cloth = shade(look.skin, light), shade(look.top, light)
        if carrying:
            self._tote(hand)
        self.limb(wrist, hand, 0.018, 0.02, skin)
        bare = look.sleeves < 0.6
        self.limb(elbow, wrist, 0.026 * size, 0.02, skin if bare else cloth)
        if bare:
            self.limb(shoulder, elbow, 0.03, 0.026 * size, skin)
            self.limb(shoulder, shoulder + (elbow - shoulder) * 0.62, 0.036 * size, 0.036 * size, cloth)
            return
        self.limb(shoulder, elbow, 0.036 * size, 0.030 * size, cloth)
        if look.sleeves < 0.9:
            self.limb(elbow + (wrist - elbow) * 0.55, wrist, 0.022, 0.02, skin)

    def _tote(self, hand: complex) -> None:
        """A shopping bag hanging from the hand."""
        wide, colour = 0.035 + 0.04 * abs(self.cos), self.look.bag_colour
        for side in (-0.6, 0.6):
            self.capsule(hand, hand + complex(side * wide, 0.055), 0.006, 0.006, shade(colour, 0.7))
        corners = [
            complex(-wide * 0.85, 0.05),
            complex(wide * 0.85, 0.05),
            complex(wide, 0.17),
            complex(-wide, 0.17),
        ]
        self.polygon([hand + corner for corner in corners], colour)
        self.polygon([hand + 0.115j + (corner - 0.11j) * 0.5 for corner in corners], shade(colour, 1.25))

    def torso_rows(self) -> list[tuple[float, float, float]]:
        """The torso's rows in the image: y, middle, half-width."""
        look, heights, deep = self.look, HEIGHTS.copy(), DEEP.copy()
        heights[-1] = look.coat
        wide = (1 - look.hips) * WIDE_STRAIGHT + look.hips * WIDE_CURVED
        if look.coat < 0.45:
            wide[-1], deep[-1] = 0.108, 0.085 + 0.12 * self.pose.swing
        half = np.hypot(wide * look.build * self.sin, deep * look.build**1.5 * self.cos)
        middle = (self.lean * (heights - 0.5) + 0.006 * np.sin(3 * np.array(KNOTS))) * self.cos
        return list(zip((-heights - self.rise).tolist(), middle.tolist(), half.tolist(), strict=True))


def depth_order(figure: Figure) -> tuple[list[int], list[int]]:
    """The legs (0 right, 1 left) and the arms (1 right, -1 left), furthest first."""
    near = [figure.reach[i] * figure.sin + (0.1 - 0.2 * i) * figure.cos for i in (0, 1)]
    legs = [0, 1] if near[0] <= near[1] else [1, 0]
    return legs, [-1, 1] if figure.cos >= 0 else [1, -1]
