"""Contents to one file of HTML, by Jinja2: everything is escaped, nothing is fetched."""

import base64
import hashlib
import shlex
from pathlib import Path

from readtrack.files import replacing
from readtrack.report.contents import MOST_DECISIONS, contents
from readtrack.report.people import SURE, WIDTH
from readtrack.report.templating import environment, source
from readtrack.results import CORRECTIONS, Album, Table, read

NAME = "report.html"
ROW = 18  # units of a person's line in the chart of times


def write_report(folder: Path, album: Album | None = None, table: Table | None = None) -> Path:
    """Write report.html of what a run left in a folder, whole or not at all.

    Args:
        folder: holds tracks.txt; associations.jsonl, summary.json and tracks.mp4 are used where they are.
        album: pictures; None writes a page without any.
        table: what to show instead of the folder's own table.

    Returns:
        The file.

    Raises:
        InputError: a file of the run is damaged, or the page cannot be written.
    """
    path = folder / NAME
    text = render(folder, read(folder) if table is None else table, album)
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return path


def render(folder: Path, table: Table, album: Album | None) -> str:
    """The page as text."""
    made = environment()
    made.filters["percent"] = _percent
    script, style = (source(made, name) for name in ("page.js", "page.css"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return made.get_template("page.html").render(
        page=contents(folder, table, album),
        script=script,
        style=style,
        script_digest=digest,
        folder=shlex.quote(str(folder)),
        width=WIDTH,
        row=ROW,
        sure=SURE,
        most=MOST_DECISIONS,
        most_corrections=CORRECTIONS,
    )


def _percent(probability: float) -> str:
    """A probability without false certainty; only what somebody corrected is certain."""
    if probability >= 0.995:
        return "certain" if probability == 1 else "over 99 %"
    return f"{int(100 * probability + 1e-9)} %"  # rounded down, so that 90 % is what is called sure
