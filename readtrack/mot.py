"""MOTChallenge text in and out: the only room that knows 1-based frames.

A line is ``frame,id,left,top,width,height,conf,x,y,z``; what is unused is -1. Ground truth has the consider
flag in column 7 and, from MOT16 on, the class in column 8 and the visibility in column 9.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack.boxes import confidence_of, tlwh_to_xyxy, xyxy_to_tlwh
from readtrack.errors import InputError
from readtrack.files import replacing

Rows = NDArray[np.float64]

PEDESTRIAN = 1  # of the classes 1 to 13 of MOT16 and later
LAYOUT = "frame,id,left,top,width,height,..."


def read_mot(path: str | Path) -> dict[int, sv.Detections]:
    """Read detections or results, by 0-based frame; frames without a line are left out.

    Returns:
        For each frame its boxes in the file's order, with ``class_id`` 0. ``confidence`` is column 7 as it
        is, or 1 where the file has none or only -1. ``tracker_id`` is column 2, or None where that is -1
        throughout.

    Raises:
        InputError: the file is missing or a line of it is broken; an empty file is fine.
    """
    return by_frame(_read_rows(Path(path)))


def read_truth(path: str | Path, classes: Collection[int] = (PEDESTRIAN,)) -> dict[int, sv.Detections]:
    """Read ground truth (``gt.txt``), by 0-based frame: the pedestrians that count.

    Rows whose consider flag is 0 are dropped, and, where column 8 is a class (MOT16 and later; in MOT15
    columns 8 to 10 are a position in the world), those that are not pedestrians, or not of the given
    ``classes``. With classes comes ``data["visibility"]``, in [0, 1] or -1.

    Raises:
        InputError: as ``read_mot``, and where an identity is twice in a frame or missing.
    """
    path = Path(path)
    rows = _read_rows(path)
    classified = has_classes(rows)
    keep = (rows[:, 6] != 0) & (np.isin(rows[:, 7], list(classes)) | (not classified))
    for index in np.flatnonzero(keep & (rows[:, 1] < 0))[:1]:
        blame(path, int(index), "has no identity, so it is not ground truth: pass gt.txt")
    kept = np.flatnonzero(keep)
    _refuse_twins(path, rows, kept)
    rows = rows[keep]
    visibility = rows[:, 8].copy() if classified else None
    rows[:, 6] = 1
    return by_frame(rows, visibility)


@dataclass(frozen=True)
class MotTable:
    """A file of people with identities, line by line."""

    path: Path
    rows: Rows  # (N, 9): frame from 1, identity, left, top, width, height, columns 7 to 9; what is missing is -1

    def lines(self) -> list[str]:
        """The N lines as they stand in the file, without comments."""
        return [line for _, line in _lines(self.path.read_text(encoding="utf-8-sig"))]


def read_table(path: str | Path, frames: int | None = None) -> MotTable:
    """Read tracks or truth with all their rows.

    Args:
        path: the file; an empty one has no rows.
        frames: how many the sequence has, where that is known.

    Raises:
        InputError: as ``read_mot``, an identity is missing or twice in a frame, or a frame is beyond the last.
    """
    path = Path(path)
    rows = _read_rows(path)
    for index in np.flatnonzero(rows[:, 1] < 0)[:1]:
        blame(path, int(index), "has no identity: pass a file of tracks, or drop such rows")
    if frames is not None:
        for index in np.flatnonzero(rows[:, 0] > frames)[:1]:
            blame(path, int(index), f"is beyond the {frames} frames: pass the file of this sequence")
    _refuse_twins(path, rows, np.arange(len(rows)))
    return MotTable(path, rows)


def _refuse_twins(path: Path, rows: Rows, kept: NDArray[np.intp]) -> None:
    """Raise where one of the rows that are kept has an identity for the second time in its frame."""
    _, first = np.unique(rows[kept, :2], axis=0, return_index=True)
    for index in np.setdiff1d(np.arange(len(kept)), first)[:1]:
        blame(path, int(kept[index]), "has an identity for the second time in its frame: delete one")


def has_classes(rows: Rows) -> bool:
    """Whether column 8 holds MOT16's classes and column 9 the visibility, rather than world coordinates."""
    if not len(rows):
        return False
    kind, visibility = rows[:, 7], rows[:, 8]
    classes = (kind == np.round(kind)) & (kind >= 1) & (kind <= 13)
    return bool((classes & (visibility <= 1) & ((visibility >= 0) | (visibility == -1))).all())


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


