"""A gallery of people on disk: who was seen where and when, and whom new crops show."""

from readtrack.gallery.enrolment import Pictures, Watch
from readtrack.gallery.gallery import Gallery
from readtrack.gallery.store import Person

__all__ = ["Gallery", "Person", "Pictures", "Watch"]
