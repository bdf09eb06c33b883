"""Task: trackers at fewer frames a second, and told a wrong rate."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tyro.conf import UseAppendAction

from readtrack.commands.console import exit_status
from readtrack.commands.evaluate.output import Output, print_left_out, write_report
from readtrack.commands.parsing import parse
from readtrack.evaluation.settings import RateSettings

if TYPE_CHECKING:
    from rich.table import Table

    from readtrack.evaluation.rates import RateScores

WIDE = 110  # columns of the table, in a narrow terminal too

EXAMPLES = """how to read it:
  IDF1 / switches of each tracker, a column a rate: every so many frames are taken, and the rate is told as it is.
  With --wrong 3 the same again, told three times too high and too low. "file" takes the recording as a whole, all
  others frame by frame.

examples:
  python -m readtrack.evaluate rates --source TUD-Stadtmitte --tracker readtrack --tracker trackers-bytetrack
  python -m readtrack.evaluate rates --source ADL-Rundle-6 --rate 5 --rate 2 --rate 1 --wrong 3
  python -m readtrack.evaluate rates --source street --tracker readtrack --rate 5
"""


@dataclass(frozen=True)
class Command:
    """All flags."""

    settings: UseAppendAction[RateSettings]
    output: Output


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, let trackers work at several rates, print who keeps identities."""
    about = "Thin recordings to fewer frames a second, and score how trackers keep identities."
    return exit_status(lambda: _run(parse(Command, argv, "python -m readtrack.evaluate rates", about, EXAMPLES)))


def _run(command: Command) -> int:
    from readtrack.evaluation.rates import evaluate_rates

    file, console = command.output.file("rates", command.settings), command.output.console()
    with command.output.progress("runs") as progress:
        found = evaluate_rates(command.settings, progress)
    console.width = max(console.width, WIDE)
    for source in dict.fromkeys(row.source for row in found.rows):
        for factor in dict.fromkeys(row.factor for row in found.rows):
            rows = [row for row in found.rows if (row.source, row.factor) == (source, factor)]
            console.print(_table(f"{source}{_said(factor)}", rows), "", sep="\n")
    print_left_out(found.left_out, len(command.settings.source), console)
    return write_report(file, found, console)


def _said(factor: float) -> str:
    """How wrongly a rate is told."""
    if factor == 1:
        return ""
    return f", {factor:.3g} times too high" if factor > 1 else f", {1 / factor:.3g} times too low"


def _table(title: str, rows: "list[RateScores]") -> "Table":
    """IDF1 in per cent and switches: a row a tracker, a column a rate."""
    from rich.table import Table

    rates = list(dict.fromkeys(row.fps for row in rows))
    table = Table(title, *(f"{fps:.3g} a second" for fps in rates), show_edge=False, pad_edge=False)
    known = {(row.tracker, row.fps): f"{100 * row.IDF1:.1f} / {row.IDSW}" for row in rows}
    for tracker in dict.fromkeys(row.tracker for row in rows):
        table.add_row(tracker, *(known.get((tracker, fps), "") for fps in rates))
    return table
