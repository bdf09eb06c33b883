"""The nouns of a re-ID data set."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

Dataset = Literal["market", "market-test", "cuhk03", "cuhk01", "mars", "duke", "mot"]  # "mot": MOTChallenge sequences
DATASETS: tuple[Dataset, ...] = get_args(Dataset)
DISTRACTOR = 0  # the person number of whoever is nobody in particular: never a query, never a right answer
VALIDATION_EVERY = 6  # of the people sorted by number, each sixth is kept for validation where makers gave no split


@dataclass(frozen=True)
class Tracklet:
    """One person seen by one camera: image files in order of time."""

    paths: tuple[str, ...]  # not Path: MARS has 1.19 million
    pid: int
    camid: int
    scene: str = ""  # the recording that it was cut from, where there is one


@dataclass(frozen=True)
class ReidSplits:
    """Tracklets to train on, and the query and gallery that score unseen people."""

    name: str  # of the data set, for people
    train: tuple[Tracklet, ...]
    query: tuple[Tracklet, ...]  # whole tracklets; the first frame of each is the query image
    gallery: tuple[Tracklet, ...]
    protocol: str  # who is query, who is gallery, what is left out: a sentence or two
    notes: tuple[str, ...] = ()  # known counts that do not hold, and what else is odd

    def describe(self) -> str:
        """Counts of train, query and gallery in one line."""
        return "; ".join(f"{part} {_counts(getattr(self, part))}" for part in ("train", "query", "gallery"))


def _counts(tracklets: tuple[Tracklet, ...]) -> str:
    people = {t.pid for t in tracklets} - {DISTRACTOR}
    nobody = sum(t.pid == DISTRACTOR for t in tracklets)
    others = f" and {nobody:,} distractors" if nobody else ""
    images = sum(len(t.paths) for t in tracklets)
    return f"{len(tracklets):,} tracklets of {len(people):,} people{others}, {images:,} images"


def validation_people(pids: Iterable[int]) -> set[int]:
    """The 1st, 7th, 13th, ... of the people in order of their numbers: held out where makers gave no split."""
    return set(sorted(set(pids))[::VALIDATION_EVERY])


def parts(length: int, count: int) -> list[range]:
    """Split ``length`` positions into ``count`` equal parts; short sequences are padded with their last position.

    Restricted sampling (paper Sec. 3.4) takes one position of each part: any in training, the first in scoring.
    """
    size = -(-length // count)
    firsts = [min(i * size, length - 1) for i in range(count)]
    return [range(first, max(min((i + 1) * size, length), first + 1)) for i, first in enumerate(firsts)]
