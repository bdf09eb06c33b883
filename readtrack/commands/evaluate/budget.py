"""Task: what READ costs and what it brings, from never asking it to asking it about everybody."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import UseAppendAction

from readtrack.commands.console import exit_status
from readtrack.commands.evaluate.output import Output, write_report
from readtrack.commands.parsing import parse
from readtrack.evaluation.settings import BudgetSettings

if TYPE_CHECKING:
    from rich.table import Table

    from readtrack.evaluation.budget import BudgetRow

WIDE = 120  # columns of the table, in a narrow terminal too

EXAMPLES = """what is tried:
  never (motion only); READ asked where motion gives no pair that share of the likelihood (without the flag .5, .8, .9,
  .95, .99 and 1, wherever there is somebody to compare with); and about at most so many of all detections (.02, .05, .1
  and .2). Told are the share of detections encoded, pairs judged, what became of identities, and of people after a gap.

examples:
  python -m readtrack.evaluate budget --source TUD-Campus --source TUD-Stadtmitte
  python -m readtrack.evaluate budget --source street --source street:1 --unambiguous-share 0.9 --budget 0.1
  python -m readtrack.evaluate budget --source street --charts figures
"""


@dataclass(frozen=True)
class Command:
    """All flags."""

    settings: UseAppendAction[BudgetSettings]
    output: Output
    charts: Path | None = None  # folder to draw the budget curve to, as PNG and SVG


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, track, print what READ cost and brought."""
    about = "Track with READ asked never, seldom, often and always; tell what it costs and what it brings."
    return exit_status(lambda: _run(parse(Command, argv, "python -m readtrack.evaluate budget", about, EXAMPLES)))


def _run(command: Command) -> None:
    from readtrack.evaluation.budget import evaluate_budget

    file, console = command.output.file("budget", command.settings), command.output.console()
    with command.output.progress("frames") as progress:
        found = evaluate_budget(command.settings, progress)
    console.width = max(console.width, WIDE)
    for source in dict.fromkeys(row.source for row in found.rows):
        console.print(_table(source, [row for row in found.rows if row.source == source]), "", sep="\n")
    console.print(found.definitions, "", sep="\n")
    console.print(f"encodes least without losing IDF1 against the widest policy: {found.operating_point}")
    if command.charts is not None:
        from readtrack.evaluation.charts import budget_chart, save

        last = found.rows[-1].source
        rows = [row for row in found.rows if row.source == last]
        console.print(f"drawn to {', '.join(map(str, save(budget_chart(rows), command.charts / 'budget')))}")
    write_report(file, found, console)


def _table(source: str, rows: "list[BudgetRow]") -> "Table":
    """Shares in per cent; the tracker's default is marked."""
    from rich.table import Table

    names = ("encoded", "pairs", "READ ms", "HOTA", "IDF1", "IDSW", "recall", "precision")
    table = Table(source, *names, show_edge=False, pad_edge=False)
    for row in rows:
        table.add_row(
            row.policy.name + (" (default)" if row.policy.default else ""),
            f"{100 * row.encoded / max(row.detections, 1):.1f} %",
            f"{row.pairs:,}",
            f"{1000 * row.read_seconds / max(row.frames, 1):.1f}",
            f"{100 * row.scores.HOTA:.1f}",
            f"{100 * row.scores.IDF1:.1f}",
            str(row.scores.IDSW),
            f"{row.back}/{row.asked}",
            f"{row.right}/{row.claims}",
        )
    return table
