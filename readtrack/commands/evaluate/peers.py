"""Task: trackers side by side on the same detections and frames."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import UseAppendAction

from readtrack.commands.console import exit_status
from readtrack.commands.evaluate.output import Output, print_left_out, write_report
from readtrack.commands.parsing import parse
from readtrack.evaluation.settings import PeerSettings

if TYPE_CHECKING:
    from rich.table import Table

    from readtrack.evaluation.peers.comparison import PeerScores

EXAMPLES = """protocol:
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
class Command:
    """All flags."""

    settings: UseAppendAction[PeerSettings]
    output: Output
    tracks: Path | None = None  # folder for everybody's tracks, <tracker>/<recording>.txt in MOTChallenge's format


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, let trackers compete, print the tables."""
    about = "Run this tracker and others on the same detections and frames, and score how identities are kept."
    return exit_status(lambda: _run(parse(Command, argv, "python -m readtrack.evaluate peers", about, EXAMPLES)))


def _run(command: Command) -> int:
    from readtrack.evaluation.peers.comparison import evaluate_peers

    file, console = command.output.file("peers", command.settings), command.output.console()
    with command.output.progress("frames") as progress:
        found = evaluate_peers(command.settings, progress, command.tracks)
    for source in dict.fromkeys(row.source for row in found.rows):
        console.print(_table(source, [row for row in found.rows if row.source == source]), "", sep="\n")
    print_left_out(found.left_out, len(command.settings.source), console)
    return write_report(file, found, console)


def _table(source: str, rows: "list[PeerScores]") -> "Table":
    """Shares in per cent, the highest IDF1 first."""
    from rich.table import Table

    table = Table(source, "HOTA", "AssA", "IDF1", "IDSW", "Frag", "frames/s", show_edge=False, pad_edge=False)
    for row in sorted(rows, key=lambda row: -row.scores.IDF1):
        shares = (f"{100 * share:.1f}" for share in (row.scores.HOTA, row.scores.AssA, row.scores.IDF1))
        table.add_row(row.tracker, *shares, str(row.scores.IDSW), str(row.scores.Frag), f"{row.frames_per_second:.0f}")
    return table
