"""The image-to-video benchmark as a whole: READ and what it is measured against, on clean and on spoilt images."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from readtrack.datasets import read_dataset
from readtrack.datasets.clips import ImageCache
from readtrack.datasets.corruptions import CHOICES, Damage
from readtrack.datasets.tracklets import DISTRACTOR, ReidSplits
from readtrack.errors import InputError
from readtrack.evaluation.provenance import about_weights, versions
from readtrack.evaluation.reid import (
    Baseline,
    Stopwatch,
    baseline_similarity,
    check_calibration,
    colours,
    peer,
    read_logits,
    score,
    tracking_pairs,
    worst_pairs,
)
from readtrack.images import read_image
from readtrack.metrics.retrieval import Retrieval
from readtrack.read.matcher import Matcher

RANKINGS = {  # --rank-by -> in words
    "probability": "its probability",
    "class1": "its raw class-1 logit, as the authors' demo does",
}

WORST = 10  # pairs of either kind in the report and on the sheet


@dataclass(frozen=True)
class ReidSettings:
    """What is scored, and how."""

    root: Path  # folder of the data set
    dataset: str = "market"  # one of DATASETS
    weights: str = "read-s"  # a shipped name or a file
    queries_in_gallery: bool = True  # query tracklets stay in the gallery, as in the paper
    rank_by: str = "probability"  # one of RANKINGS
    clip_length: int | None = None  # T, images of a gallery tracklet that are compared; None: the weights' own
    device: str | None = None  # None: a GPU where there is one
    precision: str = "fp32"  # fp32, bf16 or fp16
    rank: int | None = None  # channels that the gallery's values are compressed to; None: the weights' own
    histogram: bool = False  # score HSV histograms as well
    peer: Path | None = None  # score this .onnx network as well
    degraded: str | None = None  # score a second time with every image spoilt: one of data.degraded.CHOICES
    worst: int = WORST  # pairs of either kind that are told of as confusions

    def __post_init__(self) -> None:
        for name, value, known in (
            ("rank_by", self.rank_by, RANKINGS),
            ("degraded", self.degraded or "all", CHOICES),
        ):
            if value not in known:
                raise InputError(f"{name} {value!r} is unknown: choose one of {', '.join(known)}")
        if self.worst < 1:
            raise InputError(f"worst {self.worst}: give how many confusions to tell of, at least 1")


@dataclass(frozen=True)
class Ranked:
    """What a data set's images gave."""

    scores: dict[str, Retrieval]  # by what ranked the gallery
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
    pairs: int  # queries times gallery tracklets
    seconds: dict[str, float]  # by what they were spent on
    speed: dict[str, dict[str, float]]  # as in Ranked
    calibration: dict[str, Any] | None  # as in Ranked
    confusions: dict[str, list[dict[str, Any]]]  # as of worst_pairs
    degraded: Ranked | None  # the same with every image spoilt
    versions: dict[str, str]


def evaluate_reid(
    settings: ReidSettings,
    begin: Callable[[ReidSplits], None] = lambda splits: None,
    report: Callable[[int], None] = lambda done: None,
) -> ReidReport:
    """Score READ, its pooled features and whatever else is asked for on a data set's unseen people.

    Args:
        settings: what is scored, and how.
        begin: told the data set once it is read.
        report: told now and then how many gallery tracklets are done, those of spoilt images on top of the others.

    Raises:
        InputError: settings, weights or data cannot be used.
    """
    matcher = Matcher.load(
        settings.weights, settings.device, settings.precision, settings.rank, clip_length=settings.clip_length
    )
    if settings.rank_by == "class1" and matcher.config.classes != 2:
        raise InputError(f"weights {settings.weights}: a network of one logit has no class 1; rank by probability")
    baselines = [colours(matcher.config.height, matcher.config.width)] if settings.histogram else []
    baselines += [peer(settings.peer)] if settings.peer else []
    splits = read_dataset(settings.dataset, settings.root, queries_in_gallery=settings.queries_in_gallery)
    begin(splits)
    class1 = settings.rank_by == "class1"
    clean, worst = _rank(matcher, baselines, splits, None, class1, settings.worst, report)
    degraded = None
    if settings.degraded:
        damage = Damage(settings.degraded, (*splits.query, *splits.gallery), read_image)
        done = len(splits.gallery)
        degraded = _rank(matcher, baselines, splits, damage, class1, settings.worst, lambda more: report(done + more))[
            0
        ]
    used = {"device": str(matcher.device), "precision": matcher.precision, "clip_length": matcher.clip_length}
    return ReidReport(
        dataset=_about_splits(splits),
        settings={**asdict(settings), **used},
        weights=about_weights(settings.weights, matcher),
        scores=clean.scores,
        pairs=len(splits.query) * len(splits.gallery),
        seconds=clean.seconds,
        speed=clean.speed,
        calibration=clean.calibration,
        confusions=worst,
        degraded=degraded,
        versions=versions(),
    )


def _rank(
    matcher: Matcher,
    baselines: Sequence[Baseline],
    splits: ReidSplits,
    damage: Damage | None,
    class1: bool,
    worst: int,
    report: Callable[[int], None],
) -> tuple[Ranked, dict[str, list[dict[str, Any]]]]:
    """Scores, speed and calibration on images that went through ``damage``, and the worst confusions."""
    size = (matcher.config.height, matcher.config.width)
    images = {wanted: ImageCache(*wanted, alter=damage) for wanted in (size, *(b.size for b in baselines))}
    watch, before = Stopwatch(), matcher.encoded
    answers, cosines = read_logits(matcher, splits, images[size], class1, watch, report)
    speed = {
        "READ": {
            "ms_per_crop": 1000 * watch.seconds["encoding"] / (matcher.encoded - before),
            "ms_per_pair": 1000 * watch.seconds["matching"] / answers.size,
        }
    }
    with watch("scoring"):
        scores = {
            "READ": score(answers, splits.query, splits.gallery),
            "pooled features": score(cosines, splits.query, splits.gallery),
        }
    for baseline in baselines:
        own = Stopwatch()
        similarity, crops = baseline_similarity(baseline, splits, images[baseline.size], matcher.clip_length, own)
        scores[baseline.name] = score(similarity, splits.query, splits.gallery)
        speed[baseline.name] = {"ms_per_crop": 1000 * own.seconds["describing"] / crops}
        watch.seconds[baseline.name] = sum(own.seconds.values())
    with watch("calibration"):
        pairs = tracking_pairs(matcher, splits, images[size])
        calibration = check_calibration(matcher, pairs)
    return Ranked(scores, watch.seconds, speed, calibration), worst_pairs(matcher, pairs, worst)


def _about_splits(splits: ReidSplits) -> dict[str, Any]:
    """Name, protocol, notes and counts."""
    about: dict[str, Any] = {"name": splits.name, "protocol": splits.protocol, "notes": list(splits.notes)}
    for part in ("train", "query", "gallery"):
        tracklets = getattr(splits, part)
        about[part] = {
            "tracklets": len(tracklets),
            "people": len({t.pid for t in tracklets} - {DISTRACTOR}),
            "images": sum(len(t.paths) for t in tracklets),
        }
    return about
