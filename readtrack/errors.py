"""The one exception that users see."""

from typing import Any

NO_MEMORY = ("out of memory", "allocate memory", "insufficient memory", "bad allocation", "bad_alloc")


class InputError(ValueError):
    """Something handed in (a file, a box, a setting) cannot be used.

    The message is one line in the library's own terms: it names the thing, says what is wrong with it and what to do
    about it. Commands print it without a traceback and exit with status 2.

    Attributes:
        parameter: the setting or argument that mends it, such as ``"overwrite"``; commands add its flag. None where no
            single one does.
    """

    def __init__(self, message: str, parameter: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter


def given(value: Any) -> str:
    """What a value is, for messages: an array's kind of number and shape, else its class."""
    shape, kind = getattr(value, "shape", None), type(value).__name__
    return kind if shape is None else f"{kind} of {getattr(value, 'dtype', 'unknown kind')}, shape {tuple(shape)}"


def memory_ran_out(error: BaseException) -> bool:
    """Whether it says so: Python and NumPy by a class of their own; PyTorch, ONNX Runtime and OpenCV in words."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or (not isinstance(error, InputError) and any(map(said.count, NO_MEMORY)))


def first_line(error: BaseException) -> str:
    """The first line of what another library's exception says, at most 160 characters; else the name of its class.

    Of an error of the operating system it is the reason alone.
    """
    said = str(getattr(error, "strerror", None) or error)
    return next((line.strip() for line in said.splitlines() if line.strip()), type(error).__name__)[:160]
