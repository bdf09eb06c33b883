"""Task: ids over several cameras against the truth."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table

from readtrack.commands.console import exit_status
from readtrack.commands.evaluate.output import Output, write_report
from readtrack.commands.parsing import parse
from readtrack.evaluation.settings import CamerasSettings

if TYPE_CHECKING:
    from rich.console import Console

    from readtrack.evaluation.cameras import CamerasReport

EXAMPLES = """what counts:
  TOGETHER are all cameras' frames one after another, so that an id counts that is one in all of them. A person's F1
  sets his boxes in all cameras against all boxes of the id that has most of them. Truth is read from
  CAMERA/gt/gt.txt, CAMERA/truth.txt or CAMERA.txt, by default where the results are: streets leave theirs there.

examples:
  python -m readtrack.evaluate cameras --results runs/cameras --report cameras.json
  python -m readtrack.evaluate cameras --results runs/street7
  python -m readtrack.evaluate cameras --results runs/cameras --ground-truth cameras --partial
"""


@dataclass(frozen=True)
class Command:
    """All flags."""

    settings: CamerasSettings
    output: Output


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, score the cameras, print the tables."""
    about = "Score ids over several cameras, as readtrack.run --together leaves them, against the truth."
    return exit_status(lambda: _run(parse(Command, argv, "python -m readtrack.evaluate cameras", about, EXAMPLES)))


def _run(command: Command) -> int:
    from readtrack.evaluation.cameras import evaluate_cameras

    file = command.output.file(f"cameras-{command.settings.results.resolve().name}", command.settings)
    with command.output.progress("cameras") as progress:
        found = evaluate_cameras(command.settings, progress)
    console = command.output.console()
    _print(found, console)
    return write_report(file, found, console)


def _print(found: "CamerasReport", console: "Console") -> None:
    """A line a camera, and a line a person."""
    if found.scores:
        table = Table("", "IDF1", "IDSW", "HOTA", "MOTA", "people", "identities")
        for name, one in found.scores.items():
            cells = (f"{100 * one.IDF1:.1f}", one.IDSW, f"{100 * one.HOTA:.1f}", f"{100 * one.MOTA:.1f}")
            table.add_row(name, *map(str, cells), str(one.people), str(one.identities))
        console.print(table)
    table = Table("person", "id", "F1", "boxes", "of the id", "both", "cameras", "with the id", "ids in all")
    for who in found.people:
        counts = (who.boxes, who.boxes_of_id, who.both, who.cameras, who.cameras_with_id, who.ids)
        table.add_row(str(who.person), str(who.id), f"{who.F1:.3f}", *map(str, counts))
    console.print(table)
