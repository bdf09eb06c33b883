"""Command: a video in, tracks out. ``python -m readtrack.run --help``."""

import argparse
import json
import logging
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import supervision as sv
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from readtrack.detect import DetectorConfig, load_detector
from readtrack.errors import InputError
from readtrack.evaluation.tracking import TrackingScores, score_tracking
from readtrack.mot import MotWriter, read_mot
from readtrack.readtracker import ReadTracker
from readtrack.results import Results, make_folder
from readtrack.scene import Street, StreetConfig
from readtrack.tracking import TrackerConfig
from readtrack.video import Frame, Video, open_video

Detect = Callable[[Frame], sv.Detections]


@dataclass
class Summary:
    """What a run did; seconds are totals over the frames."""

    frames: int = 0
    identities: int = 0
    revived: int = 0  # identities brought back by READ
    judged: int = 0  # other associations that READ decided
    seconds_detector: float = 0.0
    seconds_read: float = 0.0
    seconds_rest: float = 0.0  # association; neither drawing nor reading and writing video
    seconds_total: float = 0.0
    crops_encoded: int = 0
    pairs_compared: int = 0
    interrupted: bool = False


def track(
    frames: Iterable[Frame],
    detect: Detect,
    tracker: ReadTracker,
    results: Results,
    report: Callable[[ReadTracker], None] = lambda tracker: None,
) -> Summary:
    """Track people through frames and write the results; Ctrl-C ends it early and cleanly.

    Args:
        frames: the video.
        detect: a frame's people.
        tracker: fresh or reset.
        results: where tracks, video and READ's decisions go.
        report: called after every frame.
    """
    summary, started = Summary(), time.perf_counter()
    try:
        for frame in frames:
            begun = time.perf_counter()
            detections = detect(frame)
            detected = time.perf_counter()
            people = tracker.update(detections, frame.image)
            summary.seconds_detector += detected - begun
            summary.seconds_rest += time.perf_counter() - detected
            results.write(frame, people, tracker.associations, tracker.decided)
            summary.frames += 1
            revived = sum(a.reason == "revived" for a in tracker.associations)
            summary.revived += revived
            summary.judged += len(tracker.associations) - revived
            report(tracker)
            if not results.open:
                break
    except KeyboardInterrupt:
        summary.interrupted = True
    results.settle(tracker.finish())
    summary.identities = len(results.people)
    summary.seconds_total = time.perf_counter() - started
    if tracker.matcher is not None:
        summary.seconds_read = tracker.matcher.seconds
        summary.seconds_rest -= tracker.matcher.seconds
        summary.crops_encoded, summary.pairs_compared = tracker.matcher.encoded, tracker.matcher.compared
    return summary


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, track, print. Returns the exit status: 0, 2 for bad input, 130 after Ctrl-C."""
    args = _parser().parse_args(argv)
    logging.basicConfig(format="%(message)s", level=logging.ERROR if args.quiet else logging.WARNING)
    try:
        previous = signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill ends like Ctrl-C
    except ValueError:  # not in the main thread, which alone has signals
        previous = None
    try:
        interrupted = _run(args, Console(quiet=args.quiet, highlight=False))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped before the first frame", file=sys.stderr)
        return 130
    finally:
        if previous is not None:
            signal.signal(signal.SIGTERM, previous)
    return 130 if interrupted else 0


def _run(args: argparse.Namespace, console: Console) -> bool:
    """Track what the command line names and print the tables. Returns whether the user interrupted it."""
    video: Video | StreetVideo
    if args.source is None:
        street = Street(StreetConfig(seed=args.seed))
        video = StreetVideo(street, range(len(street))[args.start : args.end : args.stride])
    else:
        video = open_video(args.source, start=args.start, end=args.end, stride=args.stride)
    with video:
        given = {field.name: getattr(args, field.name) for field in fields(TrackerConfig) if field.name in args}
        config = TrackerConfig(**{**given, "fps": video.fps / args.stride})
        tracker = ReadTracker(None if args.weights == "none" else args.weights, config, args.device, args.half)
        detect = _detect(args, video)
        folder = make_folder(args.out, video.name, args.overwrite)
        with (
            _progress(video, console) as report,
            Results(folder, config.fps, not args.no_video and video.pixels, args.save_crops, args.show) as results,
        ):
            summary = track(video, detect, tracker, results, report)
    about: dict[str, Any] = asdict(summary)
    if summary.frames:
        console.print(_summary_table(summary))
    if isinstance(video, StreetVideo) and summary.frames:
        scores = _score_street(video, config, folder, summary.frames)
        about["scores"] = {name: asdict(score) for name, score in scores.items()}
        console.print(_score_table(scores))
    (folder / "summary.json").write_text(json.dumps(about, indent=2) + "\n")
    console.print(f"written to {folder}/: {', '.join(sorted(path.name for path in folder.iterdir()))}")
    if summary.interrupted:
        console.print(f"interrupted after {summary.frames} frames; the files hold all of them")
    return summary.interrupted


def _detect(args: argparse.Namespace, video: "Video | StreetVideo") -> Detect:
    """What finds people in a frame, by the command line."""
    file = args.detections
    if isinstance(video, StreetVideo) and file is None and args.detector is None:
        return lambda frame: video.street.detections(frame.index)
    if file is None and (args.detector == "none" or not video.pixels):
        file = Path(args.source or "") / "det" / "det.txt"
        if not file.is_file():
            raise InputError(f"{args.source}: nothing tells where people are; give --detections det.txt")
    if file is not None:
        table = read_mot(file)
        return lambda frame: table.get(frame.index, sv.Detections.empty())
    config = DetectorConfig(args.conf, tuple(args.classes), device=args.device, half=args.half)
    detector = load_detector(args.detector, config)
    if not video.pixels:
        raise InputError(f"{args.source}: has no pixels to detect people in; give --detections det.txt")
    return lambda frame: detector(frame.image)


class StreetVideo:
    """The drawn street in the shape of a ``Video``."""

    def __init__(self, street: Street, indices: range, pixels: bool = True) -> None:
        self.name, self.fps, self.total = "street", street.config.fps, len(indices)
        self.street, self.indices, self.pixels = street, indices, pixels

    def __iter__(self) -> Iterator[Frame]:
        for index in self.indices:
            yield Frame(index, self.street.image(index) if self.pixels else None)

    def __enter__(self) -> "StreetVideo":
        return self

    def __exit__(self, *_: object) -> None:
        pass


def _score_street(video: StreetVideo, config: TrackerConfig, folder: Path, frames: int) -> dict[str, TrackingScores]:
    """The run, and boxes alone on the same detections, against the truth of whoever is at least a tenth visible."""
    street, indices = video.street, video.indices[:frames]
    truth = {i: seen[seen.data["visibility"] >= 0.1] for i in indices for seen in [street.truth(i)]}
    with MotWriter(folder / "truth.txt") as writer:
        for index, people in truth.items():
            writer.write(index, people)
    alone = folder / "boxes-alone"
    alone.mkdir(exist_ok=True)
    with Results(alone, config.fps, video=False) as results:
        track(StreetVideo(street, indices, pixels=False), lambda f: street.detections(f.index), ReadTracker(None, config), results)
    files = {"boxes alone": alone / "tracks.txt", "with READ": folder / "tracks.txt"}
    return {name: score_tracking(truth, read_mot(file), indices) for name, file in files.items()}


@contextmanager
def _progress(video: "Video | StreetVideo", console: Console) -> Iterator[Callable[[ReadTracker], None]]:
    """A progress bar with frames per second and people alive; what to call after every frame."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.1f} frames/s, {task.fields[alive]} people"), TimeRemainingColumn(),
    )  # fmt: skip
    started = time.perf_counter()
    with Progress(*columns, console=console, disable=console.quiet) as progress:
        bar = progress.add_task(video.name, total=video.total, rate=0.0, alive=0)

        def report(tracker: ReadTracker) -> None:
            rate = (tracker.tracker.frame + 1) / (time.perf_counter() - started)
            progress.update(bar, advance=1, rate=rate, alive=tracker.tracker.alive)

        yield report


