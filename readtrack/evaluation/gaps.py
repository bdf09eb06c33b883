"""Task: people whose detections are taken away for a while, or who leave the drawn street and come back."""

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from readtrack.commands.console import progress
from readtrack.commands.evaluate.flags import add_output_flags
from readtrack.errors import InputError
from readtrack.evaluation.absences import RETURNS, SEEN, Plan, Present, Tally, plan_absences, tally_absences
from readtrack.evaluation.peers import HostError
from readtrack.evaluation.peers.entrants import (
    TOGETHER,
    Entrants,
    EntrantSettings,
    LeftOut,
    add_entrant_flags,
    host_versions,
    print_left_out,
)
from readtrack.evaluation.playback import play
from readtrack.evaluation.provenance import versions, write_json
from readtrack.files import check_writable

WHO = ("all", "one")
WIDE = 110  # columns of the table, in a narrow terminal too

DEFINITIONS = """All detections of a window are taken away, or one person's (--who one, each in turn), and the tracker
runs on the whole rest. A detection or a tracked box is whom it overlaps by an IoU of 0.5 or more, one to one.
  recall     of the people present before and after, the share whose id is the same: the one that most of their boxes
             have in the 25 frames before and after. Present is who is detected in at least 5 of the 25, on the
             undamaged detections: the same people for every tracker. Whoever has no id counts as lost.
  uncut      the same people, ids and frames when nothing is taken away: what tracking loses without a gap.
  precision  of the ids after the gap that had been somebody's before it, the share that belong to the same person: who
             had the id in most of its last 25 boxes before the gap. Whoever is present after the gap is asked; with
             --who one the person taken away, and whoever else has that person's id.
  decided    frames from the first detection after the gap until the id was told, the median of those who came back;
             ids of earlier boxes that are filled in count when they are told.
  returns    of the drawn street: everybody out of sight for more than 15 frames who comes back; precision is of the ids
             that arrivals get, new people's too, and that had been somebody's before."""

EPILOG = (
    "what is scored:\n  "
    + DEFINITIONS.replace("\n", "\n  ")
    + """

examples:
  python -m readtrack.evaluate gaps --source TUD-Stadtmitte --tracker readtrack --tracker readtrack-boxes
  python -m readtrack.evaluate gaps --source TUD-Stadtmitte --who one --gap 25 --tracker readtrack
  python -m readtrack.evaluate gaps --source street --source street:1 --source street:2
  python -m readtrack.evaluate gaps --source MOT17-02 --tracker boxmot-botsort --reid osnet.onnx
"""
)


@dataclass(frozen=True)
class GapSettings(EntrantSettings):
    """What is taken away."""

    gaps: tuple[int, ...] = (10, 25, 50, 100)  # frames
    places: int = 5  # windows of each length, at equal steps
    who: str = "all"  # of WHO: everybody, or one person at a time

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.who not in WHO:
            raise InputError(f"who {self.who!r} is unknown: choose one of {', '.join(WHO)}")
        if not self.gaps or min(self.gaps) < 1:
            raise InputError("a gap is of at least 1 frame: give --gap 25, for example")
        if self.places < 1:
            raise InputError(f"{self.places} places: give at least 1")


@dataclass(frozen=True)
class GapScores:
    """One tracker, one gap, one source or all of them; counts of people or claims, shares in [0, 1] or None of none."""

    source: str
    gap: str  # frames, or "returns"
    tracker: str
    asked: int
    back: int
    recall: float | None
    claims: int
    right: int
    precision: float | None
    decided: float | None  # frames, the median
    uncut: int | None  # of those asked, who keep their id without a gap; None on the street


@dataclass(frozen=True)
class GapReport:
    """All that was found, in the order in which it is written as JSON."""

    settings: dict[str, Any]
    definitions: str
    left_out: list[LeftOut]
    too_short: dict[str, list[int]]  # source -> gaps that it has no place for
    rows: list[GapScores]
    versions: dict[str, str]


def evaluate_gaps(
    settings: GapSettings,
    begin: Callable[[int], None] = lambda total: None,
    report: Callable[[int], None] = lambda done: None,
) -> GapReport:
    """Take detections away and see who comes back.

    Args:
        settings: from what, and who tracks.
        begin: told the number of frames of all runs, once all sources proved readable.
        report: told after each frame how many are done.

    Raises:
        InputError: settings, networks or sources cannot be used, or nothing can be asked.
    """
    entrants = Entrants(settings)
    total, plans = 0, {}
    for source in settings.sources:
        with entrants.open(source) as footage:
            one = settings.who == "one"
            plans[source] = plan_absences(footage, Present(footage), settings.gaps, settings.places, one)
            runs = 1 if RETURNS in plans[source] else 1 + sum(map(len, plans[source].values()))
            total += (footage.total or 0) * len(entrants.able(footage)) * runs
    if not any(away.people for plan in plans.values() for aways in plan.values() for away in aways):
        raise InputError(
            f"{', '.join(settings.sources)}: nobody is there {SEEN} frames before and after a gap: give a shorter "
            "--gap, or longer sequences"
        )
    begin(total)
    tallies: dict[tuple[str, str, str], Tally] = {}  # source, gap, tracker
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        report(done)

    for source, plan in plans.items():
        with entrants.open(source) as footage:
            entrants.note_unable(footage)
            present = Present(footage)
            for name in entrants.able(footage):
                try:
                    whole = play(entrants.make(name, footage), footage, report=step)
                    make = partial(entrants.make, name, footage)
                    found = tally_absences(make, whole, footage, present, plan, settings.who == "one", step)
                except (HostError, InputError) as error:
                    entrants.left_out.append(LeftOut(footage.name, name, str(error)))
                    continue
                tallies |= {(source, gap, name): tally for gap, tally in found.items()}
    return GapReport(
        settings=asdict(settings),
        definitions=DEFINITIONS,
        left_out=entrants.left_out,
        too_short=_too_short(plans, settings),
        rows=_rows(tallies, settings),
        versions={**versions(), **host_versions()},
    )


