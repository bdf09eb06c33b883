"""Command: a video in, tracks out. ``python -m readtrack.run --help``."""

import argparse
import json
import logging
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import supervision as sv
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from readtrack import boxes
from readtrack.commands.track_flags import run_parser
from readtrack.detect import DetectorConfig, load_detector
from readtrack.errors import InputError
from readtrack.files import replacing
from readtrack.metrics.tracking import TrackingScores, identity_kept, score_tracking
from readtrack.mot import MotWriter, read_mot
from readtrack.pipeline import Detect, Step, Summary, track
from readtrack.readtracker import ReadTracker
from readtrack.results.folder import Results, make_folder
from readtrack.street import Street, StreetConfig
from readtrack.tracking import TrackerConfig
from readtrack.video import Frame, Video, open_video


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, track, print. Returns the exit status: 0, 2 for bad input, 130 after Ctrl-C."""
    args = run_parser().parse_args(argv)
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
        print("stopped", file=sys.stderr)
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
        if args.start < 0 or args.stride < 1 or not range(len(street))[args.start : args.end]:
            raise InputError(f"--start, --end and --stride name no frame of the street's {len(street)}: check them")
        video = StreetVideo(street, range(len(street))[args.start : args.end : args.stride])
    else:
        video = open_video(args.source, start=args.start, end=args.end, stride=args.stride)
    with video:
        given = {field.name: getattr(args, field.name) for field in fields(TrackerConfig) if field.name in args}
        config = TrackerConfig(**{**given, "fps": video.fps / args.stride})
        weights = args.weights if video.pixels and args.weights != "none" else None
        if not video.pixels:
            console.print(f"{video.name} has no pixels: tracked on boxes alone, without READ and tracks.mp4")
        tracker = ReadTracker(weights, config, args.device, args.half)
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
        scores, absences = _score_street(video, config, folder, summary.frames)
        about["scores"] = {name: asdict(score) for name, score in scores.items()}
        about["absences"] = absences
        console.print(_score_table(scores), _absence_table(absences))
    with replacing(folder / "summary.json") as partial:
        partial.write_text(json.dumps(about, indent=2) + "\n")
    console.print(f"written to {folder}/: {', '.join(sorted(path.name for path in folder.iterdir()))}")
    if summary.interrupted:
        console.print(f"interrupted after {summary.frames} frames; the files hold all of them")
    return summary.interrupted


def _detect(args: argparse.Namespace, video: "Video | StreetVideo") -> Detect:
    """What finds people in a frame, by the command line."""
    file, named = args.detections, args.detector not in (None, "none")
    if file is not None and named:
        raise InputError("--detector and --detections both say where people are: give one of them")
    if isinstance(video, StreetVideo) and file is None and args.detector is None:
        return lambda frame: video.street.detections(frame.index)
    if file is None and (args.detector == "none" or not (named or video.pixels)):
        file = Path(args.source or "") / "det" / "det.txt"
        if not file.is_file():
            raise InputError(f"{video.name}: nothing tells where people are; give --detections det.txt")
    if file is not None:
        table = read_mot(file)
        return lambda frame: _confident(table.get(frame.index, sv.Detections.empty()), args.conf)
    if not video.pixels:
        raise InputError(f"{video.name}: has no pixels to detect people in; give --detections det.txt")
    config = DetectorConfig(args.conf, tuple(args.classes), device=args.device, half=args.half)
    detector = load_detector(args.detector, config)
    return lambda frame: detector(frame.image) if frame.image is not None else sv.Detections.empty()


def _confident(detections: sv.Detections, least: float) -> sv.Detections:
    """Detections of at least that confidence."""
    return boxes.take(detections, np.asarray(detections.confidence) >= least)


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


def _score_street(
    video: StreetVideo, config: TrackerConfig, folder: Path, frames: int
) -> tuple[dict[str, TrackingScores], list[dict[str, Any]]]:
    """The run, and boxes alone on the same detections, against the truth of whoever is at least a tenth visible."""
    street, indices = video.street, video.indices[:frames]
    truth = {i: _visible(street.truth(i)) for i in indices}
    with MotWriter(folder / "truth.txt") as writer:
        for index, people in truth.items():
            writer.write(index, people)
    alone = folder / "boxes-alone"
    alone.mkdir(exist_ok=True)
    with Results(alone, config.fps, video=False) as results:
        boxes_only = StreetVideo(street, indices, pixels=False)
        track(boxes_only, lambda frame: street.detections(frame.index), ReadTracker(None, config), results)
    tracks = {"boxes alone": read_mot(alone / "tracks.txt"), "with READ": read_mot(folder / "tracks.txt")}
    scores = {name: score_tracking(truth, found, indices) for name, found in tracks.items()}
    absences = [
        {
            **asdict(absence),
            **{
                name: identity_kept(truth, found, absence.person, (absence.first, absence.last))
                for name, found in tracks.items()
            },
        }
        for absence in street.absences
        if indices[0] < absence.first and absence.last < indices[-1]
    ]
    return scores, absences


def _visible(people: sv.Detections) -> sv.Detections:
    """Whoever is at least a tenth visible."""
    return boxes.take(people, np.asarray(people.data["visibility"]) >= 0.1)


@contextmanager
def _progress(video: "Video | StreetVideo", console: Console) -> Iterator[Callable[[Step], None]]:
    """A progress bar with frames per second and people alive; what to call after every frame."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.1f} frames/s, {task.fields[alive]} people"),
        TimeRemainingColumn(),
    )
    done, started = 0, time.perf_counter()
    with Progress(*columns, console=console, disable=console.quiet) as progress:
        bar = progress.add_task(video.name, total=video.total, rate=0.0, alive=0)

        def report(step: Step) -> None:
            nonlocal done
            done += 1
            known = 0 if step.people.tracker_id is None else int((step.people.tracker_id > 0).sum())
            progress.update(bar, advance=1, rate=done / (time.perf_counter() - started), alive=known)

        yield report


def _summary_table(summary: Summary) -> Table:
    """What was done and how long it took."""
    per_frame = 1000 / summary.frames
    table = Table("frames", str(summary.frames))
    table.add_row("identities", str(summary.identities))
    table.add_row("brought back by READ", str(summary.reidentified))
    table.add_row("other READ decisions", str(summary.judged))
    for part, seconds in (
        ("detector", summary.seconds_detector),
        ("READ", summary.seconds_read),
        ("association", summary.seconds_rest),
    ):
        table.add_row(f"{part}, ms a frame", f"{per_frame * seconds:.1f}")
    table.add_row("frames a second, all in all", f"{summary.frames / summary.seconds_total:.1f}")
    return table


def _score_table(scores: dict[str, TrackingScores]) -> Table:
    """HOTA and its kin in per cent, switches as counts."""
    table = Table("against the exact truth", *(field.name for field in fields(TrackingScores)))
    for name, score in scores.items():
        values = asdict(score).values()
        table.add_row(name, *(f"{100 * v:.1f}" if isinstance(v, float) else str(v) for v in values))
    return table


def _absence_table(absences: list[dict[str, Any]]) -> Table:
    """Who came back with the identity that they had before."""
    table = Table("person", "was", "frames", "boxes alone", "with READ", title="identity kept through an absence")
    for row in absences:
        kept = ("yes" if row[name] else "no" for name in ("boxes alone", "with READ"))
        table.add_row(str(row["person"]), row["kind"], f"{row['first']}-{row['last']}", *kept)
    return table
