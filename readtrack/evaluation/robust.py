"""Experiment: what the linking engine reaches when none of its constants is quite right, recording by recording.

One decision moves a small crowd by several points of IDF1, so that one number says little of an engine.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from readtrack.evaluation.playback import Progress, counting
from readtrack.evaluation.provenance import versions
from readtrack.evaluation.recordings import Recording, open_recording
from readtrack.evaluation.settings import RobustSettings
from readtrack.linking.settings import LinkingConfig
from readtrack.metrics.tracking import score_tracking
from readtrack.offline import OfflineTracker
from readtrack.pipeline import Steps, people_by_frame

KEPT = ("compared", "host_weight")  # settings of cost, and of other people's tracks
PRIOR = 2.5  # log odds by which a share of change moves the prior, which usually is 0


@dataclass(frozen=True)
class Robust:
    """Of one recording; IDF1 in [0, 1] and identity switches, first as the engine is, then by changed constants."""

    source: str
    IDF1: list[float]
    IDSW: list[int]


@dataclass(frozen=True)
class RobustReport:
    """All that was found, in the order in which it is written as JSON."""

    settings: dict[str, Any]
    configs: list[dict[str, float]]
    rows: list[Robust]
    versions: dict[str, str]


def changed_configs(runs: int, change: float, seed: int = 0) -> Iterator[LinkingConfig]:
    """The usual settings, then so many in which each is multiplied by something from 1 - change to 1 / (1 - change).

    The prior, which may be 0, is moved by up to ``PRIOR`` times that share instead.
    """
    usual, rng = LinkingConfig(), np.random.default_rng(seed)
    yield usual
    for _ in range(runs):
        turns = {field.name: float(rng.uniform(-1, 1)) for field in fields(usual) if field.name not in KEPT}
        prior = usual.prior + PRIOR * change * turns.pop("prior")
        values = {name: getattr(usual, name) * (1 - change) ** turn for name, turn in turns.items()}
        yield replace(usual, prior=prior, **values)


def evaluate_robust(settings: RobustSettings, progress: Progress = lambda done, total: None) -> RobustReport:
    """Link recordings by the usual settings and by changed ones; each is gone through and encoded once.

    Args:
        settings: recordings, READ, and how much is changed how often.
        progress: told how many times a recording was linked, and of how often.

    Raises:
        InputError: a recording or the weights cannot be used.
    """
    configs = list(changed_configs(settings.runs, settings.change, settings.seed))
    report = counting(progress, len(settings.source) * len(configs))
    rows = []
    for source in settings.source:
        with open_recording(source, settings.detections, allow_no_pixels=True) as recording:
            found = []
            for one in _scores(recording, settings, configs):
                found.append(one)
                report()
            rows.append(Robust(recording.name, [idf1 for idf1, _ in found], [switches for _, switches in found]))
    return RobustReport(asdict(settings), [asdict(config) for config in configs], rows, versions("trackeval"))


def _scores(
    recording: Recording, settings: RobustSettings, configs: list[LinkingConfig]
) -> Iterator[tuple[float, int]]:
    """IDF1 and switches of a recording by each configuration."""
    tracker = OfflineTracker(settings.weights if recording.pixels else None, recording.fps, device=settings.device)
    steps = Steps(recording.frames, lambda frame: recording.detections(frame.index), tracker)
    indices = [step.frame.index for step in steps]
    truth = {index: recording.truth(index) for index in indices}
    seen = tracker.observations()
    for config in configs:
        tracker.config = config
        people = tracker.settle(seen, tracker.link(seen), config)
        found = score_tracking(truth, people_by_frame(people, indices), indices)
        yield found.IDF1, found.IDSW
