"""Counting by final identities: who crossed a line when and which way, who stayed in a zone for how long."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack.errors import InputError
from readtrack.files import replacing
from readtrack.images import Image
from readtrack.results.table import Table

FILE = "counts.csv"
ACROSS = 0.1  # seconds on the other side of a line from which somebody has crossed it
BREAK = 0.5  # seconds out of a zone, or unseen, that do not end a stay
COLOUR = (80, 220, 250)  # BGR


@dataclass(frozen=True)
class Place:
    """A line or a zone in the image."""

    kind: str  # line, zone
    name: str
    points: tuple[tuple[float, float], ...]  # pixels; of a line two


@dataclass(frozen=True)
class Event:
    """Somebody crossed a line, or stayed in a zone."""

    place: str
    event: str  # in, out (of a line); stay
    id: int
    name: str
    first_frame: int
    last_frame: int
    first_seconds: float
    last_seconds: float

    @property
    def seconds(self) -> float:
        """How long; 0 of a line."""
        return self.last_seconds - self.first_seconds


def places(lines: Sequence[str], zones: Sequence[str]) -> list[Place]:
    """Lines "x1,y1,x2,y2" and zones "x,y x,y x,y ...", each after "name=" where it has one.

    Raises:
        InputError: one is none, or a name is there twice.
    """
    found = []
    for kind, texts in (("line", lines), ("zone", zones)):
        for number, text in enumerate(texts, 1):
            name, given, numbers = text.rpartition("=")
            try:
                values = [float(part) for part in numbers.replace(",", " ").split()]
            except ValueError:
                values = []
            fits = len(values) == 4 if kind == "line" else len(values) >= 6 and len(values) % 2 == 0
            points = tuple(zip(values[::2], values[1::2], strict=False))
            if not fits or not np.isfinite(values).all() or len(set(points)) < (2 if kind == "line" else 3):
                usage = "x1,y1,x2,y2" if kind == "line" else "x,y x,y x,y ... of three points or more"
                raise InputError(f"{text!r} is no {kind}: give {usage}, in pixels", kind)
            found.append(Place(kind, name.strip() if given else f"{kind} {number}", points))
    names = [place.name for place in found]
    for name in names:
        if names.count(name) > 1 or not name:
            raise InputError(f"{name!r} names several lines or zones, or none: give each a name of its own")
    return found


def check_places(found: Iterable[Place], size: tuple[int, int]) -> None:
    """Raise InputError where one lies wholly outside an image of that width and height."""
    for place in found:
        points = np.array(place.points)
        if (points.max(axis=0) <= 0).any() or (points.min(axis=0) >= size).any():
            raise InputError(
                f"{place.name!r} lies outside the {size[0]} x {size[1]} image: give pixels of it", place.kind
            )


def places_of(about: dict[str, Any]) -> list[Place]:
    """Those that a run's summary.json tells of."""
    rows = about.get("run", {}).get("places", [])
    return [Place(row["kind"], row["name"], tuple((x, y) for x, y in row["points"])) for row in rows]


def count(table: Table, found: Iterable[Place]) -> list[Event]:
    """What happened at lines and zones, by place and time; where somebody stands is where their box ends below.

    Who comes back on the other side of a line after any time has crossed it as well.
    """
    run = table.about.get("run", {})
    rate = float(run.get("fps") or 25.0) / int(run.get("stride") or 1)
    events = []
    for place in found:
        happened = _crossings(table, place, rate) if place.kind == "line" else _stays(table, place, rate)
        events += sorted(happened, key=lambda one: (one.first_frame, one.id))
    return events


def write_counts(folder: Path, table: Table) -> list[Event]:
    """Write counts.csv of the lines and zones that a run was told of; nothing where there are none."""
    found = places_of(table.about)
    events = count(table, found)
    if found:
        with replacing(folder / FILE) as partial, partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*Event.__dataclass_fields__, "seconds"])
            writer.writerows(
                [round(v, 3) if isinstance(v, float) else v for v in (*asdict(one).values(), one.seconds)]
                for one in events
            )
    return events


