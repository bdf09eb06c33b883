"""A drawn street: walking people with clothes, crossings, occlusions, exits and returns, and exact ground truth."""

from readtrack.street.config import Absence, StreetConfig
from readtrack.street.street import Street

__all__ = ["Absence", "Street", "StreetConfig"]
