"""The image-to-video benchmark as a whole: READ and what it is measured against, on clean and on corrupted images."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from readtrack.datasets import read_dataset
from readtrack.datasets.clips import ImageCache
from readtrack.datasets.corruptions import Corruption
from readtrack.datasets.tracklets import DISTRACTOR, ReidSplits
from readtrack.errors import InputError
from readtrack.evaluation.playback import Progress
from readtrack.evaluation.provenance import about_weights, versions
from readtrack.evaluation.reid import (
    Baseline,
    Stopwatch,
    baseline_similarity,
    check_calibration,
    cmc,
    colours,
    peer,
    read_logits,
    score,
    tracking_pairs,
    worst_pairs,
)
from readtrack.evaluation.settings import ReidSettings
from readtrack.images import read_image
from readtrack.metrics.retrieval import Retrieval
from readtrack.read.matcher import Matcher


@dataclass(frozen=True)
class Ranked:
    """What a data set's images gave."""

    scores: dict[str, Retrieval]  # by what ranked the gallery
    cmc: dict[str, list[float]]  # the same: share of queries with a right answer among the first 1 to 50
    pairs: int  # that READ judged
    seconds: dict[str, float]  # by what they were spent on
    speed: dict[str, dict[str, float]]  # by what ranked: milliseconds a crop, and for READ also a pair
    calibration: dict[str, Any] | None  # as of check_calibration; None: the data has no pairs to check it on


@dataclass(frozen=True)
class ReidReport:
    """All that a scoring found, in the order in which it is written as JSON."""

    dataset: dict[str, Any]  # name, protocol, notes, counts
    settings: dict[str, Any]  # with the device, precision and T that were used
    weights: dict[str, Any]  # name, SHA-256, network
    scores: dict[str, Retrieval]  # by what ranked the gallery
    cmc: dict[str, list[float]]  # the same: share of queries with a right answer among the first 1 to 50
    pairs: int  # of queries and gallery tracklets that READ judged
    seconds: dict[str, float]  # by what they were spent on
    speed: dict[str, dict[str, float]]  # as in Ranked
    calibration: dict[str, Any] | None  # as in Ranked
    confusions: dict[str, list[dict[str, Any]]]  # as of worst_pairs
    corrupted: Ranked | None  # the same with every image corrupted
    versions: dict[str, str]


def evaluate_reid(settings: ReidSettings, progress: Progress = lambda done, total: None) -> ReidReport:
    """Score READ, its pooled features and whatever else is asked for on a data set's unseen people.

    Args:
        settings: what is scored, and how.
        progress: told now and then how many gallery tracklets are done, and of how many; corrupted ones count again.

    Raises:
        InputError: settings, weights or data cannot be used.
    """
    matcher = Matcher.load(
        settings.weights, settings.device, settings.precision, settings.rank, clip_length=settings.clip_length
    )
    if settings.rank_by == "class1" and matcher.config.classes != 2:
        raise InputError(f"weights {settings.weights}: a network of one logit has no class 1", parameter="rank_by")
    baselines = [colours(matcher.config.height, matcher.config.width)] if settings.histogram else []
    baselines += [peer(settings.reid)] if settings.reid else []
    splits = read_dataset(settings.dataset, settings.root, queries_in_gallery=settings.queries_in_gallery)
    total = len(splits.gallery) * (2 if settings.corrupted else 1)
    progress(0, total)
    clean, worst = _rank(matcher, baselines, splits, None, settings, lambda done: progress(done, total))
    corrupted = None
    if settings.corrupted:
        corruption, before = Corruption(settings.corrupted, (*splits.query, *splits.gallery), read_image), total // 2
        corrupted, _ = _rank(
            matcher, baselines, splits, corruption, settings, lambda done: progress(before + done, total)
        )
    used = {"device": str(matcher.device), "precision": matcher.precision, "clip_length": matcher.clip_length}
    return ReidReport(
        dataset=_about_splits(splits),
        settings={**asdict(settings), **used},
        weights=about_weights(settings.weights, matcher),
        scores=clean.scores,
        cmc=clean.cmc,
        pairs=clean.pairs,
        seconds=clean.seconds,
        speed=clean.speed,
        calibration=clean.calibration,
        confusions=worst,
        corrupted=corrupted,
        versions=versions(),
    )


def _rank(
    matcher: Matcher,
    baselines: Sequence[Baseline],
    splits: ReidSplits,
    corruption: Corruption | None,
    settings: ReidSettings,
    report: Callable[[int], None],
) -> tuple[Ranked, dict[str, list[dict[str, Any]]]]:
    """Scores, speed and calibration on images that went through ``corruption``, and the worst confusions."""
    size = (matcher.config.height, matcher.config.width)
    images = {wanted: ImageCache(*wanted, alter=corruption) for wanted in (size, *(b.size for b in baselines))}
    watch, before, compared = Stopwatch(), matcher.encoded, matcher.compared
    class1 = settings.rank_by == "class1"
    answers, cosines = read_logits(matcher, splits, images[size], class1, watch, report, settings.shortlist)
    judged = matcher.compared - compared
    speed = {
        "READ": {
            "ms_per_crop": 1000 * watch.seconds["encoding"] / (matcher.encoded - before),
            "ms_per_pair": 1000 * watch.seconds["matching"] / judged,
        }
    }
    similarities: dict[str, Any] = {"READ": answers, "pooled features": cosines}
    for baseline in baselines:
        own = Stopwatch()
        found, crops = baseline_similarity(baseline, splits, images[baseline.size], matcher.clip_length, own)
        similarities[baseline.name] = found
        speed[baseline.name] = {"ms_per_crop": 1000 * own.seconds["describing"] / crops}
        watch.seconds[baseline.name] = sum(own.seconds.values())
    with watch("scoring"):
        scores = {name: score(values, splits.query, splits.gallery) for name, values in similarities.items()}
        curves = {name: cmc(values, splits.query, splits.gallery) for name, values in similarities.items()}
    with watch("calibration"):
        pairs = tracking_pairs(matcher, splits, images[size])
        calibration = check_calibration(matcher, pairs)
    return Ranked(scores, curves, judged, watch.seconds, speed, calibration), worst_pairs(
        matcher, pairs, settings.worst
    )


def _about_splits(splits: ReidSplits) -> dict[str, Any]:
    """Name, counts, protocol and notes."""
    about: dict[str, Any] = {"name": splits.name, "counts": splits.describe(), "protocol": splits.protocol}
    about["notes"] = list(splits.notes)
    for part in ("train", "query", "gallery"):
        tracklets = getattr(splits, part)
        about[part] = {
            "tracklets": len(tracklets),
            "people": len({t.pid for t in tracklets} - {DISTRACTOR}),
            "images": sum(len(t.paths) for t in tracklets),
        }
    return about
