"""Lives: when and where each track was seen, and which two can be one person at all."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack.errors import InputError
from readtrack.linking.config import RelinkConfig
from readtrack.tracking import TrackerConfig
from readtrack.tracking.motion import within_reach


@dataclass(frozen=True)
class Life:
    """All sightings of a track."""

    track: int  # its id
    frames: NDArray[np.int64]  # (L,), ascending
    xyxy: NDArray[np.float64]  # (L, 4)
    rows: NDArray[np.int64]  # (L,), of each frame's detections


def lives(tracks: Mapping[int, sv.Detections]) -> list[Life]:
    """Tracks in the order in which they begin.

    Args:
        tracks: by frame from 0, with ``tracker_id``; who has one below 0 is left out.

    Raises:
        InputError: an id stands twice in a frame.
    """
    seen: defaultdict[int, list[tuple[int, int, NDArray[np.float64]]]] = defaultdict(list)
    for frame, people in sorted(tracks.items()):
        ids = [] if people.tracker_id is None else people.tracker_id.tolist()
        if len(set(ids)) < len(ids):
            raise InputError(
                f"an id stands twice in frame {frame}: {sorted(ids)}; give each box of it an id of its own"
            )
        for row, track in enumerate(ids):
            if track >= 0:
                seen[track].append((frame, row, np.asarray(people.xyxy[row], dtype=np.float64)))
    found = []
    for track, sightings in seen.items():
        frames, rows, xyxy = zip(*sightings, strict=True)
        found.append(Life(track, np.array(frames), np.stack(xyxy), np.array(rows)))
    return sorted(found, key=lambda life: (life.frames[0], life.track))


def relations(people: list[Life], config: RelinkConfig) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which tracks cannot be one person (N, N), and how many frames they are apart (N, N).

    They cannot where both are seen in one frame, or where somebody would have to run faster than people do. Both
    matrices are symmetric. What holds of two tracks holds of all that they are joined with, since a joined track
    passes from one of its parts to another only where these two alone would.
    """
    count, reach = len(people), config.reach
    conflict = np.eye(count, dtype=bool)
    apart = np.zeros((count, count), dtype=np.int64)
    for i, one in enumerate(people):
        for j in range(i + 1, count):
            other = people[j]
            possible, gap = _passage(one, other, reach)
            conflict[i, j] = conflict[j, i] = not possible
            apart[i, j] = apart[j, i] = gap
    return conflict, apart


def _passage(one: Life, other: Life, reach: TrackerConfig) -> tuple[bool, int]:
    """Whether two tracks, the first of which begins first, may be one person, and the frames that they are apart."""
    if one.frames[-1] < other.frames[0]:
        turns = [(one, len(one.frames) - 1, other, 0)]
    else:
        if np.isin(one.frames, other.frames, assume_unique=True).any():
            return False, 0
        turns = _turns(one, other)
    gap = min(int(b.frames[j] - a.frames[i]) for a, i, b, j in turns)
    possible = all(
        within_reach((int(a.frames[i]), a.xyxy[i]), (int(b.frames[j]), b.xyxy[j]), reach) for a, i, b, j in turns
    )
    return possible, gap


def _turns(one: Life, other: Life) -> list[tuple[Life, int, Life, int]]:
    """Where sightings of two tracks that share no frame take turns: whose, which one, and the same of the next."""
    frames = np.concatenate([one.frames, other.frames])
    order = np.argsort(frames, kind="stable")
    later = order >= len(one.frames)
    turns = []
    for place in np.flatnonzero(later[1:] != later[:-1]).tolist():
        ends = []
        for index in order[place : place + 2].tolist():
            ends += [other, index - len(one.frames)] if index >= len(one.frames) else [one, index]
        turns.append((ends[0], ends[1], ends[2], ends[3]))
    return turns
