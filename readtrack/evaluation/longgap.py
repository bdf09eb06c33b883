"""Experiment: detections of a recording against the people who were there some seconds before."""

from collections.abc import Iterable, Iterator, Sequence
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
from readtrack.evaluation.recordings import open_recording
from readtrack.evaluation.reid import Baseline, colours, peer
from readtrack.evaluation.settings import LongGapSettings
from readtrack.read.matcher import Crop, Matcher

Floats = NDArray[np.floating[Any]]

BAR = 0.9  # probability from which a pair passes, in what is told of calibration


@dataclass
class Tally:
    """What was answered so far."""

    candidates: list[int] = field(default_factory=list)  # of each query
    ranks: dict[str, list[int]] = field(default_factory=dict)  # ranker -> rank of the own person of each query
    true: list[float] = field(default_factory=list)  # probabilities of true pairs
    wrong: list[float] = field(default_factory=list)  # and of wrong ones

    def __iadd__(self, other: "Tally") -> "Tally":
        self.candidates += other.candidates
        self.true += other.true
        self.wrong += other.wrong
        for name, ranks in other.ranks.items():
            self.ranks.setdefault(name, []).extend(ranks)
        return self


@dataclass(frozen=True)
class GapScores:
    """What one source, or all together, gave; shares are in [0, 1]."""

    name: str
    queries: int
    candidates: float  # mean number of people that a query may be
    chance: float  # mean of 1 / that
    top1: dict[str, float]  # ranker -> share of queries whose own person has the highest score
    reciprocal_rank: dict[str, float]  # ranker -> mean of 1 / rank of the own person
    true_over_bar: float  # share of true pairs whose probability is over 0.9
    wrong_over_bar: float  # the same of wrong pairs


@dataclass(frozen=True)
class LongGapReport:
    """All that was found, in the order in which it is written as JSON."""

    settings: dict[str, Any]  # with the device, precision and T that were used
    weights: dict[str, Any]  # name, SHA-256, network
    scores: list[GapScores]  # of each source, and of more than one also of all
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
    baselines = [colours(matcher.config.height, matcher.config.width)]
    baselines += [peer(settings.reid)] if settings.reid else []
    sizes = {(matcher.config.height, matcher.config.width), *(baseline.size for baseline in baselines)}
    tallies: dict[str, Tally] = {}
    with ExitStack() as stack:
        recordings = {
            source: stack.enter_context(open_recording(source, settings.detections, settings.truth_boxes))
            for source in settings.source
        }
        step = counting(progress, sum(recording.total or 0 for recording in recordings.values()))

        def counted(frames: Iterable[tuple[int, list[Sighting]]]) -> Iterator[tuple[int, list[Sighting]]]:
            for frame in frames:
                yield frame
                step()

        for source, recording in recordings.items():
            name = recording.name if recording.name not in tallies else source
            frames = counted(sightings(recording, sizes))
            asked = query_sets(frames, (settings.gap_min, settings.gap_max), settings.every, matcher.clip_length)
            tallies[name] = ask(matcher, baselines, asked)
    everything = Tally()
    for tally in tallies.values():
        everything += tally
    if not everything.candidates:
        raise InputError(
            f"{', '.join(settings.source)}: nobody is there again {settings.gap_min} frames later beside somebody "
            "else: lower the gap, or pass longer sequences",
            parameter="gap_min",
        )
    if len(tallies) > 1:
        tallies["all together"] = everything
    used = {"device": str(matcher.device), "precision": matcher.precision, "clip_length": matcher.clip_length}
    return LongGapReport(
        settings={**asdict(settings), **used},
        weights=about_weights(settings.weights, matcher),
        scores=[_scores(name, tally) for name, tally in tallies.items() if tally.candidates],
        versions=versions(),
    )


def ask(matcher: Matcher, baselines: Sequence[Baseline], asked: Iterable[QuerySet]) -> Tally:
    """Let READ, its pooled features and the baselines answer all query sets."""
    tally, size = Tally(), (matcher.config.height, matcher.config.width)
    crops: WeakKeyDictionary[Sighting, Crop] = WeakKeyDictionary()
    known: list[WeakKeyDictionary[Sighting, Floats]] = [WeakKeyDictionary() for _ in baselines]
    for question in asked:
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
        probability = matcher.probability(logits)
        tally.true += probability[own].tolist()
        tally.wrong += probability[~own].tolist()
        tally.candidates += [len(question.people)] * len(question.queries)
    return tally


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


def _scores(name: str, tally: Tally) -> GapScores:
    ranks = {ranker: np.array(found) for ranker, found in tally.ranks.items()}
    return GapScores(
        name=name,
        queries=len(tally.candidates),
        candidates=float(np.mean(tally.candidates)),
        chance=float(np.mean(1 / np.array(tally.candidates))),
        top1={ranker: float((found == 1).mean()) for ranker, found in ranks.items()},
        reciprocal_rank={ranker: float((1 / found).mean()) for ranker, found in ranks.items()},
        true_over_bar=float((np.array(tally.true) > BAR).mean()),
        wrong_over_bar=float((np.array(tally.wrong) > BAR).mean()),
    )
