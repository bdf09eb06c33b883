"""What tasks leave behind: files, a progress bar, and what was scored by which software."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from readtrack.errors import InputError
from readtrack.read.checkpoint import find_weights
from readtrack.read.matcher import Matcher


def about_weights(weights: str, matcher: Matcher) -> dict[str, Any]:
    """Name, SHA-256 and network of what was scored."""
    return {"name": weights, "sha256": _sha256(find_weights(weights)), "network": asdict(matcher.config)}


def versions() -> dict[str, str]:
    """Of the packages that figures depend on."""
    return {name: version(name) for name in ("readtrack", "torch", "numpy")}


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


def write_json(file: Path, content: dict[str, Any]) -> None:
    """Atomically."""
    _write(file, "--json", (json.dumps(content, indent=2, default=str) + "\n").encode())


def write_picture(file: Path, flag: str, image: NDArray[np.uint8]) -> None:
    """A BGR image (H, W, 3) as PNG, atomically."""
    _write(file, flag, cv2.imencode(".png", image)[1].tobytes())


def check_picture(file: Path, flag: str) -> None:
    """As ``prepare``, of a PNG."""
    if file.suffix.lower() != ".png":
        raise InputError(f"{file}: is drawn as PNG; give a name that ends in .png to {flag}")
    prepare(file, flag)


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


def _write(file: Path, flag: str, content: bytes) -> None:
    partial = file.with_name(f"{file.name}.partial")
    try:
        partial.write_bytes(content)
        os.replace(partial, file)
    except OSError as error:
        raise _refusal(file, flag, error) from error


def _refusal(file: Path, flag: str, error: OSError) -> InputError:
    return InputError(f"{file}: cannot be written ({error.strerror}); choose another with {flag}")


def _sha256(file: Path) -> str:
    """In hexadecimal."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
