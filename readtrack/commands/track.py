"""Command: a video in, tracks out. ``python -m readtrack.run --help``."""

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from readtrack.commands.about import about_run, finish_folder
from readtrack.commands.console import INCOMPLETE, INTERRUPTED, exit_status, output, progress
from readtrack.commands.counting import CountingSettings, places_in
from readtrack.commands.opening import PeopleSettings, ReadSettings, SourceSettings, detect_people, open_source
from readtrack.commands.parsing import parse
from readtrack.commands.settings_file import as_words, read_settings
from readtrack.commands.street_scores import score_street_run
from readtrack.detect.config import DetectorConfig
from readtrack.tracking.config import TrackerConfig

if TYPE_CHECKING:
    from rich.console import Console

    from readtrack.evaluation.recordings import Recording
    from readtrack.offline import OfflineTracker
    from readtrack.pipeline import Step
    from readtrack.readtracker import ReadTracker
    from readtrack.results import Summary
    from readtrack.video import Video

DESCRIPTION = "Track the people in a video; those hidden or away for a while get their identity back."
EXAMPLES = """examples:
  python -m readtrack.run                                  a synthetic street, scored against its exact truth
  python -m readtrack.run video.mp4                        YOLO finds people (downloaded on first use)
  python -m readtrack.run video.mp4 --detector yolox_nano.onnx --confidence 0.2
  python -m readtrack.run MOT17-02/ --detections MOT17-02/det/det.txt
  python -m readtrack.run 'frames/*.jpg' --start 100 --end 500 --stride 2
  python -m readtrack.run 0 --show --no-video              the first webcam, in a window (q ends)
  python -m readtrack.run rtsp://camera/stream --max-age 300 --quiet
  python -m readtrack.run street:7 --weights none          another street, by motion only
  python -m readtrack.run video.mp4 --line door=100,400,300,400 --zone 'queue=10,10 300,10 300,200 10,200'
  python -m readtrack.run video.mp4 --live                 as if it came from a camera
  python -m readtrack.run video.mp4 --settings tuned.json  by what readtrack tune found

A file is gone through as a whole before ids are told, and once more to be drawn; until then tracks.txt holds pieces of
tracks that are not joined yet. Cameras, streams and --show are live: ids are told within --delay seconds, and may be
corrected for --correction seconds more.

written to --out: tracks.txt (MOTChallenge; filled boxes end in 1), dropped.txt (what was found to be no person),
tracks.mp4, associations.jsonl (why READ decided what), summary.json, report.html (the page of it all)
"""
SHOWN = ("delay", "correction", "max_age", "start_confidence", "min_person")
HIDDEN = {field.name for field in fields(TrackerConfig)} - {*SHOWN, "fps"} | {"nms_iou"}


@dataclass(frozen=True)
class RecordingSettings:
    """What is done with a file, all of which can be looked at before ids are told; cameras and streams are live."""

    live: bool = False  # tell ids frame by frame, as of a camera, instead of going through the whole file first
    fill: bool = True  # fill gaps in which somebody was not detected
    raw_boxes: bool = False  # of a whole file: leave boxes as they were detected, not averaged over time
    settings: Path | None = None  # JSON with settings of the tracker, as readtrack tune writes it; flags beside it win


@dataclass(frozen=True)
class TrackingSettings(TrackerConfig):
    """How people are followed; times in seconds. delay, correction and max_lost are of what is live."""

    fps: float = field(default=TrackerConfig.fps, init=False)  # the source's: no flag


@dataclass(frozen=True)
class OutputSettings:
    """What is written and shown."""

    out: Path | None = None  # folder; if not given, runs/<source>, numbered when taken
    overwrite: bool = False  # replace what an earlier run left there
    format: str = "mot"  # of the tracks: one or several of mot,csv,parquet,jsonl,coco,cvat (see export-tracks)
    video: bool = True  # write tracks.mp4
    report: bool = True  # write report.html: who, when, why, and how far to trust it
    save_crops: bool = False  # write crops/<id>/<frame>.jpg, two a second of each identity
    show: bool = False  # show the frames in a window while they are tracked; q ends
    quiet: bool = False  # print errors only