def _summary_table(summary: Summary) -> Table:
    """What was done and how long it took."""
    table = Table("frames", "identities", "brought back by READ", "other READ decisions")
    for part in ("detector", "READ", "rest"):
        table.add_column(f"{part} ms/frame", justify="right")
    table.add_column("frames/s", justify="right")
    seconds = (summary.seconds_detector, summary.seconds_read, summary.seconds_rest)
    counts = (summary.frames, summary.identities, summary.revived, summary.judged)
    table.add_row(
        *map(str, counts),
        *(f"{1000 * s / summary.frames:.1f}" for s in seconds),
        f"{summary.frames / summary.seconds_total:.1f}",
    )
    return table


def _score_table(scores: dict[str, TrackingScores]) -> Table:
    """HOTA and its kin in per cent, switches as counts."""
    table = Table("against the exact truth", *(field.name for field in fields(TrackingScores)))
    for name, score in scores.items():
        values = asdict(score).values()
        table.add_row(name, *(f"{100 * v:.1f}" if isinstance(v, float) else str(v) for v in values))
    return table


EPILOG = """examples:
  python -m readtrack.run                                  the drawn street, scored against its exact truth
  python -m readtrack.run video.mp4                        YOLO finds people (downloaded on first use)
  python -m readtrack.run video.mp4 --detector yolox_nano.onnx --conf 0.2
  python -m readtrack.run MOT17-02/ --detections MOT17-02/det/det.txt
  python -m readtrack.run 'frames/*.jpg' --start 100 --end 500 --stride 2
  python -m readtrack.run 0 --show --no-video              the first webcam, in a window (q ends)
  python -m readtrack.run rtsp://camera/stream --memory 300 --quiet
"""


