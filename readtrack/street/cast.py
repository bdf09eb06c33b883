"""Who is in the street: the looks that make each person recognisable, and pairs dressed almost alike."""

from dataclasses import dataclass, replace

import numpy as np

from readtrack.street.backdrop import Colour, bgr, pick, shade

TOPS = [
    "b23a3a",
    "2f5d8c",
    "e3dccb",
    "2e2f36",
    "d79a34",
    "3f7d5a",
    "7c4a86",
    "cf6f8a",
    "7e8a93",
    "5fa3b8",
    "8a5a3a",
    "c9b48a",
    "33486b",
    "9aab5e",
]
BOTTOMS = ["2d3442", "45546d", "8b7a5e", "33302f", "6b6f75", "5a4638", "b9ab90", "4a5240", "7a8fa8"]
SKINS = ["f2cdb0", "e5b48f", "d29b72", "b07a52", "8a5a3c", "5f3f2c"]
HAIRS = ["2a211d", "4a3222", "7a4f2c", "c39a5b", "8f8a86", "a2522c", "1d1b1e", "d8c7a8"]
BAGS = ["6b4a32", "2f3138", "a23f38", "37556d", "c2a15c", "55683f"]
SHOES = ["2b2624", "e8e4da", "6a4630", "8d3a36", "3a4a63", "777777"]


@dataclass(frozen=True)
class Look:
    """One person's body and clothes; colours are BGR."""

    height: float  # metres
    build: float  # 1 is slim, 1.2 stout
    hips: float  # 0 straight frame, 1 wide hips and narrow waist
    skin: Colour
    hair: Colour
    hairdo: str  # short, long, bun, tail, curls, bald
    beard: bool
    hat: str  # none, cap, beanie, brim, scarf
    hat_colour: Colour
    top: Colour
    second: Colour  # the pattern's colour
    pattern: str  # plain, hoops, bars, checks, logo, yoke, open
    sleeves: float  # share of the arm that is covered
    coat: float  # share of the height at which the top ends: 0.5 a shirt, 0.3 a long coat
    legs: str  # trousers, shorts, skirt, dress
    bottom: Colour
    shoes: Colour
    bag: str  # none, backpack, shoulder, tote
    bag_colour: Colour


def _look(rng: np.random.Generator, top: Colour, bottom: Colour) -> Look:
    """A random person in clothes of those two colours."""
    hips = float(rng.choice([0.05, 0.9]))
    womanly = hips > 0.5
    skin = int(rng.integers(len(SKINS)))
    hairs = HAIRS if skin < 3 else ["1d1b1e", "2a211d", "4a3222", "8f8a86"]
    hairdos = (
        ["long", "bun", "tail", "curls", "short", "long"] if womanly else ["short", "short", "curls", "bald", "short"]
    )
    hats = ["none", "none", "none", "brim", "beanie", "scarf"] if womanly else ["none", "none", "cap", "beanie", "brim"]
    legs = str(
        rng.choice(
            ["trousers", "trousers", "skirt", "dress"] if womanly else ["trousers", "trousers", "trousers", "shorts"]
        )
    )
    patterns = ["plain", "hoops", "bars", "checks", "logo", "yoke", "open"]
    light = sum(top) > 330
    second = shade(top, 0.5) if light else pick(rng, "eee5d0 e8c46a d8dde0 d98a7a")
    coat = 0.5 if legs in ("skirt", "dress", "shorts") else float(rng.choice([0.49, 0.49, 0.47, 0.34]))
    return Look(
        height=float(np.clip(rng.normal(1.66 if womanly else 1.77, 0.055), 1.52, 1.93)),
        build=float(rng.uniform(0.96, 1.2)),
        hips=hips,
        skin=bgr(SKINS[skin]),
        hair=bgr(str(rng.choice(hairs))),
        hairdo=str(rng.choice(hairdos)),
        beard=bool(not womanly and rng.random() < 0.35),
        hat=str(rng.choice(hats)),
        hat_colour=pick(rng, "2f3138 8d3a36 d6c7a2 35557f 5b6b4a b98a3c"),
        top=top,
        second=second,
        pattern="open" if coat < 0.4 else str(rng.choice(patterns)),
        sleeves=1.0 if coat < 0.4 else float(rng.choice([0.32, 0.32, 1.0, 1.0, 0.75])),
        coat=coat,
        legs=legs,
        bottom=bottom,
        shoes=bgr(str(rng.choice(SHOES))),
        bag=str(rng.choice(["none", "none", "backpack", "shoulder", "tote", "backpack"])),
        bag_colour=bgr(str(rng.choice(BAGS))),
    )


def _alike(rng: np.random.Generator, look: Look) -> Look:
    """Someone else in almost the same clothes: what differs is small (shoes, hair, bag, body)."""
    return replace(
        look,
        height=float(np.clip(look.height + rng.choice([-0.05, 0.05]), 1.52, 1.93)),
        hair=shade(look.hair, 1.25),
        shoes=bgr(str(rng.choice([code for code in SHOES if bgr(code) != look.shoes]))),
        top=shade(look.top, 0.93),
        bottom=shade(look.bottom, 1.12),
        bag="none" if look.bag != "none" else "tote",
        beard=False,
    )


def dress(rng: np.random.Generator, people: int, lookalikes: int) -> list[Look]:
    """A look for each of so many people; person ``2 i + 1`` is dressed almost like ``2 i`` for the first pairs."""
    looks: list[Look] = []
    tops: list[str] = []
    for i in range(people):
        tops = tops or [str(code) for code in rng.permutation(TOPS)]
        top = bgr(tops.pop())
        bottom = pick(rng, " ".join(BOTTOMS))
        fresh = _look(rng, shade(top, float(rng.uniform(0.94, 1.06))), bottom)
        looks.append(_alike(rng, looks[-1]) if i % 2 and i < 2 * lookalikes else fresh)
    return looks
