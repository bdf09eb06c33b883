"""Experiment: what READ costs and what it brings, from never asking it to asking it about everybody."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from readtrack.evaluation.absences import RETURNS, Plan, Presence, Tally, plan_absences, tally_absences
from readtrack.evaluation.peers.selection import TOGETHER
from readtrack.evaluation.playback import Progress, counting, replay
from readtrack.evaluation.provenance import about_weights, versions
from readtrack.evaluation.recordings import Recording, open_recording
from readtrack.evaluation.settings import BUDGETS, SHARES, BudgetSettings
from readtrack.metrics.tracking import SequenceScores, prepare_sequence, score_prepared
from readtrack.read.matcher import Matcher
from readtrack.readtracker import ReadTracker
from readtrack.tracking import TrackerConfig

DEFINITIONS = """policy: who is asked about. "never" is motion only. "share P": READ is asked where motion gives no pair
the share P of the likelihood, "share 1" wherever there is somebody to compare with. "budget P": with the default
share, and READ is asked about at most the share P of all detections so far; saved up are no more than a hundred.
  encoded    share of all detections that went through the encoder: those asked about, and the tracks' frames.
  pairs      of a detection and a track that READ judged.
  READ ms    of encoding and judging, cutting out crops included, per frame.
  IDF1, IDSW what became of identities on the whole detections; boxes whose id was settled later are filled in.
  recall, precision   of those who come back after a gap, or return on a synthetic street, as `gaps` defines them."""


@dataclass(frozen=True)
class QueryPolicy:
    """When READ is asked."""

    name: str
    unambiguous_share: float | None  # as in TrackerConfig; None: never
    budget: float = 1.0  # as in TrackerConfig

    @property
    def default(self) -> bool:
        """Whether it is the tracker's."""
        return (self.unambiguous_share, self.budget) == (TrackerConfig.unambiguous_share, TrackerConfig.budget)

    def config(self, fps: float) -> TrackerConfig:
        """The tracker's settings with it."""
        share = TrackerConfig.unambiguous_share if self.unambiguous_share is None else self.unambiguous_share
        return TrackerConfig(fps=fps, budget=self.budget, unambiguous_share=share)


def policies(shares: Iterable[float], budgets: Iterable[float]) -> list[QueryPolicy]:
    """From never to always, then those of a budget."""
    by_motion = [QueryPolicy(f"share {share:g}", share) for share in sorted(set(shares))]
    usual = TrackerConfig.unambiguous_share
    by_budget = [QueryPolicy(f"budget {most:g}", usual, most) for most in sorted(set(budgets))]
    return [QueryPolicy("never", None), *by_motion, *by_budget]


@dataclass(frozen=True)
class BudgetRow:
    """One policy on one source, or on all together."""

    source: str
    policy: QueryPolicy
    frames: int
    detections: int
    encoded: int  # of them
    pairs: int
    read_seconds: float
    scores: SequenceScores
    asked: int  # people away for a gap, or returning
    back: int
    claims: int
    right: int


@dataclass(frozen=True)
class BudgetReport:
    """All that was found, in the order in which it is written as JSON."""

    settings: dict[str, Any]
    weights: dict[str, Any]
    definitions: str
    operating_point: str | None  # of the policies with at least the IDF1 of the widest one, that which encodes least
    rows: list[BudgetRow]
    versions: dict[str, str]


@dataclass
class _Run:
    """One policy on one source."""

    cost: tuple[int, int, int, int, float]  # frames, detections, encoded, pairs, seconds
    prepared: dict[str, Any]  # as TrackEval takes it
    tally: Tally


