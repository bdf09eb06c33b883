"""READ in deep-sort-realtime, before and after. Run: python demos/with_deep_sort_realtime.py [MOT sequence]"""

import argparse
from importlib.util import find_spec

import numpy as np
import supervision as sv
from deep_sort_realtime.deepsort_tracker import DeepSort

from readtrack import Matcher
from readtrack.adapters.deep_sort_realtime import VectorEmbedder, deep_sort
from readtrack.evaluation.adapters import Step, follow, report
from readtrack.evaluation.recordings import STREET, open_recording


def step_of(tracker: DeepSort) -> Step:
    def step(found: sv.Detections, image: np.ndarray) -> sv.Detections:
        raw = [
            ([x1, y1, x2 - x1, y2 - y1], score, "person")
            for (x1, y1, x2, y2), score in zip(found.xyxy.tolist(), np.asarray(found.confidence).tolist(), strict=True)
            if score >= 0.5  # DeepSORT believes every detection
        ]
        tracks = tracker.update_tracks(raw, frame=image)
        seen = [track for track in tracks if track.is_confirmed() and track.time_since_update == 0]
        xyxy = np.array([track.to_ltrb(orig=True) for track in seen], dtype=float).reshape(-1, 4)
        return sv.Detections(xyxy, tracker_id=np.array([int(track.track_id) for track in seen], dtype=int))

    return step


def main(source: str = STREET, frames: int = 400) -> None:
    matcher = Matcher.load("read-s")
    with open_recording(source, frames=frames) as clip:
        if find_spec("pkg_resources"):  # which setuptools has no more, but its embedder wants
            print(
                report("its own MobileNet", clip, follow(step_of(DeepSort(embedder_gpu=False, half=False)), clip)),
                flush=True,
            )
        tracker = DeepSort(embedder=None)
        tracker.embedder = VectorEmbedder(matcher)
        print(report("READ's vectors", clip, follow(step_of(tracker), clip)), flush=True)
        print(report("READ on pairs", clip, follow(step_of(deep_sort(matcher)), clip)), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", nargs="?", default=STREET, help="street, street:7, or a MOT sequence")
    main(parser.parse_args().source)
