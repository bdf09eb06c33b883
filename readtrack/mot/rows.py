"""Lines of text to rows of numbers, and rows to boxes by frame."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack.boxes import tlwh_to_xyxy
from readtrack.errors import InputError

log = logging.getLogger("readtrack")

Rows = NDArray[np.float64]

LAYOUT = "frame,id,left,top,width,height,..."
COLUMNS = 10  # more than a MOTChallenge line has
DECIMAL = re.compile(r"[-+]?\d+([,.]\d+)?")


def read_rows(path: Path) -> Rows:
    """All lines as (N, 9), frames from 1, what is missing as -1; by NumPy, or line by line where it gives up.

    Semicolons may separate as well as commas, tabs and spaces; decimal commas are understood beside them. Frames
    that count from 0 are moved by one, which is logged.

    Raises:
        InputError: the file is missing, or a line of it is broken.
    """
    text = _read_text(path)
    lines = list(_lines(text))
    if not lines:
        return np.empty((0, 9))
    plain = [_pointed(line) for _, line in lines]
    if "." not in text:
        _refuse_split_numbers(path, plain)
    try:
        values = np.loadtxt(plain, delimiter="," if "," in plain[0] else None, ndmin=2)
    except ValueError:
        values = _parse_slowly(path, lines, plain)
    if values.shape[1] < 6:
        raise _broken(path, *lines[0])
    rows = np.full((len(values), 9), -1.0)
    rows[:, : values.shape[1]] = values[:, :9]
    wrong = ~np.isfinite(rows[:, :7]).all(axis=1) | (rows[:, 0] < 0) | (rows[:, 4:6] < 0).any(axis=1)
    wrong |= (rows[:, :2] != np.round(rows[:, :2])).any(axis=1) | (np.abs(rows[:, :2]) > 2**53).any(axis=1)
    if wrong.any():
        raise _broken(path, *lines[int(wrong.argmax())])
    if (rows[:, 0] == 0).any():
        log.warning(f"{path}: frames count from 0, in place of MOTChallenge's 1: taken so")
        rows[:, 0] += 1
    return rows


def read_lines(path: Path) -> list[str]:
    """The lines behind the rows as they stand in the file, without comments."""
    return [line for _, line in _lines(_read_text(path))]


def row_error(path: Path, row: int, problem: str) -> InputError:
    """About a row of a file, counted from 0: its line, its text and what is wrong with it."""
    number, line = list(_lines(_read_text(path)))[row]
    return InputError(f'{path}:{number}: "{line[:60]}" {problem}')


def by_frame(rows: Rows, visibility: NDArray[np.float64] | None = None) -> dict[int, sv.Detections]:
    """Rows (N, 9) of a file as ``read_mot`` gives them."""
    if not len(rows):
        return {}
    order = np.argsort(rows[:, 0], kind="stable")
    rows = rows[order]
    xyxy = tlwh_to_xyxy(rows[:, 2:6])
    ids = rows[:, 1].astype(int) if (rows[:, 1] != -1).any() else None
    confidence = rows[:, 6] if (rows[:, 6] != -1).any() else np.ones(len(rows))
    frames, starts = np.unique(rows[:, 0].astype(int), return_index=True)
    found = {}
    for frame, start, stop in zip(frames.tolist(), starts, [*starts[1:], len(rows)], strict=True):
        found[frame - 1] = sv.Detections(
            xyxy=xyxy[start:stop],
            confidence=confidence[start:stop],
            class_id=np.zeros(stop - start, dtype=int),
            tracker_id=None if ids is None else ids[start:stop],
            data={} if visibility is None else {"visibility": visibility[order[start:stop]]},
        )
    return found


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not text: pass a MOTChallenge file with {LAYOUT}") from error
    except OSError as error:
        problem = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise InputError(f"{path}: {problem}: pass a MOTChallenge file with {LAYOUT}") from error


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """(line number from 1, content without comment) of the lines that hold something."""
    for number, line in enumerate(text.splitlines(), 1):
        if content := line.partition("#")[0].strip():
            yield number, content


def _pointed(line: str) -> str:
    """A line without decimal commas, where something else separates its numbers."""
    if ";" in line:
        return line.replace(",", ".").replace(";", ",")
    if "," in line and (" " in line or "\t" in line):
        parts = line.split()
        if len(parts) >= 6 and all(map(DECIMAL.fullmatch, parts)):
            return " ".join(parts).replace(",", ".")
    return line


def _refuse_split_numbers(path: Path, lines: list[str]) -> None:
    """Raise where commas that separate are also decimal ones, by which whole numbers come in too many columns."""
    for row, line in enumerate(lines):
        if line.rstrip(", \t").count(",") >= COLUMNS:
            fix = "write points, or put semicolons or tabs between the numbers"
            raise row_error(path, row, f"has decimal commas as it seems, more than {COLUMNS} whole numbers: {fix}")


def _parse_slowly(path: Path, lines: list[tuple[int, str]], plain: list[str]) -> Rows:
    """Lines of unequal length and mixed separators; raises for the first that is none."""
    rows = []
    for (number, line), text in zip(lines, plain, strict=True):
        try:
            values = [float(part) for part in re.split(r"\s*,\s*|\s+", text.rstrip(", \t"))][:9]
        except ValueError:
            values = []
        if len(values) < 6:
            raise _broken(path, number, line)
        rows.append(values + [-1.0] * (9 - len(values)))
    return np.array(rows)


def _broken(path: Path, number: int, line: str) -> InputError:
    shown = line if len(line) <= 60 else line[:57] + "..."
    return InputError(f'{path}:{number}: "{shown}" is not {LAYOUT}: fix or delete the line')