def _too_short(plans: dict[str, Plan], settings: GapSettings) -> dict[str, list[int]]:
    """The gaps that do not fit into a source, or around which nobody is there."""
    sequences = {Path(source).name: plan for source, plan in plans.items() if RETURNS not in plan}
    missing = {name: [gap for gap in settings.gaps if str(gap) not in plan] for name, plan in sequences.items()}
    return {name: gaps for name, gaps in missing.items() if gaps}


def _rows(tallies: dict[tuple[str, str, str], Tally], settings: GapSettings) -> list[GapScores]:
    """By source, gap and tracker; and of more than one source all together, for those who were on all with the gap."""
    found = [_scores(Path(source).name, gap, name, tally) for (source, gap, name), tally in tallies.items()]
    sources_in_order = [Path(source).name for source in settings.sources]
    gaps_in_order = [*map(str, settings.gaps), RETURNS]
    found.sort(key=lambda row: (sources_in_order.index(row.source), gaps_in_order.index(row.gap)))
    sources = {gap: {s for s, g, _ in tallies if g == gap} for _, gap, _ in tallies}
    for gap, where in sources.items():
        for name in dict.fromkeys(name for _, g, name in tallies if g == gap):
            if len(where) > 1 and all((source, gap, name) in tallies for source in where):
                together = Tally()
                for source in settings.sources:
                    together += tallies.get((source, gap, name), Tally())
                found.append(_scores(TOGETHER, gap, name, together))
    return found


def _scores(source: str, gap: str, name: str, tally: Tally) -> GapScores:
    return GapScores(
        source=source,
        gap=gap,
        tracker=name,
        asked=tally.asked,
        back=tally.back,
        recall=tally.back / tally.asked if tally.asked else None,
        claims=tally.claims,
        right=tally.right,
        precision=tally.right / tally.claims if tally.claims else None,
        decided=float(median(tally.delays)) if tally.delays else None,
        uncut=None if gap == RETURNS else tally.uncut,
    )


def add_parser(add_task: Callable[..., argparse.ArgumentParser]) -> None:
    """The task ``gaps`` and its flags."""
    parser = add_task(
        "gaps",
        help="people known again by trackers after a gap",
        description="Take detections away for a while, and score whether trackers know people again.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_run)
    default: Any = GapSettings
    add_entrant_flags(parser)
    add = parser.add_argument_group("gaps").add_argument
    add(
        "--gap",
        dest="gaps",
        type=int,
        action="append",
        metavar="N",
        help=f"frames; may be given several times (default: {', '.join(map(str, default.gaps))}; e.g. --gap 25)",
    )
    add("--places", type=int, default=default.places, metavar="N", help="windows of each gap (default: %(default)s)")
    add("--who", choices=WHO, default=default.who, help="everybody, or one person at a time (default: %(default)s)")
    add_output_flags(parser, "gaps")


def _run(args: argparse.Namespace) -> None:
    """Score whom the command line names, print the table and write the JSON."""
    given = {field.name: getattr(args, field.name) for field in fields(GapSettings)}
    given |= {"sources": tuple(args.sources), "trackers": tuple(args.trackers)}
    settings = GapSettings(**{**given, "gaps": tuple(args.gaps or GapSettings.gaps)})
    file = args.json or Path("runs") / "gaps.json"
    check_writable(file)
    console = Console(quiet=args.quiet, highlight=False, markup=False)
    with progress("frames", args.quiet) as (begin, report):
        found = evaluate_gaps(settings, begin, report)
    write_json(file, asdict(found))
    console.width = max(console.width, WIDE)
    console.print(_table(found.rows), "", DEFINITIONS, sep="\n", soft_wrap=True)
    for name, gaps in found.too_short.items():
        console.print(f"{name}: too short for gaps of {', '.join(map(str, gaps))} frames", soft_wrap=True)
    print_left_out(found.left_out, len(settings.sources), console)
    console.print(f"written to {file}", soft_wrap=True)


def _table(rows: list[GapScores]) -> Table:
    """Shares in per cent with their counts."""
    names = ("source", "gap", "tracker", "recall", "precision", "decided", "uncut")
    table = Table(*names, show_edge=False, pad_edge=False)
    for row in rows:
        uncut = "" if row.uncut is None else _share(row.uncut, row.asked)
        decided = "" if row.decided is None else f"{row.decided:g}"
        recall, precision = _share(row.back, row.asked), _share(row.right, row.claims)
        table.add_row(row.source, row.gap, row.tracker, recall, precision, decided, uncut)
    return table


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} ({part}/{whole})" if whole else f"- ({part}/{whole})"
