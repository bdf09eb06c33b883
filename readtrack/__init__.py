"""readtrack: a person tracker whose identities survive being hidden or away, by READ (ECCV 2020)."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from readtrack.detect import load_detector
    from readtrack.errors import InputError
    from readtrack.memory import TrackletMemory
    from readtrack.pipeline import track
    from readtrack.read.matcher import Matcher
    from readtrack.readtracker import ReadTracker, ReadTrackers
    from readtrack.relinking import Relinker
    from readtrack.tracking import TrackerConfig
    from readtrack.video import open_video

__all__ = [
    "InputError",
    "Matcher",
    "ReadTracker",
    "ReadTrackers",
    "Relinker",
    "TrackerConfig",
    "TrackletMemory",
    "load_detector",
    "open_video",
    "track",
]

_HOMES = {
    "InputError": "readtrack.errors",
    "Matcher": "readtrack.read.matcher",
    "ReadTracker": "readtrack.readtracker",
    "ReadTrackers": "readtrack.readtracker",
    "Relinker": "readtrack.relinking",
    "TrackerConfig": "readtrack.tracking",
    "TrackletMemory": "readtrack.memory",
    "load_detector": "readtrack.detect",
    "open_video": "readtrack.video",
    "track": "readtrack.pipeline",
}


def __getattr__(name: str) -> Any:
    """Public names are imported when they are first used, so that ``import readtrack`` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'readtrack' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
