"""Command: two stages of one training to one network. ``python -m readtrack.average --help``."""

import argparse
from pathlib import Path

from readtrack.commands.console import exit_status, progress
from readtrack.datasets import DATASETS
from readtrack.training.average import AverageSettings, average

EPILOG = """A network that went on training on other data forgets some of what it knew; the average of its weights
before and after keeps most of both (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022).
It is calibrated and scored on the people of the data set that nobody trained on.

example:
  python -m readtrack.average runs/train/best.safetensors runs/world/best.safetensors --share 0.65 --root market1501
"""


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, average, print."""
    parser = argparse.ArgumentParser(
        prog="python -m readtrack.average",
        description="Average the weights of two stages of one training.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add, default = parser.add_argument, AverageSettings
    add("first", type=Path, metavar="FIRST", help="weights of the stage before (.safetensors)")
    add("second", type=Path, metavar="SECOND", help="weights of the stage that started from them")
    add("--share", type=float, default=default.share, metavar="S", help="of the second (default: %(default)s)")
    add("--root", type=Path, required=True, metavar="DIR", help="the data set's folder")
    add("--dataset", choices=DATASETS, default=default.dataset, help="what it is (default: %(default)s)")
    add("--out", type=Path, default=default.out, metavar="FILE", help="what to write (default: %(default)s)")
    return exit_status(lambda: _run(AverageSettings(**vars(parser.parse_args(argv)))))


def _run(settings: AverageSettings) -> None:
    """Average, and say how it came out."""
    with progress("videos", quiet=False) as (begin, report):
        found = average(settings, begin, report)
    print(f"READ {found}\nwritten to {settings.out}")
