"""Files that are there whole or not at all."""

import os
import tempfile
from pathlib import Path

from readtrack.errors import InputError


def prepare(file: Path, flag: str) -> None:
    """Make a file's folder and raise InputError where it cannot be written: before the work, not after."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.is_dir():
            raise IsADirectoryError(0, "is a folder")
        with tempfile.TemporaryFile(dir=file.parent):
            pass
    except OSError as error:
        raise _refusal(file, flag, error) from error


def write_whole(file: Path, flag: str, content: bytes) -> None:
    """Atomically; ``flag`` is what an error says to choose another file with."""
    partial = file.with_name(f"{file.name}.partial")
    try:
        partial.write_bytes(content)
        os.replace(partial, file)
    except OSError as error:
        raise _refusal(file, flag, error) from error
    finally:
        partial.unlink(missing_ok=True)


def _refusal(file: Path, flag: str, error: OSError) -> InputError:
    return InputError(f"{file}: cannot be written ({error.strerror}); choose another with {flag}")
