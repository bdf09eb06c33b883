"""Task: searches in a gallery that knows some of the people, and is to say "nobody" to the others."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from readtrack.commands.console import exit_status
from readtrack.commands.evaluate.output import Output, write_report
from readtrack.commands.parsing import parse
from readtrack.evaluation.settings import OpenSetSettings

if TYPE_CHECKING:
    from rich.table import Table

    from readtrack.evaluation.openset import OpenSetReport

EXAMPLES = """what is told:
  rank-1     of searches for somebody enrolled, how many name the right one first
  at 1 %     the same where the name is also so likely that of a hundred searches for people who are not enrolled one
             names anybody: the rank-1 identification rate at 1 % false alarms
  shortlist  how often the likeliest of the shortlist is the likeliest of all tracklets, among all people of the data
             set, also those that the weights learnt from

examples:
  python -m readtrack.evaluate openset --root market1501
  python -m readtrack.evaluate openset --root cuhk03 --dataset cuhk03 --splits 20
  python -m readtrack.evaluate openset --root market1501 --crops 1 --shortlist 30 --compared 1000
"""


@dataclass(frozen=True)
class Command:
    """All flags."""

    settings: OpenSetSettings
    output: Output


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, enrol, search, print how often it was right."""
    about = (
        "Enrol half of a data set's unseen people and search for all of them: who is known by another camera's crops, "
        "who is not by any."
    )
    return exit_status(lambda: _run(parse(Command, argv, "python -m readtrack.evaluate openset", about, EXAMPLES)))


def _run(command: Command) -> None:
    from readtrack.evaluation.openset import evaluate_openset

    settings = command.settings
    file = command.output.file(f"openset-{settings.dataset}-{Path(settings.weights).stem}", settings)
    console = command.output.console()
    with command.output.progress("searches") as progress:
        found = evaluate_openset(settings, progress)
    console.print(_table(found))
    if found.agreement is not None:
        said = found.agreement
        console.print(
            f"shortlist of {settings.shortlist} among {said.tracklets:,} tracklets of {said.people:,} people: of "
            f"{said.searches} searches {said.same:.1%} name whom a judgement of all tracklets names; rank-1 "
            f"{said.rank1:.1%}, of all {said.rank1_exhaustive:.1%}"
        )
    one = found.linkage
    console.print(
        f"linked over cameras as readtrack fleet does: {one.tracklets:,} tracklets of {one.people:,} people are "
        f"{one.found:,}; of pairs put together {one.precision:.1%} are one person, of pairs of one person "
        f"{one.recall:.1%} are put together"
    )
    write_report(file, found, console)


def _table(found: "OpenSetReport") -> "Table":
    """A row for each number of crops."""
    from rich.table import Table

    shares = list(found.rows[0].identified)
    columns = [f"at {100 * share:g} % false alarms" for share in shares]
    table = Table("crops", "known", "unknown", "rank-1", *columns, show_edge=False, pad_edge=False)
    for row in found.rows:
        rates = (f"{100 * value:.1f}" for value in (row.rank1, *row.identified.values()))
        table.add_row(str(row.crops), f"{row.known:,}", f"{row.unknown:,}", *rates)
    table.caption = f"{found.dataset}: {found.people} unseen people, half of them enrolled"
    return table
