"""Task: detections of a recording against the people who were there some seconds before."""

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from readtrack.commands.console import progress
from readtrack.commands.evaluate.flags import add_network_flags, add_output_flags
from readtrack.errors import InputError
from readtrack.evaluation.provenance import about_weights, versions, write_json
from readtrack.evaluation.recordings import STREET, open_footage
from readtrack.evaluation.reid import Baseline, colours, peer
from readtrack.evaluation.rounds import Round, Sighting, rounds, sightings
from readtrack.files import check_writable
from readtrack.read.matcher import Crop, Matcher

Floats = NDArray[np.floating[Any]]

BAR = 0.9  # probability from which a pair passes, in what is told of calibration

EPILOG = """protocol:
  A detection is whom it overlaps by an IoU of 0.5 or more, one to one. Each detection of a person in every third frame
  is a query. Its candidates are all people detected 15 to 90 frames earlier, each as a video of T crops spread over
  those detections. It counts where its own person is among at least two. Told are the share of queries whose own
  person scores highest (top-1), the mean of 1 / rank of the own person (ties lose), what guessing would give (chance),
  and which shares of true and of wrong pairs have a probability over 0.9.

examples:
  python -m readtrack.evaluate longgap --source TUD-Stadtmitte --source TUD-Campus --peer osnet.onnx
  python -m readtrack.evaluate longgap --source MOT17-02 --gap-min 50 --gap-max 250 --every 10
  python -m readtrack.evaluate longgap --source MOT17-02 --detections yolox.txt
  python -m readtrack.evaluate longgap --source MOT17-02 --truth-boxes
  python -m readtrack.evaluate longgap --source street                   the drawn street, with exact truth
"""


@dataclass(frozen=True)
class LongGapSettings:
    """What is asked, of whom."""

    sources: tuple[str, ...]  # MOT sequence folders, or "street"
    weights: str = "read-s"  # a shipped name or a file
    gap_min: int = 15  # frames before the query in which candidates were seen, at least
    gap_max: int = 90  # the same at most
    every: int = 3  # frames whose number divides by this are asked about
    detections: Path | None = None  # a MOT file instead of the source's det/det.txt; for one source
    truth_boxes: bool = False  # take the truth's own boxes as detections
    device: str | None = None  # None: a GPU where there is one
    precision: str = "fp32"  # fp32, bf16 or fp16
    peer: Path | None = None  # score this .onnx network as well

    def __post_init__(self) -> None:
        if not self.sources:
            raise InputError("no source: pass a MOT sequence with --source, or --source street")
        if not 1 <= self.gap_min <= self.gap_max:
            raise InputError(f"a gap of {self.gap_min} to {self.gap_max} frames: give --gap-min of 1 to --gap-max")
        if self.every < 1:
            raise InputError(f"every {self.every}: give a number of frames of at least 1")
        if self.detections and self.truth_boxes:
            raise InputError("--detections and --truth-boxes both say where people are: give one of them")
        if self.detections and (len(self.sources) > 1 or STREET in self.sources):
            raise InputError("--detections is of one sequence: give one --source, a folder")


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


