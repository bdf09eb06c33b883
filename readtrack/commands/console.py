"""What all commands share: how they end, a bar for long work, and where they print."""

import errno
import faulthandler
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

from readtrack.commands.parsing import flag
from readtrack.errors import InputError, memory_ran_out

if TYPE_CHECKING:
    from rich.console import Console

INPUT_ERROR, INCOMPLETE, INTERRUPTED = 2, 3, 130  # exit statuses
ENDING = ("SIGTERM", "SIGHUP")  # what ends work like Ctrl-C: a polite kill, a terminal that is closed


def exit_status(work: Callable[[], object]) -> int:
    """Do a command's work, which returns an exit status or nothing.

    Whoever reads what is printed may go away, as `head` does: the work is done all the same.

    Returns:
        0, 2 after an InputError or where memory ran out, and 130 after Ctrl-C, SIGTERM or a terminal that was closed,
        told in a line on stderr; or what ``work`` returns. Where a library crashes, the stack is told.
    """
    with redirect_stdout(cast(IO[str], _Lasting(sys.stdout))), redirect_stderr(cast(IO[str], _Lasting(sys.stderr))):
        return _status(work)


class _Lasting:
    """A stream that goes on into nothing once nobody reads it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._try(self._stream.write, text)
        return len(text)

    def flush(self) -> None:
        self._try(self._stream.flush)

    def _try(self, call: Callable[..., object], *words: str) -> None:
        try:
            call(*words)
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EIO):  # the latter of a terminal that was closed
                raise
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())  # so that neither this nor Python's last flush fails again
            os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _status(work: Callable[[], object]) -> int:
    if sys.__stderr__ is not None:
        faulthandler.enable(sys.__stderr__)
    previous = {}
    for number in (getattr(signal, name) for name in ENDING if hasattr(signal, name)):
        with suppress(ValueError):  # not in the main thread, which alone has signals
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
                previous[number] = signal.signal(number, signal.default_int_handler)
    try:
        status = work()
    except InputError as error:
        print(f"error: {in_flags(error)}", file=sys.stderr)
        return INPUT_ERROR
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if not memory_ran_out(error):
            raise
        print("error: memory ran out: close other programs, or take less at once", file=sys.stderr)
        return INPUT_ERROR
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
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


class Report(Protocol):
    """What is called as work goes on."""

    def __call__(self, done: int, words: str = "") -> None:
        """So much is done, and how it goes."""


@contextmanager
def progress(
    task: str, quiet: bool = False, line_every: float | None = None
) -> Iterator[tuple[Callable[[int | None], None], Report]]:
    """A bar on stderr, where that is a terminal: what to call with the total at the beginning, and with what is done.

    It begins with the first, since a bar and printed lines would mix.

    Args:
        task: what is counted.
        quiet: show nothing.
        line_every: seconds between plain lines on stderr, where that is no terminal; None: no such lines.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    words_column = TextColumn("{task.fields[words]}")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), words_column, TimeRemainingColumn())
    plain = line_every is not None and not quiet and not console.is_terminal
    bars = Progress(
        *columns,
        console=console,
        disable=quiet or not console.is_terminal,
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
    )
    bar = bars.add_task(task, total=None, words="")
    told = time.perf_counter()

    def begin(total: int | None) -> None:
        bars.update(bar, total=total)
        bars.start()

    def report(done: int, words: str = "") -> None:
        nonlocal told
        bars.update(bar, completed=done, words=words)
        if plain and time.perf_counter() - told > (line_every or 0.0):
            told = time.perf_counter()
            print(f"{task} {done} of {bars.tasks[0].total or '?'}: {words}", file=sys.stderr, flush=True)

    try:
        yield begin, report
    finally:
        bars.stop()