class Overlay:
    """Draws lines and zones, and what was counted there so far where that is known."""

    def __init__(self, found: Sequence[Place]) -> None:
        self.places = found
        self.events: list[Event] | None = None  # None while nothing is known

    def draw(self, canvas: Image, frame: int) -> None:
        """Onto a BGR image, in place."""
        for place in self.places:
            points = np.array(place.points).round().astype(np.int32)
            cv2.polylines(canvas, [points], place.kind == "zone", COLOUR, 2, cv2.LINE_AA)
            x, y = np.clip(points[0], (2, 14), np.array(canvas.shape[1::-1]) - 2).tolist()
            for colour, width in (((0, 0, 0), 3), (COLOUR, 1)):
                cv2.putText(
                    canvas, self.words(place, frame), (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, width, cv2.LINE_AA
                )

    def words(self, place: Place, frame: int) -> str:
        """A place's name, and what was counted there up to a frame."""
        own = [one for one in self.events or [] if one.place == place.name and one.first_frame <= frame]
        if self.events is None:
            return place.name
        if place.kind == "line":
            crossed = [one.event for one in own]
            return f"{place.name}: in {crossed.count('in')}, out {crossed.count('out')}"
        return (
            f"{place.name}: {sum(one.last_frame >= frame for one in own)} there, {len({one.id for one in own})} so far"
        )


def _crossings(table: Table, place: Place, rate: float) -> list[Event]:
    """Who crossed a line."""
    start, end = (sv.Point(x, y) for x, y in place.points)
    threshold = max(1, round(ACROSS * rate))
    events = []
    for rows in _by_person(table):
        feet = _feet(table.xyxy[rows])
        side = (end.x - start.x) * (feet[:, 1] - start.y) - (end.y - start.y) * (feet[:, 0] - start.x)
        if not (side > 0).any() or not (side < 0).any():
            continue
        line = sv.LineZone(start, end, [sv.Position.BOTTOM_CENTER], threshold)  # of one person: it forgets the absent
        for row in rows.tolist():
            person = sv.Detections(
                table.xyxy[row : row + 1], tracker_id=table.id[row : row + 1], class_id=np.zeros(1, int)
            )
            into, out = line.trigger(person)
            if into[0] or out[0]:
                events.append(_event(table, place, "in" if into[0] else "out", row, row))
    return events


def _stays(table: Table, place: Place, rate: float) -> list[Event]:
    """Who was in a zone."""
    if not len(table):
        return []
    zone = sv.PolygonZone(np.array(place.points).round().astype(np.int64), [sv.Position.BOTTOM_CENTER])
    inside = zone.trigger(sv.Detections(table.xyxy, class_id=np.zeros(len(table), dtype=int)))
    stride = int(table.about.get("run", {}).get("stride") or 1)
    events = []
    for rows in _by_person(table):
        there = rows[inside[rows]]
        cuts = np.flatnonzero(np.diff(table.frame[there]) > max(1, BREAK * rate) * stride) + 1
        for stay in np.split(there, cuts):
            if len(stay):
                events.append(_event(table, place, "stay", int(stay[0]), int(stay[-1])))
    return events


def _event(table: Table, place: Place, event: str, first: int, last: int) -> Event:
    """What happened in a person's rows from the first to the last."""
    track = int(table.id[first])
    frames, seconds = table.frame[[first, last]].tolist(), table.seconds[[first, last]].tolist()
    return Event(place.name, event, track, table.names.get(track, ""), *frames, *seconds)


def _by_person(table: Table) -> list[NDArray[np.int64]]:
    """Rows of each person, by frame."""
    order = np.lexsort((table.frame, table.id))
    return np.split(order, np.flatnonzero(np.diff(table.id[order])) + 1) if len(order) else []


def _feet(xyxy: NDArray[np.float64]) -> NDArray[np.float64]:
    """The middle of the lower edge (N, 2) of boxes (N, 4)."""
    return np.stack([(xyxy[:, 0] + xyxy[:, 2]) / 2, xyxy[:, 3]], axis=1)
