"""Passages: who was where when, over several cameras."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from readtrack.files import replacing
from readtrack.results.table import Table

AWAY = 4.0  # seconds unseen by a camera after which somebody comes anew
COLUMNS = ("id", "name", "camera", "first_seen", "last_seen", "begins", "ends", "first_frame", "last_frame", "boxes")


@dataclass(frozen=True)
class Passage:
    """Somebody in a camera, with no absence of more than ``AWAY`` seconds."""

    id: int
    name: str
    camera: str
    begins: float  # seconds of the common clock
    ends: float
    first_frame: int  # of the camera's source, from 0
    last_frame: int
    boxes: int  # in which they were seen, without filled ones
    probability: float  # of the weakest link on their identity by then


def passages_of(table: Table, camera: str, start: float) -> list[Passage]:
    """Those of a camera's table, whose frame 0 was taken at ``start`` of the common clock, by person and time."""
    order = np.lexsort((table.frame, table.id))
    time = start + table.seconds
    cut = np.flatnonzero((np.diff(table.id[order]) != 0) | (np.diff(time[order]) > AWAY)) + 1
    found = []
    for rows in np.split(order, cut) if len(order) else []:
        track = int(table.id[rows[0]])
        found.append(
            Passage(
                id=track,
                name=table.names.get(track, ""),
                camera=camera,
                begins=float(time[rows[0]]),
                ends=float(time[rows[-1]]),
                first_frame=int(table.frame[rows[0]]),
                last_frame=int(table.frame[rows[-1]]),
                boxes=int((~table.filled[rows]).sum()),
                probability=float(table.probability[rows[-1]]),
            )
        )
    return found


def write_passages(path: Path, passages: Iterable[Passage], dated: bool = False) -> None:
    """Write a table as CSV, by time; whole or not at all.

    Args:
        path: the file.
        passages: of all cameras.
        dated: whether the common clock counts seconds since 1970, so that dates (UTC) can be told.
    """
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*COLUMNS, "probability"])
        for one in sorted(passages, key=lambda one: (one.begins, one.id)):
            dates = [_date(one.begins), _date(one.ends)] if dated else ["", ""]
            seconds = [f"{one.begins:.3f}", f"{one.ends:.3f}"]
            whose = [one.id, one.name, one.camera]
            boxes = [one.first_frame, one.last_frame, one.boxes, f"{one.probability:.3f}"]
            writer.writerow([*whose, *dates, *seconds, *boxes])


def _date(seconds: float) -> str:
    """A time as 2026-11-02T08:00:00.250+00:00."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")
