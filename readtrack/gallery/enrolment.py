"""Pictures of tracks: a few boxes of each, cut out of their video, whoever tracked them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.errors import InputError
from readtrack.gathering import CROPS
from readtrack.images import Image, check_image
from readtrack.results import Table, read
from readtrack.tracking.gallery import Gallery
from readtrack.video import Video, open_video

OFFERED = 4 * CROPS  # pictures of a track that is going on, of which the best are taken


@dataclass(frozen=True)
class Pictures:
    """A few boxes of a track."""

    name: str | None
    first: float  # seconds from the video's first frame on
    last: float
    images: list[Image]  # BGR, in the order of time, at least one
    track: int | None = None  # its number


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
                found.append(Pictures(table.names.get(track), float(first), float(last), own, track))
    return found


class Watch:
    """Pictures of any tracker's people, taken while it runs: hand in its detections frame by frame, then enrol.

    Memory is bounded for each track, not in their number.

    Example:
        >>> watch = Watch(fps=25)
        >>> for image in images:  # doctest: +SKIP
        ...     watch.update(my_tracker(image), image)
        >>> gallery.enrol_tracks(watch.tracks(), "door")  # doctest: +SKIP
    """

    def __init__(self, fps: float = 30.0) -> None:
        """Begin with nobody.

        Args:
            fps: frames a second, where frames do not bring their time.

        Raises:
            InputError: it is not above 0.
        """
        if not 0 < fps < float("inf"):
            raise InputError(f"fps={fps}: give frames a second, above 0", "fps")
        self.fps, self.frames = fps, 0
        self._kept: dict[int, Gallery] = {}
        self._seen: dict[int, tuple[float, float]] = {}

    def update(self, people: sv.Detections, image: Image, time: float | None = None) -> None:
        """Take a frame.

        Args:
            people: boxes with ``tracker_id``; those of a negative one are of nobody yet, and passed over.
            image: BGR uint8 (H, W, 3).
            time: seconds since the first frame; None counts frames.

        Raises:
            InputError: these are no detections with ids, or the image is not (H, W, 3) uint8.
        """
        boxes.check_detections(people)
        check_image(image)
        if people.tracker_id is None and len(people):
            raise InputError("detections without tracker_id: give what a tracker returned")
        now = self.frames / self.fps if time is None else float(time)
        self.frames += 1
        if not len(people) or not image.size:
            return
        xyxy, ids = people.xyxy.astype(np.float64), np.asarray(people.tracker_id).astype(int).tolist()
        hidden = _hidden(xyxy, (image.shape[1], image.shape[0]))
        for row, track in enumerate(ids):
            picture = _picture(image, xyxy[row]) if track >= 0 and np.isfinite(hidden[row]) else None
            if picture is not None:
                self._kept.setdefault(track, Gallery(OFFERED)).offer((hidden[row], picture))
                self._seen[track] = (self._seen.get(track, (now, now))[0], now)

    def tracks(self) -> list[Pictures]:
        """Of each track so far, by id, the pictures that others and edges hide least."""
        found = []
        for track, kept in sorted(self._kept.items()):
            parts = np.array_split(np.arange(len(kept.crops)), CROPS)
            hidden = np.array([how for how, _ in kept.crops], dtype=np.float64)
            images = [kept.crops[_clearest(part, hidden)][1] for part in parts if len(part)]
            found.append(Pictures(None, *self._seen[track], images, track))
        return found


def _chosen(table: Table, size: tuple[int, int] | None) -> list[int]:
    """Rows to cut out: of each of ``CROPS`` equal parts of a track the box that others and edges hide least."""
    hidden = np.asarray(2.0 * table.filled, dtype=np.float64)  # nobody was detected there
    _, starts = np.unique(table.frame, return_index=True)
    for start, stop in zip(starts, [*starts[1:], len(table)], strict=False):
        hidden[start:stop] += _hidden(table.xyxy[start:stop], size)
    chosen = []
    for track in np.unique(table.id).tolist():
        rows = np.flatnonzero((table.id == track) & np.isfinite(hidden))
        parts = np.array_split(rows, CROPS)
        chosen += [_clearest(part, hidden) for part in parts if len(part)]
    return chosen


def _hidden(xyxy: NDArray[np.float64], size: tuple[int, int] | None) -> NDArray[np.float64]:
    """How much of each box of a frame (N, 4) others and the image's edges hide; infinite where nothing is shown."""
    hidden = np.asarray(boxes.occlusion(xyxy).max(axis=1, initial=0), dtype=np.float64)
    if size is not None:
        hidden = hidden + boxes.truncated(xyxy, size)
        hidden[~boxes.usable(xyxy, *size, smallest=2)] = np.inf
    return hidden


def _clearest(rows: NDArray[np.intp], hidden: NDArray[np.float64]) -> int:
    """Of rows that are hidden equally little the one in the middle."""
    best = rows[hidden[rows] <= hidden[rows].min() + 1e-9]
    return int(best[len(best) // 2])


def _picture(image: Image, box: NDArray[np.float64]) -> Image | None:
    """The pixels of a box (4,); None where it shows nothing."""
    left, top, right, bottom = boxes.clip(box[None], image.shape[1], image.shape[0])[0].round().astype(int)
    return image[top:bottom, left:right].copy() if right - left > 1 and bottom - top > 1 else None


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
            for row in wanted[frame.index]:
                picture = _picture(frame.image, table.xyxy[row])
                if picture is not None:
                    images[row] = picture
        if progress is not None:
            progress(min(frame.index + 1, last + 1), last + 1)
    if seen < last:
        raise InputError(f"{video.name}: ends at frame {seen}, the tracks go on to {last}: give what was tracked")
    return images
