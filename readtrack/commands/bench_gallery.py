"""How long searches in a gallery and linking over recordings take: ``readtrack bench gallery`` and ``fleet``."""

from dataclasses import dataclass

from rich.table import Table

from readtrack.commands.console import exit_status, output, progress
from readtrack.commands.parsing import parse
from readtrack.errors import InputError

DESCRIPTION = "Time searches in galleries of many tracklets, 4 crops each, of drawn pictures; 50 MB for each thousand."
EXAMPLES = """what is told:
  opened     seconds until the first answer: all vectors are read
  ms         of a search by one crop and by 4, medians; "of the processor" other work beside it counts little

examples:
  python -m readtrack.bench gallery
  python -m readtrack.bench gallery --tracklets 1000 --searches 20
  python -m readtrack.bench gallery --tracklets 100000 --threads 2
"""


@dataclass(frozen=True)
class GalleryBenchSettings:
    """How many people are kept, and how often one is searched for."""

    tracklets: tuple[int, ...] = (10_000, 100_000)  # of each gallery
    searches: int = 50  # of each kind
    weights: str = "read-s"  # READ's: a shipped name or a file
    device: str | None = None  # such as cpu or cuda:0
    threads: int | None = None  # of READ; if not given, one for each core
    seed: int = 0  # of the pictures

    def __post_init__(self) -> None:
        if not self.tracklets:
            raise InputError("no gallery: give how many tracklets each has", "tracklets")


FLEET = """what is told:
  possible   others whose times allow that a tracklet is one of them, in the mean
  pairs      that READ would compare: 12 for each tracklet at most; their judgement is drawn here, and takes no time
  found      of the pairs of one person that follow each other, how many are among these
  s          of the processor, until pairs are known, and to put people together; MB: of the process, at most so far

examples:
  python -m readtrack.bench fleet
  python -m readtrack.bench fleet --tracklets 1000 --within 0.5 1
  python -m readtrack.bench fleet --tracklets 10000 100000 1000000 --within 1
"""


@dataclass(frozen=True)
class FleetBenchSettings:
    """How many tracklets are linked."""

    tracklets: tuple[int, ...] = (10_000, 100_000)  # of each fleet
    within: tuple[float, ...] = (1.0, float("inf"))  # hours in which somebody is looked for
    seed: int = 0  # of who is drawn


def fleet(argv: list[str]) -> int:
    """Parse the command line, draw fleets, link them, print. Returns the exit status."""
    about = "Time the linking of people over recordings: drawn tracklets, 30 a minute on 50 cameras, 4 of each person."
    return exit_status(lambda: _fleet(parse(FleetBenchSettings, argv, "readtrack bench fleet", about, FLEET)))


def _fleet(settings: FleetBenchSettings) -> None:
    from readtrack.evaluation.fleet import evaluate_fleet

    with progress("fleets") as (begin, report):

        def step(done: int, total: int) -> None:
            if not done:
                begin(total)
            report(done)

        found = evaluate_fleet(**vars(settings), progress=step)
    columns = ("hours", "possible", "pairs", "found", "pairs, s", "linking, s", "MB", "precision", "recall")
    table = Table("tracklets", *columns)
    for row in found:
        shares = (f"{100 * value:.1f}" for value in (row.precision, row.recall))
        counts = (f"{row.tracklets:,}", f"{row.within:g}", f"{row.possible:,.0f}", f"{row.pairs:,}")
        times = (f"{100 * row.found:.1f}", f"{row.choosing:.1f}", f"{row.linking:.1f}", f"{row.megabytes:,.0f}")
        table.add_row(*counts, *times, *shares)
    output().print(table)


def main(argv: list[str]) -> int:
    """Parse the command line, fill galleries, search, print. Returns the exit status."""
    return exit_status(
        lambda: _run(parse(GalleryBenchSettings, argv, "readtrack bench gallery", DESCRIPTION, EXAMPLES))
    )


def _run(settings: GalleryBenchSettings) -> None:
    from readtrack.evaluation.searching import evaluate_searching

    with progress("searches") as (begin, report):

        def step(done: int, total: int) -> None:
            if not done:
                begin(total)
            report(done)

        found = evaluate_searching(**vars(settings), progress=step)
    crops = list(found[0].wall)
    columns = [f"{name}, {count} crop{'s' * (count > 1)}" for count in crops for name in ("ms", "of the processor")]
    table = Table("tracklets", "MB on disk", "opened, s", *columns)
    for row in found:
        times = [f"{value[count]:.1f}" for count in crops for value in (row.wall, row.processor)]
        table.add_row(f"{row.tracklets:,}", f"{row.megabytes:,.0f}", f"{row.opened:.2f}", *times)
    output().print(table)
