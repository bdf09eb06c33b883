"""From frames to people with identities, and the runs that write what comes of it to a folder."""

from readtrack.pipeline.live import track
from readtrack.pipeline.recording import people_by_frame, track_recording
from readtrack.pipeline.steps import Detect, OnlineTracker, Step, Steps

__all__ = ["Detect", "OnlineTracker", "Step", "Steps", "people_by_frame", "track", "track_recording"]
