"""When finished tracks are one person, and what is told of it."""

from dataclasses import dataclass

from readtrack.errors import InputError
from readtrack.tracking import TrackerConfig


@dataclass(frozen=True)
class RelinkConfig:
    """When two finished tracks are one person; what the tracker decides as well is its default."""

    fps: float = TrackerConfig.fps  # frames per second; turns the times below into frames
    match_probability: float = TrackerConfig.match_probability  # of a link among all ways to link, to make it
    max_age: float = TrackerConfig.max_age  # seconds unseen after which nobody is brought back
    gallery_size: int = TrackerConfig.gallery_size  # clear crops of each track, spread over its life
    looks: int = 8  # of them, how many are compared with the other track's, in either direction
    max_speed: float = TrackerConfig.max_speed  # plausible speed of somebody unseen, body heights per second
    max_occlusion: float = TrackerConfig.max_occlusion  # most of a crop that others may cover

    def __post_init__(self) -> None:
        for name in ("match_probability", "max_occlusion"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name}={getattr(self, name)}: must lie in [0, 1]")
        for name in ("fps", "gallery_size", "looks", "max_speed"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name}={getattr(self, name)}: must be positive")
        if not self.max_age >= 0:
            raise InputError(f"max_age={self.max_age}: must not be negative")

    @property
    def reach(self) -> TrackerConfig:
        """What tells the tracker who can be where."""
        return TrackerConfig(fps=self.fps, max_speed=self.max_speed)


@dataclass(frozen=True)
class Link:
    """Two tracks, or what had been joined already, that are one person."""

    identity: int  # id that both go by from now on
    track: int  # id of the later one so far
    frame: int  # its first, from 0
    gap: int  # frames since the other was seen
    probability: float  # of this link among all ways to link
    runner_up: float  # of the likeliest link of either that this one rules out, 0 without one
    odds: float  # mean log odds of READ alone
