"""Tracklets from boxes over time, camera motion, and what trackers are told and tell. Appearance is handed in."""

from readtrack.tracking.config import Association, Prediction, Reassignment, TrackerConfig

__all__ = ["Association", "Prediction", "Reassignment", "TrackerConfig"]
