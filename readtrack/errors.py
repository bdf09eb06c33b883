"""The one exception that users see, and how a command ends by it."""

import sys
from collections.abc import Callable


class InputError(ValueError):
    """Something handed in (a file, a box, an option) cannot be used.

    The message is one line: it names the thing, says what is wrong with it and what to do about it. Commands
    print it without a traceback and exit with status 2.
    """


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