def evaluate_longgap(
    settings: LongGapSettings,
    begin: Callable[[int], None] = lambda total: None,
    report: Callable[[int], None] = lambda done: None,
) -> LongGapReport:
    """Find out how often a detection's person is known again among the people seen some time before.

    Args:
        settings: what is asked, of whom.
        begin: told the number of frames, once all sources proved readable.
        report: told after each frame how many are done.

    Raises:
        InputError: settings, weights or sources cannot be used, or nothing can be asked.
    """
    matcher = Matcher.load(settings.weights, settings.device, precision=settings.precision)
    baselines = [colours(matcher.config.height, matcher.config.width)]
    baselines += [peer(settings.peer)] if settings.peer else []
    begin(sum(_length(source, settings) for source in settings.sources))
    tallies: dict[str, Tally] = {}
    done = 0
    for source in settings.sources:
        with open_footage(source, settings.detections, settings.truth_boxes) as footage:
            name = footage.name if footage.name not in tallies else source
            sizes = {(matcher.config.height, matcher.config.width), *(baseline.size for baseline in baselines)}
            frames = _counted(sightings(footage, sizes), done, report)
            asked = rounds(frames, (settings.gap_min, settings.gap_max), settings.every, matcher.clip_length)
            tallies[name] = ask(matcher, baselines, asked)
            done += footage.total or 0
    everything = Tally()
    for tally in tallies.values():
        everything += tally
    if not everything.candidates:
        raise InputError(
            f"{', '.join(settings.sources)}: nobody is there again {settings.gap_min} frames later beside somebody "
            "else: lower --gap-min, or pass longer sequences"
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


def ask(matcher: Matcher, baselines: Sequence[Baseline], asked: Iterable[Round]) -> Tally:
    """Let READ, its pooled features and the baselines answer all rounds."""
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


def _baseline_answer(baseline: Baseline, known: "WeakKeyDictionary[Sighting, Floats]", question: Round) -> Floats:
    """Similarities (N, M); vectors that are not ``known`` yet are made and kept there."""
    wanted = [*question.queries, *(sighting for clip in question.clips for sighting in clip)]
    fresh = [sighting for sighting in dict.fromkeys(wanted) if sighting not in known]
    if fresh:
        made = baseline.describe([sighting.pixels[baseline.size] for sighting in fresh])
        known.update(zip(fresh, made, strict=True))
    queries = np.stack([known[query] for query in question.queries])
    means = [np.stack([known[sighting] for sighting in clip])[None] for clip in question.clips]
    return np.concatenate([baseline.similarity(queries, clip) for clip in means], axis=1)


def _length(source: str, settings: LongGapSettings) -> int:
    """Frames of a source; raises InputError where it cannot be used."""
    with open_footage(source, settings.detections, settings.truth_boxes) as footage:
        return footage.total or 0


def _counted(
    frames: Iterable[tuple[int, list[Sighting]]], done: int, report: Callable[[int], None]
) -> Iterable[tuple[int, list[Sighting]]]:
    """The same, told of on the way."""
    for count, frame in enumerate(frames, done + 1):
        yield frame
        report(count)


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


def add_parser(add_task: Callable[..., argparse.ArgumentParser]) -> None:
    """The task ``longgap`` and its flags."""
    parser = add_task(
        "longgap",
        help="people known again after some seconds in a recording",
        description="Score weights on recordings with known people: each detection against videos of the people\n"
        "who were seen some time before, as a tracker compares them.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_run)
    default: Any = LongGapSettings
    add = parser.add_argument_group("recordings").add_argument
    add(
        "--source",
        dest="sources",
        action="append",
        required=True,
        metavar="DIR",
        help=f"MOT sequence with pixels, gt/gt.txt and det/det.txt, or '{STREET}' for the drawn one; may be given "
        "several times (e.g. --source TUD-Stadtmitte)",
    )
    add("--detections", type=Path, metavar="FILE", help="MOT file instead of det/det.txt (e.g. --detections yolox.txt)")
    add("--truth-boxes", action="store_true", help="take the truth's own boxes as detections")
    add("--gap-min", type=int, default=default.gap_min, metavar="N", help="frames, least (default: %(default)s)")
    add("--gap-max", type=int, default=default.gap_max, metavar="N", help="frames, most (default: %(default)s)")
    add("--every", type=int, default=default.every, metavar="N", help="ask in every N-th frame (default: %(default)s)")
    add_network_flags(parser, default.weights, default.precision)
    add_output_flags(parser, "longgap-<weights>")


def _run(args: argparse.Namespace) -> None:
    """Score what the command line names, print it and write the JSON."""
    given = {field.name: getattr(args, field.name) for field in fields(LongGapSettings)}
    settings = LongGapSettings(**{**given, "sources": tuple(args.sources)})
    file = args.json or Path("runs") / f"longgap-{Path(settings.weights).stem}.json"
    check_writable(file)
    console = Console(quiet=args.quiet, highlight=False, markup=False)
    with progress("frames", args.quiet) as (begin, report):
        found = evaluate_longgap(settings, begin, report)
    write_json(file, asdict(found))
    for scores in found.scores:
        _print(scores, console)
    console.print(f"written to {file}", soft_wrap=True)


def _print(scores: GapScores, console: Console) -> None:
    """A source's scores in per cent."""
    told = f"{scores.name}: {scores.queries:,} queries among {scores.candidates:.1f} people on average, chance "
    table = Table("", "top-1", "mean reciprocal rank", show_edge=False, pad_edge=False)
    for name, top1 in scores.top1.items():
        table.add_row(name, f"{100 * top1:.1f}", f"{100 * scores.reciprocal_rank[name]:.1f}")
    passed = f"over {BAR}: {scores.true_over_bar:.1%} of true and {scores.wrong_over_bar:.2%} of wrong pairs\n"
    console.print(f"{told}{100 * scores.chance:.1f}\n", table, "", passed, sep="\n", soft_wrap=True)
