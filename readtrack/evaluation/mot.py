"""Task: any tracker's MOTChallenge files against the truth, by TrackEval."""

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from readtrack.commands.console import progress
from readtrack.commands.evaluate.flags import add_output_flags
from readtrack.errors import InputError
from readtrack.evaluation.provenance import versions, write_json
from readtrack.evaluation.sequences import TruthFile, find_tracks, find_truth
from readtrack.files import check_writable
from readtrack.metrics.motchallenge import BENCHMARKS, prepare_benchmark
from readtrack.metrics.tracking import SequenceScores, prepare_sequence, score_prepared
from readtrack.mot import PEDESTRIAN, Rows, by_frame, has_classes, read_table, read_truth

COMBINED = "COMBINED"

EPILOG = """folders:
  --gt       SEQ/gt/gt.txt of MOT15, MOT16, MOT17, MOT20, DanceTrack or SportsMOT, also within train/, val/, test/;
             or one sequence. Frames are counted by seqinfo.ini, else by img1/, else to the last row.
  --results  SEQ.txt, data/SEQ.txt, or SEQ/tracks.txt as readtrack.run writes it; of one sequence also the file.

what counts:
  Rows of the truth whose flag (column 7) is 0 are left out and, where column 8 is a class, all but pedestrians, or
  --classes. Whoever tracks those is charged with false boxes. The benchmarks are kinder: boxes that match a person in
  a vehicle, a reflection and so on are dropped first. --preprocess does that by TrackEval's code; scores on MOT16,
  MOT17 and MOT20 are comparable with published ones only so. MOT15, DanceTrack and SportsMOT need none.
  COMBINED comes from summed counts, as TrackEval's, not from a mean of scores.

examples:
  python -m readtrack.evaluate mot --gt MOT17/train --results runs/mot17 --preprocess mot17
  python -m readtrack.evaluate mot --gt dancetrack/val --results tracks --json dancetrack.json
  python -m readtrack.evaluate mot --gt TUD-Campus --results runs/TUD-Campus/tracks.txt
"""


@dataclass(frozen=True)
class MotSettings:
    """What is scored against what."""

    gt: Path  # folder of sequences, one sequence, or its gt.txt
    results: Path  # folder of tracks, or one file
    preprocess: str | None = None  # one of BENCHMARKS: drop by its rules what does not count
    classes: tuple[int, ...] = (PEDESTRIAN,)  # of the truth, where it has classes
    allow_missing: bool = False  # sequences without a file of tracks count as not tracked, instead of as an error

    def __post_init__(self) -> None:
        if self.preprocess is not None and self.preprocess not in BENCHMARKS:
            raise InputError(f"preprocess {self.preprocess!r} is unknown: choose one of {', '.join(BENCHMARKS)}")
        if self.preprocess is not None and self.classes != (PEDESTRIAN,):
            raise InputError("--preprocess scores pedestrians, as the benchmarks do: leave out --classes")


@dataclass(frozen=True)
class MotReport:
    """All that was found, in the order in which it is written as JSON."""

    settings: dict[str, Any]
    missing: list[str]  # sequences without tracks
    scores: dict[str, SequenceScores]  # by sequence, and COMBINED
    versions: dict[str, str]


def evaluate_mot(
    settings: MotSettings,
    begin: Callable[[int], None] = lambda total: None,
    report: Callable[[int], None] = lambda done: None,
) -> MotReport:
    """Score a tracker's files.

    Args:
        settings: what is scored against what.
        begin: told how many sequences there are.
        report: told now and then how many are done.

    Raises:
        InputError: files are missing or broken; it names the row.
    """
    sequences = find_truth(settings.gt)
    names = [sequence.name for sequence in sequences]
    files = find_tracks(settings.results, names, settings.allow_missing)
    begin(len(sequences))
    prepared = []
    for done, sequence in enumerate(sequences, 1):
        prepared.append(_prepare(sequence, files.get(sequence.name), settings))
        report(done)
    each, combined = score_prepared(prepared)
    return MotReport(
        settings=asdict(settings),
        missing=[name for name in names if name not in files],
        scores={**dict(zip(names, each, strict=True)), COMBINED: combined},
        versions=versions("trackeval"),
    )


