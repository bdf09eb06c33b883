"""Cameras as a file or a command line names them: sources, clocks, and how they lie to each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from readtrack.errors import InputError, first_line
from readtrack.linking.cameras import Layout

KEYS = {"name", "source", "start", "fps", "detections"}
WHOLE = {"cameras", "overlapping", "travel"}
RESERVED = {"summary.json", "passages.csv", "index.html"}


@dataclass(frozen=True)
class Camera:
    """One of several cameras."""

    name: str  # of its folder; empty takes that of the source
    source: str
    start: float = 0.0  # seconds of the common clock at its frame 0; since 1970 where a date was given
    dated: bool = False  # whether one was
    fps: float | None = None  # where the source is silent or wrong about it
    detections: Path | None = None  # MOT det.txt of this camera instead of a detector


@dataclass(frozen=True)
class Cameras:
    """Several cameras, and how they lie."""

    cameras: list[Camera]
    layout: Layout


def read_cameras(path: Path) -> Cameras:
    """Read a YAML file of cameras.

    ``cameras`` is a list of ``source`` with, as needed, ``name``, ``start`` (seconds, or a date and time), ``fps`` and
    ``detections``; ``overlapping`` says which may show one person at once: true (the default), false, or a list of
    pairs of names; ``travel`` is a list of [name, name, least seconds from one to the other]. Paths are relative to
    the file's folder.

    Raises:
        InputError: the file cannot be read, or says something else; it names the entry.
    """
    import yaml  # only where there is such a file

    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        told = " ".join(str(error).split()) if isinstance(error, yaml.YAMLError) else first_line(error)
        raise InputError(f"{path}: cannot be read as YAML ({told})", "cameras") from error
    if not isinstance(told, dict) or not isinstance(told.get("cameras"), list) or not told["cameras"]:
        raise InputError(f"{path}: has no list called cameras: give one of name and source each", "cameras")
    if unknown := set(map(str, told)) - WHOLE:
        raise InputError(f"{path}: {sorted(unknown)[0]!r} is none of {', '.join(sorted(WHOLE))}", "cameras")
    cameras = [_camera(path, number, one) for number, one in enumerate(told["cameras"], 1)]
    if len({one.dated for one in cameras}) > 1:
        raise InputError(f"{path}: start is a date in some cameras only: give all of them one, or seconds", "cameras")
    names = [one.name for one in cameras]
    check_names(names)
    overlapping = told.get("overlapping", True)
    apart = ~np.eye(len(names), dtype=bool) & (overlapping is not True)
    if not isinstance(overlapping, bool):
        for one, other in _pairs(path, "overlapping", overlapping, names, 2):
            apart[one, other] = apart[other, one] = False
    travel = np.zeros((len(names), len(names)))
    for one, other, seconds in _pairs(path, "travel", told.get("travel", []), names, 3):
        travel[one, other] = travel[other, one] = seconds
        apart[one, other] = apart[other, one] = apart[one, other] or seconds > 0
    return Cameras(cameras, Layout(apart, travel))


def named_cameras(sources: Sequence[str], names: Sequence[str], overlapping: bool) -> Cameras:
    """Cameras of a command line, whose clocks begin together; equal names are numbered.

    Raises:
        InputError: a source is named twice.
    """
    taken: list[str] = []
    for name in names:
        free = (f"{name}-{number}" if number > 1 else name for number in range(1, len(names) + 2))
        taken.append(next(one for one in free if one.casefold() not in {each.casefold() for each in taken}))
    cameras = [Camera(name, source) for name, source in zip(taken, sources, strict=True)]
    check_sources(cameras)
    apart = ~np.eye(len(cameras), dtype=bool) & (not overlapping)
    return Cameras(cameras, Layout(apart, np.zeros((len(cameras), len(cameras)))))


def check_sources(cameras: Sequence[Camera]) -> None:
    """Raises InputError where two cameras are one file or address."""
    for one, other in combinations(cameras, 2):
        files = Path(one.source), Path(other.source)
        try:
            same = one.source == other.source or files[0].samefile(files[1])
        except (OSError, ValueError):  # one of them is no file
            same = False
        if same:
            raise InputError(f"{other.source}: is there twice, as {one.name} and as {other.name}: leave one out")


def check_names(names: Sequence[str]) -> None:
    """Raises InputError where a name cannot be a folder's, or two are the same."""
    for name in names:
        if not name or name in (".", "..") or set(name) & set('/\\:*?"<>|\n') or name in RESERVED or len(name) > 80:
            raise InputError(f"camera {name!r}: is no name for a folder: give letters, digits and dashes")
    known = [name.casefold() for name in names]
    twice = next((name for name in names if known.count(name.casefold()) > 1), None)
    if twice is not None:
        raise InputError(f"camera {twice!r}: two have this name: give each its own")


