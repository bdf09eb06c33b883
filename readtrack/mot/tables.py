"""Files of people with identities: the ground truth, and tracks with all their rows."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack.boxes import tlwh_to_xyxy
from readtrack.errors import InputError
from readtrack.mot.rows import Rows, by_frame, log, read_lines, read_rows, row_error

PEDESTRIAN = 1  # of the classes 1 to 13 of MOT16 and later
CLASSES = 13


def read_truth(path: str | Path, classes: Collection[int] = (PEDESTRIAN,)) -> dict[int, sv.Detections]:
    """Read ground truth (``gt.txt``), by 0-based frame: the pedestrians that count.

    Rows whose consider flag is 0 are dropped, and, where column 8 is a class (MOT16 and later; in MOT15
    columns 8 to 10 are a position in the world), those that are not pedestrians, or not of the given
    ``classes``. With classes comes ``data["visibility"]``, in [0, 1] or -1.

    Raises:
        InputError: as ``read_mot``, where an identity is twice in a frame or missing, and where nobody counts.
    """
    path = Path(path)
    rows = read_rows(path)
    if not len(rows):
        raise InputError(f"{path}: holds no ground truth: pass a gt.txt with people in it")
    classified = has_classes(rows)
    keep = (rows[:, 6] != 0) & (np.isin(rows[:, 7], list(classes)) | (not classified))
    for index in np.flatnonzero(keep & (rows[:, 1] < 0))[:1]:
        raise row_error(path, int(index), "has no identity, so it is not ground truth: pass gt.txt")
    kept = np.flatnonzero(keep)
    if not len(kept):
        wanted = f" of class {', '.join(map(str, classes))}" if classified else ""
        raise InputError(f"{path}: holds nobody{wanted} who counts (column 7 not 0): pass another gt.txt or classes")
    _refuse_twins(path, rows, kept)
    if classified:
        _tell_of_oddities(path, rows)
    rows = rows[keep]
    visibility = np.where(rows[:, 8] == -1, -1, np.clip(rows[:, 8], 0, 1)) if classified else None
    rows[:, 6] = 1
    return by_frame(rows, visibility)


@dataclass(frozen=True)
class MotTable:
    """A file of people with identities, line by line."""

    path: Path
    rows: Rows  # (N, 9): frame from 1, identity, left, top, width, height, columns 7 to 9; what is missing is -1

    def lines(self) -> list[str]:
        """The N lines as they stand in the file, without comments."""
        return read_lines(self.path)


def read_table(path: str | Path, frames: int | None = None) -> MotTable:
    """Read tracks or truth with all their rows.

    Args:
        path: the file; an empty one has no rows.
        frames: how many the sequence has, where that is known.

    Raises:
        InputError: as ``read_mot``, an identity is missing or twice in a frame, or a frame is beyond the last.
    """
    path = Path(path)
    rows = read_rows(path)
    for index in np.flatnonzero(rows[:, 1] < 0)[:1]:
        raise row_error(path, int(index), "has no identity: pass a file of tracks, or drop such rows")
    if frames is not None:
        for index in np.flatnonzero(rows[:, 0] > frames)[:1]:
            raise row_error(path, int(index), f"is beyond the {frames} frames: pass the file of this sequence")
    _refuse_twins(path, rows, np.arange(len(rows)))
    return MotTable(path, rows)


@dataclass(frozen=True)
class TrackRows:
    """Boxes of people with identities, by frame and identity; all arrays begin with N."""

    frames: NDArray[np.int64]  # from 0
    ids: NDArray[np.int64]
    xyxy: NDArray[np.float64]  # (N, 4)
    confidence: NDArray[np.float64]  # 1 where the file has none
    filled: NDArray[np.bool_]  # whether the row ends in 1: nobody detected it


def read_tracks(path: str | Path) -> TrackRows:
    """Read tracks as ``MotWriter`` or another tracker writes them.

    Raises:
        InputError: as ``read_table``.
    """
    table = read_table(path)
    rows, lines = table.rows, table.lines()
    order = np.lexsort((rows[:, 1], rows[:, 0]))
    filled = np.array([line.replace(" ", "").endswith("-1,-1,1") for line in lines], dtype=bool)
    rows = rows[order]
    confidence = np.where(rows[:, 6] == -1, 1.0, rows[:, 6])
    return TrackRows(
        frames=rows[:, 0].astype(np.int64) - 1,
        ids=rows[:, 1].astype(np.int64),
        xyxy=tlwh_to_xyxy(rows[:, 2:6]),
        confidence=confidence,
        filled=filled[order],
    )


def has_classes(rows: Rows) -> bool:
    """Whether column 8 holds MOT16's classes and column 9 the visibility, rather than world coordinates.

    The half of the rows decides: a few visibilities above 1 or classes of somebody's own leave it as it is.
    """
    return bool(len(rows)) and float((_is_class(rows) & _is_visibility(rows)).mean()) >= 0.5


def _is_class(rows: Rows) -> NDArray[np.bool_]:
    return np.asarray(np.isin(rows[:, 7], np.arange(1, CLASSES + 1)))


def _is_visibility(rows: Rows) -> NDArray[np.bool_]:
    return np.asarray(((rows[:, 8] >= 0) & (rows[:, 8] <= 1)) | (rows[:, 8] == -1))


def _tell_of_oddities(path: Path, rows: Rows) -> None:
    """Log what a truth with classes holds that is neither a class nor a visibility."""
    if foreign := np.unique(rows[~_is_class(rows), 7]).tolist():
        count = int((~_is_class(rows)).sum())
        shown = ", ".join(f"{value:g}" for value in foreign[:5])
        log.warning(f"{path}: {count} rows are of classes beyond 1 to {CLASSES} ({shown}): classes of their own")
    if count := int((~_is_visibility(rows)).sum()):
        log.warning(f"{path}: {count} rows have a visibility outside 0 to 1: taken as the nearer of the two")


def _refuse_twins(path: Path, rows: Rows, kept: NDArray[np.intp]) -> None:
    """Raise where one of the rows that are kept has an identity for the second time in its frame."""
    _, first = np.unique(rows[kept, :2], axis=0, return_index=True)
    for index in np.setdiff1d(np.arange(len(kept)), first)[:1]:
        raise row_error(path, int(kept[index]), "has an identity for the second time in its frame: delete one")
