"""What every task prints and leaves behind."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from readtrack.commands.console import INCOMPLETE, output, progress

if TYPE_CHECKING:
    from rich.console import Console

    from readtrack.evaluation.peers.selection import LeftOut


@dataclass(frozen=True)
class Output:
    """Where results go."""

    report: Path | None = None  # JSON of everything found; left out: in runs/
    quiet: bool = False  # print errors only

    def file(self, name: str, settings: Any) -> Path:
        """The report to write, ``runs/<name>.json`` unless one is given; raises InputError where it cannot be.

        What the task reads, by its ``settings``, is never replaced.
        """
        from readtrack.files import check_apart, check_writable

        file = self.report or Path("runs") / f"{name}.json"
        values = vars(settings).values()
        named = [one for value in values for one in (value if isinstance(value, tuple) else (value,))]
        check_apart([file], [one for one in named if isinstance(one, str | Path)], "report")
        check_writable(file)
        return file

    def console(self) -> "Console":
        """Where to print."""
        return output(self.quiet)

    @contextmanager
    def progress(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """A bar: what to call with how many are done, and of how many."""
        with progress(what, self.quiet) as (begin, report):

            def told(done: int, total: int) -> None:
                if not done:
                    begin(total)
                report(done)

            yield told


def write_report(file: Path, found: Any, console: "Console") -> int:
    """A report as JSON, and a line that says so; the exit status, which tells of frames that were lost."""
    from dataclasses import asdict

    from readtrack.evaluation.provenance import write_json

    write_json(file, asdict(found))
    console.print(f"written to {file}")
    lost = getattr(found, "lost", {})
    for name, frames in lost.items():
        console.print(f"{name}: {frames} frames could not be decoded, and are not scored")
    return INCOMPLETE if lost else 0


def print_left_out(left_out: "Sequence[LeftOut]", sources: int, console: "Console") -> None:
    """Who did not take part, each reason once."""
    where: dict[tuple[str, str], list[str]] = {}
    for one in left_out:
        where.setdefault((one.tracker, one.why), []).append(one.source)
    for (tracker, why), names in where.items():
        places = "" if len(names) == sources else f" on {', '.join(names)}"
        console.print(f"left out{places}: {tracker}: {why}")
