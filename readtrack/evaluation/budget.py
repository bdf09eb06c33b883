"""Task: what READ costs and what it brings, from never asking it to asking it about everybody."""

import argparse
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from readtrack.commands.console import progress
from readtrack.commands.evaluate.flags import add_output_flags
from readtrack.errors import InputError
from readtrack.evaluation.absences import RETURNS, Plan, Present, Tally, plan_absences, tally_absences
from readtrack.evaluation.peers.entrants import TOGETHER, RecordingSettings, add_recording_flags
from readtrack.evaluation.playback import play
from readtrack.evaluation.provenance import about_weights, versions, write_json
from readtrack.evaluation.recordings import Footage, open_footage
from readtrack.files import check_writable
from readtrack.metrics.tracking import SequenceScores, prepare_sequence, score_prepared
from readtrack.read.matcher import Matcher
from readtrack.readtracker import ReadTracker
from readtrack.tracking import TrackerConfig

WIDE = 120  # columns of the table, in a narrow terminal too

DEFINITIONS = """gate: who is asked. "never" tracks on boxes alone. "clear P": READ is asked where motion gives no pair
the share P of the likelihood, "clear 1" wherever there is somebody to compare with. "budget P": with the default share,
and READ is asked about at most the share P of all detections so far; saved up are no more than a hundred.
  encoded    share of all detections that went through the encoder: those asked about, and the tracks' frames.
  pairs      of a detection and a track that READ judged.
  READ ms    of encoding and judging, cutting out crops included, per frame.
  IDF1, IDSW what became of identities on the whole detections; boxes whose id was settled later are filled in.
  recall, precision   of those who come back after a gap, or return on the drawn street, as `gaps` defines them."""

EPILOG = (
    "what is told:\n  "
    + DEFINITIONS.replace("\n", "\n  ")
    + """

examples:
  python -m readtrack.evaluate budget --source TUD-Campus --source TUD-Stadtmitte
  python -m readtrack.evaluate budget --source street --source street:1 --clear 0.9 --clear 1 --budget 0.1
"""
)


@dataclass(frozen=True)
class Gate:
    """When READ is asked."""

    name: str
    clear: float | None  # as in TrackerConfig; None: never
    budget: float = 1.0  # as in TrackerConfig


@dataclass(frozen=True)
class BudgetSettings(RecordingSettings):
    """Which gates are tried."""

    clears: tuple[float, ...] = (0.5, 0.8, 0.9, 0.95, 0.99, 1.0)
    budgets: tuple[float, ...] = (0.02, 0.05, 0.1, 0.2)
    gap: int = 25  # frames whose detections are taken away
    places: int = 5  # windows, at equal steps

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.gap < 1 or self.places < 1:
            raise InputError("a gap is of at least 1 frame, at 1 place: give --gap 25 --places 5, for example")
        for gate in self.gates:
            _config(gate, 25.0)

    @property
    def gates(self) -> list[Gate]:
        """From never to always, then those of a budget."""
        by_motion = [Gate(f"clear {share:g}", share) for share in sorted(set(self.clears))]
        by_budget = [
            Gate(f"budget {most:g}", TrackerConfig.unambiguous_share, most) for most in sorted(set(self.budgets))
        ]
        return [Gate("never", None), *by_motion, *by_budget]


@dataclass(frozen=True)
class BudgetRow:
    """One gate on one source, or on all together."""

    source: str
    gate: Gate
    frames: int
    detections: int
    encoded: int  # of them
    pairs: int
    read_seconds: float
    scores: SequenceScores
    asked: int  # people away for a gap, or returning
    back: int
    claims: int
    right: int


@dataclass(frozen=True)
class BudgetReport:
    """All that was found, in the order in which it is written as JSON."""

    settings: dict[str, Any]
    weights: dict[str, Any]
    definitions: str
    knee: str | None  # of the gates with at least the IDF1 of the widest one, that which encodes least
    rows: list[BudgetRow]
    versions: dict[str, str]


@dataclass
class _Run:
    """One gate on one source."""

    cost: tuple[int, int, int, int, float]  # frames, detections, encoded, pairs, seconds
    prepared: dict[str, Any]  # as TrackEval takes it
    tally: Tally


def evaluate_budget(
    settings: BudgetSettings,
    begin: Callable[[int], None] = lambda total: None,
    report: Callable[[int], None] = lambda done: None,
) -> BudgetReport:
    """Track with one gate after the other.

    Args:
        settings: on what, with which gates.
        begin: told the number of frames of all runs, once all sources proved readable.
        report: told after each frame how many are done.

    Raises:
        InputError: settings, weights or sources cannot be used.
    """
    matcher = Matcher.load(settings.weights, settings.device)
    total, asked = 0, {}
    for source in settings.sources:
        with open_footage(source, settings.detections) as footage:
            present = Present(footage)
            plan = plan_absences(footage, present, [settings.gap], settings.places, one=False)
            asked[source] = present, plan
            aways = sum(len(aways) for gap, aways in plan.items() if gap != RETURNS)
            total += (footage.total or 0) * (1 + aways) * len(settings.gates)
    begin(total)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        report(done)

    runs: dict[str, list[_Run]] = {}
    for source, (present, plan) in asked.items():
        with open_footage(source, settings.detections) as footage:
            runs[source] = [_run_gate(gate, matcher, footage, present, plan, step) for gate in settings.gates]
    rows = _rows(settings, runs)
    return BudgetReport(
        settings=asdict(settings),
        weights=about_weights(settings.weights, matcher),
        definitions=DEFINITIONS,
        knee=_knee(rows[-len(settings.gates) :]),
        rows=rows,
        versions=versions("trackeval"),
    )


