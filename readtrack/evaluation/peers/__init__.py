"""Trackers that users would pick, by name and behind one small door, on the same detections and frames."""

from readtrack.evaluation.peers.peer import HostError, Setup, Vectors
from readtrack.evaluation.peers.registry import PEERS, Entry, load_vectors, make, pick, unable

__all__ = [
    "PEERS",
    "Entry",
    "HostError",
    "Setup",
    "Vectors",
    "load_vectors",
    "make",
    "pick",
    "unable",
]
