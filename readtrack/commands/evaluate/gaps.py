"""Task: people whose detections are taken away for a while, or who leave a synthetic street and come back."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tyro.conf import UseAppendAction

from readtrack.commands.console import exit_status
from readtrack.commands.evaluate.output import Output, print_left_out, write_report
from readtrack.commands.parsing import parse
from readtrack.evaluation.settings import GapSettings

if TYPE_CHECKING:
    from rich.table import Table

    from readtrack.evaluation.gaps import GapScores

WIDE = 110  # columns of the table, in a narrow terminal too

EXAMPLES = """what is told:
  recall     of the people present before and after the gap, the share whose id is the same; without gap: when nothing
             is taken away. precision: of the ids after the gap that had been somebody's before, the share that belong
             to the same person. delay: frames until the id was reported. All of it in full below the table.

examples:
  python -m readtrack.evaluate gaps --source TUD-Stadtmitte --tracker readtrack --tracker readtrack-boxes
  python -m readtrack.evaluate gaps --source TUD-Stadtmitte --who one --gap 25 --tracker readtrack
  python -m readtrack.evaluate gaps --source street --source street:1 --source street:2
  python -m readtrack.evaluate gaps --source MOT17-02 --tracker boxmot-botsort --reid osnet.onnx
"""


@dataclass(frozen=True)
class Command:
    """All flags."""

    settings: UseAppendAction[GapSettings]
    output: Output


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, take detections away, print who came back."""
    about = "Take detections away for a while, and score whether trackers know people again."
    return exit_status(lambda: _run(parse(Command, argv, "python -m readtrack.evaluate gaps", about, EXAMPLES)))


def _run(command: Command) -> int:
    from readtrack.evaluation.gaps import DEFINITIONS, evaluate_gaps

    file, console = command.output.file("gaps", command.settings), command.output.console()
    with command.output.progress("frames") as progress:
        found = evaluate_gaps(command.settings, progress)
    console.width = max(console.width, WIDE)
    console.print(_table(found.rows), "", DEFINITIONS, sep="\n")
    for name, gaps in found.too_short.items():
        console.print(f"{name}: too short for gaps of {', '.join(map(str, gaps))} frames")
    print_left_out(found.left_out, len(command.settings.source), console)
    return write_report(file, found, console)


def _table(rows: "list[GapScores]") -> "Table":
    """Shares in per cent with their counts."""
    from rich.table import Table

    names = ("source", "gap", "tracker", "recall", "precision", "delay", "without gap")
    table = Table(*names, show_edge=False, pad_edge=False)
    for row in rows:
        without = "" if row.without_gap is None else _share(row.without_gap, row.asked)
        delay = "" if row.delay is None else f"{row.delay:g}"
        recall, precision = _share(row.back, row.asked), _share(row.right, row.claims)
        table.add_row(row.source, row.gap, row.tracker, recall, precision, delay, without)
    return table


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} ({part}/{whole})" if whole else f"- ({part}/{whole})"
