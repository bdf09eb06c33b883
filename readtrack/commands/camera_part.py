"""A camera among several in a run of the command: what is opened of it, and what is written."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from readtrack.commands.about import about_run, finish_folder, told_of
from readtrack.commands.opening import PeopleSettings, ReadSettings, detect_people
from readtrack.commands.parsing import Positional
from readtrack.commands.running import TrackingSettings, frames_progress, make_tracker
from readtrack.detect.config import DetectorConfig
from readtrack.tracking.config import TrackerConfig

if TYPE_CHECKING:
    from readtrack.evaluation.recordings import Recording
    from readtrack.pipeline import Camera, CameraRun, Step
    from readtrack.read.matcher import Matcher
    from readtrack.results import Album
    from readtrack.video import Video


@dataclass(frozen=True)
class CamerasSettings:
    """Cameras that have people in common."""

    sources: Positional[tuple[str, ...]] = ()  # files, folders or globs of images, MOT sequences; or one .yaml
    together: bool = False  # they are cameras of one place
    cameras: Path | None = None  # YAML of cameras, their clocks, and how they lie to each other
    apart: bool = False  # no two of them can show one person at once (see overlapping, in YAML)
    start: int = 0  # first frame of each, from 0
    end: int | None = None  # stop before this frame of each
    stride: int = 1  # take every so many frames


@dataclass(frozen=True)
class CamerasOutput:
    """What is written and shown."""

    out: Path | None = None  # folder; if not given, runs/cameras, numbered when taken
    overwrite: bool = False  # replace what an earlier run left there
    format: str = "mot"  # of the tracks: one or several of mot,csv,parquet,jsonl,coco,cvat (see export-tracks)
    video: bool = True  # write tracks.mp4 of each camera
    report: bool = True  # write the pages: who, where, when, why
    save_crops: bool = False  # write crops/<id>/<frame>.jpg, two a second of each identity
    quiet: bool = False  # print errors only


@dataclass(frozen=True)
class TogetherSettings:
    """A run of several cameras."""

    source: CamerasSettings = field(default_factory=CamerasSettings)
    people: PeopleSettings = field(default_factory=PeopleSettings)
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    read: ReadSettings = field(default_factory=ReadSettings)
    tracking: TrackingSettings = field(default_factory=TrackingSettings)
    output: CamerasOutput = field(default_factory=CamerasOutput)


class CameraPart:
    """A camera of a run: what is opened of it, and what is written."""

    def __init__(
        self,
        settings: TogetherSettings,
        camera: "Camera",
        video: "Video | Recording",
        matcher: "Matcher | None",
        folder: Path,
        stack: ExitStack,
    ) -> None:
        self.settings, self.camera, self.video, self.folder, self.stack = settings, camera, video, folder, stack
        tracking = asdict(settings.tracking) | {"fps": video.fps / settings.source.stride}
        self.config = TrackerConfig(**tracking)
        self.matcher = matcher
        self.album: Album | None = None
        self.about: dict[str, Any] = {}
        self.run: CameraRun
        self._bar: tuple[ExitStack, Callable[[Step], None]] | None = None

    def prepare(self, load: Callable[..., Any]) -> None:
        """Load what finds people, and open the files that are written."""
        from readtrack.evaluation.recordings import Recording
        from readtrack.offline import OfflineTracker
        from readtrack.pipeline import CameraRun, RecordingRun
        from readtrack.results import Album, Results

        settings, out = self.settings, self.settings.output
        people = settings.people
        if self.camera.detections is not None:
            people = replace(people, detections=self.camera.detections, detector=None)
        tracker = make_tracker(settings.read, settings.detector, False, self.config, self.matcher, live=False)
        assert isinstance(tracker, OfflineTracker)
        detect = detect_people(people, settings.detector, self.camera.source, self.video, self.stack, load)
        frames = self.video.frames if isinstance(self.video, Recording) else self.video
        self.album = Album(self.video.fps) if out.report else None
        drawn = out.video and self.video.pixels
        results = self.stack.enter_context(Results(self.folder, self.config.fps, video=False))
        look = Results(self.folder, self.config.fps, drawn, out.save_crops, tables=False, album=self.album)
        draw = self.stack.enter_context(look)
        self.run = CameraRun(self.camera.name, RecordingRun(frames, detect, tracker, results, draw), self.camera.start)

    def report(self, step: "Step") -> None:
        """Move the camera's bar."""
        if self._bar is None:
            stack = ExitStack()
            self._bar = stack, stack.enter_context(frames_progress(self.video, self.settings.output.quiet))
        self._bar[1](step)
        if self.video.total is not None and self.run.summary.frames >= self.video.total:
            self._bar[0].close()

    def finish(self) -> None:
        """Write what else a run leaves, once its tracks are known."""
        from readtrack.evaluation.recordings import Recording
        from readtrack.files import replacing
        from readtrack.mot import MotWriter

        if self._bar is not None:
            self._bar[0].close()
        if isinstance(self.video, Recording):
            with MotWriter(self.folder / "truth.txt") as writer:
                for index in self.run.run.indices:
                    writer.write(index, self.video.truth(index))
        settings = self.settings
        source, weights = self.camera.source, settings.read.weights if self.matcher else None
        detector, tracking = {"detector": settings.detector}, {"tracking": self.config}
        run = about_run(self.video, source, settings.source.stride, False, weights, [], **detector, **tracking)
        engine = self.matcher.engine if self.matcher else "nothing"
        self.about = asdict(self.run.summary) | {"engine": engine, "run": run} | told_of(self.video)
        self.about |= {"camera": self.run.name, "start": self.run.begins, "failed": self.run.failed}
        with replacing(self.folder / "summary.json") as partial:
            partial.write_text(json.dumps(self.about, indent=2) + "\n")
        finish_folder(self.folder, settings.output.format.split(","), self.album)
