"""Command: probabilities that mean the same in many scenes. ``python -m readtrack.calibrate --help``."""

from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import UseAppendAction

from readtrack.commands.console import exit_status, output, progress
from readtrack.commands.parsing import parse
from readtrack.evaluation.settings import LongGapSettings

EXAMPLES = """What counts is a detection against people seen some seconds before, as `evaluate longgap` asks it. Each
recording weighs the same, and one candidate in ten is the person. Give recordings of which nobody was trained on.

examples:
  python -m readtrack.calibrate --weights runs/train/best.safetensors --source MOT17-02 --source street:20
"""


@dataclass(frozen=True)
class CalibrateSettings:
    """What is calibrated, on what."""

    recordings: LongGapSettings = field(default_factory=LongGapSettings)
    out: Path = Path("calibrated.safetensors")  # file to write
    quiet: bool = False  # print errors only


@dataclass(frozen=True)
class Command:
    """All flags."""

    settings: UseAppendAction[CalibrateSettings]


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, calibrate, print."""
    description = "Calibrate READ's weights on recordings with known people, so that 0.5 means the same in each."
    return exit_status(lambda: _calibrate(parse(Command, argv, "python -m readtrack.calibrate", description, EXAMPLES)))


def _calibrate(command: Command) -> None:
    """Calibrate, and say how far probabilities were off, and are."""
    from readtrack.evaluation.scene_calibration import calibrate_scenes

    settings = command.settings
    with progress("frames", settings.quiet) as (begin, report):

        def told(done: int, total: int) -> None:
            if not done:
                begin(total)
            report(done)

        found = calibrate_scenes(settings.recordings, settings.out, told)
    console = output(settings.quiet)
    for scene in found.scenes:
        console.print(
            f"{scene.name}: {scene.true} true pairs, {scene.wrong} wrong; error {scene.before:.3f}, now {scene.now:.3f}"
        )
    console.print(f"probability = 1 / (1 + exp(-({found.scale:.6g} * logit + {found.offset:.6g})))")
    console.print(f"written to {settings.out}")
