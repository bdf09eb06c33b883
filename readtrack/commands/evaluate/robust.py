"""Task: what the linking engine reaches when its constants are changed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from tyro.conf import UseAppendAction

from readtrack.commands.console import exit_status
from readtrack.commands.evaluate.output import Output, write_report
from readtrack.commands.parsing import parse
from readtrack.evaluation.settings import RobustSettings

if TYPE_CHECKING:
    from rich.table import Table

    from readtrack.evaluation.robust import Robust

EXAMPLES = """what is changed:
  Every constant of the linking engine at once, at random, by up to --change; --runs times. Weights, tracklets and crops
  stay. A change of the engine is one for the better when the mean of the changed runs rises, not when one number does.

examples:
  python -m readtrack.evaluate robust --source TUD-Stadtmitte --source TUD-Campus
  python -m readtrack.evaluate robust --source street --source street:1 --source street:2 --weights none
  python -m readtrack.evaluate robust --source MOT17-02 --runs 30 --change 0.1
"""


@dataclass(frozen=True)
class Command:
    """All flags."""

    settings: UseAppendAction[RobustSettings]
    output: Output


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, link recordings again and again, print what comes of it."""
    about = "Say what the linking engine reaches when its constants are changed at random: mean, worst and best."
    return exit_status(lambda: _run(parse(Command, argv, "python -m readtrack.evaluate robust", about, EXAMPLES)))


def _run(command: Command) -> None:
    from readtrack.evaluation.robust import evaluate_robust

    file, console = command.output.file("robust", command.settings), command.output.console()
    with command.output.progress("links") as progress:
        found = evaluate_robust(command.settings, progress)
    console.print(_table(found.rows, command.settings.change))
    write_report(file, found, console)


def _table(rows: "list[Robust]", change: float) -> "Table":
    """A row a recording, and the mean over them."""
    from rich.table import Table

    by = f"constants changed by {100 * change:.0f} %: mean"
    table = Table("IDF1 / switches", "as it is", by, "worst", "best", show_edge=False, pad_edge=False)
    columns = []
    for row in rows:
        idf1, switches = np.array(row.IDF1), np.array(row.IDSW)
        changed = slice(1, None) if len(idf1) > 1 else slice(None)
        columns.append((idf1[0], switches[0], idf1[changed].mean(), switches[changed].mean()))
        worst, best = idf1[changed].min(), idf1[changed].max()
        table.add_row(row.source, *_cells(columns[-1]), f"{100 * worst:.1f}", f"{100 * best:.1f}")
    if len(rows) > 1:
        table.add_row("mean", *_cells(tuple(np.mean(columns, axis=0).tolist())))
    return table


def _cells(values: tuple[float, ...]) -> tuple[str, str]:
    """IDF1 and switches, as it is and of changed runs."""
    return f"{100 * values[0]:.1f} / {values[1]:.1f}", f"{100 * values[2]:.1f} / {values[3]:.1f}"
