"""Corrections that stay: who is one person, who is two, who is called what, who is nobody.

A correction is kept with a box of each person that it is about, not with numbers alone, so that it finds them again
after the run was repeated, whatever their numbers are then.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.errors import InputError, first_line
from readtrack.files import replacing

if TYPE_CHECKING:
    from readtrack.results.table import Table

FILE = "edits.json"
SAME_BOX = 0.5  # IoU from which a box is the one that a correction is about
APART = 0.5  # IoU of two boxes in a frame below which they are surely two people

Anchor: TypeAlias = tuple[int, tuple[float, float, float, float]]  # frame of the source, from 0, and box xyxy


@dataclass(frozen=True)
class Edit:
    """A correction."""

    do: str  # merge, split, rename, drop
    people: list[int]  # their numbers when it was made
    anchors: list[Anchor]  # a box of each; of a split one before and one after
    at: int | None = None  # frame from which on it is another person, of a split
    name: str | None = None  # of a rename

    @property
    def words(self) -> str:
        """In words."""
        rest = "" if self.at is None else f" at {self.at}"
        return f"{self.do} {' '.join(map(str, self.people))}{rest}{'' if self.name is None else ' ' + repr(self.name)}"


def read_edits(folder: Path) -> list[Edit]:
    """The corrections of a run's folder, in their order; none where there is no file.

    Raises:
        InputError: the file is damaged.
    """
    path = folder / FILE
    try:
        rows = json.loads(path.read_text())["edits"] if path.is_file() else []
        edits = [_edit(row) for row in rows]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path}: cannot be read ({first_line(error)}): mend or remove it") from error
    return edits


def write_edits(folder: Path, edits: Sequence[Edit]) -> None:
    """Write them, whole or not at all."""
    with replacing(folder / FILE) as partial:
        partial.write_text(json.dumps({"edits": [asdict(edit) for edit in edits]}, indent=1) + "\n")


def merge(table: "Table", one: int, other: int) -> Edit:
    """Two people are one.

    Raises:
        InputError: either is not there, or they are seen together.
    """
    if one == other:
        raise InputError(f"{one} and {other} are one number: give two people")
    rows, others = _rows(table, one), _rows(table, other)
    if (frame := _together(table, rows, others)) is not None:
        raise InputError(
            f"{one} and {other} are both seen in frame {frame}, so they are two people: split one there first"
        )
    return Edit("merge", [one, other], [_anchor(table, rows), _anchor(table, others)])


def split(table: "Table", one: int, at: int) -> Edit:
    """From a frame on it is another person.

    Raises:
        InputError: nobody of that number is there, or not both before that frame and from it on.
    """
    rows = _rows(table, one)
    before, after = rows[table.frame[rows] < at], rows[table.frame[rows] >= at]
    if not len(before) or not len(after):
        first, last = table.frame[rows[[0, -1]]].tolist()
        raise InputError(f"{one} is seen from frame {first} to {last}: give a frame after the first, to the last", "at")
    return Edit("split", [one], [_anchor(table, before), _anchor(table, after)], at=at)


def rename(table: "Table", one: int, name: str) -> Edit:
    """Somebody has a name. Raises InputError where nobody has that number."""
    return Edit("rename", [one], [_anchor(table, _rows(table, one))], name=name)


def drop(table: "Table", one: int) -> Edit:
    """Somebody is no person, or none who counts. Raises InputError where nobody has that number."""
    return Edit("drop", [one], [_anchor(table, _rows(table, one))])


def apply(table: "Table", edits: Sequence[Edit]) -> tuple["Table", list[str]]:
    """A table with corrections, and of each that cannot be applied (any more) why.

    What the table has already, since the run took it, is left as it is.
    """
    left_out = []
    for edit in edits:
        try:
            table = _DO[edit.do](table, edit)
        except InputError as error:
            left_out.append(f"correction left out: {edit.words}: {error}")
    return table, left_out


def person_at(table: "Table", anchor: Anchor) -> int:
    """Whose box an anchor is. Raises InputError where nobody's."""
    frame, xyxy = anchor
    rows = np.flatnonzero(table.frame == frame)
    overlap = boxes.iou(np.array([xyxy], dtype=np.float64), table.xyxy[rows])[0]
    if not len(rows) or overlap.max() < SAME_BOX:
        raise InputError(f"nobody is found there in frame {frame} any more")
    return int(table.id[rows[overlap.argmax()]])


