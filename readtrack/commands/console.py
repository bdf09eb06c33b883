"""What all commands share: how they end, a bar for long work, and where they print."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from readtrack.commands.parsing import flag
from readtrack.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

INPUT_ERROR, INTERRUPTED = 2, 130  # exit statuses


def exit_status(work: Callable[[], object]) -> int:
    """Do a command's work, which returns an exit status or nothing.

    Returns:
        0, 2 after an InputError and 130 after Ctrl-C or SIGTERM, either told in a line on stderr.
    """
    try:
        previous = signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill ends like Ctrl-C
    except ValueError:  # not in the main thread, which alone has signals
        previous = None
    try:
        status = work()
    except InputError as error:
        print(f"error: {in_flags(error)}", file=sys.stderr)
        return INPUT_ERROR
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return INTERRUPTED
    finally:
        if previous is not None:
            signal.signal(signal.SIGTERM, previous)
    return status if isinstance(status, int) else 0


def in_flags(error: InputError) -> str:
    """What an error says, in one line, with the flag that mends it."""
    message = " ".join(str(error).split())
    if error.parameter is None or flag(error.parameter) in message:
        return message
    return f"{message} ({flag(error.parameter)})"


def output(quiet: bool = False) -> "Console":
    """Where a command prints what it found; lines are as long as they are."""
    from rich.console import Console

    return Console(quiet=quiet, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def progress(task: str, quiet: bool = False) -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """A bar on stderr, where that is a terminal: what to call with the total at the beginning, and with what is done.

    It begins with the first, since a bar and printed lines would mix.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

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