def _prepare(sequence: TruthFile, file: Path | None, settings: MotSettings) -> dict[str, Any]:
    """A sequence as TrackEval's metrics take it."""
    tracks = read_table(file, sequence.frames).rows if file else np.empty((0, 9))
    last = int(tracks[:, 0].max(initial=0))
    if settings.preprocess is not None:
        truth = _classified(sequence)
        frames = sequence.frames or max(last, int(truth[:, 0].max(initial=0)))
        return prepare_benchmark(sequence.name, truth, tracks, frames, settings.preprocess)
    people = read_truth(sequence.file, settings.classes)
    frames = max(people, default=-1) + 1
    if sequence.frames is not None and frames > sequence.frames:
        raise InputError(f"{sequence.file}: has frame {frames} of {sequence.frames}: correct it or seqinfo.ini")
    found = by_frame(tracks)
    for boxes in (*people.values(), *found.values()):
        boxes.tracker_id = None if boxes.tracker_id is None else boxes.tracker_id + 1  # some count from 0
    return prepare_sequence(people, found, sequence.frames or max(last, frames))


def _classified(sequence: TruthFile) -> Rows:
    """All rows of a truth with classes."""
    rows = read_table(sequence.file, sequence.frames).rows
    if len(rows) and not has_classes(rows):
        missing = "has no classes in column 8, as MOT16, MOT17 and MOT20 have: leave out --preprocess"
        raise InputError(f"{sequence.file}: {missing}")
    return rows


def add_parser(add_task: Callable[..., argparse.ArgumentParser]) -> None:
    """The task ``mot`` and its flags."""
    parser = add_task(
        "mot",
        help="any tracker's MOTChallenge files against the truth: HOTA, IDF1, MOTA, switches",
        description="Score tracks in MOTChallenge's format against the truth, by TrackEval: each sequence, and all.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_run)
    default: Any = MotSettings
    add = parser.add_argument_group("files").add_argument
    add("--gt", type=Path, required=True, metavar="DIR", help="sequences with their truth (e.g. --gt MOT17/train)")
    add("--results", type=Path, required=True, metavar="DIR", help="their tracks (e.g. --results runs/mot17)")
    add("--allow-missing", action="store_true", help="count sequences that have no tracks as not tracked at all")
    add = parser.add_argument_group("what counts").add_argument
    add("--preprocess", choices=tuple(BENCHMARKS), help="drop by that benchmark's rules what does not count")
    add(
        "--classes",
        type=int,
        nargs="+",
        default=list(default.classes),
        metavar="N",
        help="the truth's classes that count (default: 1, pedestrian; e.g. --classes 1 7)",
    )
    add_output_flags(parser, "mot-<results>")


def _run(args: argparse.Namespace) -> None:
    """Score what the command line names, print it and write the JSON."""
    given = {field.name: getattr(args, field.name) for field in fields(MotSettings)}
    settings = MotSettings(**{**given, "classes": tuple(args.classes)})
    file = args.json or Path("runs") / f"mot-{settings.results.resolve().stem}.json"
    check_writable(file)
    console = Console(quiet=args.quiet, highlight=False, markup=False)
    with progress("sequences", args.quiet) as (begin, report):
        found = evaluate_mot(settings, begin, report)
    write_json(file, asdict(found))
    if found.missing:
        console.print(f"NOTE: no tracks of {', '.join(found.missing)}", style="bold yellow", soft_wrap=True)
    print_scores(found.scores, console)
    console.print(f"written to {file}", soft_wrap=True)


def print_scores(scores: dict[str, SequenceScores], console: Console) -> None:
    """A line of scores in per cent and of counts for each sequence, never cut to the terminal's width."""
    rows = [["", *(field.name for field in fields(SequenceScores))]]
    for sequence, score in scores.items():
        values = asdict(score).values()
        rows.append([sequence, *(f"{100 * v:.1f}" if isinstance(v, float) else str(v) for v in values)])
    first, *others = (max(map(len, column)) for column in zip(*rows, strict=True))
    for name, *cells in rows:
        line = "  ".join(cell.rjust(width) for cell, width in zip(cells, others, strict=True))
        console.print(f"{name.ljust(first)}  {line}", soft_wrap=True)