def _read_rows(path: Path) -> Rows:
    """All lines as (N, 9), what is missing as -1; by NumPy, or line by line where it gives up."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not text: pass a MOTChallenge file with {LAYOUT}") from error
    except OSError as error:
        problem = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise InputError(f"{path}: {problem}: pass a MOTChallenge file with {LAYOUT}") from error
    first = next(_lines(text), None)
    if first is None:
        return np.empty((0, 9))
    try:
        values = np.loadtxt(text.splitlines(), delimiter="," if "," in first[1] else None, ndmin=2)
    except ValueError:
        values = _parse_slowly(path, text)
    if values.shape[1] < 6:
        raise _broken(path, *first)
    rows = np.full((len(values), 9), -1.0)
    rows[:, : values.shape[1]] = values[:, :9]
    wrong = ~np.isfinite(rows[:, :7]).all(axis=1) | (rows[:, 0] < 1) | (rows[:, 4:6] < 0).any(axis=1)
    wrong |= (rows[:, :2] != np.round(rows[:, :2])).any(axis=1) | (np.abs(rows[:, :2]) > 2**53).any(axis=1)
    if wrong.any():
        raise _broken(path, *list(_lines(text))[int(wrong.argmax())])
    return rows


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """(line number from 1, content without comment) of the lines that hold something."""
    for number, line in enumerate(text.splitlines(), 1):
        if content := line.partition("#")[0].strip():
            yield number, content


def _parse_slowly(path: Path, text: str) -> Rows:
    """Lines of unequal length and mixed separators; raises for the first that is none."""
    rows = []
    for number, line in _lines(text):
        try:
            values = [float(part) for part in re.split(r"\s*,\s*|\s+", line.rstrip(", \t"))][:9]
        except ValueError:
            values = []
        if len(values) < 6:
            raise _broken(path, number, line)
        rows.append(values + [-1.0] * (9 - len(values)))
    return np.array(rows)


def _broken(path: Path, number: int, line: str) -> InputError:
    shown = line if len(line) <= 60 else line[:57] + "..."
    return InputError(f'{path}:{number}: "{shown}" is not {LAYOUT}: fix or delete the line')


def blame(path: Path, row: int, problem: str) -> None:
    """Raise InputError about a row of a file, counted from 0: its line, its text and what is wrong with it."""
    number, line = list(_lines(path.read_text(encoding="utf-8-sig")))[row]
    raise InputError(f'{path}:{number}: "{line[:60]}" {problem}')


REMEMBERED = 4096  # frames whose identities the writer knows, to refuse one that comes twice


class MotWriter:
    """Append tracked boxes to a MOTChallenge file, best used in a ``with``.

    Every frame is handed to the system at once and in whole lines, so a killed run leaves a valid file.
    Frames may come late (filled in afterwards) and identities prove wrong: ``close`` then sorts and corrects the file.

    Args:
        path: The file to write; it is overwritten, and is there even if nothing is tracked.

    Raises:
        InputError: the path cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lines: dict[int, dict[int, int]] = {}  # frame -> identity -> its line
        self._count = 0  # lines
        self._corrected: dict[int, int] = {}  # line -> the right identity
        self._last = -1
        self._ordered = True
        try:
            self._file = open(self.path, "wb", buffering=0)  # noqa: SIM115, closed by close()
        except OSError as error:
            raise self._refusal(error) from error

    def write(self, index: int, detections: sv.Detections) -> None:
        """Append a frame's boxes whose ``tracker_id`` is at least 1; others are tentative and left out.

        Args:
            index: The 0-based frame.
            detections: Boxes in pixels. No confidence is written as 1.

        Raises:
            InputError: no ``tracker_id``, boxes that are not finite, or an identity twice in the frame.
        """
        if not len(detections):
            return
        where = f"{self.path}: frame {index}"
        if detections.tracker_id is None:
            raise InputError(f"{where}: boxes without tracker_id: write what the tracker returns")
        if index < 0:
            raise InputError(f"{where}: frames count from 0: pass Frame.index")
        ids = np.asarray(detections.tracker_id).astype(int)
        order = np.argsort(ids, kind="stable")
        order = order[ids[order] >= 1]
        tlwh = xyxy_to_tlwh(np.asarray(detections.xyxy, dtype=np.float64)[order])
        confidence = confidence_of(detections)
        if not np.isfinite(tlwh).all():
            raise InputError(f"{where}: a box is not finite: pass detections through readtrack.detect.clean")
        ids, known = ids[order], self._lines.get(index, {})
        if len({*known, *ids.tolist()}) < len(known) + len(ids):
            raise InputError(f"{where}: an identity is there twice: give each box of a frame its own")
        lines = [
            f"{index + 1},{i},{x:.2f},{y:.2f},{w:.2f},{h:.2f},{c:.4f},-1,-1,-1\n"
            for i, (x, y, w, h), c in zip(ids.tolist(), tlwh.tolist(), confidence[order].tolist(), strict=True)
        ]
        if not lines:
            return
        try:
            self._file.write("".join(lines).encode())
        except OSError as error:
            raise self._refusal(error) from error
        self._lines[index] = {
            **known,
            **dict(zip(ids.tolist(), range(self._count, self._count + len(ids)), strict=True)),
        }
        self._count += len(ids)
        if len(self._lines) > REMEMBERED:
            del self._lines[next(iter(self._lines))]
        self._ordered &= index > self._last
        self._last = max(index, self._last)

    def correct(self, corrections: Collection[tuple[int, int, int]]) -> None:
        """Say that identities of earlier frames were wrong.

        Args:
            corrections: 0-based frame, the identity as it was written or corrected last, the right one. All hold at
                once, so that two people may exchange theirs. Of frames long past they are left out.
        """
        known = [correction for correction in corrections if correction[1] in self._lines.get(correction[0], {})]
        lines = [self._lines[index].pop(was) for index, was, _ in known]
        for (index, _, now), line in zip(known, lines, strict=True):
            self._lines[index][now], self._corrected[line] = line, now

    def _refusal(self, error: OSError) -> InputError:
        return InputError(f"{self.path}: cannot be written ({error.strerror}): check the folder, rights and space")

    def close(self) -> None:
        """Close the file, sorted and corrected; harmless when done twice."""
        if self._file.closed:
            return
        self._file.close()
        if self._ordered and not self._corrected:
            return
        rows = []
        for number, line in enumerate(self.path.read_bytes().splitlines(keepends=True)):
            frame, identity, rest = line.split(b",", 2)
            rows.append((int(frame), self._corrected.get(number, int(identity)), rest))
        lines = [b"%d,%d,%b" % row for row in sorted(rows)]
        with replacing(self.path) as partial:
            partial.write_bytes(b"".join(lines))

    def __enter__(self) -> "MotWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
