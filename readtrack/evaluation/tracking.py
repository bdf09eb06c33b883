"""HOTA, IDF1, MOTA and their kin: a thin hand to TrackEval, which computes them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import supervision as sv

from readtrack import boxes


@dataclass(frozen=True)
class TrackingScores:
    """TrackEval's names. Shares are in [0, 1] (MOTA can be negative); HOTA and its parts are means over thresholds."""

    HOTA: float
    DetA: float
    AssA: float
    IDF1: float
    MOTA: float
    IDSW: int
    Frag: int


def score_tracking(
    truth: Mapping[int, sv.Detections], tracks: Mapping[int, sv.Detections], frames: Sequence[int] | int
) -> TrackingScores:
    """Score tracks against the truth.

    Args:
        truth: frame -> boxes with ``tracker_id``, all of which count.
        tracks: frame -> boxes with ``tracker_id``; ids below 1 are left out.
        frames: which frames count, or how many from the first.

    Raises:
        ValueError: an id stands twice in a frame.
    """
    from trackeval.metrics import CLEAR, HOTA, Identity

    steps = range(frames) if isinstance(frames, int) else frames
    data = _sequence([truth.get(i) for i in steps], [tracks.get(i) for i in steps])
    silent = {"PRINT_CONFIG": False}
    hota, clear, identity = (
        metric.eval_sequence(data) for metric in (HOTA(), CLEAR(dict(silent)), Identity(dict(silent)))
    )
    return TrackingScores(
        HOTA=float(np.mean(hota["HOTA"])),
        DetA=float(np.mean(hota["DetA"])),
        AssA=float(np.mean(hota["AssA"])),
        IDF1=float(identity["IDF1"]),
        MOTA=float(clear["MOTA"]),
        IDSW=int(clear["IDSW"]),
        Frag=int(clear["Frag"]),
    )


def identity_kept(
    truth: Mapping[int, sv.Detections],
    tracks: Mapping[int, sv.Detections],
    person: int,
    absence: tuple[int, int],
    window: int = 50,
) -> bool:
    """Whether somebody had the same id before and after being away: the commonest one on either side.

    Args:
        truth: frame -> boxes with ``tracker_id``.
        tracks: frame -> boxes with ``tracker_id``.
        person: id in the truth.
        absence: first and last frame in which the person was not to be seen.
        window: frames looked at before and after.
    """
    before = _usual_id(truth, tracks, person, range(absence[0] - window, absence[0]))
    after = _usual_id(truth, tracks, person, range(absence[1] + 1, absence[1] + 1 + window))
    return before is not None and before == after


def _usual_id(
    truth: Mapping[int, sv.Detections], tracks: Mapping[int, sv.Detections], person: int, frames: range
) -> int | None:
    """The id that most of a person's boxes got (IoU of a half or more); None without any."""
    ids: Counter[int] = Counter()
    for frame in frames:
        there, found = truth.get(frame), tracks.get(frame)
        if there is None or found is None or there.tracker_id is None or found.tracker_id is None:
            continue
        overlap = boxes.iou(there.xyxy[there.tracker_id == person].astype(np.float64), found.xyxy.astype(np.float64))
        if overlap.size and overlap.max() >= 0.5:
            ids[int(found.tracker_id[overlap[0].argmax()])] += 1
    return ids.most_common(1)[0][0] if ids else None


def _sequence(truth: list[sv.Detections | None], tracks: list[sv.Detections | None]) -> dict[str, Any]:
    """TrackEval's form: per frame consecutive ids and IoU."""
    gt_ids, gt_boxes, gt_count = _side(truth)
    tracker_ids, tracker_boxes, tracker_count = _side(tracks)
    return {
        "num_timesteps": len(truth),
        "num_gt_ids": gt_count,
        "num_tracker_ids": tracker_count,
        "num_gt_dets": sum(map(len, gt_ids)),
        "num_tracker_dets": sum(map(len, tracker_ids)),
        "gt_ids": gt_ids,
        "tracker_ids": tracker_ids,
        "similarity_scores": [boxes.iou(a, b) for a, b in zip(gt_boxes, tracker_boxes, strict=True)],
    }


def _side(frames: list[sv.Detections | None]) -> tuple[list[Any], list[Any], int]:
    """Ids renumbered from 0 and boxes of each frame, and how many ids there are."""
    ids: list[Any] = []
    corners: list[Any] = []
    for detections in frames:
        if detections is None or detections.tracker_id is None:
            ids.append(np.zeros(0, dtype=int))
            corners.append(np.zeros((0, 4)))
            continue
        kept = detections.tracker_id >= 1
        ids.append(detections.tracker_id[kept])
        corners.append(detections.xyxy[kept].astype(np.float64))
        if len(np.unique(ids[-1])) != len(ids[-1]):
            raise ValueError(f"an id stands twice in a frame: {sorted(ids[-1])}")
    known = np.unique(np.concatenate(ids)) if ids else np.zeros(0, dtype=int)
    return [np.searchsorted(known, frame) for frame in ids], corners, len(known)
