"""A run in a notebook: who was there as a table of HTML, times and crops as matplotlib figures."""

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from readtrack.errors import InputError
from readtrack.results.album import Album, Picture
from readtrack.results.table import Table, read

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 40  # people in a figure or table; the longest seen
EACH = 8  # crops of a person


def as_html(table: Table) -> str:
    """Everybody's number, name, first and last second, seconds seen, and the weakest link; at most 40."""
    head = (
        "<tr><th>person</th><th>name</th><th>first seen</th><th>last seen</th><th>boxes</th><th>weakest link</th></tr>"
    )
    rows = []
    for track in _longest(table):
        own = table.id == track
        first, last = (f"{value:.1f} s" for value in (table.seconds[own].min(), table.seconds[own].max()))
        name = escape(table.names.get(track, ""))
        weakest = f"{100 * table.probability[own].min():.0f} %"
        cells = (track, name, first, last, int((own & ~table.filled).sum()), weakest)
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    people = len(np.unique(table.id))
    note = f"<p>{people} people, {len(table)} boxes" + (f"; the {MOST} seen longest</p>" if people > MOST else "</p>")
    return f"{note}<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"


def timeline(table: Table) -> "Figure":
    """When who was seen, a line a person; pale where boxes were filled in. At most 40 people, the longest seen."""
    from matplotlib.figure import Figure

    people = _longest(table)
    figure = Figure(figsize=(10, 1 + 0.22 * len(people)), layout="constrained")
    axes = figure.subplots()
    for place, track in enumerate(people):
        for filled, alpha in ((False, 1.0), (True, 0.35)):
            rows = (table.id == track) & (table.filled == filled)
            times = _times(table)[rows]
            axes.scatter(times, np.full(len(times), place), s=14, marker="|", color=f"C{place % 10}", alpha=alpha)
    axes.set_yticks(range(len(people)), [table.names.get(track, str(track)) for track in people])
    axes.invert_yaxis()
    axes.set_xlabel("seconds" if np.isfinite(table.seconds).all() else "frames")
    return figure


def crops(folder: str | Path) -> "Figure":
    """Pictures of everybody over time, a row a person, at most 40; of a run that wrote its report.

    Raises:
        InputError: the folder has no pictures.
    """
    from matplotlib.figure import Figure

    folder = Path(folder)
    album, table = Album.load(folder / "pictures.zip"), read(folder)
    if album is None:
        raise InputError(f"{folder}: has no pictures.zip: run it again with its report")
    now = table.id_now()
    shown: dict[int, list[Picture]] = {}
    for found, own in album.pictures().items():
        for one in own:
            shown.setdefault(now(one.frame, found), []).append(one)
    people = [track for track in _longest(table) if track in shown]
    figure = Figure(figsize=(EACH, 1.3 * max(1, len(people))), layout="constrained")
    grid = figure.subplots(max(1, len(people)), EACH, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for row, track in zip(grid, people, strict=False):
        own = sorted(shown[track], key=lambda one: one.frame)
        chosen = [own[place] for place in np.unique(np.linspace(0, len(own) - 1, EACH).astype(int)).tolist()]
        row[0].set_title(table.names.get(track, str(track)), loc="left", fontsize=9)
        for axes, one in zip(row, chosen, strict=False):
            image = cv2.imdecode(np.frombuffer(one.jpeg, dtype=np.uint8), cv2.IMREAD_COLOR)
            if image is not None:
                axes.imshow(image[..., ::-1])
    return figure


def _longest(table: Table) -> list[int]:
    """The people seen longest, by number."""
    people, counts = np.unique(table.id, return_counts=True)
    return sorted(people[np.argsort(-counts, kind="stable")[:MOST]].tolist())


def _times(table: Table) -> np.ndarray:
    """Seconds, or frames where no rate is known."""
    return table.seconds if np.isfinite(table.seconds).all() else table.frame
