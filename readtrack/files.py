"""Files that are there whole or not at all."""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from readtrack.errors import InputError, first_line

REPORTS = (".json", ".safetensors")  # which no command finds in a folder by itself
EDGE = 1 << 20  # bytes by which a file begins and ends
MANY = 100  # files of which sizes alone tell enough


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


def check_apart(written: Iterable[Path], read: Iterable[str | Path | None], parameter: str = "out") -> None:
    """Raise InputError where something that a command writes or replaces is, or holds, something that it reads.

    Args:
        written: files, and folders that are removed as a whole; what is not there yet is in nobody's way.
        read: files and folders; names of something else, and None, are passed over. Of a file in a folder that is
            read, only the kinds of ``REPORTS`` may be replaced.
        parameter: which says where to write.
    """
    there = [path for path in written if path.exists()]
    files = {_identity(path): path for path in there if not path.is_dir()}
    folders = {path.resolve(): path for path in there if path.is_dir()}
    for source in read if there else ():
        place = Path(source or "")
        if not source or not os.path.exists(place):
            continue
        clash = files.get(_identity(place))
        if clash is None and folders:
            resolved = place.resolve()
            clash = next((path for full, path in folders.items() if full in (resolved, *resolved.parents)), None)
        if clash is None and place.is_dir():
            inside = (path for path in files.values() if path.suffix not in REPORTS)
            clash = next((path for path in inside if place.resolve() in path.resolve().parents), None)
        if clash is not None:
            raise InputError(f"{clash}: would be replaced, and {source} is read: write elsewhere", parameter)


def _identity(path: Path) -> tuple[int, int]:
    """The same for all names of one file."""
    told = path.stat()
    return told.st_dev, told.st_ino


def sha256(path: Path) -> str:
    """The digest of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def fingerprint(paths: Sequence[Path]) -> str:
    """What tells files from others whatever they are called, in hexadecimal: sizes, and how they begin and end."""
    digest = hashlib.sha256()
    for path in paths:
        size = path.stat().st_size
        digest.update(f"{size} ".encode())
        if len(paths) < MANY:
            with path.open("rb") as stream:
                digest.update(stream.read(EDGE))
                stream.seek(max(0, size - EDGE))
                digest.update(stream.read(EDGE))
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
