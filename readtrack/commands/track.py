"""Command: a video in, tracks out. ``python -m readtrack.run --help``."""

import argparse
import json
import logging
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
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
from readtrack.evaluation.playback import replay
from readtrack.evaluation.recordings import Recording, street_recording
from readtrack.evaluation.street import StreetReport, score_street
from readtrack.files import replacing
from readtrack.metrics.tracking import TrackingScores
from readtrack.mot import MotWriter, read_mot
from readtrack.pipeline import Detect, Step, Summary, track
from readtrack.readtracker import ReadTracker
from readtrack.results.folder import Results, make_folder
from readtrack.street import StreetConfig
from readtrack.tracking import TrackerConfig
from readtrack.video import Frame, Video, open_video

MOTION, READ = "motion only", "with READ"  # what is scored on a street


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
    if args.source is None:
        street = street_recording(StreetConfig(seed=args.seed), steps=slice(args.start, args.end, args.stride))
        return _track(args, street, street.frames, console)
    with open_video(args.source, start=args.start, end=args.end, stride=args.stride) as video:
        return _track(args, video, video, console)


def _track(args: argparse.Namespace, video: Video | Recording, frames: Iterable[Frame], console: Console) -> bool:
    """The same of an opened source."""
    given = {field.name: getattr(args, field.name) for field in fields(TrackerConfig) if field.name in args}
    config = TrackerConfig(**{**given, "fps": video.fps / args.stride})
    weights = args.weights if video.pixels and args.weights != "none" else None
    if not video.pixels:
        console.print(f"{video.name} has no pixels: tracked by motion only, without READ and tracks.mp4")
    tracker = ReadTracker(weights, config, args.device, args.half)
    detect = _detect(args, video)
    folder = make_folder(args.out, video.name, args.overwrite)
    with (
        _progress(video, console) as report,
        Results(folder, config.fps, not args.no_video and video.pixels, args.save_crops, args.show) as results,
    ):
        summary = track(frames, detect, tracker, results, report)
    about: dict[str, Any] = asdict(summary)
    if summary.frames:
        console.print(_summary_table(summary))
    if isinstance(video, Recording) and summary.frames:
        found = _score_street(video, config, folder, summary.frames)
        about["scores"] = {name: asdict(score) for name, score in found.scores.items()}
        about["absences"] = found.absences
        console.print(_score_table(found.scores), _absence_table(found.absences))
    with replacing(folder / "summary.json") as partial:
        partial.write_text(json.dumps(about, indent=2) + "\n")
    console.print(f"written to {folder}/: {', '.join(sorted(path.name for path in folder.iterdir()))}")
    if summary.interrupted:
        console.print(f"interrupted after {summary.frames} frames; the files hold all of them")
    return summary.interrupted


def _detect(args: argparse.Namespace, video: Video | Recording) -> Detect:
    """What finds people in a frame, by the command line."""
    file, named = args.detections, args.detector not in (None, "none")
    if file is not None and named:
        raise InputError("--detector and --detections both say where people are: give one of them")
    if isinstance(video, Recording) and file is None and args.detector is None:
        return lambda frame: video.detections(frame.index)
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


def _score_street(street: Recording, config: TrackerConfig, folder: Path, count: int) -> StreetReport:
    """The run, and motion only on the same detections, against the truth of whoever is at least a tenth visible."""
    frames = [Frame(frame.index, None) for frame, _ in zip(street.frames, range(count), strict=False)]
    indices = [frame.index for frame in frames]
    with MotWriter(folder / "truth.txt") as writer:
        for index in indices:
            writer.write(index, street.truth(index))
    alone = replay(ReadTracker(None, config), replace(street, frames=frames))
    return score_street(street, indices, {MOTION: alone.tracks, READ: read_mot(folder / "tracks.txt")})


@contextmanager
def _progress(video: Video | Recording, console: Console) -> Iterator[Callable[[Step], None]]:
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
    table = Table("person", "was", "frames", MOTION, READ, title="identity kept through an absence")
    for row in absences:
        kept = ("yes" if row[name] else "no" for name in (MOTION, READ))
        table.add_row(str(row["person"]), row["kind"], f"{row['first']}-{row['last']}", *kept)
    return table
