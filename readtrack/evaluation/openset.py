"""Experiment: people searched for in a gallery that knows some of them, and says "nobody" to the others."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from readtrack.datasets import read_dataset
from readtrack.datasets.tracklets import Tracklet
from readtrack.evaluation.playback import Progress, counting
from readtrack.evaluation.provenance import about_weights, versions
from readtrack.evaluation.settings import OpenSetSettings
from readtrack.fleet import link_gallery
from readtrack.fleet.candidates import Reach
from readtrack.gallery import Gallery
from readtrack.metrics.retrieval import Floats, identification_rate
from readtrack.read.crops import spread_positions
from readtrack.read.matcher import Matcher

FALSE_ALARMS = (0.01, 0.1)  # share of people never enrolled who are taken for somebody


@dataclass(frozen=True)
class OpenSet:
    """Of searches by so many crops each; shares in [0, 1]."""

    crops: int
    known: int  # searches for somebody enrolled, by another camera's crops
    unknown: int  # searches for somebody never enrolled
    rank1: float  # of the known: the likeliest is the right one
    identified: dict[float, float]  # of the known, by share of false alarms: the likeliest is right, and likely enough


@dataclass(frozen=True)
class Agreement:
    """Whether the shortlist loses anybody: searches among all people of the data set, trained on or not."""

    searches: int
    tracklets: int  # enrolled
    people: int
    same: float  # share whose likeliest person is that of READ's judgement of all tracklets
    rank1: float  # share whose likeliest is the right one
    rank1_exhaustive: float  # the same of the judgement of all


@dataclass(frozen=True)
class Linkage:
    """The held-out people linked over cameras as ``readtrack fleet`` links recordings; shares of pairs of tracklets."""

    tracklets: int
    people: int
    found: int  # of them
    precision: float  # put together and one person
    recall: float  # of those of one person put together


@dataclass(frozen=True)
class OpenSetReport:
    """All that was found, in the order in which it is written as JSON."""

    settings: dict[str, Any]
    weights: dict[str, Any]
    dataset: str
    people: int  # held out, of whom half are enrolled in each split
    rows: list[OpenSet]
    agreement: Agreement | None
    linkage: Linkage
    versions: dict[str, str]


def evaluate_openset(settings: OpenSetSettings, progress: Progress = lambda done, total: None) -> OpenSetReport:
    """Enrol half of a data set's held-out people, leaving out a camera of each, and search for everybody.

    Known people are searched for by the camera that was left out, unknown ones by each of theirs.

    Args:
        settings: data, weights, how many searches.
        progress: told how many searches are done, and of how many.

    Raises:
        InputError: settings, weights or data cannot be used.
    """
    matcher = Matcher.load(settings.weights, settings.device)
    splits = read_dataset(settings.dataset, settings.root)
    everybody = [*splits.train, *splits.gallery]
    drawn = [_draw(splits.gallery, np.random.default_rng([settings.seed, turn])) for turn in range(settings.splits)]
    agreed = _enrol_and_ask(everybody, np.random.default_rng(settings.seed))
    asked = _some(agreed[1], settings.compared)
    searches = sum(len(known) + len(unknown) for _, known, unknown in drawn) * len(settings.crops)
    report = counting(progress, searches + 2 * len(asked))
    found: dict[int, list[tuple[Floats, Floats, Floats]]] = {crops: [] for crops in settings.crops}
    for enrolled, known, unknown in drawn:
        with _gallery(matcher, enrolled) as (gallery, person):
            for crops in settings.crops:
                told = []
                for one in [*known, *unknown]:
                    told.append(_search(gallery, one, crops, settings.shortlist))
                    report()
                score = np.array([likely for _, likely in told])
                right = np.array([who == person[one.pid] for (who, _), one in zip(told, known, strict=False)])
                found[crops].append((score[: len(known)], right, score[len(known) :]))
    rows = []
    for crops, parts in found.items():
        score, right, others = (np.concatenate(column) for column in zip(*parts, strict=True))
        rates = {share: identification_rate(score, right, others, share) for share in FALSE_ALARMS}
        rows.append(OpenSet(crops, len(score), len(others), float(right.mean()), rates))
    agreement = _agreement(matcher, agreed[0], asked, settings, report) if asked else None
    about = {key: str(value) if isinstance(value, Path) else value for key, value in asdict(settings).items()}
    people = len({one.pid for one in splits.gallery})
    weights = about_weights(settings.weights, matcher)
    linkage = _linkage(matcher, splits.gallery)
    return OpenSetReport(about, weights, splits.name, people, rows, agreement, linkage, versions())


def _draw(
    tracklets: Sequence[Tracklet], rng: np.random.Generator
) -> tuple[list[Tracklet], list[Tracklet], list[Tracklet]]:
    """Tracklets that are enrolled, those by which enrolled people are searched for, and those of everybody else."""
    people = rng.permutation(np.unique([one.pid for one in tracklets]))
    inside = set(people[: len(people) // 2].tolist())
    enrolled, known = _enrol_and_ask([one for one in tracklets if one.pid in inside], rng)
    return enrolled, known, [one for one in tracklets if one.pid not in inside]


def _enrol_and_ask(tracklets: Sequence[Tracklet], rng: np.random.Generator) -> tuple[list[Tracklet], list[Tracklet]]:
    """All tracklets but those of one camera of each person, and these; who has one camera is only enrolled."""
    enrolled: list[Tracklet] = []
    asked: list[Tracklet] = []
    for pid in sorted({one.pid for one in tracklets}):
        own = [one for one in tracklets if one.pid == pid]
        camera = rng.choice(sorted({one.camid for one in own}))
        left = [one for one in own if one.camid == camera]
        if len(left) < len(own):
            asked += left[:1]
            own = [one for one in own if one.camid != camera]
        enrolled += own
    return enrolled, asked


def _some(tracklets: Sequence[Tracklet], most: int) -> list[Tracklet]:
    """At most so many, at equal steps."""
    places = np.linspace(0, len(tracklets), min(most, len(tracklets)), endpoint=False).astype(int)
    return [tracklets[place] for place in places.tolist()]


@contextmanager
def _gallery(matcher: Matcher, tracklets: Sequence[Tracklet]) -> Iterator[tuple[Gallery, dict[int, int]]]:
    """A gallery of these tracklets, and the number there of each person."""
    with TemporaryDirectory() as folder, Gallery(folder, matcher) as gallery:
        yield gallery, {one.pid: gallery.add(one, f"camera {one.camid}", name=f"p{one.pid}") for one in tracklets}


def _search(gallery: Gallery, tracklet: Tracklet, crops: int, shortlist: int) -> tuple[int, float]:
    """The number of the likeliest person, and how likely that is."""
    paths = [tracklet.paths[place] for place in spread_positions(len(tracklet.paths), crops)]
    answer = gallery.find(list(dict.fromkeys(paths)), top=1, match_probability=0, shortlist=shortlist)
    return (-1 if answer.identity is None else int(str(answer.identity))), answer.probability


def _agreement(
    matcher: Matcher,
    enrolled: Sequence[Tracklet],
    asked: Sequence[Tracklet],
    settings: OpenSetSettings,
    report: Callable[[], None],
) -> Agreement:
    """The same searches by the shortlist and by all tracklets."""
    with _gallery(matcher, enrolled) as (gallery, person):
        short, full = np.zeros((2, len(asked)), np.int64)
        for place, one in enumerate(asked):
            for answer, most in ((short, settings.shortlist), (full, len(enrolled))):
                answer[place] = _search(gallery, one, 1, most)[0]
                report()
    right = np.array([person[one.pid] for one in asked])
    shares = (float((one == other).mean()) for one, other in ((short, full), (short, right), (full, right)))
    return Agreement(len(asked), len(enrolled), len(person), *shares)


def _linkage(matcher: Matcher, tracklets: Sequence[Tracklet]) -> Linkage:
    """Every tracklet somebody else's, each camera a recording of which nobody knows the time."""
    with TemporaryDirectory() as folder, Gallery(folder, matcher) as gallery:
        for one in tracklets:
            gallery.add(one, f"camera {one.camid}", (0.0, 1.0))
        link_gallery(gallery, Reach(), {f"camera {one.camid}" for one in tracklets})
        who = gallery.store.index().persons
    truth = np.array([one.pid for one in tracklets])
    together, right, true = (pairs(groups) for groups in (who, who * (int(truth.max()) + 1) + truth, truth))
    return Linkage(len(who), len(np.unique(truth)), len(np.unique(who)), right / max(together, 1), right / max(true, 1))


def pairs(groups: NDArray[np.int64]) -> int:
    """How many pairs are in the same group."""
    sizes = np.unique(groups, return_counts=True)[1].astype(np.int64)
    return int((sizes * (sizes - 1) // 2).sum())
