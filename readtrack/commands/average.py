"""Command: two stages of one training to one network. ``python -m readtrack.average --help``."""

from dataclasses import dataclass
from pathlib import Path

from readtrack.commands.console import exit_status, output, progress
from readtrack.commands.parsing import Positional, parse
from readtrack.datasets.tracklets import Dataset

EXAMPLES = """A network that went on training on other data forgets some of what it knew; the average of its weights
before and after keeps most of both (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022).
It is calibrated and scored on the people of the data set that nobody trained on.

examples:
  python -m readtrack.average runs/train/best.safetensors runs/world/best.safetensors --share 0.65 --root market1501
"""


@dataclass(frozen=True)
class AverageSettings:
    """What is averaged, and what it is calibrated on."""

    first: Positional[Path]  # weights of the stage before (.safetensors)
    second: Positional[Path]  # weights of the stage that started from them
    root: Path  # folder of the data set that calibrates and scores the result
    dataset: Dataset = "market"  # what lies in --root
    share: float = 0.5  # of the second in the average, 0 to 1
    out: Path = Path("averaged.safetensors")  # file to write
    quiet: bool = False  # print errors only


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, average, print."""
    description = "Average the weights of two stages of one training."
    return exit_status(
        lambda: _average(parse(AverageSettings, argv, "python -m readtrack.average", description, EXAMPLES))
    )


def _average(settings: AverageSettings) -> None:
    """Average, and say how it came out."""
    from readtrack.training.average import average

    told = {name: value for name, value in vars(settings).items() if name != "quiet"}
    with progress("tracklets", settings.quiet) as (begin, report):
        found = average(**told, begin=begin, report=report)
    console = output(settings.quiet)
    console.print(f"READ {found}")
    console.print(f"written to {settings.out}")
