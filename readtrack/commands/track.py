"""Command: a video in, tracks out. ``python -m readtrack.run --help``."""

import json
import logging
import shlex
import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from readtrack.commands import together
from readtrack.commands.about import about_run, finish_folder, summary_table, told_of
from readtrack.commands.again import TRACKLETS, facts_of, link_later
from readtrack.commands.console import INCOMPLETE, INTERRUPTED, exit_status, output
from readtrack.commands.counting import CountingSettings, places_in
from readtrack.commands.light import light_supervision
from readtrack.commands.opening import PeopleSettings, ReadSettings, SourceSettings, detect_people, open_source
from readtrack.commands.parsing import parse
from readtrack.commands.running import (
    HIDDEN,
    OutputSettings,
    RecordingSettings,
    TrackingSettings,
    frames_progress,
    make_tracker,
)
from readtrack.commands.settings_file import as_words, read_settings
from readtrack.commands.street_scores import score_street_run
from readtrack.detect.config import DetectorConfig
from readtrack.tracking.config import TrackerConfig

if TYPE_CHECKING:
    from rich.console import Console

    from readtrack.evaluation.recordings import Recording
    from readtrack.offline import OfflineTracker
    from readtrack.video import Video

MANY = 10_000  # tracklets from which linking takes a while

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

Several cameras with people in common: python -m readtrack.run cam1.mp4 cam2.mp4 --together; add --help for more.

A file is gone through as a whole before ids are told, and once more to be drawn; until then tracks.txt holds pieces of
tracks that are not joined yet. Cameras, streams and --show are live: ids are told within --delay seconds, and may be
corrected for --correction seconds more.

written to --out: tracks.txt (MOTChallenge; filled boxes end in 1), dropped.txt (what was found to be no person),
tracks.mp4, associations.jsonl (why READ decided what), summary.json, report.html (the page of it all), of a file also
tracklets.sqlite (boxes and features, by which readtrack relink links anew)
"""


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
    words = sys.argv[1:] if argv is None else argv
    if together.asked(words):
        return together.main(words)
    return exit_status(lambda: _run(_settings(argv)))


def _settings(argv: list[str] | None) -> TrackSettings:
    """What the command line names, and the file that it names."""
    words, prog = sys.argv[1:] if argv is None else argv, "python -m readtrack.run"
    found = parse(TrackSettings, words, prog, DESCRIPTION, EXAMPLES, HIDDEN)
    file = found.recording.settings
    if file is not None:  # its words come first, so that typed ones win
        words = [*as_words(read_settings(file)), *words]
        found = parse(TrackSettings, words, prog, DESCRIPTION, EXAMPLES, HIDDEN)
    return found


def _run(settings: TrackSettings) -> int:
    """Track what the command line names and print the tables; returns the exit status."""
    light_supervision()
    with ExitStack() as ending:
        return _track(settings, ending)


def _track(settings: TrackSettings, ending: ExitStack) -> int:
    """The same; the stack gets what is to be told where it ends early."""
    from readtrack.evaluation.recordings import Recording
    from readtrack.files import replacing
    from readtrack.offline import OfflineTracker
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
        tracker = make_tracker(settings.read, settings.detector, settings.recording.raw_boxes, config, weights, live)
        places = places_in(settings.counting, video, settings.source.source)
        detect = detect_people(settings.people, settings.detector, settings.source.source, video, kept := ExitStack())
        folder = make_folder(
            out.out, video.name, out.overwrite, _read_files(settings, video), isinstance(video, Recording)
        )
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
        if settings.recording.keep and isinstance(tracker, OfflineTracker):
            tracker.record(folder / TRACKLETS, **facts_of(video, settings.source, run, settings.counting.blur))
            ending.enter_context(link_later(tracker, folder))
        frames, drawn = video.frames if isinstance(video, Recording) else video, out.video and video.pixels
        album, edits = Album(video.fps) if out.report else None, read_edits(folder)
        look: dict[str, Any] = {"album": album, "overlay": Overlay(places), "blur": settings.counting.blur}
        with kept, ExitStack() as stack:
            report = stack.enter_context(frames_progress(video, out.quiet))
            if isinstance(tracker, ReadTracker):
                results = stack.enter_context(Results(folder, config.fps, drawn, out.save_crops, out.show, **look))
                summary = track(frames, detect, tracker, results, report)
            else:
                results = stack.enter_context(Results(folder, config.fps, video=False))
                draw = stack.enter_context(Results(folder, config.fps, drawn, out.save_crops, tables=False, **look))
                gathered = partial(_tell_gathered, console, tracker, folder)
                summary = track_recording(frames, detect, tracker, results, report, draw, edits, gathered)
    told = amend(folder)[1]
    engine = tracker.matcher.engine if tracker.matcher else "nothing"
    about = asdict(summary) | {"engine": engine, "run": run} | told_of(video)
    if summary.frames:
        console.print(summary_table(summary, engine))
        if isinstance(video, Recording):
            about |= score_street_run(video, tracker, config, folder, summary.frames, console)
    with replacing(folder / "summary.json") as path:
        path.write_text(json.dumps(about, indent=2) + "\n")
    finish_folder(folder, out.format.split(","), album)
    return _ended(console, folder, about, told)


def _tell_gathered(console: "Console", tracker: "OfflineTracker", folder: Path) -> None:
    """Tell of what takes a while now, and how to go on where even that is not told any more, as when memory ran out."""
    if tracker.tracklets >= MANY and tracker.recorded.path is not None:
        again = f"readtrack relink {shlex.quote(str(folder))}"
        console.print(f"{tracker.tracklets:,} tracklets are linked now; should that be ended, {again} does it")


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
