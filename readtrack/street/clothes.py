"""What a person wears above the legs: top and pattern, skirt, bags; then head, face, hair and hat."""

import math

from readtrack.street.backdrop import Colour, shade
from readtrack.street.cast import Look
from readtrack.street.figure import KNOTS, Figure, Pose, depth_order

Row = tuple[float, float, float]


def person(look: Look, pose: Pose, detail: bool = True) -> Figure:
    """A dressed person's outlines, furthest first; without ``detail`` the same silhouette, sooner."""
    figure = Figure(look, pose, detail)
    legs, arms = depth_order(figure)
    away = figure.sin < -0.15
    if not away:
        _backpack(figure)
        _hair_behind(figure)
    figure.arm(arms[0], 0.86)
    figure.leg(legs[0], 0.84)
    figure.leg(legs[1], 1.0)
    _skirt(figure)
    _torso(figure)
    _straps(figure)
    _head(figure, away)
    if away:
        _backpack(figure)
    figure.arm(arms[1], 1.0)
    return figure


def _row(rows: list[Row], v: float) -> Row:
    """The torso's row at a share of its length from the neck."""
    place = min(max(v, 0.0), 1.0) * 7
    i = min(int(place), 6)
    mix = place - i
    a, b = rows[i], rows[i + 1]
    return a[0] + mix * (b[0] - a[0]), a[1] + mix * (b[1] - a[1]), a[2] + mix * (b[2] - a[2])


def _band(figure: Figure, rows: list[Row], v: tuple[float, float], u: tuple[float, float], colour: Colour) -> None:
    """A patch of the torso between two shares of its length ``v`` and of its width ``u``."""
    middle = [rows[i] for i in range(8) if v[0] < KNOTS[i] < v[1]]
    span = [_row(rows, v[0]), *middle, _row(rows, v[1])]
    left = [complex(x + half * (2 * u[0] - 1), y) for y, x, half in span]
    right = [complex(x + half * (2 * u[1] - 1), y) for y, x, half in reversed(span)]
    figure.polygon(left + right, colour)


def _torso(figure: Figure) -> None:
    """Neck, and a shirt or coat with its pattern and a shaded side."""
    look, rows = figure.look, figure.torso_rows()
    figure.capsule(figure.spot(0.004, 0, 0.83), figure.spot(0.016, 0, 0.885), 0.032, 0.028, shade(look.skin, 0.88))
    _band(figure, rows, (0, 1), (0, 1), look.top)
    if figure.detail:
        _pattern(figure, rows)
        dark = look.second if look.pattern == "yoke" else look.top
        if look.pattern in ("plain", "open", "logo", "yoke"):
            _band(figure, rows, (0.25 if look.pattern != "yoke" else 0.5, 1), (0.76, 1), shade(look.top, 0.88))
            _band(figure, rows, (0.3, 0.97), (0.03, 0.12), shade(dark, 1.08))
    if look.legs in ("trousers", "shorts") and look.coat > 0.45:
        _band(figure, rows, (0.955, 1), (0, 1), shade(look.bottom, 0.8))


def _pattern(figure: Figure, rows: list[Row]) -> None:
    """What is woven into or printed on the top."""
    look, second, sin = figure.look, figure.look.second, figure.sin
    if look.pattern in ("hoops", "checks"):
        for i in range(5):
            _band(figure, rows, (0.2 + 0.15 * i, 0.27 + 0.15 * i), (0, 1), second)
    if look.pattern in ("bars", "checks"):
        for i in range(5):
            _band(figure, rows, (0.17, 1), (0.06 + 0.2 * i, 0.14 + 0.2 * i), second)
    if look.pattern == "yoke":
        _band(figure, rows, (0, 0.5), (0, 1), second)
    front = 0.5 + 0.42 * figure.cos
    if look.pattern == "logo" and sin > 0.25:
        reach = 0.22 * sin
        _band(figure, rows, (0.38, 0.66), (max(0.02, front - reach), min(0.98, front + reach)), second)
        _band(figure, rows, (0.45, 0.52), (max(0.04, front - reach / 2), min(0.96, front + reach / 2)), look.top)
    if look.pattern == "open" and sin > -0.05:
        reach = 0.17 * max(0.0, sin) + 0.04
        _band(figure, rows, (0.05, 1), (max(0, front - reach), min(1, front + reach)), second)


