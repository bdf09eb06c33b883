"""A drawn street: walking people with clothes, crossings, occlusions, exits and returns, and exact ground truth."""

from readtrack.scene.config import Absence, StreetConfig
from readtrack.scene.street import Street

__all__ = ["Absence", "Street", "StreetConfig"]
