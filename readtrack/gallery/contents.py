"""All that a gallery holds, for those who take it elsewhere."""

import numpy as np
from numpy.typing import NDArray

from readtrack.gallery.store import Entry, Store


def sights_of(store: Store) -> tuple[list[str], NDArray[np.float64], NDArray[np.float64]]:
    """Of all tracklets, in the order of ``Store.index``, where, from and to."""
    rows = store.connection.execute("SELECT source, first, last FROM tracklets ORDER BY id").fetchall()
    times = np.array([row[1:] for row in rows], dtype=np.float64).reshape(-1, 2)
    return [row[0] for row in rows], times[:, 0], times[:, 1]


def appearances_of(store: Store) -> list[tuple[int, str | None, str, int | None, float, float]]:
    """Of all tracklets, by person: the person, their name, where, which track there, from and to."""
    return store.connection.execute(
        "SELECT p.id, p.name, t.source, t.track, t.first, t.last "
        "FROM persons p JOIN tracklets t ON t.person = p.id ORDER BY p.id, t.first, t.id"
    ).fetchall()


def entries_of(store: Store) -> list[Entry]:
    """All tracklets, in the order in which they came."""
    columns = "id, source, first, last, vector, track"
    rows = store.connection.execute(f"SELECT {columns} FROM tracklets ORDER BY id").fetchall()
    features, jpegs = (read([row[0] for row in rows]) for read in (store.features, store.jpegs))
    return [
        Entry(
            source,
            first,
            last,
            np.frombuffer(vector, "<f4").astype(np.float32),
            [np.frombuffer(blob, "<f2").astype(np.float16) for blob in features[number]],
            jpegs[number],
            track,
        )
        for number, source, first, last, vector, track in rows
    ]
