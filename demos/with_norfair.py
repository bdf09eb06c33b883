"""READ as norfair's re-identification, before and after. Run: python demos/with_norfair.py [MOT sequence]"""

import argparse

import numpy as np
import supervision as sv
from norfair import Tracker

from readtrack import TrackerConfig
from readtrack.adapters.norfair import Reid
from readtrack.evaluation.adapters import Step, follow, report
from readtrack.evaluation.recordings import STREET, open_recording


def step_of(tracker: Tracker, reid: Reid) -> Step:
    def step(found: sv.Detections, image: np.ndarray) -> sv.Detections:
        found = found[found.confidence >= 0.5]  # norfair believes every detection
        made = reid.detections(found, image)
        objects = [o for o in tracker.update(made) if any(o.last_detection is detection for detection in made)]
        people = found[[o.last_detection.data for o in objects]]
        people.tracker_id = np.array([o.id for o in objects], dtype=int)
        return people

    return step


def main(source: str = STREET, frames: int = 400) -> None:
    with open_recording(source, frames=frames) as clip:
        reid = Reid("read-s", TrackerConfig(fps=clip.fps))
        print(report("norfair alone", clip, follow(step_of(Tracker("iou", 0.7), reid), clip)), flush=True)
        reid.reset()
        print(
            report("norfair with READ", clip, follow(step_of(Tracker("iou", 0.7, **reid.settings()), reid), clip)),
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", nargs="?", default=STREET, help="street, street:7, or a MOT sequence")
    main(parser.parse_args().source)
