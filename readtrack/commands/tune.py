"""Command: settings for footage of one's own. ``readtrack tune --help``."""

import logging
import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from readtrack.commands.console import exit_status, output, progress
from readtrack.commands.opening import PeopleSettings, ReadSettings, SourceSettings, detect_people, open_source
from readtrack.commands.parsing import Repeated, parse
from readtrack.commands.tune_words import command_line, told_of_check, told_of_search
from readtrack.detect.config import DetectorConfig
from readtrack.errors import InputError
from readtrack.tracking.config import TrackerConfig

if TYPE_CHECKING:
    import supervision as sv

    from readtrack.evaluation.recordings import Recording
    from readtrack.evaluation.tuning.gathered import Gathered
    from readtrack.evaluation.tuning.search import Part
    from readtrack.read.matcher import Matcher
    from readtrack.video import Video

DESCRIPTION = (
    "Find settings for footage of your own: against a ground truth, with what is luck in it; or, without one, by the "
    "footage's own pairs of people."
)
EXAMPLES = """with a ground truth (--ground-truth, or a street's own):
  Frames are gone through once: detections (--cache keeps them), tracklets and READ's features stay, and settings are
  tried on them by Optuna (pip install "readtrack[tune]"). Tried are start_confidence (low_confidence goes along),
  min_person, prior, gap_penalty, appearance_weight and motion_weight, for files as a whole; the score is IDF1.
  Recordings are held out in turn (--folds), settings are searched without them and scored on them: that gain lasts,
  the rest is luck. Of a single recording its halves in time stand in, which is kinder: people and camera are the same.
  Where nothing lasts, the defaults are what is recommended.

without:
  Halves of unbroken tracks are one person, people seen at once are two. How READ tells these pairs apart says what can
  be expected of it here, and which settings follow. It flatters: halves are seconds apart, in one light.

written: a JSON of all this, which readtrack track --settings takes.

examples:
  readtrack tune --source hall.mp4
  readtrack tune --source MOT17-02 --source MOT17-04 --ground-truth MOT17/train --detector none
  readtrack tune --source mon.mp4 --source tue.mp4 --ground-truth mon.txt --ground-truth tue.txt --cache found
  readtrack tune --source street --source street:1 --source street:2 --trials 20
"""


@dataclass(frozen=True)
class TuneSettings:
    """What is tried on what."""

    source: Repeated[tuple[str, ...]] = ()  # video file, image folder or MOT sequence; street, or street:7
    # MOT files of who was there, one a source in their order, or folders of SEQ/gt/gt.txt; streets bring their own
    ground_truth: Repeated[tuple[Path, ...]] = ()
    check: bool = False  # the self-check only, though streets bring their truth
    trials: int = 40  # combinations of settings that are tried, for each fold anew
    folds: int = 5  # groups of recordings that are held out in turn, at most as many as there are; 1: none
    seed: int = 0  # of the search

    def __post_init__(self) -> None:
        if not self.source:
            raise InputError("no source: give a video, a MOT sequence or street", "source")
        if len({str(Path(one).resolve()) for one in self.source}) < len(self.source):
            raise InputError("a source is given twice: give each of them once", "source")
        if self.check and self.ground_truth:
            raise InputError("the self-check takes no ground truth: leave one of them out", "check")
        for name in ("trials", "folds"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} {getattr(self, name)}: at least 1", name)


@dataclass(frozen=True)
class OutputSettings:
    """What is written and shown."""

    out: Path = Path("runs/tuned.json")  # JSON of all that was found
    overwrite: bool = False  # replace it where it is there
    quiet: bool = False  # print errors only


