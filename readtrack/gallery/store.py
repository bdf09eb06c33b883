"""The folder of a gallery: one SQLite file, written in transactions, read and written by several processes."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from readtrack.errors import InputError, first_line
from readtrack.gallery.index import NOTHING, Index, read_index

FILE, VERSION = "gallery.sqlite", "1"
BLOCK = 500  # numbers in a query: SQLite takes 999 of old

SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE persons (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE);
CREATE TABLE tracklets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person INTEGER NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    source TEXT NOT NULL,
    first REAL NOT NULL,
    last REAL NOT NULL,
    vector BLOB NOT NULL,
    track INTEGER
);
CREATE TABLE crops (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tracklet INTEGER NOT NULL REFERENCES tracklets (id) ON DELETE CASCADE,
    features BLOB NOT NULL,
    jpeg BLOB NOT NULL
);
CREATE INDEX tracklets_of_person ON tracklets (person);
CREATE INDEX tracklets_of_source ON tracklets (source);
CREATE INDEX crops_of_tracklet ON crops (tracklet);
"""


@dataclass(frozen=True)
class Person:
    """Somebody in a gallery."""

    id: int  # never given to anybody else, even after the person was forgotten
    name: str | None
    tracklets: int
    crops: int
    sources: tuple[str, ...]  # where, in alphabetical order
    first: float  # when, in seconds since 1970 (UTC)
    last: float


@dataclass(frozen=True)
class Entry:
    """A tracklet to be kept."""

    source: str
    first: float  # seconds since 1970 (UTC)
    last: float
    vector: NDArray[np.float32]  # (D,), unit length
    features: list[NDArray[np.float16]]  # of each crop (P, C)
    jpegs: list[bytes]  # of each crop
    track: int | None = None  # its number in what it was enrolled from


