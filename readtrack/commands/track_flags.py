"""The flags of ``python -m readtrack.run``; their defaults come from the settings' classes."""

import argparse
from pathlib import Path

from readtrack.detect import DetectorConfig
from readtrack.tracking import TrackerConfig

EPILOG = """examples:
  python -m readtrack.run                                  the drawn street, scored against its exact truth
  python -m readtrack.run video.mp4                        YOLO finds people (downloaded on first use)
  python -m readtrack.run video.mp4 --detector yolox_nano.onnx --conf 0.2
  python -m readtrack.run MOT17-02/ --detections MOT17-02/det/det.txt
  python -m readtrack.run 'frames/*.jpg' --start 100 --end 500 --stride 2
  python -m readtrack.run 0 --show --no-video              the first webcam, in a window (q ends)
  python -m readtrack.run rtsp://camera/stream --max-age 300 --quiet
"""


def run_parser() -> argparse.ArgumentParser:
    """All flags, in groups."""
    tracker, detector = TrackerConfig(), DetectorConfig()
    parser = argparse.ArgumentParser(
        prog="python -m readtrack.run",
        description="Track the people in a video; those hidden or away for a while get their identity back.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument_group("source").add_argument
    add(
        "source",
        nargs="?",
        metavar="SOURCE",
        help="video file, folder or 'glob' of images, MOT sequence folder, "
        "webcam number, rtsp:// or http(s):// address; left out: the drawn street that ships",
    )
    add("--start", type=int, default=0, metavar="N", help="first frame, from 0 (e.g. --start 100)")
    add("--end", type=int, metavar="N", help="stop before this frame (e.g. --end 500)")
    add("--stride", type=int, default=1, metavar="N", help="take every N-th frame (e.g. --stride 2)")
    add("--seed", type=int, default=0, metavar="N", help="which drawn street (e.g. --seed 7)")
    add = parser.add_argument_group("finding people").add_argument
    add(
        "--detector",
        metavar="NAME",
        help="yolo11n.pt and its kin, a YOLOX .onnx, 'hog', or 'none' with a MOT "
        "folder's own det.txt (e.g. --detector yolo11s.pt; default: yolo11n.pt)",
    )
    add(
        "--detections",
        type=Path,
        metavar="FILE",
        help="MOT det.txt instead of a detector (e.g. --detections det/det.txt)",
    )
    add(
        "--conf",
        type=float,
        default=detector.confidence,
        metavar="P",
        help="drop boxes below this confidence (default: %(default)s, since weak boxes still carry tracks on; "
        "e.g. --conf 0.25)",
    )
    add(
        "--high-conf",
        type=float,
        default=tracker.high_confidence,
        metavar="P",
        dest="high_confidence",
        help="boxes from here on are matched first; weaker ones only continue tracks (default: %(default)s; e.g. "
        "--high-conf 0.4)",
    )
    add(
        "--start-conf",
        type=float,
        default=tracker.start_confidence,
        metavar="P",
        dest="start_confidence",
        help="boxes from here on may start a track; lower it where a detector is seldom sure (default: %(default)s; "
        "e.g. --start-conf 0.5)",
    )
    add(
        "--classes",
        type=int,
        nargs="+",
        default=list(detector.classes),
        metavar="N",
        help="the detector's classes to track (default: 0, person; e.g. --classes 0 1)",
    )
    add(
        "--device", metavar="NAME", help="cpu, cuda, cuda:1, mps (default: a GPU where there is one; e.g. --device cpu)"
    )
    add("--half", action="store_true", help="half precision on a GPU")
    add = parser.add_argument_group("identities").add_argument
    add(
        "--moving-camera",
        action="store_true",
        help="measure the camera's own motion in every frame and make up for it",
    )
    add(
        "--weights",
        default="read-s",
        metavar="NAME",
        help="read-s, a .safetensors file, or 'none' for boxes alone (default: %(default)s)",
    )
    add(
        "--budget",
        type=float,
        default=tracker.budget,
        metavar="P",
        help="most of all boxes that READ is asked about, as a share, to bound its work in crowds (default: "
        "%(default)s, no bound; e.g. --budget 0.1)",
    )
    add(
        "--max-age",
        type=float,
        default=tracker.max_age,
        metavar="SECONDS",
        help="how long a lost person can be brought back (default: %(default)s; e.g. --max-age 300)",
    )
    add(
        "--match-probability",
        type=float,
        default=tracker.match_probability,
        metavar="P",
        help="probability from which an arrival is a lost person (default: %(default)s; e.g. --match-probability 0.95)",
    )
    add = parser.add_argument_group("output").add_argument
    add(
        "--out",
        type=Path,
        metavar="DIR",
        help="where to write (default: runs/<source>, numbered when taken; e.g. --out results)",
    )
    add("--overwrite", action="store_true", help="replace what an earlier run left there")
    add("--no-video", action="store_true", help="do not write tracks.mp4")
    add(
        "--save-crops",
        action="store_true",
        help="write crops/<id>/<frame>.jpg, two a second of each identity",
    )
    add("--show", action="store_true", help="show the frames in a window while they are tracked; q ends")
    add("--quiet", action="store_true", help="print errors only")
    return parser
