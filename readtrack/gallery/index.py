"""The pooled vectors of a gallery's tracklets, in memory."""

import sqlite3
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Index:
    """Arrays begin with the number N of tracklets, in the order of their numbers."""

    tracklets: NDArray[np.int64]
    persons: NDArray[np.int64]
    vectors: NDArray[np.float32]  # (N, D)

    @cached_property
    def people(self) -> int:
        """How many."""
        return len(np.unique(self.persons))

    def places(self, tracklets: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Which of M tracklets are there (M,), and the rows of those."""
        rows = np.searchsorted(self.tracklets, tracklets)
        there = rows < len(self.tracklets)
        there[there] = self.tracklets[rows[there]] == tracklets[there]
        return there, rows[there]


NOTHING = Index(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 0), np.float32))


def read_index(connection: sqlite3.Connection, known: Index) -> Index:
    """All tracklets; only the vectors of those that came after the known ones are read.

    Numbers are never given again, so that who is gone stays so.
    """
    numbers = np.array(connection.execute("SELECT id, person FROM tracklets").fetchall(), dtype=np.int64).reshape(-1, 2)
    numbers = numbers[np.argsort(numbers[:, 0])]
    last = int(known.tracklets[-1]) if len(known.tracklets) else 0
    rows = connection.execute("SELECT vector FROM tracklets WHERE id > ? ORDER BY id", (last,)).fetchall()
    vectors = known.vectors[known.places(numbers[:, 0])[1]]
    if rows:
        new = np.frombuffer(b"".join(row[0] for row in rows), dtype="<f4").astype(np.float32).reshape(len(rows), -1)
        vectors = np.concatenate([vectors, new]) if len(vectors) else new
    return Index(numbers[:, 0].copy(), numbers[:, 1].copy(), vectors)
