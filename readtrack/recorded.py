"""What is seen in a recording, on disk: boxes of tracklets frame by frame, and the features by which READ knows them.

One SQLite file, so that hours need no more memory than minutes, and so that people can be linked again without a look
at the images. Without a path it is a file that goes away with the process.
"""

import json
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from readtrack.errors import InputError, first_line
from readtrack.gathering import Seen
from readtrack.judging import Place
from readtrack.linking.similarity import Clip
from readtrack.read.matcher import Matcher

Floats = NDArray[np.float64]

VERSION = 1
SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE frames (
    number INTEGER PRIMARY KEY, source INTEGER NOT NULL, time REAL NOT NULL, boxes BLOB NOT NULL, moved BLOB
);
CREATE TABLE crops (
    id INTEGER PRIMARY KEY AUTOINCREMENT, tracklet INTEGER NOT NULL, frame INTEGER NOT NULL, box BLOB NOT NULL,
    features BLOB
);
CREATE INDEX crops_of_tracklet ON crops (tracklet);
"""
TABLES = ("facts", "frames", "crops")
COUNT = "SELECT COALESCE(MAX(number) + 1, 0) FROM frames"
BOX = np.dtype([("xyxy", "<f8", (4,)), ("confidence", "<f8"), ("tracklet", "<i8")])
REMEMBERED = 4096  # crops whose features stay in memory, of those asked for last
ASKED = 500  # numbers in a query: SQLite takes 999 of old


@dataclass(frozen=True)
class Frames:
    """F frames and the B boxes of tracklets in them."""

    sources: list[int]  # their numbers in the source (F)
    times: Floats  # seconds (F,)
    moved: list[Floats | None]  # how the background moved, (2, 3) each (F); None where it stood still
    counts: NDArray[np.int64]  # boxes in each frame (F,)
    boxes: NDArray[Any]  # (B,) of ``BOX``, frame by frame


class Recorded:
    """Boxes and crops of a recording's tracklets. A crop is a number here; ``crops`` gives what READ compares.

    Raises:
        InputError: wherever the file cannot be written or read; what was written before stays whole.
    """

    def __init__(self, path: Path | None = None, matcher: Matcher | None = None) -> None:
        """Begin anew.

        Args:
            path: of the file, which is made; None for one that goes away with the process.
            matcher: whose crops they are. Where it cannot make crops of features, they stay in memory.
        """
        self.path, self.matcher = path, matcher
        self._begin()
        with self._told():
            if path is not None:
                path.unlink(missing_ok=True)
            self._connection = _connect("" if path is None else str(path))
            self._connection.executescript(SCHEMA)
        features = matcher is not None and hasattr(matcher, "restored") and matcher.config.shared_encoder
        self.note(version=VERSION, weights=matcher.digest if features and matcher is not None else "")

    def _begin(self) -> None:
        """Nothing is in memory."""
        self.count = 0  # frames so far
        self._new: list[tuple[int, int, float, bytes, bytes | None]] = []  # those that are not written yet
        self._held: dict[int, Any] = {}  # crops of which no features can be kept
        self._remembered: OrderedDict[int, Any] = OrderedDict()

    @classmethod
    def open(cls, path: Path, matcher: Callable[[dict[str, Any]], Matcher | None]) -> "Recorded":
        """What an earlier process wrote.

        Args:
            path: of the file.
            matcher: gives what compares crops, by the facts that were noted.

        Raises:
            InputError: there is no such file, it is of another version or of other weights.
        """
        if not path.is_file():
            raise InputError(f"{path}: is not there: track the recording again, and keep its tracklets", "keep")
        self = cls.__new__(cls)
        self.path, self.matcher = path, None
        self._begin()
        with self._told():
            self._connection = _connect(str(path))
            facts = self.facts()
            if facts.get("version") != VERSION:
                raise InputError(f"{path}: of version {facts.get('version')}, not {VERSION}: track the recording again")
            (self.count,) = self._connection.execute(COUNT).fetchone()
        self.matcher = matcher(facts)
        if self.matcher is not None and self.matcher.digest != facts["weights"]:
            raise InputError(f"{path}: holds what other weights saw: name those weights, or track again", "weights")
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Everything, to be copied."""
        rows = {name: self._connection.execute(f"SELECT * FROM {name}").fetchall() for name in TABLES}
        return {"matcher": self.matcher, "count": self.count, "new": self._new, "held": self._held, "rows": rows}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A copy, in a file that goes away with the process."""
        self.path, self.matcher = None, state["matcher"]
        self._begin()
        self.count = state["count"]
        self._new, self._held, self._connection = list(state["new"]), dict(state["held"]), _connect("")
        self._connection.executescript(SCHEMA)
        for name, rows in state["rows"].items():
            for row in rows:
                self._connection.execute(f"INSERT INTO {name} VALUES ({', '.join('?' * len(row))})", row)
        self._connection.commit()

    def note(self, **facts: Any) -> None:
        """Keep facts by name, whatever JSON takes."""
        with self._told(), self._connection as run:
            run.executemany(
                "INSERT OR REPLACE INTO facts VALUES (?, ?)",
                [(name, json.dumps(value)) for name, value in facts.items()],
            )

    def facts(self) -> dict[str, Any]:
        """What was noted."""
        with self._told():
            return {name: json.loads(value) for name, value in self._connection.execute("SELECT * FROM facts")}

    def see(self, seen: Seen, source: int) -> None:
        """Take the next frame, whose number in its source is given; it is written by ``keep``."""
        rows = np.empty(len(seen.rows), BOX)
        rows["xyxy"], rows["confidence"], rows["tracklet"] = seen.xyxy, seen.confidence, seen.tracklets
        moved = None if seen.moved is None else np.asarray(seen.moved, np.float64).tobytes()
        self._new.append((seen.frame, source, seen.time, rows.tobytes(), moved))
        self.count = seen.frame + 1

    def keep(self, places: Mapping[int, Sequence[Place]]) -> None:
        """Write the frames so far, and the crops by which some tracklets are known, in place of earlier ones of them.

        Crops are encoded. Either all is written or nothing.
        """
        rows, kept = [], self.facts()["weights"] if places else ""
        for tracklet, own in places.items():
            crops = [place.crop for place in own]
            features: Sequence[Any] = self.matcher.features(crops) if kept and self.matcher else [None] * len(crops)
            rows += [(tracklet, place, values) for place, values in zip(own, features, strict=True)]
        held = {}
        with self._told(), self._connection as run:
            run.executemany("INSERT OR REPLACE INTO frames VALUES (?, ?, ?, ?, ?)", self._new)
            run.executemany("DELETE FROM crops WHERE tracklet = ?", [(tracklet,) for tracklet in places])
            for tracklet, place, values in rows:
                box = np.asarray(place.xyxy, np.float64).tobytes()
                blob = None if values is None else values.tobytes()
                done = run.execute("INSERT INTO crops VALUES (NULL, ?, ?, ?, ?)", (tracklet, place.frame, box, blob))
                if values is None:
                    held[int(done.lastrowid or 0)] = place.crop
        self._new = []
        self._held |= held

    @property
    def written(self) -> int:
        """Frames that are in the file."""
        return self.count - len(self._new)

    def frames(self) -> Frames:
        """All frames so far, in their order."""
        sources, times, counts, moved, boxes = [], [], [], list[Floats | None](), bytearray()
        with self._told():
            last = -1
            written = self._connection.execute("SELECT * FROM frames ORDER BY number")
            for number, source, time, found, affine in chain(written, self._new):
                if number > last:  # what was to be written when that was interrupted may be
                    sources.append(source)
                    times.append(time)
                    counts.append(len(found) // BOX.itemsize)
                    moved.append(None if affine is None else np.frombuffer(affine, np.float64).reshape(2, 3))
                    boxes += found
                last = max(last, number)
            rows = np.frombuffer(boxes, BOX)
        return Frames(sources, np.array(times, np.float64), moved, np.array(counts, np.int64), rows)

    def clips(self, count: int) -> list[list[int]]:
        """Numbers of the crops of so many tracklets, in the order of time."""
        answer: list[list[int]] = [[] for _ in range(count)]
        with self._told():
            for number, tracklet in self._connection.execute("SELECT id, tracklet FROM crops ORDER BY id"):
                answer[tracklet].append(number)
        return answer

    def places(self, tracklet: int) -> list[Place]:
        """Where the crops of a tracklet are from, with the crops."""
        with self._told():
            rows = self._connection.execute(
                "SELECT id, frame, box FROM crops WHERE tracklet = ? ORDER BY id", (tracklet,)
            ).fetchall()
        (crops,) = self.crops([[number for number, _, _ in rows]])
        return [
            Place(frame, np.frombuffer(box, np.float64), crop)
            for (_, frame, box), crop in zip(rows, crops, strict=True)
        ]

    def crops(self, clips: Sequence[Clip]) -> list[list[Any]]:
        """What READ compares, of clips whose crops are numbers."""
        wanted = dict.fromkeys(number for clip in clips for number in clip)
        known = {number: self._held[number] for number in wanted if number in self._held}
        for number in wanted:
            if number in self._remembered:
                self._remembered.move_to_end(number)
                known[number] = self._remembered[number]
        missing = [number for number in wanted if number not in known]
        for start in range(0, len(missing), ASKED):
            known |= self._restored(missing[start : start + ASKED])
        self._remembered |= {number: known[number] for number in missing}
        while len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)
        return [[known[number] for number in clip] for clip in clips]

    def _restored(self, numbers: Sequence[int]) -> dict[int, Any]:
        """Crops made of the features in the file."""
        assert self.matcher is not None
        marks, config = ", ".join("?" * len(numbers)), self.matcher.config
        with self._told():
            rows = self._connection.execute(f"SELECT id, features FROM crops WHERE id IN ({marks})", numbers).fetchall()
        shape = (config.positions, config.channels)
        found = self.matcher.restored([np.frombuffer(blob, np.float16).reshape(shape) for _, blob in rows])
        return {number: crop for (number, _), crop in zip(rows, found, strict=True)}

    def close(self) -> None:
        """Let go of the file."""
        with suppress(sqlite3.Error):
            self._connection.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """SQLite's errors as InputErrors that say what to do."""
        try:
            yield
        except (sqlite3.Error, OSError, ValueError, KeyError) as error:
            what, said = self.path or "what was seen", first_line(error)
            if any(word in said for word in ("full", "I/O", "readonly", "unable to open")):
                raise InputError(f"{what}: cannot be written ({said}): make room on the disk", "out") from error
            raise InputError(f"{what}: cannot be read ({said}): track the recording again") from error


def _connect(name: str) -> sqlite3.Connection:
    """A connection, to be used by one thread at a time. A killed process leaves the file whole; a power cut may not."""
    connection = sqlite3.connect(name, check_same_thread=False)
    connection.execute("PRAGMA synchronous = OFF")
    return connection
