"""readtrack among Roboflow's trackers, and behind one. Run: python demos/with_trackers.py [MOT sequence]"""

import argparse
import sys

import numpy as np
import supervision as sv
from trackers import ByteTrackTracker

from readtrack import Matcher, TrackerConfig
from readtrack.adapters.roboflow import ReadTrackTracker
from readtrack.commands.console import exit_status
from readtrack.evaluation.adapters import follow, report
from readtrack.evaluation.recordings import STREET, open_footage
from readtrack.relinking import Relinker


def main(source: str = STREET, frames: int = 400) -> None:
    matcher = Matcher.load("read-s")
    with open_footage(source, frames=frames) as clip:
        host = ByteTrackTracker(frame_rate=clip.fps)

        def named(found: sv.Detections) -> sv.Detections:
            people = host.update(found)
            people.tracker_id[people.tracker_id >= 0] += 1  # theirs count from 0
            return people

        report("ByteTrack alone", clip, follow(lambda found, image: named(found), clip))
        tracker = ReadTrackTracker(matcher, frame_rate=clip.fps)
        report("readtrack in its place", clip, follow(tracker.update, clip))

        host.reset()
        relinker = Relinker(matcher, TrackerConfig(fps=clip.fps))

        def step(found: sv.Detections, image: np.ndarray) -> sv.Detections:
            people = named(found)
            people.tracker_id = relinker.update(people.xyxy, people.tracker_id, image, people.confidence)
            return people

        report("ByteTrack with READ behind it", clip, follow(step, clip))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", nargs="?", default=STREET, help="street, street:7, or a MOT sequence")
    sys.exit(exit_status(lambda: main(parser.parse_args().source)))