@dataclass(frozen=True)
class TrackSettings:
    """A run."""

    source: SourceSettings = field(default_factory=SourceSettings)
    people: PeopleSettings = field(default_factory=PeopleSettings)
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    read: ReadSettings = field(default_factory=ReadSettings)
    recording: RecordingSettings = field(default_factory=RecordingSettings)
    tracking: TrackingSettings = field(default_factory=TrackingSettings)
    counting: CountingSettings = field(default_factory=CountingSettings)
    output: OutputSettings = field(default_factory=OutputSettings)


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, track, print. Returns the exit status, as --help tells."""
    return exit_status(lambda: _track(_settings(argv)))


def _settings(argv: list[str] | None) -> TrackSettings:
    """What the command line names, and the file that it names."""
    words, prog = sys.argv[1:] if argv is None else argv, "python -m readtrack.run"
    found = parse(TrackSettings, words, prog, DESCRIPTION, EXAMPLES, HIDDEN)
    file = found.recording.settings
    if file is not None:  # its words come first, so that typed ones win
        words = [*as_words(read_settings(file)), *words]
        found = parse(TrackSettings, words, prog, DESCRIPTION, EXAMPLES, HIDDEN)
    return found


def _track(settings: TrackSettings) -> int:
    """Track what the command line names and print the tables; returns the exit status."""
    from readtrack.evaluation.recordings import Recording
    from readtrack.files import replacing
    from readtrack.pipeline import track, track_recording
    from readtrack.readtracker import ReadTracker
    from readtrack.results import Album, Overlay, Results, amend, check_formats, check_window, make_folder, read_edits

    out, console = settings.output, output(settings.output.quiet)
    check_formats(out.format.split(","))
    logging.basicConfig(format="%(message)s", level=logging.ERROR if out.quiet else logging.WARNING)
    if out.show:
        check_window()
    with open_source(settings.source) as video:
        tracking = asdict(settings.tracking) | {"fps": video.fps / settings.source.stride}
        config = TrackerConfig(**tracking if settings.recording.fill else tracking | {"fill_gap": 0})
        weights = settings.read.weights if video.pixels and settings.read.weights != "none" else None
        if not video.pixels:
            console.print(f"{video.name} has no pixels: tracked by motion only, without READ and tracks.mp4")
        live = settings.recording.live or out.show or video.total is None
        tracker = _tracker(settings, config, weights, live)
        places = places_in(settings.counting, video, settings.source.source)
        detect = detect_people(settings.people, settings.detector, settings.source.source, video, kept := ExitStack())
        folder = make_folder(
            out.out, video.name, out.overwrite, _read_files(settings, video), isinstance(video, Recording)
        )
        frames, drawn = video.frames if isinstance(video, Recording) else video, out.video and video.pixels
        album, edits = Album(video.fps) if out.report else None, read_edits(folder)
        look: dict[str, Any] = {"album": album, "overlay": Overlay(places), "blur": settings.counting.blur}
        with kept, ExitStack() as stack:
            report = stack.enter_context(_progress(video, out.quiet))
            if isinstance(tracker, ReadTracker):
                results = stack.enter_context(Results(folder, config.fps, drawn, out.save_crops, out.show, **look))
                summary = track(frames, detect, tracker, results, report)
            else:
                results = stack.enter_context(Results(folder, config.fps, video=False))
                draw = stack.enter_context(Results(folder, config.fps, drawn, out.save_crops, tables=False, **look))
                summary = track_recording(frames, detect, tracker, results, report, draw, edits)
    told = amend(folder)[1]
    engine = tracker.matcher.engine if tracker.matcher else "nothing"
    run = about_run(
        video,
        settings.source.source,
        settings.source.stride,
        live,
        weights,
        places,
        detector=settings.detector,
        tracking=config,
        recording=settings.recording,
    )
    about = asdict(summary) | {"engine": engine, "run": run} | _told(video)
    if summary.frames:
        console.print(_summary_table(summary, engine))
        if isinstance(video, Recording):
            about |= score_street_run(video, tracker, config, folder, summary.frames, console)
    with replacing(folder / "summary.json") as partial:
        partial.write_text(json.dumps(about, indent=2) + "\n")
    finish_folder(folder, out.format.split(","), album)
    return _ended(console, folder, about, told)


def _ended(console: "Console", folder: Path, about: dict[str, Any], told: list[str]) -> int:
    """Print what was written and what is to be known of it; returns the exit status."""
    console.print(f"written to {folder}/: {', '.join(sorted(path.name for path in folder.iterdir()))}")
    if about["interrupted"]:
        console.print(f"interrupted after {about['frames']} frames; the files hold all of them")
    for line in [*told, *about["warnings"]]:
        console.print(line)
    if about["interrupted"]:
        return INTERRUPTED
    return INCOMPLETE if about["frames_lost"] or about["source_gone"] else 0


def _read_files(settings: TrackSettings, video: "Video | Recording") -> "list[str | Path | None]":
    """What the run reads, and must not remove."""
    from readtrack.evaluation.recordings import Recording
    from readtrack.read.weights import weight_files

    source = [] if isinstance(video, Recording) else [*video.files, Path(settings.source.source) / "det" / "det.txt"]
    return [*source, settings.people.detections, settings.people.detector, *weight_files(settings.read.weights)]


def _tracker(
    settings: TrackSettings, config: TrackerConfig, weights: str | None, live: bool
) -> "ReadTracker | OfflineTracker":
    """Who gives ids: frame by frame, or at the end of a file."""
    from readtrack.gathering import linking_config
    from readtrack.offline import OfflineTracker
    from readtrack.readtracker import ReadTracker

    network = (settings.detector.device, settings.detector.precision, settings.read.threads)
    if live:
        return ReadTracker(weights, config, *network)
    linking = linking_config(config, **({"smoothing": 0.0} if settings.recording.raw_boxes else {}))
    confidences = (config.start_confidence, config.low_confidence)
    return OfflineTracker(weights, config.fps, linking, *network, *confidences)


@contextmanager
def _progress(video: "Video | Recording", quiet: bool) -> Iterator[Callable[["Step"], None]]:
    """A progress bar with frames per second and people in the frame; what to call after every frame."""
    with progress(video.name, quiet) as (begin, report):
        begin(video.total)
        done, started = 0, time.perf_counter()

        def step(step: "Step") -> None:
            nonlocal done
            done += 1
            known = 0 if step.people.tracker_id is None else int((step.people.tracker_id > 0).sum())
            report(done, f"{done / (time.perf_counter() - started):.1f} frames/s, {known} people")

        yield step


def _told(video: "Video | Recording") -> dict[str, Any]:
    """What is told of a source at the end."""
    from readtrack.video import Video

    if not isinstance(video, Video):
        return {"frames_lost": 0, "source_gone": False, "warnings": []}
    live = {} if video.measured is None else {"frames_dropped": video.dropped, "measured_fps": video.measured}
    return {"frames_lost": video.lost, "source_gone": video.gone, **live, "warnings": video.warnings}


def _summary_table(summary: "Summary", engine: str) -> Table:
    """What was done and how long it took."""
    per_frame = 1000 / summary.frames
    table = Table("frames", str(summary.frames))
    table.add_row("identities", str(summary.identities))
    table.add_row("re-identified by READ", str(summary.reidentified))
    table.add_row("other READ decisions", str(summary.judged))
    for part, seconds in (
        ("detector", summary.seconds_detector),
        ("READ", summary.seconds_read),
        ("association", summary.seconds_rest),
    ):
        table.add_row(f"{part}, ms a frame", f"{per_frame * seconds:.1f}")
    table.add_row("READ ran on", engine)
    table.add_row("frames a second, all in all", f"{summary.frames / summary.seconds_total:.1f}")
    return table
