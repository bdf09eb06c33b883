"""Which tracklets of many recordings may be one person: whoever resembles most, among those whose times allow it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Vectors = NDArray[np.float32]

ROWS = 1024  # tracklets whose likenesses are in memory at once
WIDE = 20_000  # others in reach of a tracklet, from which on they are looked for in cells
PER_CELL = 128  # tracklets of a cell, about
CELLS = 8  # nearest cells in which those that resemble a tracklet are looked for
TURNS = 3  # in which the middles of cells are found


@dataclass(frozen=True)
class Seen:
    """N tracklets; all arrays begin with N."""

    vectors: Vectors  # (N, D), unit length
    recording: Ints  # number of the recording that each is from
    first: Floats  # seconds; NaN where nobody knows when the recording was made
    last: Floats

    def __len__(self) -> int:
        return len(self.recording)


@dataclass(frozen=True)
class Reach:
    """Who may be the same person."""

    within: float = np.inf  # seconds after which nobody is looked for any more
    overlapping: bool = False  # whether two recordings may show a person at the same time

    def possible(self, seen: Seen, one: Ints, other: Ints) -> NDArray[np.bool_]:
        """Of tracklets (A, 1) and (B,), or of pairs (P,), whether they may: another recording, at another time."""
        with np.errstate(invalid="ignore"):
            apart = np.maximum(seen.first[other] - seen.last[one], seen.first[one] - seen.last[other])
            near = ~(apart > self.within)  # also where it is not known
            free = near if self.overlapping else near & ~(apart < 0)
        return np.asarray(free & (seen.recording[one] != seen.recording[other]))

    def count(self, seen: Seen) -> Ints:
        """How many each (N,) may be, about: all in reach but those of its own recording."""
        own = np.bincount(seen.recording)[seen.recording]
        timed = np.isfinite(seen.first)
        begins, ends = np.sort(seen.first[timed]), np.sort(seen.last[timed])
        near = np.searchsorted(begins, seen.last + self.within, "right") - np.searchsorted(
            ends, seen.first - self.within, "left"
        )
        if not self.overlapping:
            near -= np.searchsorted(begins, seen.last, "left") - np.searchsorted(ends, seen.first, "right")
        count = np.where(timed, near + (~timed).sum(), len(seen)) - own
        return np.asarray(np.maximum(count, 1), dtype=np.int64)


def candidates(seen: Seen, reach: Reach, most: int, seed: int = 0) -> tuple[Ints, Ints]:
    """Pairs (P,) of tracklets, each with the ``most`` that resemble it most among those that it may be.

    Blocks of time keep the work in proportion to who is in reach; where that are very many, only those in the nearest
    cells of vectors are looked at.
    """
    if len(seen) < 2:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    widths = reach.count(seen)
    blocks = _cells(seen, seed) if widths.mean() > WIDE else _windows(seen, reach)
    row, column, likeness = (np.concatenate(part) for part in zip(*_nearest(seen, reach, most, blocks), strict=True))
    order = np.lexsort((column, -likeness, row))
    row, column = row[order], column[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    row, column = row[place < most], column[place < most]
    pairs = np.unique(np.minimum(row, column) * len(seen) + np.maximum(row, column))
    return pairs // len(seen), pairs % len(seen)


def _nearest(
    seen: Seen, reach: Reach, most: int, blocks: Iterator[tuple[Ints, Ints]]
) -> Iterator[tuple[Ints, Ints, Vectors]]:
    """Of each block of rows and columns the ``most`` columns that resemble each row most."""
    yield np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32)
    for rows, columns in blocks:
        likeness = seen.vectors[rows] @ seen.vectors[columns].T  # (A, B)
        likeness[~reach.possible(seen, rows[:, None], columns)] = -np.inf
        if len(columns) > most:
            place = np.argpartition(-likeness, most, axis=1)[:, :most]
        else:
            place = np.tile(np.arange(len(columns)), (len(rows), 1))
        best = np.take_along_axis(likeness, place, axis=1)
        row, kept = np.nonzero(np.isfinite(best))
        yield rows[row], columns[place[row, kept]], best[row, kept]


def _windows(seen: Seen, reach: Reach) -> Iterator[tuple[Ints, Ints]]:
    """Rows in the order of time, and all that are in reach of any of them."""
    timed = np.isfinite(seen.first)
    order = np.argsort(np.where(timed, seen.first, np.inf), kind="stable")
    known = int(timed.sum())
    begin, latest = seen.first[order[:known]], np.maximum.accumulate(seen.last[order[:known]])
    for start in range(0, len(order), ROWS):
        rows = order[start : start + ROWS]
        if not timed[rows].all() or not np.isfinite(reach.within):
            yield rows, order
            continue
        low = int(np.searchsorted(latest, seen.first[rows].min() - reach.within, "left"))
        high = int(np.searchsorted(begin, seen.last[rows].max() + reach.within, "right"))
        yield rows, np.concatenate([order[low:high], order[known:]])


def _cells(seen: Seen, seed: int) -> Iterator[tuple[Ints, Ints]]:
    """For each cell of vectors the tracklets that look there, and those that are in it."""
    rng, count = np.random.default_rng(seed), max(2, len(seen) // PER_CELL)
    middles = seen.vectors[rng.choice(len(seen), count, replace=False)]
    sample = seen.vectors[rng.permutation(len(seen))[: 16 * count]]
    for _ in range(TURNS):
        own = _cell_of(sample, middles, 1)[:, 0]
        total = np.zeros_like(middles)
        np.add.at(total, own, sample)
        length = np.linalg.norm(total, axis=1, keepdims=True)
        middles = np.where(length > 0, total / np.maximum(length, 1e-12), middles)
    near = _cell_of(seen.vectors, middles, min(CELLS, count))  # (N, CELLS), nearest first
    home, visits = near[:, 0], near.ravel()
    member, visitor = np.argsort(home, kind="stable"), np.argsort(visits, kind="stable")
    inside = np.searchsorted(home[member], np.arange(count + 1))
    visiting = np.searchsorted(visits[visitor], np.arange(count + 1))
    for cell in range(count):
        columns = member[inside[cell] : inside[cell + 1]]
        rows = visitor[visiting[cell] : visiting[cell + 1]] // near.shape[1]
        for start in range(0, len(rows) if len(columns) else 0, ROWS):
            yield rows[start : start + ROWS], columns


def _cell_of(vectors: Vectors, middles: Vectors, most: int) -> Ints:
    """The nearest cells of each vector (N, most), nearest first."""
    parts = []
    for start in range(0, len(vectors), ROWS):
        likeness = vectors[start : start + ROWS] @ middles.T
        best = np.argpartition(-likeness, most - 1, axis=1)[:, :most]
        order = np.argsort(-np.take_along_axis(likeness, best, axis=1), axis=1)
        parts.append(np.take_along_axis(best, order, axis=1))
    return np.concatenate(parts).astype(np.int64)