def _camera(path: Path, number: int, told: Any) -> Camera:
    """An entry of the list."""
    where = f"{path}: camera {number}"
    if not isinstance(told, dict) or not isinstance(told.get("source"), str | int) or told.get("source") == "":
        raise InputError(f"{where}: has no source: give a file, folder or address", "cameras")
    if unknown := set(map(str, told)) - KEYS:
        raise InputError(f"{where}: {sorted(unknown)[0]!r} is none of {', '.join(sorted(KEYS))}", "cameras")
    fps, start, found = told.get("fps"), told.get("start", 0), told.get("detections")
    if fps is not None and (isinstance(fps, bool) or not isinstance(fps, int | float) or not 0 < fps < 1000):
        raise InputError(f"{where}: fps {fps!r}: give frames per second, above 0 and below 1000", "cameras")
    if found is not None and not isinstance(found, str):
        raise InputError(f"{where}: detections {found!r}: give a file", "cameras")
    source = _beside(path, str(told["source"]))
    return Camera(
        name=str(told.get("name", Path(source).stem or source)),
        source=source,
        start=_seconds(where, start),
        dated=isinstance(start, date),
        fps=fps,
        detections=None if found is None else Path(_beside(path, found)),
    )


def _seconds(where: str, start: Any) -> float:
    """When a camera begins: seconds, or those since 1970; a date without a zone is of this machine's."""
    if isinstance(start, datetime):
        return start.astimezone(timezone.utc).timestamp()
    if isinstance(start, date):
        return datetime(start.year, start.month, start.day).astimezone(timezone.utc).timestamp()
    if isinstance(start, bool) or not isinstance(start, int | float) or not np.isfinite(start):
        raise InputError(f"{where}: start {start!r}: give seconds, or a date as 2026-11-02T08:00:00", "cameras")
    return float(start)


def _beside(path: Path, source: str) -> str:
    """A file as seen from the folder of the YAML; whatever is no such file stays as it is."""
    there = path.parent / source
    return str(there) if not Path(source).is_absolute() and there.exists() else source


def _pairs(path: Path, key: str, told: Any, names: Sequence[str], length: int) -> list[Any]:
    """Pairs of places among names, with seconds where there are three values."""
    place = {name: number for number, name in enumerate(names)}
    found = []
    for entry in told if isinstance(told, list) else [told]:
        good = isinstance(entry, list) and len(entry) == length and all(str(name) in place for name in entry[:2])
        if good and length == 3:
            good = isinstance(entry[2], int | float) and not isinstance(entry[2], bool) and 0 <= entry[2] < np.inf
        if not good or str(entry[0]) == str(entry[1]):
            wanted = "two cameras' names" + (" and seconds" if length == 3 else "")
            raise InputError(f"{path}: {key} {entry!r}: give {wanted}, of {', '.join(names)}", "cameras")
        found.append((place[str(entry[0])], place[str(entry[1])], *entry[2:]))
    return found
