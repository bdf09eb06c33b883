"""Experiment: detections of a recording against the people who were there some seconds before."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from readtrack.errors import InputError
from readtrack.evaluation.playback import Progress, counting
from readtrack.evaluation.provenance import about_weights, versions
from readtrack.evaluation.query_sets import QuerySet, Sighting, query_sets, sightings
from readtrack.evaluation.recordings import lost_frames, open_recording
from readtrack.evaluation.reid import Baseline, colours, peer
from readtrack.evaluation.settings import LONG_GAPS, LongGapSettings
from readtrack.metrics.calibration import auc, calibration_error
from readtrack.read.matcher import Crop, Matcher

Floats = NDArray[np.floating[Any]]

BARS = (0.5, 0.9)  # probabilities from which a pair passes, in what is told of calibration
PRIOR = 0.1  # chance that a candidate is the person, at which the calibration error is measured, as it was fitted


@dataclass
class Tally:
    """What was answered so far."""

    candidates: list[int] = field(default_factory=list)  # of each query
    ranks: dict[str, list[int]] = field(default_factory=dict)  # ranker -> rank of the own person of each query
    true: dict[str, list[float]] = field(default_factory=dict)  # ranker -> its answers about true pairs
    wrong: dict[str, list[float]] = field(default_factory=dict)  # and about wrong ones; READ's are probabilities

    def __iadd__(self, other: "Tally") -> "Tally":
        self.candidates += other.candidates
        for name, ranks in other.ranks.items():
            self.ranks.setdefault(name, []).extend(ranks)
        for mine, theirs in ((self.true, other.true), (self.wrong, other.wrong)):
            for name, answers in theirs.items():
                mine.setdefault(name, []).extend(answers)
        return self


@dataclass(frozen=True)
class GapScores:
    """What one source, or all together, gave at one gap, or at all; shares are in [0, 1]."""

    name: str
    gap: float | None  # seconds; None: all together
    queries: int
    candidates: float  # mean number of people that a query may be
    chance: float  # mean of 1 / that
    top1: dict[str, float]  # ranker -> share of queries whose own person has the highest score
    reciprocal_rank: dict[str, float]  # ranker -> mean of 1 / rank of the own person
    auc: dict[str, float]  # ranker -> chance that a true pair scores higher than a wrong one, over all pairs
    true_over: dict[str, float]  # "0.5", "0.9" -> share of true pairs of a higher probability
    wrong_over: dict[str, float]  # the same of wrong pairs
    calibration_error: float  # of READ's probabilities, wrong pairs weighed nine to one


@dataclass(frozen=True)
class LongGapReport:
    """All that was found, in the order in which it is written as JSON."""

    settings: dict[str, Any]  # with the device, precision and T that were used
    weights: dict[str, Any]  # name, SHA-256, network
    scores: list[GapScores]  # of each source by gap, and of more than one also of all
    lost: dict[str, int]  # frames of recordings that could not be decoded
    versions: dict[str, str]


def evaluate_longgap(settings: LongGapSettings, progress: Progress = lambda done, total: None) -> LongGapReport:
    """Find out how often a detection's person is known again among the people seen some time before.

    Args:
        settings: what is asked, of whom.
        progress: told how many frames are done, and of how many, once all sources proved readable.

    Raises:
        InputError: settings, weights or sources cannot be used, or nothing can be asked.
    """
    matcher = Matcher.load(settings.weights, settings.device, precision=settings.precision)
    gaps = settings.gap or LONG_GAPS
    tallies, lost = longgap_tallies(matcher, settings, progress)
    if len(tallies) > 1:
        tallies["all together"] = [_sum(of_one) for of_one in zip(*tallies.values(), strict=True)]
    if not any(tally.candidates for of_one in tallies.values() for tally in of_one):
        raise InputError(
            f"{', '.join(settings.source)}: nobody is there again after {min(gaps):g} s beside somebody else: "
            "lower the gap, or pass longer sequences",
            parameter="gap",
        )
    used = {"device": str(matcher.device), "precision": matcher.precision, "clip_length": matcher.clip_length}
    rows = [
        (name, gap, tally)
        for name, of_one in tallies.items()
        for gap, tally in [*zip(gaps, of_one, strict=True), *([(None, _sum(of_one))] if len(gaps) > 1 else [])]
    ]
    return LongGapReport(
        settings={**asdict(settings), "gap": list(gaps), **used},
        weights=about_weights(settings.weights, matcher),
        scores=[gap_scores(name, gap, tally) for name, gap, tally in rows if tally.candidates],
        lost=lost,
        versions=versions(),
    )


def longgap_tallies(
    matcher: Matcher, settings: LongGapSettings, progress: Progress
) -> tuple[dict[str, list[Tally]], dict[str, int]]:
    """What was answered about each recording at each gap, and lost frames."""
    baselines = [colours(matcher.config.height, matcher.config.width)]
    baselines += [peer(settings.reid)] if settings.reid else []
    sizes = {(matcher.config.height, matcher.config.width), *(baseline.size for baseline in baselines)}
    gaps, every = settings.gap or LONG_GAPS, settings.every
    tallies: dict[str, list[Tally]] = {}
    with ExitStack() as stack:
        recordings = {
            source: stack.enter_context(open_recording(source, settings.detections, settings.truth_boxes))
            for source in settings.source
        }
        step = counting(progress, sum(recording.total or 0 for recording in recordings.values()))
        for source, recording in recordings.items():
            spans = [
                (max(1, round(gap * recording.fps)), max(1, round((gap + settings.window) * recording.fps)))
                for gap in gaps
            ]
            asked = query_sets(sightings(recording, sizes, every, step), spans, every, matcher.clip_length)
            name = recording.name if recording.name not in tallies else source
            tallies[name] = ask(matcher, baselines, asked, len(gaps))
        return tallies, lost_frames(recordings.values())


def _sum(tallies: Iterable[Tally]) -> Tally:
    everything = Tally()
    for tally in tallies:
        everything += tally
    return everything


def ask(
    matcher: Matcher, baselines: Sequence[Baseline], asked: Iterable[tuple[int, QuerySet]], gaps: int
) -> list[Tally]:
    """Let READ, its pooled features and the baselines answer all query sets; a tally for each of the ``gaps``."""
    tallies, size = [Tally() for _ in range(gaps)], (matcher.config.height, matcher.config.width)
    crops: WeakKeyDictionary[Sighting, Crop] = WeakKeyDictionary()
    known: list[WeakKeyDictionary[Sighting, Floats]] = [WeakKeyDictionary() for _ in baselines]
    for place, question in asked:
        tally = tallies[place]
        shown = {*question.queries, *(sighting for clip in question.clips for sighting in clip)}
        for sighting in shown - set(crops):
            crops[sighting] = Crop(sighting.pixels[size])
        stills = [crops[sighting] for sighting in question.queries]
        clips = [[crops[sighting] for sighting in clip] for clip in question.clips]
        logits = matcher.logits(stills, clips)
        answers = {"READ": logits, "pooled features": matcher.vectors(stills) @ matcher.video_vectors(clips).T}
        for baseline, vectors in zip(baselines, known, strict=True):
            answers[baseline.name] = _baseline_answer(baseline, vectors, question)
        own = np.array([query.person for query in question.queries])[:, None] == question.people  # (N, M)
        for name, answer in answers.items():
            beaten_by = ((answer >= answer[own][:, None]) & ~own).sum(axis=1)
            tally.ranks.setdefault(name, []).extend((1 + beaten_by).tolist())
            stated = matcher.probability(answer) if name == "READ" else answer
            tally.true.setdefault(name, []).extend(stated[own].tolist())
            tally.wrong.setdefault(name, []).extend(stated[~own].tolist())
        tally.candidates += [len(question.people)] * len(question.queries)
    return tallies


def _baseline_answer(baseline: Baseline, known: "WeakKeyDictionary[Sighting, Floats]", question: QuerySet) -> Floats:
    """Similarities (N, M); vectors that are not ``known`` yet are made and kept there."""
    wanted = [*question.queries, *(sighting for clip in question.clips for sighting in clip)]
    fresh = [sighting for sighting in dict.fromkeys(wanted) if sighting not in known]
    if fresh:
        made = baseline.describe([sighting.pixels[baseline.size] for sighting in fresh])
        known.update(zip(fresh, made, strict=True))
    queries = np.stack([known[query] for query in question.queries])
    means = [np.stack([known[sighting] for sighting in clip])[None] for clip in question.clips]
    return np.concatenate([baseline.similarity(queries, clip) for clip in means], axis=1)


def gap_scores(name: str, gap: float | None, tally: Tally) -> GapScores:
    """What a tally says."""
    ranks = {ranker: np.array(found) for ranker, found in tally.ranks.items()}
    true, wrong = np.array(tally.true["READ"]), np.array(tally.wrong["READ"])
    same = np.repeat([True, False], [len(true), len(wrong)])
    return GapScores(
        name=name,
        gap=gap,
        queries=len(tally.candidates),
        candidates=float(np.mean(tally.candidates)),
        chance=float(np.mean(1 / np.array(tally.candidates))),
        top1={ranker: float((found == 1).mean()) for ranker, found in ranks.items()},
        reciprocal_rank={ranker: float((1 / found).mean()) for ranker, found in ranks.items()},
        auc={ranker: auc(np.array(tally.true[ranker]), np.array(tally.wrong[ranker])) for ranker in ranks},
        true_over={str(bar): float((true > bar).mean()) for bar in BARS},
        wrong_over={str(bar): float((wrong > bar).mean()) for bar in BARS},
        calibration_error=calibration_error(np.concatenate([true, wrong]), same, PRIOR),
    )
