"""What tells people from things by READ's pooled vectors: a logistic regression on boxes of recordings with truth."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.detect import Detector, load_detector
from readtrack.errors import InputError
from readtrack.evaluation.playback import Progress, counting
from readtrack.evaluation.recordings import OVERLAP, Recording, open_recording
from readtrack.evaluation.settings import PersonSettings
from readtrack.files import check_apart, check_writable
from readtrack.images import Image
from readtrack.mot import read_table
from readtrack.read.checkpoint import load_checkpoint, save_checkpoint
from readtrack.read.matcher import Matcher
from readtrack.read.weights import find_weights
from readtrack.video import Frame

Floats = NDArray[np.float64]

FRAMES = 120  # of each recording, at equal steps
MOST = 30  # boxes of a detector in a frame
SMALLEST = 20  # pixels of height of a box
NOBODY = 0.3  # IoU with everybody who is marked, below which a box is nobody; between this and OVERLAP it is left out
WINDOWS = 3  # of background in a frame, as large as people, whose share that anybody covers
COVERED = 0.15  # is at most this
TRIES = 12
STRENGTH = 1.0  # C of the regression


@dataclass(frozen=True)
class Told:
    """Of one recording: boxes of people, of others, and the area under the ROC curve by the other recordings."""

    name: str
    people: int
    others: int
    auc: float  # NaN where it is the only one


def fit_persons(settings: PersonSettings, out: Path, progress: Progress = lambda done, total: None) -> list[Told]:
    """Write weights that also tell people from things: by detections, and windows of background, of recordings.

    Args:
        settings: weights, recordings and detectors.
        out: file to write.
        progress: told how many recordings are done, and of how many.

    Raises:
        InputError: weights, recordings or detectors cannot be used, a recording has no box of either kind, or the file
            cannot be written.
    """
    check_apart([out], [find_weights(settings.weights), *(Path(source) for source in settings.source)])
    check_writable(out)
    model, about = load_checkpoint(settings.weights)
    matcher, report = Matcher(model, settings.device), counting(progress, len(settings.source))
    detectors = [load_detector(str(detector)) for detector in settings.detector]
    names, found = [], []
    for source in settings.source:
        with open_recording(source) as recording:
            found.append(_examples(recording, source, matcher, detectors))
        names.append(recording.name)
        report()
    told = []
    for place, (name, (vectors, person)) in enumerate(zip(names, found, strict=True)):
        others = found[:place] + found[place + 1 :]
        odds = vectors @ (fitted := _fit(others))[:-1] + fitted[-1] if others else np.zeros(0)
        told.append(Told(name, int(person.sum()), int((~person).sum()), _auc(odds, person)))
    config = replace(model.config, persons=tuple(_fit(found).tolist()))
    save_checkpoint(out, model, {**about, "persons": {"recordings": names}}, config)
    return told


def _auc(odds: Floats, person: NDArray[np.bool_]) -> float:
    """Area under the ROC curve."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(person, odds)) if len(odds) else float("nan")


def _fit(found: Sequence[tuple[Floats, NDArray[np.bool_]]]) -> Floats:
    """C weights and an offset: each recording counts the same, and in it people as much as others."""
    from sklearn.linear_model import LogisticRegression

    vectors = np.concatenate([own for own, _ in found])
    person = np.concatenate([own for _, own in found])
    weight = np.concatenate([np.where(own, 0.5 / own.sum(), 0.5 / (~own).sum()) for _, own in found])
    weight *= len(weight) / weight.sum()
    model = LogisticRegression(C=STRENGTH, max_iter=1000).fit(vectors, person, sample_weight=weight)
    return np.append(model.coef_[0], model.intercept_)


def _examples(
    recording: Recording, source: str, matcher: Matcher, detectors: Sequence[Detector]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Pooled vectors (N, C) of boxes, and which are people's (N,)."""
    rng, marked = np.random.default_rng(0), _marked(recording, source)
    vectors: list[NDArray[np.floating]] = []
    person: list[bool] = []
    step = max(1, (recording.total or FRAMES) // FRAMES)
    for frame in recording.frames:
        if frame.index % step or frame.image is None:
            continue
        truth = np.asarray(recording.truth(frame.index).xyxy, np.float64)
        for xyxy, is_person in _boxes(frame, frame.image, truth, marked(frame.index), recording, detectors, rng):
            shown = matcher.describe(frame.image, sv.Detections(xyxy.astype(np.float32))).data["crop"]
            kept = [place for place, crop in enumerate(shown) if crop is not None]
            if kept:
                vectors.extend(matcher.vectors([shown[place] for place in kept]))
                person.extend(is_person[kept].tolist())
    answer = np.array(person, dtype=bool)
    if answer.all() or not answer.any():
        raise InputError(f"{source}: no box of a person or none of anything else: leave it out", "source")
    return np.array(vectors, dtype=np.float64), answer


def _boxes(
    frame: Frame,
    image: Image,
    truth: Floats,
    marked: Floats,
    recording: Recording,
    detectors: Sequence[Detector],
    rng: np.random.Generator,
) -> Iterator[tuple[Floats, NDArray[np.bool_]]]:
    """Boxes (N, 4) of each detector that are somebody or nobody, and which; then windows of background."""
    for found in (recording.detections(frame.index), *(detector(image) for detector in detectors)):
        xyxy = np.asarray(found.xyxy, np.float64).reshape(-1, 4)
        person = boxes.iou(xyxy, truth).max(axis=1, initial=0) >= OVERLAP
        nobody = boxes.iou(xyxy, marked).max(axis=1, initial=0) < NOBODY
        kept = np.flatnonzero((person | nobody) & (xyxy[:, 3] - xyxy[:, 1] >= SMALLEST))
        kept = rng.permutation(kept)[:MOST]
        yield xyxy[kept], person[kept]
    background = windows(image, marked, rng)
    yield background, np.zeros(len(background), dtype=bool)


def windows(image: Image, marked: Floats, rng: np.random.Generator) -> Floats:
    """Windows (N, 4) of background that are as large as people."""
    rows, columns = image.shape[:2]
    heights = marked[:, 3] - marked[:, 1] if len(marked) else np.array([rows / 4])
    height = np.minimum(rng.choice(heights, TRIES) * rng.uniform(0.6, 1.4, TRIES), rows)
    width = np.minimum(height * rng.uniform(0.3, 0.5, TRIES), columns)
    left, top = rng.uniform(0, columns - width), rng.uniform(0, rows - height)
    found = np.stack([left, top, left + width, top + height], axis=1)
    covered = boxes.intersection(found, marked).max(axis=1, initial=0) / boxes.area(found)
    return np.asarray(found[covered <= COVERED][:WINDOWS])


def _marked(recording: Recording, source: str) -> Callable[[int], Floats]:
    """Everybody who is marked in a frame (N, 4), also who does not count."""
    file = Path(source) / "gt" / "gt.txt"
    if recording.synthetic or not file.is_file():
        return lambda index: np.asarray(recording.truth(index).xyxy, np.float64)
    rows = read_table(file).rows
    xyxy = np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], axis=1)
    return lambda index: xyxy[rows[:, 0] == index + 1]
