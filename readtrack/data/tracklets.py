"""The nouns of a re-ID data set."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tracklet:
    """One person seen by one camera: image files in order of time."""

    paths: tuple[Path, ...]
    pid: int
    camid: int


@dataclass(frozen=True)
class ReidSplits:
    """Tracklets to train on, and the query and gallery that score unseen people."""

    train: tuple[Tracklet, ...]
    query: tuple[Tracklet, ...]
    gallery: tuple[Tracklet, ...]


def parts(length: int, count: int) -> list[range]:
    """Split ``length`` positions into ``count`` equal parts; short sequences are padded with their last position.

    Restricted sampling (paper Sec. 3.4) takes one position of each part: any in training, the first in scoring.
    """
    size = -(-length // count)
    firsts = [min(i * size, length - 1) for i in range(count)]
    return [range(first, max(min((i + 1) * size, length), first + 1)) for i, first in enumerate(firsts)]
