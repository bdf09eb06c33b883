"""Command: a video in, tracks out. ``python -m readtrack.run --help``."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from readtrack.commands.about import about_run, finish_folder
from readtrack.commands.console import INCOMPLETE, INTERRUPTED, exit_status, output, progress
from readtrack.commands.counting import CountingSettings, places_in
from readtrack.commands.parsing import Positional, parse
from readtrack.detect.config import DetectorConfig
from readtrack.errors import InputError
from readtrack.tracking.config import TrackerConfig

if TYPE_CHECKING:
    from rich.console import Console

    from readtrack.evaluation.recordings import Recording
    from readtrack.offline import OfflineTracker
    from readtrack.pipeline import Detect, Step, Summary
    from readtrack.readtracker import ReadTracker
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

A file is gone through as a whole before ids are told, and once more to be drawn; until then tracks.txt holds pieces of
tracks that are not joined yet. Cameras, streams and --show are live: ids are told within --delay seconds, and may be
corrected for --correction seconds more.

written to --out: tracks.txt (MOTChallenge; filled boxes end in 1), dropped.txt (what was found to be no person),
tracks.mp4, associations.jsonl (why READ decided what), summary.json, report.html (the page of it all)
"""
SHOWN = ("delay", "correction", "max_age", "start_confidence", "min_person")
HIDDEN = {field.name for field in fields(TrackerConfig)} - {*SHOWN, "fps"} | {"nms_iou"}


@dataclass(frozen=True)
class SourceSettings:
    """Where frames come from."""

    # video file, folder or 'glob' of images, MOT sequence folder, webcam number, rtsp://, http(s):// or like address;
    # street, or street:7, is a synthetic sequence that ships with its truth
    source: Positional[str] = "street"
    start: int = 0  # first frame, from 0
    end: int | None = None  # stop before this frame
    stride: int = 1  # take every so many frames
    fps: float | None = None  # frames per second, where the source is silent or wrong about it
    timeout: float = 10.0  # seconds without a frame after which a stream has stalled and is connected to again
    wait: float = 0.0  # seconds to wait for a stream that is not there yet, or that went away
    buffer: bool = False  # of a camera or stream take every frame, however late, instead of the newest each time


@dataclass(frozen=True)
class PeopleSettings:
    """How people are found."""

    # yolo11n.pt and its kin, an .onnx (YOLOX, RTMDet, D-FINE and others), rfdetr-nano, -small or -medium, hog, or none
    # with a MOT folder's own det.txt; if not given, yolo11n.pt
    detector: str | None = None
    detections: Path | None = None  # MOT det.txt instead of a detector
    cache: Path | None = None  # folder that keeps detections, so that a second run need not detect again


@dataclass(frozen=True)
class ReadSettings:
    """What compares a person with the lost."""

    weights: str = "read-s"  # read-s, a .safetensors or .onnx file, or none for motion only
    threads: int | None = None  # on a CPU; if not given, one for each core


@dataclass(frozen=True)
class RecordingSettings:
    """What is done with a file, all of which can be looked at before ids are told; cameras and streams are live."""

    live: bool = False  # tell ids frame by frame, as of a camera, instead of going through the whole file first
    fill: bool = True  # fill gaps in which somebody was not detected
    raw_boxes: bool = False  # of a whole file: leave boxes as they were detected, not averaged over time


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
    return exit_status(
        lambda: _track(parse(TrackSettings, argv, "python -m readtrack.run", DESCRIPTION, EXAMPLES, HIDDEN))
    )


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
    with _open(settings.source) as video:
        tracking = asdict(settings.tracking) | {"fps": video.fps / settings.source.stride}
        config = TrackerConfig(**tracking if settings.recording.fill else tracking | {"fill_gap": 0})
        weights = settings.read.weights if video.pixels and settings.read.weights != "none" else None
        if not video.pixels:
            console.print(f"{video.name} has no pixels: tracked by motion only, without READ and tracks.mp4")
        live = settings.recording.live or out.show or video.total is None
        tracker = _tracker(settings, config, weights, live)
        places = places_in(settings.counting, video, settings.source.source)
        detect = _detect(settings, video, kept := ExitStack())
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
            about |= _score_street(video, tracker, config, folder, summary.frames, console)
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


def _told(video: "Video | Recording") -> dict[str, Any]:
    """What is told of a source at the end."""
    from readtrack.video import Video

    if not isinstance(video, Video):
        return {"frames_lost": 0, "source_gone": False, "warnings": []}
    live = {} if video.measured is None else {"frames_dropped": video.dropped, "measured_fps": video.measured}
    return {"frames_lost": video.lost, "source_gone": video.gone, **live, "warnings": video.warnings}


def _read_files(settings: TrackSettings, video: "Video | Recording") -> "list[str | Path | None]":
    """What the run reads, and must not remove."""
    from readtrack.evaluation.recordings import Recording
    from readtrack.read.weights import weight_files

    source = [] if isinstance(video, Recording) else [*video.files, Path(settings.source.source) / "det" / "det.txt"]
    return [*source, settings.people.detections, settings.people.detector, *weight_files(settings.read.weights)]


