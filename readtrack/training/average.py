"""Two stages of one training made one network: the weighted mean of their weights."""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from readtrack.datasets import read_dataset
from readtrack.datasets.clips import ImageCache
from readtrack.errors import InputError
from readtrack.evaluation.reid import calibrate, read_logits, score
from readtrack.files import check_apart, check_writable
from readtrack.metrics.retrieval import Retrieval
from readtrack.read.checkpoint import load_checkpoint, save_checkpoint
from readtrack.read.matcher import Matcher
from readtrack.read.model import Read


def average(
    first: Path,
    second: Path,
    root: Path,
    dataset: str,
    share: float,
    out: Path,
    begin: Callable[[int], None] = lambda total: None,
    report: Callable[[int], None] = lambda done: None,
) -> Retrieval:
    """Write the average of two networks, calibrated anew; returns how it scores on held-out people.

    Args:
        first: weights of the stage before (.safetensors).
        second: weights of the stage that started from them.
        root: folder of the data set that calibrates and scores the result.
        dataset: what it is, one of ``DATASETS``.
        share: of the second, 0 to 1.
        out: file to write.
        begin: told how many gallery videos will be scored.
        report: told how many are.

    Raises:
        InputError: files that cannot be read, networks of different shapes, a share outside [0, 1], or bad data.
    """
    if not 0 <= share <= 1:
        raise InputError(f"share {share}: give the second network's share, from 0 to 1", "share")
    check_apart([out], [first, second, root])
    check_writable(out)
    (one, _), (model, provenance) = (load_checkpoint(path) for path in (first, second))
    if one.config.uncalibrated != model.config.uncalibrated:
        raise InputError(f"{first} and {second}: networks of different shapes; average two stages")
    _blend(model, one, share)
    splits = read_dataset(dataset, root)
    images, matcher = ImageCache(model.config.height, model.config.width), Matcher(model)
    begin(len(splits.gallery))
    logits, _ = read_logits(matcher, splits, images, report=report)
    found = score(logits, splits.query, splits.gallery)
    scale, offset = calibrate(matcher, splits, images)
    config = replace(model.config.uncalibrated, logit_scale=scale, logit_offset=offset)
    about: dict[str, Any] = {**provenance, "averaged": {"share": share}, "validation": asdict(found)}
    save_checkpoint(out, model, about, config)
    return found


def _blend(model: Read, one: Read, share: float) -> None:
    """Give ``model`` the weighted mean of its and another's weights, in place; counters stay its own."""
    mine, other = model.state_dict(), one.state_dict()
    mixed = {name: torch.lerp(other[name], value, share) for name, value in mine.items() if value.is_floating_point()}
    model.load_state_dict({**mine, **mixed})
