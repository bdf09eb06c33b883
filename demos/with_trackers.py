"""readtrack among Roboflow's trackers, and behind one. Run: python demos/with_trackers.py [MOT sequence]"""

import argparse

import numpy as np
import supervision as sv
from trackers import ByteTrackTracker

from readtrack import Matcher, TrackerConfig
from readtrack.adapters.roboflow import ReadTrackTracker
from readtrack.evaluation.adapters import follow, report
from readtrack.evaluation.recordings import STREET, open_recording
from readtrack.relinking import Relinker


def main(source: str = STREET, frames: int = 400) -> None:
    matcher = Matcher.load("read-s")
    with open_recording(source, frames=frames) as clip:
        host = ByteTrackTracker(frame_rate=clip.fps)

        def named(found: sv.Detections) -> sv.Detections:
            people = host.update(found)
            people.tracker_id[people.tracker_id >= 0] += 1  # theirs count from 0
            return people

        print(report("ByteTrack alone", clip, follow(lambda found, image: named(found), clip)), flush=True)
        tracker = ReadTrackTracker(matcher, frame_rate=clip.fps)
        print(report("readtrack in its place", clip, follow(tracker.update, clip)), flush=True)

        host.reset()
        relinker = Relinker(matcher, TrackerConfig(fps=clip.fps))

        def step(found: sv.Detections, image: np.ndarray) -> sv.Detections:
            people = named(found)
            people.tracker_id = relinker.update(people.xyxy, people.tracker_id, image, people.confidence)
            return people

        print(report("ByteTrack with READ behind it", clip, follow(step, clip)), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", nargs="?", default=STREET, help="street, street:7, or a MOT sequence")
    main(parser.parse_args().source)
