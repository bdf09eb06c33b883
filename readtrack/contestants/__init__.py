"""Trackers that users would pick, by name and behind one small door, on the same detections and frames."""

from readtrack.contestants.contestant import Contestant, HostError, Setup, Vectors
from readtrack.contestants.lineup import CONTESTANTS, Entry, load_vectors, make, pick, unable
from readtrack.contestants.play import Played, play

__all__ = [
    "CONTESTANTS",
    "Contestant",
    "Entry",
    "HostError",
    "Played",
    "Setup",
    "Vectors",
    "load_vectors",
    "make",
    "pick",
    "play",
    "unable",
]
