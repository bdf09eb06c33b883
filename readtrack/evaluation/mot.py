"""Experiment: any tracker's MOTChallenge files against the truth, by TrackEval."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from readtrack.errors import InputError
from readtrack.evaluation.playback import Progress
from readtrack.evaluation.provenance import versions
from readtrack.evaluation.sequences import TruthFile, find_tracks, find_truth
from readtrack.evaluation.settings import MotSettings
from readtrack.metrics.motchallenge import prepare_benchmark
from readtrack.metrics.tracking import SequenceScores, prepare_sequence, score_prepared
from readtrack.mot import Rows, by_frame, has_classes, read_table, read_truth

COMBINED = "COMBINED"


@dataclass(frozen=True)
class MotReport:
    """All that was found, in the order in which it is written as JSON."""

    settings: dict[str, Any]
    missing: list[str]  # sequences without tracks
    scores: dict[str, SequenceScores]  # by sequence, and COMBINED
    versions: dict[str, str]


def evaluate_mot(settings: MotSettings, progress: Progress = lambda done, total: None) -> MotReport:
    """Score a tracker's files.

    Args:
        settings: what is scored against what.
        progress: told how many sequences are done, and of how many.

    Raises:
        InputError: files are missing or broken; it names the row.
    """
    sequences = find_truth(settings.ground_truth)
    names = [sequence.name for sequence in sequences]
    files = find_tracks(settings.results, names, settings.allow_missing)
    progress(0, len(sequences))
    prepared = []
    for done, sequence in enumerate(sequences, 1):
        prepared.append(_prepare(sequence, files.get(sequence.name), settings))
        progress(done, len(sequences))
    each, combined = score_prepared(prepared)
    return MotReport(
        settings=asdict(settings),
        missing=[name for name in names if name not in files],
        scores={**dict(zip(names, each, strict=True)), COMBINED: combined},
        versions=versions("trackeval"),
    )


def _prepare(sequence: TruthFile, file: Path | None, settings: MotSettings) -> dict[str, Any]:
    """A sequence as TrackEval's metrics take it."""
    tracks = read_table(file, sequence.frames).rows if file else np.empty((0, 9))
    last = int(tracks[:, 0].max(initial=0))
    if settings.preprocess is not None:
        truth = _classified(sequence)
        frames = sequence.frames or max(last, int(truth[:, 0].max(initial=0)))
        return prepare_benchmark(sequence.name, truth, tracks, frames, settings.preprocess)
    people = read_truth(sequence.file, settings.classes)
    frames = max(people, default=-1) + 1
    if sequence.frames is not None and frames > sequence.frames:
        raise InputError(f"{sequence.file}: has frame {frames} of {sequence.frames}: correct it or seqinfo.ini")
    found = by_frame(tracks)
    for boxes in (*people.values(), *found.values()):
        boxes.tracker_id = None if boxes.tracker_id is None else boxes.tracker_id + 1  # some count from 0
    return prepare_sequence(people, found, sequence.frames or max(last, frames))


def _classified(sequence: TruthFile) -> Rows:
    """All rows of a truth with classes."""
    rows = read_table(sequence.file, sequence.frames).rows
    if len(rows) and not has_classes(rows):
        missing = "has no classes in column 8, as MOT16, MOT17 and MOT20 have"
        raise InputError(f"{sequence.file}: {missing}", parameter="preprocess")
    return rows