class Store:
    """One connection to the file; for the thread that made it."""

    def __init__(self, folder: Path, create: bool, timeout: float) -> None:
        """Open the file, or make it.

        Args:
            folder: of the gallery.
            create: make it where there is none.
            timeout: seconds to wait for another process that writes.

        Raises:
            InputError: there is none, it is damaged or of another version, or it cannot be made.
        """
        self.folder = folder
        path = folder / FILE
        if not path.is_file() and not create:
            raise InputError(f"{folder}: holds no gallery: add or enrol somebody first, or give another folder")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder}: cannot be made ({first_line(error)}): give another folder") from error
        with self._told():
            self.connection = sqlite3.connect(path, timeout=timeout, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self.connection.close()
                raise
        self._index: tuple[tuple[int, int], tuple[str | None, str | None], Index] | None = (
            None  # at a state of the file
        )

    def _prepare(self) -> None:
        """Settings of the connection, and the tables where the file is new."""
        run = self.connection.execute
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
        run("PRAGMA foreign_keys = ON")
        run("PRAGMA secure_delete = ON")
        if not self._made():
            with self.transaction():
                if not self._made():  # by another process meanwhile
                    for statement in SCHEMA.split(";"):
                        run(statement)
                    run("INSERT INTO facts VALUES ('version', ?)", (VERSION,))
        if not run("SELECT 1 FROM pragma_table_info('tracklets') WHERE name = 'track'").fetchone():
            with self.transaction():  # made before tracks were told
                run("ALTER TABLE tracklets ADD COLUMN track INTEGER")
        if (version := self.fact("version")) != VERSION:
            raise InputError(f"{self.folder}: a gallery of version {version}, this readtrack knows {VERSION}: update")

    def _made(self) -> bool:
        """Whether the tables are there."""
        return bool(self.connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'facts'").fetchone())

    def close(self) -> None:
        """Let go of the file."""
        self.connection.close()

    @contextmanager
    def transaction(self, write: bool = True) -> Iterator[None]:
        """What is done inside is done as a whole or not at all, and sees the file as it was at the beginning.

        Raises:
            InputError: another process writes for too long, the disk is full, or the file is damaged.
        """
        with self._told():
            self.connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            try:
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        """SQLite's errors as InputErrors that say what to do."""
        try:
            yield
        except sqlite3.Error as error:
            said = first_line(error)
            if "locked" in said or "busy" in said:
                told = "another process writes to the gallery: nothing was changed, try again"
            elif "full" in said or "I/O" in said:
                told = f"cannot be written ({said}): nothing was changed, make room on the disk and try again"
            elif "readonly" in said or "unable to open" in said:
                told = f"cannot be written ({said}): check the rights, or give another folder"
            else:
                told = f"no gallery that can be read ({said}): bring it back from a copy, or give another folder"
            raise InputError(f"{self.folder}: {told}") from error

    def fact(self, name: str) -> str | None:
        """What is kept under a name; None where nothing is."""
        row = self.connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def keep_fact(self, name: str, value: str) -> None:
        """Keep it."""
        self.connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def person_of(self, name: str) -> int | None:
        """Who bears a name."""
        row = self.connection.execute("SELECT id FROM persons WHERE name = ?", (name,)).fetchone()
        return None if row is None else int(row[0])

    def check_weights(self, digest: str) -> None:
        """Raise InputError where features are of other weights."""
        if self.fact("weights") != digest:
            raise InputError(
                f"{self.folder}: was made with other weights: use those, or `readtrack gallery {self.folder} reencode` "
                "to make its features anew from the pictures that it keeps",
                "weights",
            )

    def check_person(self, person: int) -> None:
        """Raise InputError where nobody has that number."""
        if not self.connection.execute("SELECT 1 FROM persons WHERE id = ?", (int(person),)).fetchone():
            raise InputError(f"nobody in the gallery has the number {person}: give one that `list` shows")

    def has_source(self, source: str) -> bool:
        """Whether a tracklet is from there."""
        return bool(self.connection.execute("SELECT 1 FROM tracklets WHERE source = ?", (source,)).fetchone())

    def check_source(self, source: str) -> None:
        """Raise InputError where a tracklet is from there."""
        if self.has_source(source):
            raise InputError(
                f"{source}: is in the gallery already: forget its people first, or give another source", "source"
            )

    def add_person(self, name: str | None) -> int:
        """A new one."""
        return int(self.connection.execute("INSERT INTO persons (name) VALUES (?)", (name,)).lastrowid or 0)

    def add(self, person: int, entry: Entry) -> None:
        """A person's tracklet."""
        run = self.connection.execute
        values = (person, entry.source, entry.first, entry.last, entry.vector.astype("<f4").tobytes(), entry.track)
        columns = "person, source, first, last, vector, track"
        added = run(f"INSERT INTO tracklets ({columns}) VALUES (?, ?, ?, ?, ?, ?)", values)
        self._add_crops(int(added.lastrowid or 0), entry)

    def _add_crops(self, tracklet: int, entry: Entry) -> None:
        rows = [
            (tracklet, features.astype("<f2").tobytes(), jpeg)
            for features, jpeg in zip(entry.features, entry.jpegs, strict=True)
        ]
        self.connection.executemany("INSERT INTO crops (tracklet, features, jpeg) VALUES (?, ?, ?)", rows)

    def replace(self, tracklet: int, entry: Entry) -> None:
        """Let a tracklet have another vector and other crops."""
        self.connection.execute("DELETE FROM crops WHERE tracklet = ?", (tracklet,))
        vector = entry.vector.astype("<f4").tobytes()
        self.connection.execute("UPDATE tracklets SET vector = ? WHERE id = ?", (vector, tracklet))
        self._add_crops(tracklet, entry)

    def people(self) -> list[Person]:
        """All of them, by number."""
        rows = self.connection.execute(
            "SELECT p.id, p.name, t.source, COUNT(*), MIN(t.first), MAX(t.last), "
            "SUM((SELECT COUNT(*) FROM crops c WHERE c.tracklet = t.id)) "
            "FROM persons p JOIN tracklets t ON t.person = p.id GROUP BY p.id, t.source ORDER BY p.id, t.source"
        ).fetchall()
        found: dict[int, list[Any]] = {}
        for row in rows:
            found.setdefault(row[0], []).append(row)
        return [
            Person(
                person,
                own[0][1],
                sum(row[3] for row in own),
                sum(row[6] for row in own),
                tuple(row[2] for row in own),
                min(row[4] for row in own),
                max(row[5] for row in own),
            )
            for person, own in found.items()
        ]

    def index(self) -> Index:
        """All vectors; where the file was changed since, only those of new tracklets are read."""
        state = (int(self.connection.execute("PRAGMA data_version").fetchone()[0]), self.connection.total_changes)
        if self._index is None or self._index[0] != state:
            by = (self.fact("weights"), self.fact("encoded"))
            known = self._index[2] if self._index is not None and self._index[1] == by else NOTHING
            self._index = state, by, read_index(self.connection, known)
        return self._index[2]

    def features(self, tracklets: Sequence[int]) -> dict[int, list[bytes]]:
        """Of the crops of each, in their order."""
        return self._crops(tracklets, "features")

    def jpegs(self, tracklets: Sequence[int]) -> dict[int, list[bytes]]:
        """The same, as pictures."""
        return self._crops(tracklets, "jpeg")

    def _crops(self, tracklets: Sequence[int], column: str) -> dict[int, list[bytes]]:
        found: dict[int, list[bytes]] = {tracklet: [] for tracklet in tracklets}
        for start in range(0, len(tracklets), BLOCK):
            part = list(tracklets[start : start + BLOCK])
            marks = ",".join("?" * len(part))
            query = f"SELECT tracklet, {column} FROM crops WHERE tracklet IN ({marks}) ORDER BY tracklet, id"
            for tracklet, content in self.connection.execute(query, part):
                found[tracklet].append(content)
        return found

    def move(self, person: int, other: int) -> None:
        """Let a person have everything of another, who is gone then; the name of the first counts, if there is one."""
        run = self.connection.execute
        names = dict(run("SELECT id, name FROM persons WHERE id IN (?, ?)", (person, other)).fetchall())
        run("UPDATE tracklets SET person = ? WHERE person = ?", (person, other))
        run("DELETE FROM persons WHERE id = ?", (other,))
        if names[person] is None:
            self.rename(person, names[other])

    def rename(self, person: int, name: str | None) -> None:
        """Give a person a name."""
        self.connection.execute("UPDATE persons SET name = ? WHERE id = ?", (name, person))

    def delete(self, person: int) -> None:
        """Delete a person and everything of theirs."""
        self.connection.execute("DELETE FROM persons WHERE id = ?", (person,))

    def delete_before(self, time: float) -> tuple[int, int]:
        """Delete tracklets that ended before, and people who have none left; how many of each."""
        run = self.connection.execute
        tracklets = run("DELETE FROM tracklets WHERE last < ?", (time,)).rowcount
        people = run("DELETE FROM persons WHERE id NOT IN (SELECT person FROM tracklets)").rowcount
        return tracklets, people

    def wipe(self) -> None:
        """Leave nothing of what was deleted in the files: the log of writes is written back and cut to nothing.

        Raises:
            InputError: another process reads or writes for too long, so that traces are left.
        """
        with self._told():
            busy = self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise InputError(
                f"{self.folder}: deleted, but another process has the gallery in use, so that traces stay in its log "
                "until all have closed it"
            )
