"""Person detectors: a BGR image in, ``supervision.Detections`` out.

Every detector from ``load_detector`` is checked: what it hands out is finite, inside the image and complete,
so that nobody behind it has to ask.
"""

from typing import TYPE_CHECKING, Any

from readtrack.detect.config import Detector, DetectorConfig

if TYPE_CHECKING:
    from readtrack.detect.cache import DetectionCache
    from readtrack.detect.checks import Checked, checked, clean
    from readtrack.detect.load import load_detector

__all__ = ["Checked", "DetectionCache", "Detector", "DetectorConfig", "checked", "clean", "load_detector"]

_HOMES = {
    "Checked": "checks",
    "DetectionCache": "cache",
    "checked": "checks",
    "clean": "checks",
    "load_detector": "load",
}


def __getattr__(name: str) -> Any:
    """What finds people is imported when it is first used, so that whoever only wants settings does not wait for it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