def _skirt(figure: Figure) -> None:
    """A skirt or the lower half of a dress, swaying with the stride."""
    look = figure.look
    if look.legs not in ("skirt", "dress"):
        return
    waist, hem = (0.60, 0.285) if look.legs == "skirt" else (0.56, 0.25)
    waist, hem = -waist - figure.rise, -hem - figure.rise
    side = math.hypot(0.125 * figure.sin, (0.085 + 0.36 * figure.stride) * figure.cos) * figure.stout
    top = math.hypot(0.078 * figure.sin, 0.062 * figure.cos) * look.build
    sway = 0.012 * math.sin(figure.pose.phase) * min(1, figure.pose.swing * 3)
    colour = look.bottom if look.legs == "skirt" else look.top
    outline = [complex(-top, waist), complex(top, waist), complex(side + sway, hem)]
    outline += [complex(side / 2 + sway, hem + 0.012), complex(-side / 2 + sway, hem + 0.012)]
    figure.polygon([*outline, complex(-side + sway, hem)], colour)
    if figure.detail:
        for a in (-0.5, 0.05, 0.55):
            ends = complex(side * (a + 0.14) + sway, hem), complex(side * a + sway, hem)
            figure.polygon([complex(top * a, waist + 0.06), *ends], shade(colour, 0.87))


def _backpack(figure: Figure) -> None:
    """A backpack, seen whole from behind, as a hump from the side."""
    if figure.look.bag != "backpack":
        return
    half = math.hypot(0.078 * figure.sin, 0.046 * figure.cos)
    edges = (-0.4, 0.4) if abs(figure.sin) > 0.4 else (0.0,)
    for up, down, size, tone in ((0.79, 0.64, 1.0, 0.9), (0.785, 0.65, 0.8, 1.05), (0.68, 0.63, 0.72, 0.8)):
        for edge in edges if figure.detail or size == 1 else ():
            p, q = figure.spot(-0.112, 0, up), figure.spot(-0.118, 0, down)
            shift = edge * half * size
            colour = shade(figure.look.bag_colour, tone)
            figure.capsule(p + shift, q + shift, half * size * 0.72, half * size * 0.78, colour)


def _straps(figure: Figure) -> None:
    """The straps of a backpack, or a shoulder bag and its strap across the chest."""
    look, spot = figure.look, figure.spot
    if look.bag == "backpack" and figure.sin > -0.15:
        for side in (-0.062, 0.062):
            if side * figure.cos + 0.05 * figure.sin > 0:
                low = spot(0.05, side * 1.2, 0.64)
                figure.capsule(spot(0.02, side, 0.825), low, 0.011, 0.011, shade(look.bag_colour, 0.75))
    if look.bag == "shoulder":
        depth = 0.05 if figure.sin > 0 else -0.05
        bag = spot(0.0, 0.118, 0.50)
        strap = shade(look.bag_colour, 0.7)
        figure.capsule(spot(depth, -0.05, 0.825), spot(depth, 0.10, 0.56), 0.008, 0.008, strap)
        if figure.cos > -0.5:
            wide = 0.03 + 0.045 * abs(figure.cos)
            for low, tone in ((0.045, 0.9), (0.0, 1.1)):
                box = [
                    complex(-wide, -0.05),
                    complex(wide, -0.05),
                    complex(wide * 0.92, low),
                    complex(-wide * 0.92, low),
                ]
                figure.polygon([bag + corner for corner in box], shade(look.bag_colour, tone))


def _hair_behind(figure: Figure) -> None:
    """Long hair or a tail seen past the shoulders from the front."""
    if figure.look.hat == "scarf":
        return
    if figure.look.hairdo == "long":
        top, low = figure.spot(-0.02, 0, 0.945), figure.spot(-0.035, 0, 0.80)
        figure.capsule(top, low, 0.056, 0.05, shade(figure.look.hair, 0.85))
    if figure.look.hairdo == "tail":
        _tail(figure)


def _tail(figure: Figure) -> None:
    """A pony tail that swings with the steps."""
    sway = 0.02 * math.sin(figure.pose.phase) * min(1.0, figure.pose.swing * 3)
    figure.limb(figure.spot(-0.05, 0, 0.955), figure.spot(-0.085, sway, 0.825), 0.024, 0.013, figure.look.hair)


def _head(figure: Figure, away: bool) -> None:
    """The head; from behind there is hair instead of a face."""
    look = figure.look
    centre = figure.spot(0.018, 0, 0.932)
    deep = 0.046 + 0.008 * abs(figure.cos)
    scarf = look.hat == "scarf"
    hair = shade(look.skin, 0.97) if look.hairdo == "bald" else look.hair
    if scarf:
        hair = look.hat_colour
        figure.capsule(figure.spot(0, 0, 0.90), figure.spot(0, 0, 0.83), 0.058, 0.072, shade(hair, 0.9))
    thick = 1.22 if look.hairdo == "curls" and not scarf else 1.06
    figure.oval(centre - complex(0.006 * figure.cos, 0.004), deep * thick, 0.066 * (0.5 + thick / 2), hair)
    if figure.sin > -0.5 and figure.detail:
        _face(figure, centre)
    _cap_of_hair(figure, centre, deep, hair, away)
    _hat(figure, centre, deep)