@dataclass(frozen=True)
class Command:
    """All flags."""

    settings: TuneSettings = field(default_factory=TuneSettings)
    people: PeopleSettings = field(default_factory=PeopleSettings)
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    read: ReadSettings = field(default_factory=ReadSettings)
    output: OutputSettings = field(default_factory=OutputSettings)


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, look for settings, print. Returns the exit status: 0, 2 for bad input, 130 stopped."""
    return exit_status(lambda: _tune(parse(Command, argv, "readtrack tune", DESCRIPTION, EXAMPLES, {"nms_iou"})))


def _tune(command: Command) -> None:
    """Check what the command line names, then search or check."""
    from readtrack.evaluation.provenance import versions, write_json
    from readtrack.evaluation.recordings import is_street
    from readtrack.evaluation.tuning.search import SPACE, load_optuna
    from readtrack.files import check_apart, check_writable
    from readtrack.read.matcher import Matcher

    settings, out, console = command.settings, command.output.out, output(command.output.quiet)
    logging.basicConfig(format="%(message)s", level=logging.ERROR if command.output.quiet else logging.WARNING)
    read = [*settings.source, *settings.ground_truth, command.people.detections, command.people.detector]
    check_apart([out], [*read, command.read.weights], "out")
    if out.exists() and not command.output.overwrite:
        raise InputError(f"{out}: is there already: write elsewhere, or overwrite it", "overwrite")
    check_writable(out)
    if command.people.detections is not None and len(settings.source) > 1:
        raise InputError("detections are of one sequence: give one source", "detections")
    streets = [is_street(source) for source in settings.source]
    known = bool(settings.ground_truth) or (all(streets) and not settings.check)
    if known:
        load_optuna()  # before hours of work
    truth = _truth(settings, streets) if known else {}
    weights = None if command.read.weights == "none" else command.read.weights
    matcher = None if weights is None else Matcher.load(weights, command.detector.device, threads=command.read.threads)
    if matcher is None and not known:
        raise InputError("without READ nothing tells how people look: give weights, or a ground truth", "weights")
    confidences = SPACE["start_confidence"] if known else (TrackerConfig.start_confidence,)
    recordings = [_gather(command, source, matcher, confidences, truth) for source in settings.source]
    found = _searched(command, recordings, truth, matcher) if known else _checked(recordings)
    lines = told_of_search(found) if known else [line for one in found["checks"] for line in told_of_check(one)]
    for line in [*lines, "", command_line(settings.source, command.read.weights, command.people, found)]:
        console.print(line)
    about = {"settings": found["settings"], "asked": asdict(command), **found, "versions": versions("supervision")}
    write_json(out, _finite(about))
    console.print(f"written to {out}, which readtrack track takes as --settings {out}")


def _gather(
    command: Command,
    source: str,
    matcher: "Matcher | None",
    confidences: tuple[float, ...],
    truth: "dict[str, Any]",
) -> "Gathered":
    """Go through a source; of a street its truth is noted as well."""
    from readtrack.evaluation.recordings import Recording
    from readtrack.evaluation.tuning.gathered import Gathered

    with open_source(SourceSettings(source)) as video, ExitStack() as kept:
        if video.total is None:
            raise InputError(f"{source}: is live; record it to a file first", "source")
        detect = detect_people(command.people, command.detector, source, video, kept)
        frames, used = (video.frames if isinstance(video, Recording) else video), matcher if video.pixels else None
        with _bar(source, video, command.output.quiet) as report:
            recording = Gathered(source, video.fps, frames, detect, used, confidences, report)
        if isinstance(video, Recording):
            truth[source] = {index: video.truth(index) for index in recording.indices}
        return recording


@contextmanager
def _bar(source: str, video: "Video | Recording", quiet: bool) -> "Iterator[Any]":
    """A bar for going through a source."""
    with progress(source, quiet) as (begin, report):
        begin(video.total)
        yield report


def _truth(settings: TuneSettings, streets: list[bool]) -> "dict[str, dict[int, sv.Detections]]":
    """The truth of each source that is no street: by name, else in their order."""
    from readtrack.evaluation.sequences import find_truth
    from readtrack.mot import read_truth

    files = [one for path in settings.ground_truth for one in find_truth(path)]
    sources = [source for source, street in zip(settings.source, streets, strict=True) if not street]
    by_name = {one.name: one for one in files}
    names = {source: (Path(source).resolve().name, Path(source).stem) for source in sources}
    found = {source: next((by_name[name] for name in names[source] if name in by_name), None) for source in sources}
    if None in found.values() and len(files) == len(sources):
        found = dict(zip(sources, files, strict=True))
    for source, one in found.items():
        if one is None:
            raise InputError(f"{source}: has no ground truth: give one for each source, in their order", "ground_truth")
    return {source: read_truth(one.file) for source, one in found.items() if one is not None}


def _searched(
    command: Command, recordings: "list[Gathered]", truth: "dict[str, Any]", matcher: "Matcher | None"
) -> dict[str, Any]:
    """What the search found, as JSON has it."""
    from readtrack.evaluation.tuning.search import Search, tune

    settings, parts = command.settings, _parts(recordings, truth)
    folds = min(settings.folds, len(parts))
    held = [len(parts) - len(range(fold, len(parts), folds)) for fold in range(folds)] if folds > 1 else []
    with progress("settings", command.output.quiet) as (begin, report):
        begin(settings.trials * (len(parts) + sum(held)) + 2 * len(parts))
        found = tune(Search(parts, matcher is not None, report), settings.trials, settings.folds, settings.seed)
    recommended = found.settings if found.held_out is None or found.lasting > 0 else {}
    return {
        "settings": recommended,
        "recordings": len(recordings),
        "search": asdict(found) | {"gain": found.gain, "lasting": found.lasting},
    }


def _parts(recordings: "list[Gathered]", truth: "dict[str, Any]") -> "list[Part]":
    """What is scored: each recording, or the halves of a single one."""
    from readtrack.evaluation.tuning.search import Part, halves

    for one in recordings:
        if not any(len(people) for people in truth[one.name].values()):
            raise InputError(f"{one.name}: nobody counts in its ground truth", "ground_truth")
    if len(recordings) == 1:
        return halves(recordings[0].name, recordings[0], truth[recordings[0].name])
    return [Part(one.name, one, truth[one.name]) for one in recordings]


def _checked(recordings: "list[Gathered]") -> dict[str, Any]:
    """What recordings' own pairs tell, as JSON has it; of several the settings that suit all."""
    from readtrack.evaluation.tuning.selfcheck import check

    checks = [check(one, TrackerConfig(fps=one.fps)) for one in recordings]
    ages = [one.settings["max_age"] for one in checks if "max_age" in one.settings]
    return {"settings": {"max_age": min(ages)} if ages else {}, "checks": [asdict(one) for one in checks]}


def _finite(found: Any) -> Any:
    """The same with None in place of numbers that JSON has not."""
    if isinstance(found, dict):
        return {name: _finite(value) for name, value in found.items()}
    if isinstance(found, list | tuple):
        return [_finite(value) for value in found]
    return None if isinstance(found, float) and not math.isfinite(found) else found
