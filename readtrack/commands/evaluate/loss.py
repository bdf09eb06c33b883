"""Task: where identity is lost, step by step."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tyro.conf import UseAppendAction

from readtrack.commands.console import exit_status
from readtrack.commands.evaluate.output import Output, write_report
from readtrack.commands.parsing import parse
from readtrack.evaluation.settings import RecordingSettings

if TYPE_CHECKING:
    from rich.table import Table

    from readtrack.evaluation.loss import Loss

EXAMPLES = """examples:
  python -m readtrack.evaluate loss --source TUD-Stadtmitte
  python -m readtrack.evaluate loss --source street --source street:1 --weights none
  python -m readtrack.evaluate loss --source MOT17-02 --detections yolox.txt
"""


@dataclass(frozen=True)
class Command:
    """All flags."""

    settings: UseAppendAction[RecordingSettings]
    output: Output


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, go through recordings, print what each step brings."""
    about = "Say where identity is lost: tracklets, links, false people, gaps, boxes; and what the truth would bring."
    return exit_status(lambda: _run(parse(Command, argv, "python -m readtrack.evaluate loss", about, EXAMPLES)))


def _run(command: Command) -> int:
    from readtrack.evaluation.loss import DEFINITIONS, evaluate_loss

    file, console = command.output.file("loss", command.settings), command.output.console()
    with command.output.progress("recordings") as progress:
        found = evaluate_loss(command.settings, progress)
    console.print(_table(found.rows), "", DEFINITIONS, sep="\n")
    for row in found.rows:
        about = f"{row.tracklets} tracklets, purity {100 * row.purity:.1f} %, length {row.length:.2f} s"
        console.print(f"{row.source}: {about}; {row.people} people")
    return write_report(file, found, console)


def _table(rows: "list[Loss]") -> "Table":
    """IDF1 and switches after each step, a column a recording."""
    from rich.table import Table

    table = Table("IDF1 / switches", *(row.source for row in rows), show_edge=False, pad_edge=False)
    for steps in zip(*(row.steps for row in rows), strict=True):
        table.add_row(steps[0].name, *(f"{100 * step.IDF1:.1f} / {step.IDSW}" for step in steps))
    return table
