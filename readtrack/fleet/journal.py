"""The table of a fleet: what is done, what failed and why. One driver at a time writes it."""

import csv
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from readtrack.errors import InputError, first_line
from readtrack.files import replacing
from readtrack.fleet.jobs import Job, Outcome

FILE, LOCK, TABLE = "fleet.sqlite", "driver.lock", "recordings.csv"
SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS recordings (
    name TEXT PRIMARY KEY, source TEXT NOT NULL, state TEXT NOT NULL, why TEXT NOT NULL, tries INTEGER NOT NULL,
    seconds REAL NOT NULL, processor REAL NOT NULL, frames INTEGER NOT NULL, people INTEGER NOT NULL
);
"""


@dataclass(frozen=True)
class Row:
    """A recording in the table."""

    name: str
    source: str
    state: str  # "waiting", "done", "failed" or "died"
    why: str
    tries: int
    seconds: float
    processor: float
    frames: int
    people: int


class Journal:
    """The table on disk, in the hands of one driver until it is closed or killed."""

    def __init__(self, folder: Path, settings: str) -> None:
        """Open it, or make it.

        Args:
            folder: of the fleet.
            settings: by which its recordings are tracked, in words.

        Raises:
            InputError: another driver has it, it was begun with other settings, is damaged or cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = sqlite3.connect(folder / LOCK, timeout=0, isolation_level=None)
            self._lock.execute("BEGIN EXCLUSIVE")  # which ends with the process, however that ends
        except (OSError, sqlite3.Error) as error:
            if "locked" in str(error):
                raise InputError(f"{folder}: another process runs this fleet: wait for it or stop it") from error
            raise InputError(f"{folder}: cannot be written ({first_line(error)}): choose another", "out") from error
        self.folder = folder
        try:
            self.connection = sqlite3.connect(folder / FILE, isolation_level=None)
            self.connection.executescript(SCHEMA)
            self.connection.execute("INSERT OR IGNORE INTO facts VALUES ('settings', ?)", (settings,))
            (known,) = self.connection.execute("SELECT value FROM facts WHERE name = 'settings'").fetchone()
        except sqlite3.Error as error:
            self._lock.close()
            raise InputError(f"{folder}: no fleet that can be read ({first_line(error)}): choose another") from error
        if known != settings:
            self.close()
            raise InputError(f"{folder}: was begun with other settings ({known}): give these, or another folder", "out")

    def begin(self, jobs: Iterable[Job]) -> None:
        """List recordings that are not listed yet. Raises InputError where the disk is full."""
        rows = [(job.name, job.source, "waiting", "", 0, 0.0, 0.0, 0, 0) for job in jobs]
        with self._told():
            marks = ",".join("?" * len(fields(Row)))
            self.connection.executemany(f"INSERT OR IGNORE INTO recordings VALUES ({marks})", rows)

    def end(self, name: str, outcome: Outcome) -> None:
        """Write what came of a recording. Raises InputError where the disk is full."""
        with self._told():
            self.connection.execute(
                "UPDATE recordings SET tries = tries + 1, state = ?, why = ?, seconds = ?, processor = ?, frames = ?, "
                "people = ? WHERE name = ?",
                (*astuple(outcome), name),
            )

    @contextmanager
    def _told(self) -> Iterator[None]:
        """SQLite's errors as an InputError that says what to do."""
        try:
            yield
        except sqlite3.Error as error:
            raise InputError(
                f"{self.folder}: cannot be written ({first_line(error)}): make room, go on later"
            ) from error

    def rows(self) -> dict[str, Row]:
        """All recordings, by name, in the order in which they were listed."""
        found = self.connection.execute("SELECT * FROM recordings ORDER BY rowid").fetchall()
        return {row[0]: Row(*row) for row in found}

    def write_table(self) -> Path:
        """The same as CSV, whole or not at all."""
        path = self.folder / TABLE
        with replacing(path) as partial, partial.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow([field.name for field in fields(Row)])
            writer.writerows(astuple(row) for row in self.rows().values())
        return path

    def close(self) -> None:
        """Let others have it."""
        self.connection.close()
        self._lock.close()
