"""Tracks of a synthetic street against its exact truth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import supervision as sv

from readtrack.evaluation.absences import Absence, Identities, Presence
from readtrack.evaluation.recordings import Recording
from readtrack.metrics.tracking import TrackingScores, score_tracking


@dataclass(frozen=True)
class StreetReport:
    """What each of several trackers made of a street."""

    scores: dict[str, TrackingScores]  # by tracker
    absences: list[dict[str, Any]]  # "person", "kind", "first" and "last" frame, and by tracker whether the id was kept


def score_street(
    recording: Recording, frames: Sequence[int], tracks: Mapping[str, Mapping[int, sv.Detections]]
) -> StreetReport:
    """Score tracks against whoever is at least a tenth visible.

    Absences are those of people whom the detector found before and after, as ``absences.Presence`` tells.

    Args:
        recording: a synthetic street.
        frames: those that were tracked, in order.
        tracks: by tracker, frame -> boxes with ``tracker_id``.
    """
    truth = {frame: recording.truth(frame) for frame in frames}
    present = Presence(recording, frames)
    found = {name: Identities(theirs, recording.truth) for name, theirs in tracks.items()}
    rows = []
    for told in recording.absences():
        absence = Absence(told.first, told.last, frozenset({told.person}), frozenset())
        if told.person in present.during(absence.before) & present.during(absence.after):
            kept = {name: identities.kept(told.person, absence) for name, identities in found.items()}
            about = {"person": told.person, "kind": told.kind, "first": told.first, "last": told.last}
            rows.append(about | kept)
    return StreetReport({name: score_tracking(truth, theirs, frames) for name, theirs in tracks.items()}, rows)
