"""Experiment: identities over several cameras, against the truth, as if the cameras were one film after another."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import supervision as sv

from readtrack.errors import InputError
from readtrack.evaluation.playback import Progress
from readtrack.evaluation.provenance import versions
from readtrack.evaluation.recordings import label, visible
from readtrack.evaluation.settings import CamerasSettings
from readtrack.metrics.tracking import SequenceScores, prepare_sequence, score_prepared
from readtrack.mot import read_mot, read_truth

TOGETHER = "TOGETHER"
Boxes = Mapping[int, sv.Detections]


@dataclass(frozen=True)
class PersonScore:
    """How well one person keeps one id over all cameras: his boxes against all boxes of that id."""

    person: int
    cameras: int  # that saw him
    id: int  # that has most of his boxes; 0 for none
    cameras_with_id: int  # in which it has some of them
    boxes: int  # of the person
    boxes_of_id: int
    both: int  # boxes of that id on the person, at an IoU of 0.5 or more
    ids: int  # that have any of his boxes

    @property
    def F1(self) -> float:  # noqa: N802 (as it is called)
        """In [0, 1]."""
        return 2 * self.both / max(self.boxes + self.boxes_of_id, 1)


@dataclass(frozen=True)
class CamerasReport:
    """All that was found, in the order in which it is written as JSON."""

    settings: dict[str, Any]
    scores: dict[str, SequenceScores]  # by camera, and TOGETHER; none where the truth is partial
    people: list[PersonScore]
    versions: dict[str, str]


def evaluate_cameras(settings: CamerasSettings, progress: Progress = lambda done, total: None) -> CamerasReport:
    """Score what a run over several cameras left.

    Args:
        settings: what is scored against what.
        progress: told how many cameras are done, and of how many.

    Raises:
        InputError: files are missing or broken.
    """
    found = _files(settings)
    truths: dict[str, Boxes] = {}
    tracks: dict[str, Boxes] = {}
    progress(0, len(found))
    for done, (name, (truth, tracked)) in enumerate(found.items(), 1):
        truths[name] = {frame: visible(people) for frame, people in read_truth(truth).items()}
        tracks[name] = read_mot(tracked)
        progress(done, len(found))
    scores: dict[str, SequenceScores] = {}
    if not settings.partial:
        lengths = {name: max([*truths[name], *tracks[name]], default=-1) + 1 for name in found}
        each = [prepare_sequence(truths[name], tracks[name], lengths[name]) for name in found]
        whole = prepare_sequence(
            _after_each_other(truths, lengths), _after_each_other(tracks, lengths), sum(lengths.values())
        )
        told = score_prepared([*each, whole])[0]
        scores = dict(zip([*found, TOGETHER], told, strict=True))
    return CamerasReport(asdict(settings), scores, _people(truths, tracks), versions("trackeval"))


def _files(settings: CamerasSettings) -> dict[str, tuple[Path, Path]]:
    """Truth and tracks of each camera that has both."""
    if not settings.results.is_dir():
        raise InputError(f"{settings.results}: no such folder of cameras", "results")
    found = {}
    where = settings.ground_truth or settings.results
    for tracked in sorted(settings.results.glob("*/tracks.txt")):
        name = tracked.parent.name
        places = (where / name / "gt" / "gt.txt", where / name / "truth.txt", where / f"{name}.txt")
        truth = next((place for place in places if place.is_file()), None)
        if truth is not None:
            found[name] = truth, tracked
    if not found:
        raise InputError(f"{where}: has no CAMERA/gt/gt.txt of the cameras in {settings.results}", "ground_truth")
    return found


def _after_each_other(boxes: Mapping[str, Boxes], lengths: Mapping[str, int]) -> dict[int, sv.Detections]:
    """All cameras' frames on one axis."""
    answer: dict[int, sv.Detections] = {}
    begin = 0
    for name, own in boxes.items():
        answer |= {begin + frame: people for frame, people in own.items()}
        begin += lengths[name]
    return answer


def _people(truths: Mapping[str, Boxes], tracks: Mapping[str, Boxes]) -> list[PersonScore]:
    """Everybody in the truth, by number."""
    boxes: Counter[int] = Counter()
    boxes_of_id: Counter[int] = Counter()
    both: dict[int, Counter[int]] = {}
    seen: dict[int, set[str]] = {}
    met: dict[tuple[int, int], set[str]] = {}
    nobody = sv.Detections.empty()
    for name, truth in truths.items():
        for people in truth.values():
            for person in _ids(people):
                boxes[person] += 1
                seen.setdefault(person, set()).add(name)
        for frame, people in tracks[name].items():
            ids = _ids(people)
            boxes_of_id.update(ids)
            for track, person in zip(ids, label(people, truth.get(frame, nobody)).tolist(), strict=True):
                if person >= 0:
                    both.setdefault(person, Counter())[track] += 1
                    met.setdefault((person, track), set()).add(name)
    answer = []
    for person in sorted(boxes):
        found = both.get(person, Counter())
        track, hits = max(found.items(), key=lambda item: (item[1], -item[0]), default=(0, 0))
        answer.append(
            PersonScore(
                person=person,
                cameras=len(seen[person]),
                id=track,
                cameras_with_id=len(met.get((person, track), ())),
                boxes=boxes[person],
                boxes_of_id=boxes_of_id[track],
                both=hits,
                ids=len(found),
            )
        )
    return answer


def _ids(people: sv.Detections) -> list[int]:
    """Whose boxes they are."""
    return [] if people.tracker_id is None else np.asarray(people.tracker_id).astype(int).tolist()
