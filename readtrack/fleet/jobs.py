"""Which recordings there are, and what came of each."""

import csv
import os
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from readtrack.errors import InputError, first_line

COLUMNS = ("source", "name", "began", "detections")  # of a list with a heading; all but the first may be missing


@dataclass(frozen=True)
class Job:
    """A recording to be tracked."""

    name: str  # of its folder, unlike all others
    source: str
    began: float | None = None  # when its first frame was seen, in seconds since 1970 (UTC)
    detections: str | None = None  # MOT det.txt instead of a detector


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    state: str  # "done", "failed" (it cannot be tracked), or "died" (whatever worked on it did)
    why: str = ""  # one line
    seconds: float = 0.0
    processor: float = 0.0  # seconds of it that were spent; 0 where the system does not tell
    frames: int = 0
    people: int = 0


def read_list(file: Path) -> list[Job]:
    """Recordings of a text file: a source on each line, or CSV with the heading source,name,began,detections.

    Empty lines and those that begin with # are passed over. Who has no name goes by the source's path, without what all
    of them have in common; ``began`` is a date and time such as 2026-11-02T08:00.

    Raises:
        InputError: it cannot be read, lists nothing, has a column or time that is none, or two names are the same.
    """
    try:
        lines = [line for line in file.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read ({first_line(error)}): give a list of recordings") from error
    heading = [word.strip() for word in lines[0].split(",")] if lines else []
    if "source" in heading:
        if unknown := set(heading) - set(COLUMNS):
            raise InputError(f"{file}: has a column {min(unknown)!r}: it may have {', '.join(COLUMNS)}")
        rows = [
            {name: (value or "").strip() for name, value in row.items() if name in COLUMNS}
            for row in csv.DictReader(lines, heading)
        ][1:]
    else:
        rows = [{"source": line.strip()} for line in lines]
    if not rows:
        raise InputError(f"{file}: lists no recording: write a source on each line")
    if missing := [number for number, row in enumerate(rows, 1) if not row["source"]]:
        raise InputError(f"{file}: recording {missing[0]} has no source")
    names = _names([row["source"] for row in rows])
    jobs = [
        Job(
            row.get("name") or name,
            row["source"],
            _time(row["began"], file) if row.get("began") else None,
            row.get("detections") or None,
        )
        for name, row in zip(names, rows, strict=True)
    ]
    again = [name for name, count in Counter(job.name for job in jobs).items() if count > 1]
    if again:
        raise InputError(f"{file}: {again[0]} is listed twice: list it once, or give the two other names")
    if bad := [job.name for job in jobs if not re.fullmatch(r"[\w.-]+", job.name) or job.name.startswith(".")]:
        raise InputError(f"{file}: name {bad[0]!r}: give letters, digits, - and _")
    return jobs


def _names(sources: list[str]) -> list[str]:
    """Of sources, what of their paths is not the same in all, as a folder may be called."""
    parents = {os.path.dirname(source) for source in sources}
    try:
        common = os.path.commonpath(parents) if len(parents) > 1 else min(parents)
    except ValueError:  # some begin at the root, others do not
        common = ""
    kept = [os.path.splitext(source[len(common) :] if common else source)[0] for source in sources]
    return [re.sub(r"[^\w.-]+", "-", name).strip("-.") or "recording" for name in kept]


def _time(text: str, file: Path) -> float:
    """Seconds since 1970 of a date and time, of this computer's zone where it names none."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise InputError(f"{file}: {text!r} is no date and time: give one such as 2026-11-02T08:00") from None