def evaluate_budget(settings: BudgetSettings, progress: Progress = lambda done, total: None) -> BudgetReport:
    """Track with one policy after the other.

    Args:
        settings: on what, with which policies.
        progress: told how many frames of all runs are done, and of how many, once all sources proved readable.

    Raises:
        InputError: settings, weights or sources cannot be used.
    """
    shares, budgets = settings.unambiguous_share or SHARES, settings.budget or BUDGETS
    settings, tried = replace(settings, unambiguous_share=shares, budget=budgets), policies(shares, budgets)
    for policy in tried:
        policy.config(25.0)  # refuses what is no share
    matcher = Matcher.load(settings.weights, settings.device)
    total, asked = 0, {}
    runs: dict[str, list[_Run]] = {}
    with ExitStack() as stack:
        for source in settings.source:
            recording = stack.enter_context(open_recording(source, settings.detections))
            present = Presence(recording)
            plan = plan_absences(recording, present, [settings.gap], settings.places, one=False)
            asked[source] = recording, present, plan
            absences = sum(len(absences) for gap, absences in plan.items() if gap != RETURNS)
            total += (recording.total or 0) * (1 + absences) * len(tried)
        step = counting(progress, total)
        for source, of_source in asked.items():
            runs[source] = [_run_policy(policy, matcher, *of_source, step) for policy in tried]
    rows = _rows(tried, runs)
    return BudgetReport(
        settings=asdict(settings),
        weights=about_weights(settings.weights, matcher),
        definitions=DEFINITIONS,
        operating_point=_operating_point(rows[-len(tried) :]),
        rows=rows,
        versions=versions("trackeval"),
    )


def _run_policy(
    policy: QueryPolicy,
    matcher: Matcher,
    recording: Recording,
    present: Presence,
    plan: Plan,
    step: Callable[[], None],
) -> _Run:
    def make() -> ReadTracker:
        never = policy.unambiguous_share is None
        return ReadTracker(None if never else matcher, policy.config(recording.fps))

    before = (matcher.encoded, matcher.compared, matcher.seconds)
    whole = replay(make(), recording, report=step)
    encoded, pairs, seconds = matcher.encoded - before[0], matcher.compared - before[1], matcher.seconds - before[2]
    detections = sum(len(recording.detections(frame)) for frame in whole.frames)
    tally = Tally()
    for found in tally_absences(make, whole, recording, present, plan, step=step).values():
        tally += found
    truth = {frame: recording.truth(frame) for frame in whole.frames}
    prepared = prepare_sequence(truth, whole.tracks, whole.frames)
    return _Run((len(whole.frames), detections, encoded, pairs, seconds), prepared, tally)


def _rows(tried: list[QueryPolicy], runs: dict[str, list[_Run]]) -> list[BudgetRow]:
    """By source; of more than one also all together, last."""
    rows: dict[str, list[BudgetRow]] = {source: [] for source in (*runs, TOGETHER)}
    for k, policy in enumerate(tried):
        theirs = [of_source[k] for of_source in runs.values()]
        scores, together = score_prepared([run.prepared for run in theirs])
        for source, run, score in zip(runs, theirs, scores, strict=True):
            rows[source].append(_row(Path(source).name, policy, [run], score))
        if len(theirs) > 1:
            rows[TOGETHER].append(_row(TOGETHER, policy, theirs, together))
    return [row for of_source in rows.values() for row in of_source]


def _row(source: str, policy: QueryPolicy, runs: Iterable[_Run], scores: SequenceScores) -> BudgetRow:
    """Of one run, or of several added up."""
    costs, tally = [], Tally()
    for run in runs:
        costs.append(run.cost)
        tally += run.tally
    frames, detections, encoded, pairs, seconds = (sum(values) for values in zip(*costs, strict=True))
    counts = (tally.asked, tally.back, tally.claims, tally.right)
    return BudgetRow(source, policy, int(frames), int(detections), int(encoded), int(pairs), seconds, scores, *counts)


def _operating_point(rows: list[BudgetRow]) -> str | None:
    """The policy that encodes least among those that have at least the IDF1 of the widest one; None without any."""
    asking = [row for row in rows if row.policy.unambiguous_share is not None]
    if not asking:
        return None
    always = max(asking, key=lambda row: (row.policy.budget, row.policy.unambiguous_share))
    return min(
        (row for row in asking if row.scores.IDF1 >= always.scores.IDF1), key=lambda row: row.encoded
    ).policy.name
