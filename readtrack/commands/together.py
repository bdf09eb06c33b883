"""Several cameras with people in common: the same command as for one, once ``--together`` or ``--cameras`` is given."""

import json
import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from readtrack.commands.camera_part import CameraPart, TogetherSettings
from readtrack.commands.console import INCOMPLETE, INTERRUPTED, exit_status, output
from readtrack.commands.light import light_supervision
from readtrack.commands.opening import SourceSettings, open_source
from readtrack.commands.parsing import parse
from readtrack.commands.running import HIDDEN
from readtrack.detect.config import DetectorConfig
from readtrack.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from readtrack.evaluation.recordings import Recording
    from readtrack.pipeline import Cameras, Step
    from readtrack.read.matcher import Matcher
    from readtrack.video import Video

DESCRIPTION = "Track the people of several cameras: whoever is seen by two of them has one id."
EXAMPLES = """examples:
  python -m readtrack.run cam1.mp4 cam2.mp4 cam3.mp4 --together
  python -m readtrack.run entrance.mp4 hall.mp4 --together --apart        no place is seen by both
  python -m readtrack.run cameras.yaml
  python -m readtrack.run --cameras cameras.yaml --out runs/house --no-video
  python -m readtrack.run street:7@1 street:7@2 street:7@3 --together     a drawn house, scored against its truth

a file of cameras (YAML):
  cameras:
    - {name: entrance, source: cam1.mp4, start: 2026-11-02T08:00:00}      start: of frame 0; a date or seconds
    - {name: hall, source: cam2.mp4, start: 2026-11-02T08:00:03}          also fps, and detections: det.txt
    - {name: yard, source: cam3.mp4, start: 2026-11-02T08:00:00}
  overlapping: [[entrance, hall]]    who may show one person at once: true (the default), false, or pairs
  travel: [[hall, yard, 10]]         seconds that it takes at least from one to the other

written to --out: a folder for each camera with the files of a run, in which ids are those of all cameras; passages.csv
(who was where when), index.html (the page of it all), summary.json
"""
SUFFIXES = (".yaml", ".yml")


def asked(words: Sequence[str]) -> bool:
    """Whether a command line names several cameras."""
    flags = any(word in ("--together", "--cameras") or word.startswith("--cameras=") for word in words)
    return flags or bool(words and words[0].endswith(SUFFIXES))


def main(argv: Sequence[str]) -> int:
    """Parse the command line, track, print. Returns the exit status."""
    prog = "python -m readtrack.run ... --together"
    return exit_status(lambda: _run(parse(TogetherSettings, argv, prog, DESCRIPTION, EXAMPLES, HIDDEN)))


def _run(settings: TogetherSettings) -> int:
    """Track what the command line names and print the tables; returns the exit status."""
    light_supervision()
    from readtrack.files import replacing
    from readtrack.pipeline import CameraRun, track_cameras
    from readtrack.results import check_formats, make_cameras_folder

    out, console = settings.output, output(settings.output.quiet)
    check_formats(out.format.split(","))
    logging.basicConfig(format="%(message)s", level=logging.ERROR if out.quiet else logging.WARNING)
    with ExitStack() as stack:
        cameras, videos = _open(settings, stack)
        matcher = _matcher(settings, videos)
        names = [one.name for one in cameras.cameras]
        folder = make_cameras_folder(out.out, names, out.overwrite, _read_files(settings, cameras, videos))
        parts = [
            CameraPart(settings, camera, video, matcher, folder / camera.name, stack)
            for camera, video in zip(cameras.cameras, videos, strict=True)
        ]
        loads = cache(_load_detector)
        for part in parts:
            part.prepare(loads)
        runs = [part.run for part in parts]
        by_name = {part.run.name: part for part in parts}

        def report(camera: CameraRun, step: "Step") -> None:
            by_name[camera.name].report(step)

        def written(camera: CameraRun) -> None:
            by_name[camera.name].finish()

        joined = track_cameras(runs, cameras.layout, matcher, report, written)
    about = _about(settings, cameras, parts, joined.calibration)
    about |= _scores(folder, videos, console)
    with replacing(folder / "summary.json") as partial:
        partial.write_text(json.dumps(about, indent=2) + "\n")
    dated = all(one.dated for one in cameras.cameras)
    _write_pages(settings, folder, parts, about, dated)
    return _ended(console, folder, parts, about)


def _scores(folder: Path, videos: "Sequence[Video | Recording]", console: "Console") -> dict[str, Any]:
    """Of streets: print and return how ids over cameras stand against the truth."""
    from readtrack.evaluation.cameras import TOGETHER, evaluate_cameras
    from readtrack.evaluation.recordings import Recording
    from readtrack.evaluation.settings import CamerasSettings

    if not all(isinstance(video, Recording) for video in videos):
        return {}
    found = evaluate_cameras(CamerasSettings(folder))
    table = Table("against the exact truth", "IDF1", "IDSW", "people", "identities")
    for name, one in found.scores.items():
        table.add_row("all cameras" if name == TOGETHER else name, f"{100 * one.IDF1:.1f}", str(one.IDSW),
                      str(one.people), str(one.identities))  # fmt: skip
    console.print(table)
    return {"scores": {name: asdict(one) for name, one in found.scores.items()}}


