"""Tracks from boxes over time: motion, assignment, the life of a track. NumPy only; appearance is handed in."""

from readtrack.tracking.config import Association, Reassignment, TrackerConfig
from readtrack.tracking.tracker import Tracker

__all__ = ["Association", "Reassignment", "Tracker", "TrackerConfig"]
