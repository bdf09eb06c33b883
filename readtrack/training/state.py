"""Files of a training that must never be half written: last.pt and what else is replaced as it goes on."""

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from readtrack.errors import InputError, first_line
from readtrack.files import replacing
from readtrack.read.config import ReadConfig
from readtrack.training.config import TrainConfig
from readtrack.training.recipes import differences

IMAGES = "images.txt.gz"  # beside last.pt: the names of the images that are trained and scored on


def save_images(path: Path, names: Sequence[str]) -> None:
    """Write which images a training has. Raises InputError where it cannot be written."""
    with replacing(path) as partial:
        partial.write_bytes(gzip.compress("\n".join(names).encode("utf-8", "surrogateescape"), mtime=0))


def check_images(path: Path, names: Sequence[str]) -> None:
    """Raise InputError where images are others than ``save_images`` wrote, and say which."""
    try:
        earlier = set(gzip.decompress(path.read_bytes()).decode("utf-8", "surrogateescape").split("\n")) - {""}
    except (OSError, EOFError, ValueError, zlib.error):  # of an earlier version, or broken: counts are compared
        return
    for what, others in (("is gone", earlier.difference(names)), ("is new", set(names) - earlier)):
        if others:
            first = min(others).lstrip("/")
            problem = f"of other data: {first} {what}" + (
                f", as are {len(others) - 1:,} more" if len(others) > 1 else ""
            )
            raise InputError(
                f"{path.with_name('last.pt')}: {problem}: restore the data, or begin with its best", "init"
            )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn whatever keeps ``path`` from being appended to into one line."""
    try:
        yield
    except OSError as error:
        problem = f"{path}: cannot be written ({first_line(error)})"
        raise InputError(f"{problem}: make room, then go on", "resume") from error


def save_state(path: Path, states: dict[str, Any], config: TrainConfig, data: str) -> None:
    """Write all that is needed to go on; what was there before stays whole until the new file is.

    Args:
        path: of the file.
        states: state dicts and numbers.
        config: of the training, to be compared when it goes on.
        data: what it is trained on, in words, for the same purpose.

    Raises:
        InputError: it cannot be written.
    """
    with replacing(path, RuntimeError) as partial:
        torch.save({**states, "config": json.dumps(asdict(config)), "data": data}, partial)


def load_state(path: Path, config: TrainConfig, data: str) -> dict[str, Any]:
    """The states that ``save_state`` wrote.

    Raises:
        InputError: not such a file, or of another recipe or other data, with the first difference named.
    """
    try:
        kept = dict(torch.load(path, map_location="cpu", weights_only=True))
        about = json.loads(kept.pop("config"))
        theirs = TrainConfig(**{**about, "model": ReadConfig.from_json(about["model"], path)})
        their_data = kept.pop("data")
    except Exception as error:  # whatever a damaged or foreign pickle leads to
        reason = first_line(error)
        raise InputError(f"{path}: cannot be gone on from ({reason}): train again", "overwrite") from error
    if unlike := differences(theirs, config):
        words = ", ".join(f"{name} was {there}, is {here}" for name, (there, here) in unlike.items())
        problem = f"{path}: of another recipe ({words})"
        raise InputError(f"{problem}: go on with the same, or begin with its best", "init")
    if their_data != data:
        problem = f"{path}: of other data ({their_data}; now {data})"
        raise InputError(f"{problem}: go on with the same, or begin with its best", "init")
    return kept
