"""HOTA, IDF1, MOTA and their kin: a thin hand to TrackEval, which computes them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np
import supervision as sv

from readtrack import boxes

Boxes: TypeAlias = Mapping[int, sv.Detections]  # frame -> boxes with ``tracker_id``


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


def score_tracking(truth: Boxes, tracks: Boxes, frames: Sequence[int] | int) -> TrackingScores:
    """Score tracks against the truth.

    Args:
        truth: frame -> boxes with ``tracker_id``, all of which count.
        tracks: frame -> boxes with ``tracker_id``; ids below 1 are left out.
        frames: which frames count, or how many from the first.

    Raises:
        ValueError: an id stands twice in a frame.
    """
    found = score_sequences([(truth, tracks, frames)])[1]
    return TrackingScores(**{field.name: getattr(found, field.name) for field in fields(TrackingScores)})


@dataclass(frozen=True)
class SequenceScores(TrackingScores):
    """The same with what they are made of."""

    FP: int  # boxes of tracks that are nobody
    FN: int  # people in a frame who were not found
    MT: int  # people found in more than 80 % of their frames
    ML: int  # people found in less than 20 %
    people: int  # in the truth
    identities: int  # in the tracks


def score_sequences(
    sequences: Iterable[tuple[Boxes, Boxes, Sequence[int] | int]],
) -> tuple[list[SequenceScores], SequenceScores]:
    """Score several sequences, and all of them together as TrackEval does: from summed counts, not a mean of scores.

    Args:
        sequences: truth, tracks and frames of each, as in ``score_tracking``; at least one.

    Returns:
        The scores of each, in order, and those of all.

    Raises:
        ValueError: an id stands twice in a frame.
    """
    return score_prepared([prepare_sequence(*sequence) for sequence in sequences])


def prepare_sequence(truth: Boxes, tracks: Boxes, frames: Sequence[int] | int) -> dict[str, Any]:
    """A sequence as TrackEval's metrics take it: per frame ids from 0 and IoU, and how many there are of all."""
    steps = range(frames) if isinstance(frames, int) else frames
    return _sequence([truth.get(i) for i in steps], [tracks.get(i) for i in steps])


def score_prepared(sequences: Sequence[dict[str, Any]]) -> tuple[list[SequenceScores], SequenceScores]:
    """``score_sequences`` of what ``prepare_sequence`` or a data set of TrackEval made."""
    from trackeval.metrics import CLEAR, HOTA, Identity

    metrics = (HOTA(), CLEAR({"PRINT_CONFIG": False}), Identity({"PRINT_CONFIG": False}))
    results = [[metric.eval_sequence(data) for data in sequences] for metric in metrics]
    combined = [metric.combine_sequences(dict(enumerate(each))) for metric, each in zip(metrics, results, strict=True)]
    people = [(int(data["num_gt_ids"]), int(data["num_tracker_ids"])) for data in sequences]
    scores = [_scores(*row, *counts) for *row, counts in zip(*results, people, strict=True)]
    return scores, _scores(*combined, *np.sum(people, axis=0).tolist())


@dataclass(frozen=True)
class IdentityCounts:
    """Boxes by the assignment of whole tracks to whole people, of which IDF1 is made."""

    IDTP: int
    IDFP: int
    IDFN: int

    def __add__(self, other: "IdentityCounts") -> "IdentityCounts":
        return IdentityCounts(self.IDTP + other.IDTP, self.IDFP + other.IDFP, self.IDFN + other.IDFN)

    @property
    def IDF1(self) -> float:  # noqa: N802 (TrackEval's name)
        """In [0, 1]; 0 of nothing."""
        return 2 * self.IDTP / max(2 * self.IDTP + self.IDFP + self.IDFN, 1)


def count_identities(truth: Boxes, tracks: Boxes, frames: Sequence[int] | int) -> IdentityCounts:
    """Identity alone, which is quicker than all scores; arguments and errors are those of ``score_tracking``."""
    from trackeval.metrics import Identity

    found = Identity({"PRINT_CONFIG": False}).eval_sequence(prepare_sequence(truth, tracks, frames))
    return IdentityCounts(*(int(found[name]) for name in ("IDTP", "IDFP", "IDFN")))


def _scores(
    hota: dict[str, Any], clear: dict[str, Any], identity: dict[str, Any], people: int, identities: int
) -> SequenceScores:
    """What is told of TrackEval's answers."""
    return SequenceScores(
        HOTA=float(np.mean(hota["HOTA"])),
        DetA=float(np.mean(hota["DetA"])),
        AssA=float(np.mean(hota["AssA"])),
        IDF1=float(identity["IDF1"]),
        MOTA=float(clear["MOTA"]),
        IDSW=int(clear["IDSW"]),
        Frag=int(clear["Frag"]),
        FP=int(clear["CLR_FP"]),
        FN=int(clear["CLR_FN"]),
        MT=int(clear["MT"]),
        ML=int(clear["ML"]),
        people=people,
        identities=identities,
    )


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
