"""Experiment: where identity is lost in a recording, step by step, and what the truth in a step's place would bring."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack.evaluation.playback import Progress
from readtrack.evaluation.provenance import versions
from readtrack.evaluation.recordings import Recording, label, lost_frames, open_recording
from readtrack.evaluation.settings import RecordingSettings
from readtrack.linking.engine import Linked, Observations
from readtrack.linking.settings import LinkingConfig
from readtrack.linking.settling import People
from readtrack.metrics.tracking import score_tracking
from readtrack.offline import OfflineTracker
from readtrack.pipeline import Steps, people_by_frame

NOBODY = -1
MOSTLY = 0.5  # share of its boxes from which a tracklet or a person is somebody
DEFINITIONS = """A box is whom it overlaps by an IoU of 0.5 or more, one to one.
  purity  of the boxes that are somebody, the share that belong to their tracklet's main person
  length  seconds of the tracklet that a box is in, the mean over boxes
  steps   tracklets, each a person of its own; then what the engine does, one step after another; then the same with the
          truth in place of the decision about false people, of the links, and of both (gaps filled, boxes averaged)"""


@dataclass(frozen=True)
class Step:
    """Scores after a step: shares in [0, 1]."""

    name: str
    IDF1: float
    HOTA: float
    IDSW: int


@dataclass(frozen=True)
class Loss:
    """Of one recording."""

    source: str
    tracklets: int
    people: int
    purity: float
    length: float
    steps: list[Step]


@dataclass(frozen=True)
class LossReport:
    """All that was found, in the order in which it is written as JSON."""

    settings: dict[str, Any]
    definitions: str
    rows: list[Loss]
    lost: dict[str, int]  # frames of recordings that could not be decoded
    versions: dict[str, str]


def evaluate_loss(settings: RecordingSettings, progress: Progress = lambda done, total: None) -> LossReport:
    """Take recordings through the engine and score each step.

    Args:
        settings: recordings, and READ.
        progress: told how many recordings are done, and of how many.

    Raises:
        InputError: a recording or the weights cannot be used.
    """
    rows, lost = [], dict[str, int]()
    for done, source in enumerate(settings.source):
        progress(done, len(settings.source))
        with open_recording(source, settings.detections, allow_no_pixels=True) as recording:
            rows.append(_loss(recording, settings))
            lost |= lost_frames([recording])
    progress(len(settings.source), len(settings.source))
    return LossReport(asdict(settings), DEFINITIONS, rows, lost, versions("trackeval"))


def _loss(recording: Recording, settings: RecordingSettings) -> Loss:
    """One recording, step by step."""
    weights = settings.weights if recording.pixels else None
    tracker = OfflineTracker(weights, recording.fps, device=settings.device)
    steps = Steps(recording.frames, lambda frame: recording.detections(frame.index), tracker)
    indices = [step.frame.index for step in steps]
    truth = {index: recording.truth(index) for index in indices}
    seen = tracker.observations()
    linked = tracker.link(seen)
    who = _whose(seen, [truth[index] for index in indices])
    tracklets = _main(seen.tracklets, who)
    plain = replace(tracker.config, fill_gap=0, smoothing=0, min_person=0)
    apart = _regrouped(linked, np.arange(len(linked.people)), np.ones(len(linked.people)))
    right_people = np.where(_main(linked.people[seen.tracklets], who) >= 0, 1.0, 0.0)
    names = np.where(tracklets >= 0, tracklets, tracklets.max(initial=0) + 1 + np.arange(len(tracklets)))
    _, owners = np.unique(names, return_inverse=True)
    right_links = _regrouped(linked, owners, np.ones(owners.max(initial=-1) + 1))
    real = np.bincount(owners, tracklets >= 0) > 0
    variants: list[tuple[str, Linked, LinkingConfig]] = [
        ("tracklets", apart, plain),
        ("+ links", linked, plain),
        ("+ false people dropped", linked, replace(plain, min_person=tracker.config.min_person)),
        ("+ gaps filled", linked, replace(tracker.config, smoothing=0)),
        ("+ boxes averaged", linked, tracker.config),
        ("true false people", replace(linked, probability=right_people), tracker.config),
        ("true links", right_links, tracker.config),
        ("both", replace(right_links, probability=real.astype(np.float64)), tracker.config),
    ]
    scored = [_score(name, tracker.settle(seen, kind, config), indices, truth) for name, kind, config in variants]
    purity, length = _purity(seen, who, tracklets, recording.fps)
    return Loss(recording.name, len(tracklets), len(linked.probability), purity, length, scored)


def _score(name: str, people: People, indices: list[int], truth: dict[int, sv.Detections]) -> Step:
    """What is left after a step."""
    found = score_tracking(truth, people_by_frame(people, indices), indices)
    return Step(name, found.IDF1, found.HOTA, found.IDSW)


def _whose(seen: Observations, truth: list[sv.Detections]) -> NDArray[np.int64]:
    """The true person of each of B boxes, -1 for nobody."""
    answer = np.full(len(seen.frames), NOBODY, dtype=np.int64)
    order = np.argsort(seen.frames, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(seen.frames[order])) + 1) if len(order) else []:
        found = sv.Detections(seen.xyxy[rows].astype(np.float32))
        answer[rows] = label(found, truth[int(seen.frames[rows[0]])])
    return answer


def _main(group: NDArray[np.int64], who: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whom most boxes of each group (tracklet or person) show; -1 where most show nobody."""
    count = int(group.max(initial=-1)) + 1
    answer = np.full(count, NOBODY, dtype=np.int64)
    for number in range(count):
        own = who[group == number]
        names, times = np.unique(own[own >= 0], return_counts=True)
        if times.sum() >= MOSTLY * len(own):
            answer[number] = names[times.argmax()]
    return answer


def _regrouped(linked: Linked, people: NDArray[np.int64], probability: NDArray[np.float64]) -> Linked:
    """Other people of the same tracklets, of which all are sure."""
    return replace(linked, people=people, probability=probability, joined=np.ones(len(people)))


def _purity(
    seen: Observations, who: NDArray[np.int64], tracklets: NDArray[np.int64], fps: float
) -> tuple[float, float]:
    """How pure tracklets are, and how long."""
    known = who >= 0
    if not known.any():
        return float("nan"), float("nan")
    pure = (who == tracklets[seen.tracklets])[known].mean()
    return float(pure), float(np.bincount(seen.tracklets)[seen.tracklets].mean() / fps)