def _open(settings: TogetherSettings, stack: ExitStack) -> "tuple[Cameras, list[Video | Recording]]":
    """The cameras, and what holds their frames."""
    from readtrack.pipeline import check_sources, named_cameras, read_cameras

    given = settings.source
    file, sources = given.cameras, given.sources
    if file is None and len(sources) == 1 and sources[0].endswith(SUFFIXES):
        file, sources = Path(sources[0]), ()
    if file is not None and (sources or given.apart):
        raise InputError(f"{file}: names the cameras, and how they lie: leave other sources and --apart out")
    if file is None and len(sources) < 2:
        raise InputError("--together takes several sources, or a YAML of them: see --together --help")
    if settings.people.detections is not None:
        raise InputError("--detections is of one camera: name it in a YAML of cameras")
    found = None if file is None else read_cameras(file)
    if found is not None:
        check_sources(found.cameras)
    videos = []
    for number, source in enumerate(sources if found is None else [one.source for one in found.cameras]):
        fps = None if found is None else found.cameras[number].fps
        video = stack.enter_context(open_source(SourceSettings(source, given.start, given.end, given.stride, fps)))
        if video.total is None:
            raise InputError(f"{source}: is a camera or stream: files only can be told as a whole")
        videos.append(video)
    if found is None:
        streets = {source.partition("@")[0] for source in sources if "@" in source and source.startswith("street")}
        apart = given.apart or len(streets) == 1  # drawn cameras show places of their own
        names = [source.replace(":", "-").replace("@", "-") if source.startswith("street") else video.name
                 for source, video in zip(sources, videos, strict=True)]  # fmt: skip
        found = named_cameras(sources, names, overlapping=not apart)
    return found, videos


def _matcher(settings: TogetherSettings, videos: "Sequence[Video | Recording]") -> "Matcher | None":
    """What compares crops, for all cameras."""
    from readtrack.read.matcher import Matcher

    if settings.read.weights == "none" or not any(video.pixels for video in videos):
        return None
    detector = settings.detector
    return Matcher.of(settings.read.weights, detector.device, detector.precision, settings.read.threads)


def _load_detector(name: str | None, config: DetectorConfig) -> Any:
    """A detector, once for all cameras."""
    from readtrack.detect import load_detector

    return load_detector(name, config)


def _read_files(
    settings: TogetherSettings, cameras: "Cameras", videos: "Sequence[Video | Recording]"
) -> "list[str | Path | None]":
    """What the run reads, and must not remove."""
    from readtrack.read.weights import weight_files
    from readtrack.video import Video

    files: list[str | Path | None] = [settings.source.cameras, settings.people.detector]
    for camera, video in zip(cameras.cameras, videos, strict=True):
        files += [camera.detections, *(video.files if isinstance(video, Video) else [])]
    return [*files, *weight_files(settings.read.weights)]


def _about(
    settings: TogetherSettings, cameras: "Cameras", parts: Sequence[CameraPart], calibration: dict[tuple[int, int], Any]
) -> dict[str, Any]:
    """summary.json of all cameras."""
    from readtrack.results import read

    names = [part.run.name for part in parts]
    people: dict[int, set[str]] = {}
    for part in parts:
        for track in set(read(part.folder).id.tolist()):
            people.setdefault(track, set()).add(part.run.name)
    return {
        "people": len(people),
        "in_several_cameras": sum(len(where) > 1 for where in people.values()),
        "weights": settings.read.weights if parts[0].matcher else None,
        "interrupted": any(part.run.summary.interrupted for part in parts),
        "cameras": [
            {
                "name": part.run.name,
                "source": part.camera.source,
                "start": part.camera.start,
                "frames": part.run.summary.frames,
                "people": sum(part.run.name in where for where in people.values()),
                "failed": part.run.failed,
            }
            for part in parts
        ],
        "apart": [
            [names[i], names[j]]
            for i in range(len(names))
            for j in range(i + 1, len(names))
            if cameras.layout.apart[i, j]
        ],
        "surely_different": [
            {"cameras": sorted({names[i], names[j]}), "pairs": pairs, "mean_log_odds": round(mean, 2)}
            for (i, j), (pairs, mean) in calibration.items()
        ],
    }


def _write_pages(
    settings: TogetherSettings, folder: Path, parts: Sequence[CameraPart], about: dict[str, Any], dated: bool
) -> None:
    """The table of passages, and the page."""
    from readtrack.report import CameraPage, write_cameras_report
    from readtrack.results import passages_of, read, write_passages

    pages = []
    for part in parts:
        passages = passages_of(read(part.folder), part.run.name, part.camera.start)
        page = CameraPage(part.run.name, passages, part.album, part.video.fps, part.camera.start, part.run.failed)
        pages.append(page)
    write_passages(folder / "passages.csv", [one for page in pages for one in page.passages], dated)
    if settings.output.report:
        write_cameras_report(folder, folder.resolve().name, pages, about)


def _ended(console: "Console", folder: Path, parts: Sequence[CameraPart], about: dict[str, Any]) -> int:
    """Print what was found and written; returns the exit status."""
    table = Table("camera", "frames", "people", "known from elsewhere")
    for part, told in zip(parts, about["cameras"], strict=True):
        known = sum(one.reason == "camera" for one in part.run.joined)
        table.add_row(told["name"], str(told["frames"]), str(told["people"]), str(known))
    console.print(table)
    console.print(f"{about['people']} people, {about['in_several_cameras']} of them in several cameras")
    console.print(f"written to {folder}/: {', '.join(sorted(path.name for path in folder.iterdir()))}")
    status = 0
    for part in parts:
        if part.run.failed:
            console.print(f"{part.run.name}: ended early: {part.run.failed}")
            status = INCOMPLETE
        for line in part.about.get("warnings", []):
            console.print(line)
        if part.about.get("frames_lost") or part.about.get("source_gone"):
            status = INCOMPLETE
    if about["interrupted"]:
        console.print("interrupted; the files hold what was seen by then")
        return INTERRUPTED
    return status
