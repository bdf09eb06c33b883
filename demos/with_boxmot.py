"""READ behind a boxmot tracker, before and after. Run: python demos/with_boxmot.py [ByteTrack [MOT sequence]]"""

import argparse

import boxmot
import numpy as np
import supervision as sv

from readtrack import TrackerConfig
from readtrack.adapters.boxmot import Relinker
from readtrack.evaluation.adapters import follow, report, rewritten
from readtrack.evaluation.recordings import STREET, open_recording


def rows_of(found: sv.Detections) -> np.ndarray:
    if not len(found):
        return np.zeros((0, 6), np.float32)
    return np.column_stack([found.xyxy, found.confidence, found.class_id]).astype(np.float32)


def people_of(rows: np.ndarray) -> sv.Detections:
    return sv.Detections(rows[:, :4], confidence=rows[:, 5], tracker_id=rows[:, 4].astype(int))


def counted(host: boxmot.ByteTrack, found: sv.Detections, image: np.ndarray) -> np.ndarray:
    return host.update(rows_of(found), image) + np.eye(8)[4]  # ids from 1; theirs count from 0


def main(name: str = "ByteTrack", source: str = STREET, frames: int = 400) -> None:
    with open_recording(source, frames=frames) as clip:
        host = getattr(boxmot, name)()
        print(
            report(f"{name} alone", clip, follow(lambda found, image: people_of(counted(host, found, image)), clip)),
            flush=True,
        )

        again, relinker, merged = getattr(boxmot, name)(), Relinker("read-s", TrackerConfig(fps=clip.fps)), {}

        def step(found: sv.Detections, image: np.ndarray) -> sv.Detections:
            rows = relinker.update(counted(again, found, image), image)
            merged.update(relinker.merged)
            return people_of(rows)

        tracks = follow(step, clip)
        print(report(f"{name} with READ", clip, tracks), flush=True)
        print(report(f"{name} with READ, earlier rows rewritten", clip, rewritten(tracks, merged)), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tracker", nargs="?", default="ByteTrack", help="one of boxmot's classes")
    parser.add_argument("source", nargs="?", default=STREET, help="street, street:7, or a MOT sequence")
    main(*vars(parser.parse_args()).values())
