"""What all commands share: how they end, and a bar for long work."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from readtrack.errors import InputError


@contextmanager
def progress(task: str, quiet: bool) -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """A bar on stderr, where that is a terminal: what to call with the total at the beginning, and with what is done.

    It begins with the first, since a bar and printed lines would mix.
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bars = Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True)
    bar = bars.add_task(task, total=None)

    def begin(total: int) -> None:
        bars.update(bar, total=total)
        bars.start()

    try:
        yield begin, lambda done: bars.update(bar, completed=done)
    finally:
        bars.stop()


def exit_status(work: Callable[[], object]) -> int:
    """Do a command's work: 0, or 2 after an InputError and 130 after Ctrl-C, each told in a line on stderr."""
    try:
        work()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    return 0
