"""What a run of the tracker is told: settings that its commands share, the tracker of them, and a bar of its frames."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from readtrack.commands.console import progress
from readtrack.commands.opening import ReadSettings
from readtrack.detect.config import DetectorConfig
from readtrack.tracking.config import TrackerConfig

if TYPE_CHECKING:
    from readtrack.evaluation.recordings import Recording
    from readtrack.offline import OfflineTracker
    from readtrack.pipeline import Step
    from readtrack.read.matcher import Matcher
    from readtrack.readtracker import ReadTracker
    from readtrack.video import Video

SHOWN = ("delay", "correction", "max_age", "start_confidence", "min_person")
HIDDEN = {field.name for field in fields(TrackerConfig)} - {*SHOWN, "fps"} | {"nms_iou"}


@dataclass(frozen=True)
class RecordingSettings:
    """What is done with a file, all of which can be looked at before ids are told; cameras and streams are live."""

    live: bool = False  # tell ids frame by frame, as of a camera, instead of going through the whole file first
    fill: bool = True  # fill gaps in which somebody was not detected
    raw_boxes: bool = False  # of a whole file: leave boxes as they were detected, not averaged over time
    keep: bool = True  # keep tracklets and what READ saw of them, so that readtrack relink can link them again
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


def make_tracker(
    read: ReadSettings,
    detector: DetectorConfig,
    raw_boxes: bool,
    config: TrackerConfig,
    weights: "str | Matcher | None",
    live: bool,
) -> "ReadTracker | OfflineTracker":
    """Who gives ids: frame by frame, or at the end of a file."""
    from readtrack.gathering import linking_config
    from readtrack.offline import OfflineTracker
    from readtrack.readtracker import ReadTracker

    network = (detector.device, detector.precision, read.threads)
    if live:
        return ReadTracker(weights, config, *network)
    linking = linking_config(config, **({"smoothing": 0.0} if raw_boxes else {}))
    confidences = (config.start_confidence, config.low_confidence)
    return OfflineTracker(weights, config.fps, linking, *network, *confidences)


@contextmanager
def frames_progress(video: "Video | Recording", quiet: bool) -> Iterator[Callable[["Step"], None]]:
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