@contextmanager
def _open(source: SourceSettings) -> "Iterator[Video | Recording]":
    """What holds the frames."""
    from readtrack.evaluation.recordings import is_street, street_of, street_recording
    from readtrack.video import open_video

    start, end, stride = source.start, source.end, source.stride
    if is_street(source.source):
        if source.fps is not None:
            raise InputError("a street has its own frame rate: leave it out", "fps")
        yield street_recording(street_of(source.source), steps=slice(start, end, stride))
    else:
        live: dict[str, Any] = {"timeout": source.timeout, "wait": source.wait, "buffer": source.buffer}
        with open_video(source.source, start=start, end=end, stride=stride, fps=source.fps, **live) as video:
            yield video


def _tracker(
    settings: TrackSettings, config: TrackerConfig, weights: str | None, live: bool
) -> "ReadTracker | OfflineTracker":
    """Who gives ids: frame by frame, or at the end of a file."""
    from readtrack.linking.settings import LinkingConfig
    from readtrack.offline import OfflineTracker
    from readtrack.readtracker import ReadTracker

    network = (settings.detector.device, settings.detector.precision, settings.read.threads)
    if live:
        return ReadTracker(weights, config, *network)
    linking = LinkingConfig(
        max_gap=min(config.max_age, 1e9),
        min_person=config.min_person,
        fill_gap=config.fill_gap,
        smoothing=0 if settings.recording.raw_boxes else LinkingConfig.smoothing,
    )
    confidences = (config.start_confidence, config.low_confidence)
    return OfflineTracker(weights, config.fps, linking, *network, *confidences)


def _detect(settings: TrackSettings, video: "Video | Recording", stack: ExitStack) -> "Detect":
    """What finds people in a frame; the stack keeps what is to be written in the end."""
    import supervision as sv

    from readtrack.detect import DetectionCache, load_detector
    from readtrack.evaluation.recordings import Recording
    from readtrack.mot import read_mot

    detector, file = settings.people.detector, settings.people.detections
    if file is not None and detector not in (None, "none"):
        raise InputError("--detector and --detections both say where people are: give one of them")
    if isinstance(video, Recording) and file is None and detector is None:
        street = video
        return lambda frame: street.detections(frame.index)
    if file is None and (detector == "none" or (detector is None and not video.pixels)):
        file = Path(settings.source.source) / "det" / "det.txt"
        if not file.is_file():
            raise InputError(f"{video.name}: nothing tells where people are; give --detections det.txt")
    if file is not None:
        size, length = (None, None) if isinstance(video, Recording) else (video.size, video.length)
        table = read_mot(file, size, length, settings.detector.confidence)
        return lambda frame: table.get(frame.index, sv.Detections.empty())
    if not video.pixels:
        raise InputError(f"{video.name}: has no pixels to detect people in; give --detections det.txt")
    if settings.people.cache is not None:
        files = () if isinstance(video, Recording) else video.files
        known = stack.enter_context(DetectionCache(settings.people.cache, files, detector, settings.detector))
        lazily = cache(lambda: load_detector(detector, settings.detector))
        return lambda frame: known.find(frame.index, frame.image, lambda image: lazily()(image))
    find = load_detector(detector, settings.detector)
    return lambda frame: find(frame.image) if frame.image is not None else sv.Detections.empty()


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


def _score_street(
    street: "Recording",
    tracker: "ReadTracker | OfflineTracker",
    config: TrackerConfig,
    folder: Path,
    count: int,
    console: "Console",
) -> dict[str, Any]:
    """Score a run, and motion only on the same detections, against the street's truth; print it and return it."""
    from readtrack.evaluation.playback import replay
    from readtrack.evaluation.street import score_street
    from readtrack.mot import MotWriter, read_mot
    from readtrack.offline import OfflineTracker
    from readtrack.pipeline import Steps, people_by_frame
    from readtrack.readtracker import ReadTracker
    from readtrack.video import Frame

    frames = [Frame(frame.index, None) for frame, _ in zip(street.frames, range(count), strict=False)]
    with MotWriter(folder / "truth.txt") as writer:
        for frame in frames:
            writer.write(frame.index, street.truth(frame.index))
    if isinstance(tracker, ReadTracker):
        alone = dict(replay(ReadTracker(None, config), replace(street, frames=frames)).tracks)
    else:
        confidences = (config.start_confidence, config.low_confidence)
        offline = OfflineTracker(None, config.fps, tracker.config, None, "fp32", None, *confidences)
        steps = Steps(frames, lambda frame: street.detections(frame.index), offline)
        indices = [step.frame.index for step in steps]
        alone = people_by_frame(offline.finish_people()[0], indices)
    tracks = {"motion only": alone, "with READ": read_mot(folder / "tracks.txt")}
    found = score_street(street, [frame.index for frame in frames], tracks)
    scores, absences = found.scores, found.absences
    first = next(iter(scores.values()))
    table = Table("against the exact truth", *asdict(first))
    for name, score in scores.items():  # in per cent, switches as counts
        table.add_row(name, *(f"{100 * v:.1f}" if isinstance(v, float) else str(v) for v in asdict(score).values()))
    kept = Table("person", "was", "frames", *scores, title="identity kept through an absence")
    for row in absences:
        yes = ("yes" if row[name] else "no" for name in scores)
        kept.add_row(str(row["person"]), row["kind"], f"{row['first']}-{row['last']}", *yes)
    console.print(table, kept)
    return {"scores": {name: asdict(score) for name, score in scores.items()}, "absences": absences}


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
