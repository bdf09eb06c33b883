"""What the tracker stands: bad inputs, kills, endless runs: ``readtrack bench hostile``."""

import logging
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from readtrack.commands.console import exit_status, output, progress
from readtrack.commands.parsing import parse
from readtrack.errors import InputError

DESCRIPTION = "Hand in what is bad, kill runs, track without end; tell what was refused in one line, and what broke."
EXAMPLES = """examples:
  python -m readtrack.bench hostile
  python -m readtrack.bench hostile --inputs 100 --kills 5 --frames 5000 --seed 7
"""


@dataclass(frozen=True)
class HostileSettings:
    """How much is tried."""

    inputs: int = 1000  # bad boxes, frames, files, streams, truths and checkpoints
    kills: int = 50  # runs that are stopped at a random moment, or whose disk fills
    frames: int = 100_000  # that are tracked in one go
    seed: int = 0  # of what is tried
    report: Path | None = None  # JSON of everything found; if not given, runs/hostile.json

    def __post_init__(self) -> None:
        if min(self.inputs, self.kills, self.frames - 1) < 0:
            raise InputError("inputs, kills and frames: give how many there are to be, frames from 1 on")


def main(argv: list[str]) -> int:
    """Parse the command line, try, print. Returns the exit status, as --help tells."""
    prog = "readtrack bench hostile"
    return exit_status(lambda: _hostile(parse(HostileSettings, argv, prog, DESCRIPTION, EXAMPLES)))


def _hostile(settings: HostileSettings) -> int:
    """Try what goes wrong; the status is 1 where something broke."""
    from dataclasses import asdict

    from readtrack.evaluation.hostile import evaluate_hostile
    from readtrack.evaluation.provenance import write_json
    from readtrack.files import check_writable

    def run(video: Path, detections: Path, out: Path, live: bool) -> list[str]:
        words = [str(video), "--detections", str(detections), "--out", str(out), "--weights", "none", "--quiet"]
        return [*words, "--no-report", *["--live"] * live]

    file = settings.report or Path("runs") / "hostile.json"
    check_writable(file)
    logging.getLogger("readtrack").setLevel(logging.ERROR)
    with progress("tried") as (begin, report):

        def step(done: int, total: int) -> None:
            if not done:
                begin(total)
            report(done)

        found = evaluate_hostile(settings.inputs, settings.kills, settings.frames, run, settings.seed, step)
    console, table = output(), Table("bad inputs", "refused in one line", "taken, whole", "faults")
    for kind, tally in found.inputs.items():
        table.add_row(kind, str(tally.refused), str(tally.taken), str(len(tally.faults)))
    faults = [f"{kind} {fault}" for kind, tally in found.inputs.items() for fault in tally.faults]
    console.print(table)
    console.print(f"inputs: {settings.inputs - len(faults)} of {settings.inputs} refused in one line or taken rightly")
    console.print(f"kills and full disks: files whole after {found.readable} of {found.kills}")
    memory = ", ".join(f"{size:.0f}" for size in found.megabytes)
    console.print(f"{found.frames} frames, {found.frames_per_second:.0f} a second; MB as they went by: {memory}")
    console.print(f"the same frames twice give the same bytes: {'yes' if found.same_bytes else 'NO'}")
    for line in [*faults, *found.torn]:
        console.print(line)
    write_json(file, asdict(found))
    console.print(f"written to {file}")
    return 0 if not faults and not found.torn and found.same_bytes else 1
