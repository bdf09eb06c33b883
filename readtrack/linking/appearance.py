"""Evidence: clear crops of each track, and what READ says of two tracks' little videos."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.errors import InputError
from readtrack.linking.config import RelinkConfig
from readtrack.linking.trajectories import Life
from readtrack.read.crops import spread_positions
from readtrack.tracking.evidence import log_odds
from readtrack.tracking.gallery import Gallery
from readtrack.video import Frame

if TYPE_CHECKING:
    from readtrack.read.matcher import Matcher

TOGETHER = 64  # crops that wait to be encoded at once


def gather(
    people: list[Life],
    tracks: Mapping[int, sv.Detections],
    frames: Iterable[Frame],
    matcher: "Matcher",
    config: RelinkConfig,
    report: Callable[[int], None],
) -> list[list[Any]]:
    """Clear crops of each track, in the order of time; none where it was never seen clearly.

    Which crops these are is chosen by the boxes before a frame is looked at, so that only they are kept.

    Raises:
        InputError: no frame has pixels, or tracks go on after the last one.
    """
    stream = iter(frames)
    first = next((frame for frame in stream if frame.image is not None), None)
    if first is None or first.image is None:
        raise InputError("the video has no pixels to compare people by: pass the images or the video itself")
    wanted = _choose(people, tracks, (first.image.shape[1], first.image.shape[0]), config)
    found: list[list[Any]] = [[] for _ in people]
    waiting: list[Any] = []
    last = -1
    for frame in chain([first], stream):
        last = frame.index
        if frame.image is not None and (chosen := wanted.get(frame.index)):
            rows = np.array([row for _, row in chosen])
            described = matcher.describe(frame.image, boxes.take(tracks[frame.index], rows))
            for (person, _), crop in zip(chosen, described.data["crop"], strict=True):
                if crop is not None:
                    found[person].append(crop)
                    waiting.append(crop)
        if len(waiting) >= TOGETHER:
            matcher.encode(waiting)  # also lets go of their pixels
            waiting = []
        report(frame.index + 1)
    if last < max(tracks, default=-1):
        raise InputError(
            f"the tracks go on to frame {max(tracks) + 1}, the video to {last + 1}: pass the one they are of"
        )
    matcher.encode(waiting)
    return found


def _choose(
    people: list[Life], tracks: Mapping[int, sv.Detections], size: tuple[int, int], config: RelinkConfig
) -> dict[int, list[tuple[int, int]]]:
    """By frame the tracks of which a crop is wanted, by their place among all, and the row of their boxes."""
    clear = {frame: _clear(np.asarray(seen.xyxy, dtype=np.float64), size, config) for frame, seen in tracks.items()}
    wanted: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for person, life in enumerate(people):
        memory = Gallery(config.gallery_size)
        for frame, row in zip(life.frames.tolist(), life.rows.tolist(), strict=True):
            if clear[frame][row]:
                memory.offer((frame, row))
        for frame, row in memory.crops:
            wanted[frame].append((person, row))
    return wanted


def _clear(xyxy: NDArray[np.float64], size: tuple[int, int], config: RelinkConfig) -> NDArray[np.bool_]:
    """Which boxes (N, 4) of a frame are neither covered by others nor cut off by the image's edge, (N,)."""
    usable = boxes.usable(xyxy, *size, smallest=2)
    clear = np.zeros(len(xyxy), dtype=bool)
    seen = xyxy[usable]
    clear[usable] = ~boxes.truncated(seen, size) & ~(boxes.occlusion(seen) > config.max_occlusion).any(axis=1)
    return clear


def compare(
    crops: list[list[Any]],
    wanted: NDArray[np.bool_],
    matcher: "Matcher",
    config: RelinkConfig,
    report: Callable[[int], None],
) -> NDArray[np.float64]:
    """Log odds that two tracks show one person (N, N), symmetric; NaN where that is not known.

    Several crops of either are compared with the other's little video; the odds are averaged (paper Eq. 3).

    Args:
        crops: of each of N tracks.
        wanted: which pairs are asked about (N, N), symmetric.
        matcher: READ.
        config: how many crops are compared.
        report: told how many tracks are done.
    """
    odds = np.full(wanted.shape, np.nan)
    queries = [[known[i] for i in spread_positions(len(known), min(len(known), config.looks))] for known in crops]
    known = np.array([bool(own) for own in crops], dtype=bool)
    for i in range(len(crops)):
        others = np.flatnonzero(wanted[i] & known & (np.arange(len(crops)) > i)).tolist() if known[i] else []
        if others:
            there = log_odds(matcher.similarity(queries[i], [crops[j] for j in others]))  # (Q, M)
            back = log_odds(matcher.similarity([q for j in others for q in queries[j]], [crops[i]]))[:, 0]
            parts = np.split(back, np.cumsum([len(queries[j]) for j in others])[:-1])
            for k, (j, part) in enumerate(zip(others, parts, strict=True)):
                odds[i, j] = odds[j, i] = (there[:, k].mean() + part.mean()) / 2
        report(i + 1)
    return odds