def _parser() -> argparse.ArgumentParser:
    """All flags, in groups; their defaults come from the settings' classes."""
    tracker, detector = TrackerConfig(), DetectorConfig()
    parser = argparse.ArgumentParser(
        prog="python -m readtrack.run",
        description="Track the people in a video; those hidden or away for a while get their identity back.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument_group("source").add_argument
    add("source", nargs="?", metavar="SOURCE", help="video file, folder or 'glob' of images, MOT sequence folder, "
        "webcam number, rtsp:// or http(s):// address; left out: the drawn street that ships")  # fmt: skip
    add("--start", type=int, default=0, metavar="N", help="first frame, from 0 (e.g. --start 100)")
    add("--end", type=int, metavar="N", help="stop before this frame (e.g. --end 500)")
    add("--stride", type=int, default=1, metavar="N", help="take every N-th frame (e.g. --stride 2)")
    add("--seed", type=int, default=0, metavar="N", help="which drawn street (e.g. --seed 7)")
    add = parser.add_argument_group("finding people").add_argument
    add("--detector", metavar="NAME", help="yolo11n.pt and its kin, a YOLOX .onnx, 'hog', or 'none' with a MOT "
        "folder's own det.txt (e.g. --detector yolo11s.pt; default: yolo11n.pt)")  # fmt: skip
    add("--detections", type=Path, metavar="FILE", help="MOT det.txt instead of a detector")
    add("--conf", type=float, default=detector.confidence, metavar="P",
        help="drop boxes below this confidence (default: %(default)s, since weak boxes still carry tracks on)")  # fmt: skip
    add("--high-conf", type=float, default=tracker.high_confidence, metavar="P", dest="high_confidence",
        help="boxes from here on may start a track (default: %(default)s)")  # fmt: skip
    add("--classes", type=int, nargs="+", default=list(detector.classes), metavar="N",
        help="the detector's classes to track (default: 0, person)")  # fmt: skip
    add("--device", metavar="NAME", help="cpu, cuda, cuda:1, mps (default: a GPU where there is one)")
    add("--half", action="store_true", help="half precision on a GPU")
    add = parser.add_argument_group("identities").add_argument
    add("--weights", default="read-s", metavar="NAME", help="read-s, a .safetensors file, or 'none' for boxes alone "
        "(default: %(default)s)")  # fmt: skip
    add("--memory", type=float, default=tracker.memory, metavar="SECONDS",
        help="how long a lost person can be brought back (default: %(default)s)")  # fmt: skip
    add("--same", type=float, default=tracker.same, metavar="P",
        help="probability from which an arrival is a lost person (default: %(default)s)")  # fmt: skip
    add = parser.add_argument_group("output").add_argument
    add("--out", type=Path, metavar="DIR", help="where to write (default: runs/<source>, numbered when taken)")
    add("--overwrite", action="store_true", help="replace what an earlier run left there")
    add("--no-video", action="store_true", help="do not write tracks.mp4")
    add("--save-crops", action="store_true", help="write crops/<id>/<frame>.jpg, two a second of each identity")
    add("--show", action="store_true", help="show the frames in a window while they are tracked; q ends")
    add("--quiet", action="store_true", help="print errors only")
    return parser


if __name__ == "__main__":
    sys.exit(main())
