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
  is a query, and is asked about once for each gap. Its candidates are all people who were detected in the two seconds
  that end one gap earlier, each as a tracklet of T crops spread over those detections. It counts where its own person
  is among at least two. Told are the share of queries whose own person scores highest (top-1), the mean of 1 / rank of
  the own person (ties lose), the area under the ROC curve over all pairs (AUC), what guessing would give (chance),
  which shares of true and of wrong pairs have a probability over 0.5 and 0.9, and how far probabilities are off
  where one candidate in ten is the person (calibration error).

examples:
  python -m readtrack.evaluate longgap --source TUD-Stadtmitte --source TUD-Campus --reid osnet.onnx
  python -m readtrack.evaluate longgap --source MOT17-02 --gap 2 --gap 10 --every 10
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


def _run(command: Command) -> int:
    from readtrack.evaluation.longgap import evaluate_longgap

    file = command.output.file(f"longgap-{Path(command.settings.weights).stem}", command.settings)
    console = command.output.console()
    with command.output.progress("frames") as progress:
        found = evaluate_longgap(command.settings, progress)
    for name in dict.fromkeys(scores.name for scores in found.scores):
        _print([scores for scores in found.scores if scores.name == name], console)
    return write_report(file, found, console)


def _print(rows: "list[GapScores]", console: "Console") -> None:
    """A source's scores in per cent, a row for each gap."""
    from rich.table import Table

    rankers = list(rows[0].top1)
    for title, key in (("top-1", "top1"), ("AUC", "auc"), ("mean reciprocal rank", "reciprocal_rank")):
        table = Table("gap", "queries", "people", "chance", *rankers, show_edge=False, pad_edge=False)
        for row in rows:
            shares = (f"{100 * getattr(row, key)[ranker]:.1f}" for ranker in rankers)
            table.add_row(_gap(row), f"{row.queries:,}", f"{row.candidates:.1f}", f"{100 * row.chance:.1f}", *shares)
        console.print(f"{rows[0].name}: {title}\n", table, "", sep="\n")
    bars = list(rows[0].true_over)
    passed = [f"{kind} over {bar}" for bar in bars for kind in ("true", "wrong")]
    table = Table("gap", *passed, "calibration error", show_edge=False, pad_edge=False)
    for row in rows:
        shares = (f"{100 * kind[bar]:.1f}" for bar in bars for kind in (row.true_over, row.wrong_over))
        table.add_row(_gap(row), *shares, f"{row.calibration_error:.3f}")
    console.print(f"{rows[0].name}: READ's probabilities\n", table, "", sep="\n")


def _gap(row: "GapScores") -> str:
    return "all" if row.gap is None else f"{row.gap:g} s"
