"""Task: detections of a recording against the people who were there some seconds before."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import UseAppendAction

from readtrack.commands.console import exit_status
from readtrack.commands.evaluate.output import Output, write_report
from readtrack.commands.parsing import parse
from readtrack.evaluation.settings import LongGapSettings

if TYPE_CHECKING:
    from rich.console import Console

    from readtrack.evaluation.longgap import GapScores

EXAMPLES = """protocol:
  A detection is whom it overlaps by an IoU of 0.5 or more, one to one. Each detection of a person in every third frame
  is a query. Its candidates are all people detected 15 to 90 frames earlier, each as a tracklet of T crops spread over
  those detections. It counts where its own person is among at least two. Told are the share of queries whose own
  person scores highest (top-1), the mean of 1 / rank of the own person (ties lose), what guessing would give (chance),
  and which shares of true and of wrong pairs have a probability over 0.9.

examples:
  python -m readtrack.evaluate longgap --source TUD-Stadtmitte --source TUD-Campus --reid osnet.onnx
  python -m readtrack.evaluate longgap --source MOT17-02 --gap-min 50 --gap-max 250 --every 10
  python -m readtrack.evaluate longgap --source MOT17-02 --detections yolox.txt
  python -m readtrack.evaluate longgap --source MOT17-02 --truth-boxes
  python -m readtrack.evaluate longgap --source street                   the synthetic street, with exact truth
"""


@dataclass(frozen=True)
class Command:
    """All flags."""

    settings: UseAppendAction[LongGapSettings]
    output: Output


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, ask who is who, print how often the answer was right."""
    about = (
        "Score weights on recordings with known people: each detection against tracklets of the people who were seen "
        "some time before, as a tracker compares them."
    )
    return exit_status(lambda: _run(parse(Command, argv, "python -m readtrack.evaluate longgap", about, EXAMPLES)))


def _run(command: Command) -> None:
    from readtrack.evaluation.longgap import evaluate_longgap

    file = command.output.file(f"longgap-{Path(command.settings.weights).stem}", command.settings)
    console = command.output.console()
    with command.output.progress("frames") as progress:
        found = evaluate_longgap(command.settings, progress)
    for scores in found.scores:
        _print(scores, console)
    write_report(file, found, console)


def _print(scores: "GapScores", console: "Console") -> None:
    """A source's scores in per cent."""
    from rich.table import Table

    from readtrack.evaluation.longgap import BAR

    told = f"{scores.name}: {scores.queries:,} queries among {scores.candidates:.1f} people on average, chance "
    table = Table("", "top-1", "mean reciprocal rank", show_edge=False, pad_edge=False)
    for name, top1 in scores.top1.items():
        table.add_row(name, f"{100 * top1:.1f}", f"{100 * scores.reciprocal_rank[name]:.1f}")
    passed = f"over {BAR}: {scores.true_over_bar:.1%} of true and {scores.wrong_over_bar:.2%} of wrong pairs\n"
    console.print(f"{told}{100 * scores.chance:.1f}\n", table, "", passed, sep="\n")
