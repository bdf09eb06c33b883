"""The one exception that users see."""


class InputError(ValueError):
    """Something handed in (a file, a box, an option) cannot be used.

    The message is one line: it names the thing, says what is wrong with it and what to do about it. Commands
    print it without a traceback and exit with status 2.
    """
