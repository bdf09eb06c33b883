"""Command: probabilities that mean the same in many scenes. ``python -m readtrack.calibrate --help``."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import UseAppendAction

from readtrack.commands.console import exit_status, output, progress
from readtrack.commands.parsing import parse
from readtrack.errors import InputError
from readtrack.evaluation.settings import LongGapSettings, PersonSettings

EXAMPLES = """What counts is a detection against people seen some seconds before, as `evaluate longgap` asks it. Each
recording weighs the same, and one candidate in ten is the person. Give recordings of which nobody was trained on.

With --persons it is fitted instead how a crop tells a person from a thing: by the boxes of det/det.txt and of each
--detector that are people of gt/gt.txt or nobody, and by windows of background.

examples:
  python -m readtrack.calibrate --weights runs/train/best.safetensors --source MOT17-02 --source street:20
  python -m readtrack.calibrate --weights calibrated.safetensors --persons --source MOT17-02 --source street:20 \
    --detector yolox.onnx --out whole.safetensors
"""


@dataclass(frozen=True)
class CalibrateSettings:
    """What is calibrated, on what."""

    recordings: LongGapSettings = field(default_factory=LongGapSettings)
    persons: bool = False  # fit what tells people from things
    detector: tuple[str, ...] = ()  # with --persons: whose boxes are looked at besides det/det.txt (repeatable)
    out: Path = Path("calibrated.safetensors")  # file to write
    quiet: bool = False  # print errors only


@dataclass(frozen=True)
class Command:
    """All flags."""

    settings: UseAppendAction[CalibrateSettings]


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, calibrate, print."""
    description = "Calibrate READ's weights on recordings with known people, so that 0.5 means the same in each."
    return exit_status(lambda: _run(parse(Command, argv, "python -m readtrack.calibrate", description, EXAMPLES)))


def _run(command: Command) -> None:
    """Do what is asked for."""
    settings, asked = command.settings, command.settings.recordings
    if settings.detector and not settings.persons:
        raise InputError("a detector says what is no person: give it with persons", "detector")
    if settings.persons and asked != LongGapSettings(asked.source, weights=asked.weights, device=asked.device):
        raise InputError("persons are told from things by source, weights, device and detector alone", "persons")
    (_fit_persons if settings.persons else _calibrate)(settings)


@contextmanager
def _counted(unit: str, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A progress bar, as what is told how much is done, and of how much."""
    with progress(unit, quiet) as (begin, report):

        def told(done: int, total: int) -> None:
            if not done:
                begin(total)
            report(done)

        yield told


def _fit_persons(settings: CalibrateSettings) -> None:
    """Fit what tells people from things, and say how well others do in each recording."""
    from readtrack.evaluation.person_head import fit_persons

    recordings = settings.recordings
    asked = PersonSettings(recordings.source, None, recordings.weights, recordings.device, settings.detector)
    with _counted("recordings", settings.quiet) as told:
        found = fit_persons(asked, settings.out, told)
    console = output(settings.quiet)
    for one in found:
        console.print(f"{one.name}: {one.people} boxes of people, {one.others} others; AUC by the rest {one.auc:.3f}")
    console.print(f"written to {settings.out}")


def _calibrate(settings: CalibrateSettings) -> None:
    """Calibrate, and say how far probabilities were off, and are."""
    from readtrack.evaluation.scene_calibration import calibrate_scenes

    with _counted("frames", settings.quiet) as told:
        found = calibrate_scenes(settings.recordings, settings.out, told)
    console = output(settings.quiet)
    for scene in found.scenes:
        console.print(
            f"{scene.name}: {scene.true} true pairs, {scene.wrong} wrong; error {scene.before:.3f}, now {scene.now:.3f}"
        )
    console.print(f"probability = 1 / (1 + exp(-({found.scale:.6g} * logit + {found.offset:.6g})))")
    console.print(f"written to {settings.out}")
