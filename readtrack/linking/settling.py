"""Boxes of people, of what was linked: one a frame for each, gaps filled, averaged over time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from readtrack.linking.engine import Linked, Observations
from readtrack.linking.filling import fill, smooth
from readtrack.linking.settings import LinkingConfig

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOVING = 0.2  # share of frames in which a camera moved, from which it counts as one that does
SURE = 0.6  # probability of a link from which the gap that it bridges is filled


@dataclass(frozen=True)
class People:
    """B boxes of people, by frame and person; all arrays begin with B."""

    frames: Ints
    ids: Ints  # from 1, in the order of appearance
    xyxy: Floats  # (B, 4)
    confidence: Floats  # of a filled box the lower one at the ends of the gap
    filled: NDArray[np.bool_]  # whether nobody detected it
    dropped: NDArray[np.bool_]  # whether its person is none


def settle(
    observations: Observations,
    linked: Linked,
    fps: float,
    config: LinkingConfig = LinkingConfig(),
    camera: Floats | None = None,
    size: tuple[int, int] | None = None,
) -> People:
    """Boxes of people: one a frame for each, gaps filled, averaged over time, whoever is no person marked.

    Args:
        observations: boxes of tracklets.
        linked: what ``link`` made of them.
        fps: frames per second.
        config: which gaps are filled, and over what time boxes are averaged.
        camera: (F, 2, 3) which take each frame to where the background stands still; None where the camera did.
        size: width and height of the image, beyond which nothing is filled; None if unknown.
    """
    longest = round(min(config.fill_gap / (2 if _moves(camera) else 1), linked.longest_gap) * fps)
    owner = linked.people[observations.tracklets]
    rows = _one_a_frame(observations, owner)
    parts = []
    for own in np.split(rows, np.flatnonzero(np.diff(owner[rows])) + 1) if len(rows) else []:
        person = int(owner[own[0]])
        seen, confidence = observations.frames[own], observations.confidence[own]
        kept = linked.probability[person] >= config.min_person
        sure = kept & (linked.joined[observations.tracklets[own]] >= SURE)
        frames, xyxy, filled = fill(seen, observations.steady[own], np.where(sure, longest, 0))
        xyxy = smooth(frames, xyxy, config.smoothing * fps)
        after = np.minimum(np.searchsorted(seen, frames), len(seen) - 1)
        before = np.searchsorted(seen, frames, side="right") - 1
        lower = np.minimum(confidence[before], confidence[after])
        parts.append((frames, np.full(len(frames), person + 1), xyxy, lower, filled, np.full(len(frames), not kept)))
    if not parts:
        nothing = np.zeros(0, np.int64)
        return People(nothing, nothing, np.zeros((0, 4)), np.zeros(0), np.zeros(0, bool), np.zeros(0, bool))
    frames, ids, xyxy, confidence, filled, dropped = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    if camera is not None:
        xyxy = into_frames(xyxy, camera[frames])
    order = np.lexsort((ids, frames))
    if size is not None:
        middle = (xyxy[order, :2] + xyxy[order, 2:]) / 2
        order = order[~filled[order] | ((middle > 0) & (middle < np.array(size))).all(axis=1)]
    return People(frames[order], ids[order], xyxy[order], confidence[order], filled[order], dropped[order])


def _moves(camera: Floats | None) -> bool:
    """Whether a camera moves; a shake now and then, or what is taken for one, does not count."""
    if camera is None or len(camera) < 2:
        return False
    return bool((np.abs(np.diff(camera, axis=0)).max(axis=(1, 2)) > 0).mean() > MOVING)


def _one_a_frame(observations: Observations, owner: Ints) -> Ints:
    """Rows by person and frame: of two boxes of a person the one of the longer tracklet."""
    length = np.bincount(observations.tracklets)[observations.tracklets]
    order = np.lexsort((observations.tracklets, -length, observations.frames, owner))
    again = (np.diff(owner[order]) == 0) & (np.diff(observations.frames[order]) == 0)
    return order[~np.concatenate([[False], again])] if len(order) else order


def apart(people: Ints, frames: Ints, tracklets: Ints) -> Ints:
    """The same people (N,), but that nobody is twice in a frame: of two tracklets the shorter is somebody else.

    Args:
        people: of N tracklets.
        frames: of B boxes.
        tracklets: whose boxes they are, from 0 to N - 1.

    Returns:
        From 0 in the order of the tracklets' beginning.
    """
    order = np.lexsort((frames, tracklets))
    starts = np.searchsorted(tracklets[order], np.arange(len(people) + 1))
    lived = [frames[order[start:stop]] for start, stop in zip(starts, starts[1:], strict=False)]
    answer, new = people.copy(), int(people.max(initial=-1)) + 1
    taken: dict[int, list[Ints]] = {}
    for tracklet in np.argsort(-np.diff(starts), kind="stable").tolist():
        person = int(people[tracklet])
        if any(np.isin(lived[tracklet], other).any() for other in taken.get(person, [])):
            answer[tracklet] = person = new
            new += 1
        taken.setdefault(person, []).append(lived[tracklet])
    first = np.full(new, np.iinfo(np.int64).max)
    np.minimum.at(first, answer, np.lexsort((np.arange(len(people)), [own[0] for own in lived])).argsort())
    _, ranked = np.unique(first[answer], return_inverse=True)
    return np.asarray(ranked, dtype=np.int64)


def steady_boxes(xyxy: Floats, affine: Floats) -> Floats:
    """Boxes (B, 4), each taken by an affine map of its own (B, 2, 3)."""
    centre = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    centre = np.einsum("nij,nj->ni", affine[:, :, :2], centre) + affine[:, :, 2]
    half = (xyxy[:, 2:] - xyxy[:, :2]) / 2 * np.sqrt(np.abs(np.linalg.det(affine[:, :, :2])))[:, None]
    return np.concatenate([centre - half, centre + half], axis=1)


def into_frames(xyxy: Floats, affine: Floats) -> Floats:
    """The inverse of ``steady_boxes``."""
    inverse = np.linalg.inv(affine[:, :, :2])
    return steady_boxes(xyxy, np.concatenate([inverse, -inverse @ affine[:, :, 2:]], axis=2))