def _face(figure: Figure, centre: complex) -> None:
    """The skin that shows, ear, eyes, mouth and beard; turned away it narrows."""
    look, cos, sin = figure.look, figure.cos, figure.sin
    turn = min(1.0, (sin + 0.5) / 0.5)
    half = (0.044 - 0.008 * abs(cos)) * max(0.35, turn)
    middle = centre + complex(0.017 * cos + 0.01 * cos * (1 - turn), 0.008)
    figure.oval(middle, half, 0.055, look.skin)
    if abs(cos) > 0.35 and turn > 0.5:
        figure.oval(middle + complex(math.copysign(half * 0.95, cos), 0.008), 0.012, 0.011, shade(look.skin, 0.96))
        figure.oval(centre + complex(-0.016 * cos, 0.008), 0.009, 0.014, shade(look.skin, 0.88))
    if look.beard:
        figure.oval(middle + complex(0.002 * cos, 0.022), half * 1.02, 0.036, look.hair, -8, 188)
    if turn < 0.8:
        return
    for side in (-0.021, 0.021):
        if side * cos + 0.045 * sin > -0.003:
            figure.oval(middle + complex(0.022 * cos * abs(cos) - side * sin, -0.003), 0.0044, 0.0058, (52, 44, 46))
    mouth = middle + complex(0.02 * cos * abs(cos), 0.029)
    figure.oval(mouth, 0.011 * (0.5 + abs(sin) / 2), 0.0036, shade(look.skin, 0.7))


def _cap_of_hair(figure: Figure, centre: complex, deep: float, hair: Colour, away: bool) -> None:
    """The hair above the forehead, a bun, a tail or long hair down the back."""
    look, top = figure.look, centre - complex(0.010 * figure.cos, 0.020)
    if look.hairdo == "bald" and look.hat != "scarf":
        figure.oval(top - complex(0.012, 0.012), 0.016, 0.012, shade(look.skin, 1.1))
        return
    figure.oval(top, deep * 1.05, 0.050, hair, 172, 368)
    figure.oval(top - complex(0.012, 0.022), 0.020, 0.013, shade(hair, 1.2))
    if look.hat == "scarf":
        return
    if look.hairdo == "bun":
        figure.oval(figure.spot(-0.05, 0, 0.985), 0.027, 0.026, shade(hair, 0.92))
    if look.hairdo == "tail" and away:
        _tail(figure)
    if look.hairdo == "long" and away:
        figure.limb(figure.spot(-0.03, 0, 0.94), figure.spot(-0.05, 0, 0.79), 0.056, 0.05, hair)
    elif look.hairdo == "long":
        for side in (-0.046, 0.046):
            if abs(figure.sin) > 0.4 or side * figure.cos < 0.03:
                low = figure.spot(-0.02, side * 1.1, 0.835)
                figure.capsule(figure.spot(-0.012, side, 0.94), low, 0.015, 0.017, hair)


def _hat(figure: Figure, centre: complex, deep: float) -> None:
    """A cap with its peak ahead, a beanie or a hat with a brim."""
    look, cos, sin, colour = figure.look, figure.cos, figure.sin, figure.look.hat_colour
    if look.hat in ("none", "scarf"):
        return
    crown = centre - complex(0.006 * cos, 0.022)
    brim = look.hat == "brim"
    if brim:
        figure.oval(crown + 0.004j, deep * 1.85, 0.016, shade(colour, 0.75))
    figure.oval(crown, deep * 1.1, 0.062 if brim else 0.056, colour, 180, 360)
    figure.oval(crown - complex(0.014, 0.024), 0.018, 0.016, shade(colour, 1.15))
    side = 1.1 * deep
    band = [complex(-side, -0.012), complex(side, -0.012), complex(side, 0.003), complex(-side, 0.003)]
    figure.polygon([crown + corner for corner in band], shade(colour, 0.7 if brim else 0.85))
    if brim:
        figure.oval(crown + 0.006j, deep * 1.85, 0.014, shade(colour, 0.95), 0, 180)
    if look.hat == "cap" and sin > -0.7:
        peak = crown + complex(cos * deep * 1.2, 0.002 + 0.006 * max(0.0, sin))
        wide, thick = 0.02 + 0.026 * abs(sin) + 0.014 * abs(cos), 0.009 + 0.005 * max(0.0, sin)
        figure.oval(peak, wide, thick, shade(colour, 0.8))
