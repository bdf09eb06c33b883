"""Settings of the drawn street, and the absences that it tells of."""

import math
from dataclasses import dataclass

from readtrack.errors import InputError


@dataclass(frozen=True)
class StreetConfig:
    """What the drawn street shows; the same settings give the same bytes.

    Clips shorter than about ``away_frames`` + 150 frames may end before everybody who left is back.
    """

    seed: int = 0  # any whole number from 0
    width: int = 960  # pixels
    height: int = 540  # pixels, at most the width
    fps: float = 25.0  # frames per second
    frames: int = 400  # length of the clip
    people: int = 12  # persons in the cast; not all are in the image at once
    hidden: int = 3  # persons fully hidden behind an occluder once, at first
    hidden_frames: int = 40  # frames, about, for which they are hidden
    returning: int = 3  # persons who leave the image and come back elsewhere
    away_frames: int = 100  # frames, about, for which they are away; in long clips later absences are longer
    lookalikes: int = 2  # pairs of persons dressed almost alike: 1 and 2, 3 and 4, ...
    shake: float = 0.0  # camera shake, pixels RMS in each direction
    lighting: float = 1.0  # strength of the slow drift in brightness and colour, 0 for none
    noise: float = 2.0  # sensor noise, grey levels RMS
    miss_rate: float = 0.03  # share of plainly visible people that a simulated detector misses
    jitter: float = 0.015  # error of each side of a simulated box, RMS, as a share of the box's size
    false_alarms: float = 0.1  # simulated detections of nobody, per frame
    camera: int = 0  # 0: the only one; from 1: which of ``cameras`` that the same people pass one after another
    cameras: int = 3  # in which case nobody hides or returns as planned above

    def __post_init__(self) -> None:
        for name, low in (
            ("seed", 0),
            ("height", 64),
            ("frames", 1),
            ("people", 1),
            ("hidden", 0),
            ("returning", 0),
            ("camera", 0),
            ("cameras", 1),
        ):
            self._check(name, low)
        for name, low in (
            ("hidden_frames", 5),
            ("away_frames", 20),
            ("lookalikes", 0),
            ("width", self.height),
        ):
            self._check(name, low)
        if not (math.isfinite(self.fps) and 5 <= self.fps <= 240):
            raise InputError(f"StreetConfig.fps is {self.fps}; give frames per second between 5 and 240")
        for name in ("shake", "lighting", "noise", "jitter", "false_alarms", "miss_rate"):
            value, top = (
                getattr(self, name),
                {"jitter": 0.5, "miss_rate": 1.0, "shake": self.height / 8}.get(name, 50.0),
            )
            if not (math.isfinite(value) and 0 <= value <= top):
                raise InputError(f"StreetConfig.{name} is {value}; give a number from 0 to {top:g}")
        if self.hidden + self.returning > self.people:
            raise InputError(
                f"StreetConfig.people is {self.people}, "
                f"fewer than {self.hidden} hidden and {self.returning} returning; raise it"
            )
        if self.camera > self.cameras:
            raise InputError(
                f"StreetConfig.camera is {self.camera} of {self.cameras}; give one from 1 to {self.cameras}"
            )
        if 2 * self.lookalikes > self.people:
            raise InputError(f"StreetConfig.lookalikes is {self.lookalikes} pairs of {self.people} people; lower it")

    def place(self, *purpose: int) -> list[int]:
        """What random numbers of a place begin with; every camera has its own."""
        return [self.seed, *purpose, self.camera] if self.camera else [self.seed, *purpose]

    def _check(self, name: str, low: int) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise InputError(f"StreetConfig.{name} is {value!r}; give a whole number of at least {low}")


@dataclass(frozen=True)
class Absence:
    """A stretch of frames between two sights of one person in which that person cannot be seen."""

    person: int  # id from 1, as in ``tracker_id``
    kind: str  # "hidden" behind something, or "away" from the image
    first: int  # first frame of it, from 0
    last: int  # last frame of it, inclusive
