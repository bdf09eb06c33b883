"""Task: trackers side by side on the same detections and frames."""

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from readtrack.commands.console import progress
from readtrack.commands.evaluate.flags import add_output_flags
from readtrack.errors import InputError
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
from readtrack.metrics.tracking import SequenceScores, prepare_sequence, score_prepared

EPILOG = """protocol:
  Every tracker gets the same boxes and confidences, and the image where there is one; settings are its own defaults,
  but for the frame rate where it takes one. What counts is to which of these boxes it gave which id, so none is better
  or worse for smoothing boxes; boxes whose id was settled later are filled in. deep-sort-realtime, which believes every
  detection, gets those of confidence 0.5 or more. Scores are TrackEval's; those of all together come from summed
  counts. Frames a second are the tracker's own work, re-ID and camera motion included: neither detecting nor reading
  frames. Without pixels nobody compensates camera motion, and who looks at people is left out.

examples:
  python -m readtrack.evaluate peers --source TUD-Campus --source TUD-Stadtmitte --source street --reid osnet.onnx
  python -m readtrack.evaluate peers --source MOT17-02 --detections yolox.txt --tracker readtrack-boxes
  python -m readtrack.evaluate peers --source street --reid read-s            READ's vectors in the hosts
  pip install "readtrack[peers]"                                              all hosts
"""


@dataclass(frozen=True)
class PeerScores:
    """One tracker on one source, or on all of them together."""

    source: str
    tracker: str
    scores: SequenceScores
    frames_per_second: float  # of the tracker alone


@dataclass(frozen=True)
class PeerReport:
    """All that was found, in the order in which it is written as JSON."""

    settings: dict[str, Any]
    left_out: list[LeftOut]
    rows: list[PeerScores]
    versions: dict[str, str]


def evaluate_peers(
    settings: EntrantSettings,
    begin: Callable[[int], None] = lambda total: None,
    report: Callable[[int], None] = lambda done: None,
) -> PeerReport:
    """Let trackers compete.

    Args:
        settings: on what, and who.
        begin: told the number of frames of all runs, once all sources proved readable.
        report: told after each frame how many are done.

    Raises:
        InputError: settings, networks or sources cannot be used, or nobody can take part.
    """
    entrants = Entrants(settings)
    begin(sum(frames * trackers for frames, trackers in entrants.lengths().values()))
    prepared: dict[str, dict[str, dict[str, Any]]] = {}  # tracker -> source -> as TrackEval takes it
    spent: dict[tuple[str, str], tuple[int, float]] = {}  # tracker and source -> frames and seconds
    titles: dict[str, str] = {}
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        report(done)

    for source in settings.sources:
        with entrants.open(source) as footage:
            titles[source] = footage.name if footage.name not in titles.values() else source
            entrants.note_unable(footage)
            for name in entrants.able(footage):
                try:
                    played = play(entrants.make(name, footage), footage, report=step)
                except (HostError, InputError) as error:
                    entrants.left_out.append(LeftOut(footage.name, name, str(error)))
                    continue
                truth = {frame: footage.truth(frame) for frame in played.frames}
                prepared.setdefault(name, {})[source] = prepare_sequence(truth, played.tracks, played.frames)
                spent[name, source] = len(played.frames), played.seconds
    if not prepared:
        raise InputError("nobody is left: " + "; ".join(f"{one.tracker}: {one.why}" for one in entrants.left_out))
    return PeerReport(
        settings=asdict(settings),
        left_out=entrants.left_out,
        rows=_rows(titles, prepared, spent),
        versions={**versions(), **host_versions()},
    )


def _rows(
    titles: dict[str, str],
    prepared: dict[str, dict[str, dict[str, Any]]],
    spent: dict[tuple[str, str], tuple[int, float]],
) -> list[PeerScores]:
    """By source, and of more than one also all together, for those who were on all of them."""
    found: dict[str, list[PeerScores]] = {source: [] for source in (*titles, TOGETHER)}
    for name, sequences in prepared.items():
        scores, together = score_prepared(list(sequences.values()))
        for source, score in zip(sequences, scores, strict=True):
            frames, seconds = spent[name, source]
            found[source].append(PeerScores(titles[source], name, score, frames / max(seconds, 1e-9)))
        if len(sequences) == len(titles) > 1:
            frames, seconds = (sum(values) for values in zip(*(spent[name, s] for s in sequences), strict=True))
            found[TOGETHER].append(PeerScores(TOGETHER, name, together, frames / max(seconds, 1e-9)))
    return [row for rows in found.values() for row in rows]


def add_parser(add_task: Callable[..., argparse.ArgumentParser]) -> None:
    """The task ``peers`` and its flags."""
    parser = add_task(
        "peers",
        help="trackers side by side on the same detections",
        description="Run this tracker and others on the same detections and frames, and score how identities are kept.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_run)
    add_entrant_flags(parser)
    add_output_flags(parser, "peers")


def _run(args: argparse.Namespace) -> None:
    """Compare whom the command line names, print the tables and write the JSON."""
    given = {field.name: getattr(args, field.name) for field in fields(EntrantSettings)}
    settings = EntrantSettings(**{**given, "sources": tuple(args.sources), "trackers": tuple(args.trackers)})
    file = args.json or Path("runs") / "peers.json"
    check_writable(file)
    console = Console(quiet=args.quiet, highlight=False, markup=False)
    with progress("frames", args.quiet) as (begin, report):
        found = evaluate_peers(settings, begin, report)
    write_json(file, asdict(found))
    for source in dict.fromkeys(row.source for row in found.rows):
        console.print(_table(source, [row for row in found.rows if row.source == source]), "", sep="\n")
    print_left_out(found.left_out, len(settings.sources), console)
    console.print(f"written to {file}", soft_wrap=True)


def _table(source: str, rows: list[PeerScores]) -> Table:
    """Shares in per cent, the highest IDF1 first."""
    table = Table(source, "HOTA", "AssA", "IDF1", "IDSW", "Frag", "frames/s", show_edge=False, pad_edge=False)
    for row in sorted(rows, key=lambda row: -row.scores.IDF1):
        shares = (f"{100 * share:.1f}" for share in (row.scores.HOTA, row.scores.AssA, row.scores.IDF1))
        table.add_row(row.tracker, *shares, str(row.scores.IDSW), str(row.scores.Frag), f"{row.frames_per_second:.0f}")
    return table
