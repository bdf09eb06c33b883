"""readtrack as ultralytics' tracker, before and after. Run: python demos/with_ultralytics.py [MOT sequence]

The clip's own detections stand in for a trained YOLO; with one it is
YOLO("yolo11n.pt").track("video.mp4", classes=[0], tracker=config(fps=25)).
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import supervision as sv
import torch
from ultralytics import YOLO
from ultralytics.engine.results import Results
from ultralytics.models.yolo.detect import DetectionPredictor

from readtrack.adapters.ultralytics import config
from readtrack.evaluation.adapters import report
from readtrack.evaluation.recordings import STREET, Recording, open_recording
from readtrack.video import VideoWriter


def finder(clip: Recording) -> type[DetectionPredictor]:
    class Finder(DetectionPredictor):
        def inference(self, images: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
            return images

        def postprocess(self, _: object, __: object, originals: list) -> list[Results]:
            found = clip.detections(self.dataset.frame - 1)
            rows = torch.zeros(0, 6)
            if len(found):
                rows = torch.from_numpy(np.column_stack([found.xyxy, found.confidence, found.class_id])).float()
            return [Results(originals[0], self.batch[0][0], {0: "person"}, boxes=rows)]

    return Finder


def main(source: str = STREET, frames: int = 400) -> None:
    with open_recording(source, frames=frames) as clip:
        video = Path(tempfile.mkdtemp()) / "clip.mp4"
        with VideoWriter(video, clip.fps) as writer:
            for frame in clip.frames:
                writer.write(frame.image)
        for tracker in ("bytetrack.yaml", config(fps=clip.fps)):
            yolo, tracks = YOLO("yolo11n.yaml", verbose=False), {}
            flags = {"predictor": finder(clip), "imgsz": 64, "verbose": False, "save": False}
            for i, result in enumerate(yolo.track(str(video), stream=True, tracker=tracker, **flags)):
                if result.boxes.id is not None:
                    tracks[i] = sv.Detections(result.boxes.xyxy.numpy(), tracker_id=result.boxes.id.numpy().astype(int))
            print(report(Path(tracker).stem, clip, tracks), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", nargs="?", default=STREET, help="street, street:7, or a MOT sequence")
    main(parser.parse_args().source)
