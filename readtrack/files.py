"""Files that are there whole or not at all."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from readtrack.errors import InputError, first_line


@contextmanager
def replacing(path: Path, *failures: type[Exception]) -> Iterator[Path]:
    """A place in the same folder to write to; what is there becomes ``path`` once the block has ended well.

    Until then, and where the block fails, an earlier ``path`` stays as it was. The folder is made.

    Args:
        path: the file to be.
        failures: what else than an OSError a writer raises where the disk is full.

    Raises:
        InputError: it cannot be written: no right to, no room, or a folder of that name.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    caught: tuple[type[Exception], ...] = (OSError, *failures)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        os.replace(partial, path)
    except caught as error:
        raise InputError(f"{path}: cannot be written ({first_line(error)})") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """The digest of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def check_writable(path: Path) -> None:
    """Make a file's folder and raise InputError where the file cannot be written: before the work, not after."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(0, "is a folder")
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({first_line(error)})") from error
