"""Tracks from boxes over time: motion, assignment, the life of a track. NumPy only; appearance is handed in."""

from typing import TYPE_CHECKING, Any

from readtrack.tracking.config import Association, Prediction, Reassignment, TrackerConfig

if TYPE_CHECKING:
    from readtrack.tracking.tracker import Tracker

__all__ = ["Association", "Prediction", "Reassignment", "Tracker", "TrackerConfig"]


def __getattr__(name: str) -> Any:
    """``Tracker`` is imported when it is first used, so that whoever only wants settings does not wait for it."""
    if name != "Tracker":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from readtrack.tracking.tracker import Tracker

    return Tracker
