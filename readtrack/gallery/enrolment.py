"""Pictures of finished tracks: a few boxes of each, cut out of their video."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.errors import InputError
from readtrack.gathering import CROPS
from readtrack.images import Image
from readtrack.results import Table, read
from readtrack.video import Video, open_video


@dataclass(frozen=True)
class Pictures:
    """A few boxes of a track."""

    name: str | None
    first: float  # seconds from the video's first frame on
    last: float
    images: list[Image]  # BGR, in the order of time, at least one


def pictures_of(
    tracks: str | Path, video: str | Path, progress: Callable[[int, int], None] | None = None
) -> list[Pictures]:
    """Pictures of each track of a run's folder or MOTChallenge file, by identity; who is never shown is left out.

    Raises:
        InputError: the tracks or the video cannot be read, or the video has no pixels or ends too early.
    """
    table = read(tracks)
    with open_video(video) as frames:
        if not frames.pixels:
            raise InputError(f"{video}: has no pixels: give a video or images")
        chosen = _chosen(table, frames.size)
        wanted: dict[int, list[int]] = {}
        for row in chosen:
            wanted.setdefault(int(table.frame[row]), []).append(row)
        images = _cut(table, frames, wanted, progress)
        if wanted and not images:
            raise InputError(f"{tracks}: shows nobody in {video}: give the tracks of this video")
        found = []
        for track in np.unique(table.id).tolist():
            rows = np.flatnonzero(table.id == track)
            own = [images[row] for row in rows.tolist() if row in images]
            if own:
                first, last = table.frame[rows[[0, -1]]] / frames.fps
                found.append(Pictures(table.names.get(track), float(first), float(last), own))
    return found


def _chosen(table: Table, size: tuple[int, int] | None) -> list[int]:
    """Rows to cut out: of each of ``CROPS`` equal parts of a track the box that others and edges hide least."""
    hidden = np.zeros(len(table))
    _, starts = np.unique(table.frame, return_index=True)
    for start, stop in zip(starts, [*starts[1:], len(table)], strict=False):
        hidden[start:stop] = boxes.occlusion(table.xyxy[start:stop]).max(axis=1, initial=0)
    if size is not None:
        hidden += boxes.truncated(table.xyxy, size)
        hidden[~boxes.usable(table.xyxy, *size, smallest=2)] = np.inf
    hidden += 2 * table.filled  # nobody was detected there
    chosen = []
    for track in np.unique(table.id).tolist():
        rows = np.flatnonzero((table.id == track) & np.isfinite(hidden))
        parts = np.array_split(rows, CROPS)
        chosen += [_clearest(part, hidden) for part in parts if len(part)]
    return chosen


def _clearest(rows: NDArray[np.intp], hidden: NDArray[np.float64]) -> int:
    """Of rows that are hidden equally little the one in the middle."""
    best = rows[hidden[rows] <= hidden[rows].min() + 1e-9]
    return int(best[len(best) // 2])


def _cut(
    table: Table, video: Video, wanted: dict[int, list[int]], progress: Callable[[int, int], None] | None
) -> dict[int, Image]:
    """The pixels of rows, by row."""
    images: dict[int, Image] = {}
    last, seen = max(wanted, default=-1), -1
    for frame in video:
        seen = frame.index
        if frame.index > last:
            break
        if frame.image is not None and frame.index in wanted:
            height, width = frame.image.shape[:2]
            for row in wanted[frame.index]:
                left, top, right, bottom = boxes.clip(table.xyxy[row : row + 1], width, height)[0].round().astype(int)
                if right - left > 1 and bottom - top > 1:
                    images[row] = frame.image[top:bottom, left:right].copy()
        if progress is not None:
            progress(min(frame.index + 1, last + 1), last + 1)
    if seen < last:
        raise InputError(f"{video.name}: ends at frame {seen}, the tracks go on to {last}: give what was tracked")
    return images
