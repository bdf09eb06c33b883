"""Probabilities that mean the same in many scenes: Platt's sigmoid on what is asked in tracking, each scene alike."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.special import logit

from readtrack.errors import InputError
from readtrack.evaluation.longgap import PRIOR, longgap_tallies
from readtrack.evaluation.playback import Progress
from readtrack.evaluation.settings import LongGapSettings
from readtrack.files import check_apart, check_writable
from readtrack.metrics.calibration import calibration_error, fit_sigmoid, sigmoid
from readtrack.read.checkpoint import load_checkpoint, save_checkpoint
from readtrack.read.matcher import Matcher
from readtrack.read.weights import find_weights

SUREST = 1e-12  # probabilities nearer to 0 or 1 count as so sure


@dataclass(frozen=True)
class Scene:
    """A recording by which was calibrated; errors are expected calibration errors in [0, 1]."""

    name: str
    true: int  # pairs of one person
    wrong: int
    before: float
    now: float


@dataclass(frozen=True)
class Calibrated:
    """probability = sigmoid(scale * logit + offset)."""

    scale: float
    offset: float
    scenes: list[Scene]


def calibrate_scenes(settings: LongGapSettings, out: Path, progress: Progress = lambda done, total: None) -> Calibrated:
    """Write weights whose probabilities are fitted to recordings, at one candidate in ten being the person.

    Args:
        settings: weights, recordings and what is asked of them.
        out: file to write.
        progress: told how many frames are done, and of how many.

    Raises:
        InputError: weights or recordings cannot be used, nobody is there again after a gap, or the file cannot be
            written.
    """
    check_apart([out], [find_weights(settings.weights), *(Path(source) for source in settings.source)])
    check_writable(out)
    model, about = load_checkpoint(settings.weights)
    tallies, _ = longgap_tallies(Matcher(model, settings.device), settings, progress)
    names, stated, same = [], [], []
    for name, gaps in tallies.items():
        true = np.array([answer for tally in gaps for answer in tally.true.get("READ", ())])
        wrong = np.array([answer for tally in gaps for answer in tally.wrong.get("READ", ())])
        if len(true) and len(wrong):
            names.append(name)
            stated.append(logit(np.clip(np.concatenate([true, wrong]), SUREST, 1 - SUREST)))
            same.append(np.repeat([True, False], [len(true), len(wrong)]))
    if not names:
        raise InputError("nobody is there again after the gap beside somebody else: pass longer recordings", "source")
    group = np.repeat(np.arange(len(names)), [len(values) for values in stated])
    scale, offset = fit_sigmoid(np.concatenate(stated), np.concatenate(same), PRIOR, group)
    config = replace(
        model.config,
        logit_scale=scale * model.config.logit_scale,
        logit_offset=scale * model.config.logit_offset + offset,
    )
    save_checkpoint(out, model, {**about, "calibrated": {"recordings": names}}, config)
    scenes = [
        Scene(
            name,
            int(who.sum()),
            int((~who).sum()),
            calibration_error(sigmoid(said, 1, 0), who, PRIOR),
            calibration_error(sigmoid(said, scale, offset), who, PRIOR),
        )
        for name, said, who in zip(names, stated, same, strict=True)
    ]
    return Calibrated(config.logit_scale, config.logit_offset, scenes)