def _config(gate: Gate, fps: float) -> TrackerConfig:
    """The tracker's settings with a gate."""
    return TrackerConfig(
        fps=fps,
        budget=gate.budget,
        unambiguous_share=TrackerConfig.unambiguous_share if gate.clear is None else gate.clear,
    )


def _run_gate(
    gate: Gate, matcher: Matcher, footage: Footage, present: Present, plan: Plan, step: Callable[[], None]
) -> _Run:
    def make() -> ReadTracker:
        return ReadTracker(None if gate.clear is None else matcher, _config(gate, footage.fps))

    before = (matcher.encoded, matcher.compared, matcher.seconds)
    whole = play(make(), footage, report=step)
    encoded, pairs, seconds = matcher.encoded - before[0], matcher.compared - before[1], matcher.seconds - before[2]
    detections = sum(len(footage.found(frame)) for frame in whole.frames)
    tally = Tally()
    for found in tally_absences(make, whole, footage, present, plan, step=step).values():
        tally += found
    truth = {frame: footage.truth(frame) for frame in whole.frames}
    prepared = prepare_sequence(truth, whole.tracks, whole.frames)
    return _Run((len(whole.frames), detections, encoded, pairs, seconds), prepared, tally)


def _rows(settings: BudgetSettings, runs: dict[str, list[_Run]]) -> list[BudgetRow]:
    """By source; of more than one also all together, last."""
    rows: dict[str, list[BudgetRow]] = {source: [] for source in (*runs, TOGETHER)}
    for k, gate in enumerate(settings.gates):
        theirs = [of_source[k] for of_source in runs.values()]
        scores, together = score_prepared([run.prepared for run in theirs])
        for source, run, score in zip(runs, theirs, scores, strict=True):
            rows[source].append(_row(Path(source).name, gate, [run], score))
        if len(theirs) > 1:
            rows[TOGETHER].append(_row(TOGETHER, gate, theirs, together))
    return [row for of_source in rows.values() for row in of_source]


def _row(source: str, gate: Gate, runs: Iterable[_Run], scores: SequenceScores) -> BudgetRow:
    """Of one run, or of several added up."""
    costs, tally = [], Tally()
    for run in runs:
        costs.append(run.cost)
        tally += run.tally
    frames, detections, encoded, pairs, seconds = (sum(values) for values in zip(*costs, strict=True))
    counts = (tally.asked, tally.back, tally.claims, tally.right)
    return BudgetRow(source, gate, int(frames), int(detections), int(encoded), int(pairs), seconds, scores, *counts)


def _knee(rows: list[BudgetRow]) -> str | None:
    """The gate that encodes least among those that have at least the IDF1 of the widest one; None without any."""
    asking = [row for row in rows if row.gate.clear is not None]
    if not asking:
        return None
    always = max(asking, key=lambda row: (row.gate.budget, row.gate.clear))
    return min((row for row in asking if row.scores.IDF1 >= always.scores.IDF1), key=lambda row: row.encoded).gate.name


def add_parser(add_task: Callable[..., argparse.ArgumentParser]) -> None:
    """The task ``budget`` and its flags."""
    parser = add_task(
        "budget",
        help="what READ costs and brings, from never to always",
        description="Track with READ asked never, seldom, often and always; tell what it costs and what it brings.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_run)
    add_recording_flags(parser)
    default: Any = BudgetSettings
    add = parser.add_argument_group("gates").add_argument
    for flag, name, what in (
        ("--clear", "clears", "share of the likelihood from which motion is believed, 0.5 to 1"),
        ("--budget", "budgets", "most of all detections that READ is asked about, 0 to 1"),
    ):
        usual = getattr(default, name)
        add(
            flag,
            dest=name,
            type=float,
            action="append",
            metavar="P",
            help=f"{what}; may be given several times (default: {', '.join(f'{share:g}' for share in usual)}; e.g. "
            f"{flag} {usual[2]:g})",
        )
    add("--gap", type=int, default=default.gap, metavar="N", help="frames taken away (default: %(default)s)")
    add("--places", type=int, default=default.places, metavar="N", help="windows of them (default: %(default)s)")
    add_output_flags(parser, "budget")


def _run(args: argparse.Namespace) -> None:
    """Try the gates that the command line names, print the tables and write the JSON."""
    given = {field.name: getattr(args, field.name) for field in fields(BudgetSettings)}
    lists = {name: tuple(given[name] or getattr(BudgetSettings, name)) for name in ("clears", "budgets")}
    settings = BudgetSettings(**{**given, "sources": tuple(args.sources), **lists})
    file = args.json or Path("runs") / "budget.json"
    check_writable(file)
    console = Console(quiet=args.quiet, highlight=False, markup=False)
    with progress("frames", args.quiet) as (begin, report):
        found = evaluate_budget(settings, begin, report)
    write_json(file, asdict(found))
    console.width = max(console.width, WIDE)
    for source in dict.fromkeys(row.source for row in found.rows):
        console.print(_table(source, [row for row in found.rows if row.source == source]), "", sep="\n")
    console.print(DEFINITIONS, "", sep="\n", soft_wrap=True)
    console.print(f"encodes least without losing IDF1 against the widest gate: {found.knee}", soft_wrap=True)
    console.print(f"written to {file}", soft_wrap=True)


def _table(source: str, rows: list[BudgetRow]) -> Table:
    """Shares in per cent; the tracker's default is marked."""
    names = ("encoded", "pairs", "READ ms", "HOTA", "IDF1", "IDSW", "recall", "precision")
    table = Table(source, *names, show_edge=False, pad_edge=False)
    for row in rows:
        usual = (row.gate.clear, row.gate.budget) == (TrackerConfig.unambiguous_share, TrackerConfig.budget)
        table.add_row(
            row.gate.name + (" (default)" if usual else ""),
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
