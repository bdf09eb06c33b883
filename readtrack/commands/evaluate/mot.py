"""Task: any tracker's MOTChallenge files against the truth, by TrackEval."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from readtrack.commands.console import exit_status
from readtrack.commands.evaluate.output import Output, write_report
from readtrack.commands.parsing import parse
from readtrack.evaluation.settings import MotSettings

if TYPE_CHECKING:
    from rich.console import Console

    from readtrack.metrics.tracking import SequenceScores

EXAMPLES = """folders:
  --ground-truth  SEQ/gt/gt.txt of MOT15, MOT16, MOT17, MOT20, DanceTrack or SportsMOT, also within train/, val/, test/;
                  or one sequence. Frames are counted by seqinfo.ini, else by img1/, else to the last row.
  --results       SEQ.txt, data/SEQ.txt, or SEQ/tracks.txt as readtrack.run writes it; of one sequence also the file.

what counts:
  Rows of the truth whose flag (column 7) is 0 are left out and, where column 8 is a class, all but pedestrians, or
  --classes. Whoever tracks those is charged with false boxes. The benchmarks are kinder: boxes that match a person in
  a vehicle, a reflection and so on are dropped first. --preprocess does that by TrackEval's code; scores on MOT16,
  MOT17 and MOT20 are comparable with published ones only so. MOT15, DanceTrack and SportsMOT need none.
  COMBINED comes from summed counts, as TrackEval's, not from a mean of scores.

examples:
  python -m readtrack.evaluate mot --ground-truth MOT17/train --results runs/mot17 --preprocess mot17
  python -m readtrack.evaluate mot --ground-truth dancetrack/val --results tracks --report dancetrack.json
  python -m readtrack.evaluate mot --ground-truth TUD-Campus --results runs/TUD-Campus/tracks.txt
"""


@dataclass(frozen=True)
class Command:
    """All flags."""

    settings: MotSettings
    output: Output


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, score the files, print a line for each sequence."""
    about = "Score tracks in MOTChallenge's format against the truth, by TrackEval: each sequence, and all."
    return exit_status(lambda: _run(parse(Command, argv, "python -m readtrack.evaluate mot", about, EXAMPLES)))


def _run(command: Command) -> int:
    from readtrack.evaluation.mot import evaluate_mot

    file = command.output.file(f"mot-{command.settings.results.resolve().stem}", command.settings)
    console = command.output.console()
    with command.output.progress("sequences") as progress:
        found = evaluate_mot(command.settings, progress)
    if found.missing:
        console.print(f"NOTE: no tracks of {', '.join(found.missing)}", style="bold yellow")
    _print_scores(found.scores, console)
    return write_report(file, found, console)


def _print_scores(scores: "Mapping[str, SequenceScores]", console: "Console") -> None:
    """A line of scores in per cent and of counts for each sequence, never cut to the terminal's width."""
    from readtrack.metrics.tracking import SequenceScores

    rows = [["", *(field.name for field in fields(SequenceScores))]]
    for sequence, score in scores.items():
        values = asdict(score).values()
        rows.append([sequence, *(f"{100 * v:.1f}" if isinstance(v, float) else str(v) for v in values)])
    first, *others = (max(map(len, column)) for column in zip(*rows, strict=True))
    for name, *cells in rows:
        line = "  ".join(cell.rjust(width) for cell, width in zip(cells, others, strict=True))
        console.print(f"{name.ljust(first)}  {line}")
