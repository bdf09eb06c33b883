"""From frames to people with identities, and the runs that write what comes of it to a folder."""

from readtrack.pipeline.layout import Camera, Cameras, check_sources, named_cameras, read_cameras
from readtrack.pipeline.live import track
from readtrack.pipeline.recording import RecordingRun, link_again, people_by_frame, track_recording
from readtrack.pipeline.steps import Detect, OnlineTracker, Step, Steps
from readtrack.pipeline.together import CameraRun, track_cameras

__all__ = [
    "Camera",
    "CameraRun",
    "Cameras",
    "Detect",
    "OnlineTracker",
    "RecordingRun",
    "Step",
    "Steps",
    "check_sources",
    "link_again",
    "named_cameras",
    "people_by_frame",
    "read_cameras",
    "track",
    "track_cameras",
    "track_recording",
]