def _merged(table: "Table", edit: Edit) -> "Table":
    one, other = (person_at(table, anchor) for anchor in edit.anchors)
    if one == other:
        return table
    rows, others = _rows(table, one), _rows(table, other)
    if (frame := _together(table, rows, others)) is not None:
        raise InputError(f"both are seen in frame {frame}")
    table = replace(table, id=np.where(table.id == other, one, table.id))
    trust = np.where(table.filled, -1.0, table.confidence)
    order = np.lexsort((-trust, table.id, table.frame))  # of two boxes in a frame the better one stays
    again = (np.diff(table.frame[order]) == 0) & (np.diff(table.id[order]) == 0)
    names = {track: name for track, name in table.names.items() if track != other}
    if other in table.names:
        names.setdefault(one, table.names[other])
    return replace(_taken(table, order[~np.concatenate([[False], again])]), names=names)


def _split(table: "Table", edit: Edit) -> "Table":
    one, other = (person_at(table, anchor) for anchor in edit.anchors)
    if one != other:
        return table
    new = int(max(table.id.max(), table.found.max())) + 1
    return replace(table, id=np.where((table.id == one) & (table.frame >= (edit.at or 0)), new, table.id))


def _renamed(table: "Table", edit: Edit) -> "Table":
    return replace(table, names={**table.names, person_at(table, edit.anchors[0]): edit.name or ""})


def _dropped(table: "Table", edit: Edit) -> "Table":
    return _taken(table, np.flatnonzero(table.id != person_at(table, edit.anchors[0])))


_DO: dict[str, Callable[["Table", Edit], "Table"]] = {
    "merge": _merged,
    "split": _split,
    "rename": _renamed,
    "drop": _dropped,
}


def _taken(table: "Table", rows: NDArray[Any]) -> "Table":
    """The table's rows in that order."""
    columns = ("frame", "seconds", "id", "found", "xyxy", "confidence", "filled", "probability")
    return replace(table, **{name: getattr(table, name)[rows] for name in columns})


def _rows(table: "Table", one: int) -> NDArray[np.int64]:
    """Somebody's rows, by frame."""
    rows = np.flatnonzero(table.id == one)
    if not len(rows):
        known = sorted(set(table.id.tolist()))
        shown = ", ".join(map(str, known[:20])) + (", ..." if len(known) > 20 else "")
        raise InputError(f"nobody has the number {one}: there are {shown or 'none'}")
    return rows[np.argsort(table.frame[rows], kind="stable")]


def _anchor(table: "Table", rows: NDArray[np.int64]) -> Anchor:
    """The box by which somebody is found again: that of the highest confidence."""
    trust = np.where(table.filled[rows], -1.0, table.confidence[rows])
    row = rows[trust.argmax()]
    left, top, right, bottom = table.xyxy[row].round(2).tolist()
    return int(table.frame[row]), (left, top, right, bottom)


def _together(table: "Table", rows: NDArray[np.int64], others: NDArray[np.int64]) -> int | None:
    """The first frame in which two people are both seen, apart from each other; None where they never are."""
    rows, others = rows[~table.filled[rows]], others[~table.filled[others]]
    frames, one, other = np.intersect1d(table.frame[rows], table.frame[others], return_indices=True)
    apart = boxes.iou_each(table.xyxy[rows[one]], table.xyxy[others[other]]) < APART
    return int(frames[apart][0]) if apart.any() else None


def _edit(row: dict[str, Any]) -> Edit:
    """A row of the file. Raises one of KeyError, TypeError, ValueError where it is none."""
    anchors = [(int(frame), tuple(float(edge) for edge in xyxy)) for frame, xyxy in row["anchors"]]
    if row["do"] not in _DO or len(anchors) != (2 if row["do"] in ("merge", "split") else 1):
        raise ValueError(f"{row['do']!r} is no correction")
    if any(len(xyxy) != 4 for _, xyxy in anchors):
        raise ValueError("a box needs four numbers")
    people = [int(number) for number in row["people"]]
    return Edit(row["do"], people, anchors, row.get("at"), row.get("name"))  # type: ignore[arg-type]
