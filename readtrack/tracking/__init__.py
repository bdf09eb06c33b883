"""Tracks from boxes over time: motion, assignment, the life of a track. NumPy only; appearance is handed in."""

from readtrack.tracking.tracker import Association, Tracker, TrackerConfig

__all__ = ["Association", "Tracker", "TrackerConfig"]
