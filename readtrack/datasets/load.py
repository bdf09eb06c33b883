"""A re-ID data set by its name."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from readtrack.datasets.cuhk import read_cuhk
from readtrack.datasets.duke import read_duke
from readtrack.datasets.market import read_market, read_market_test
from readtrack.datasets.mars import read_mars
from readtrack.datasets.mot_crops import read_mot_crops
from readtrack.datasets.street_crops import add_streets
from readtrack.datasets.tracklets import DATASETS, DISTRACTOR, ReidSplits
from readtrack.errors import InputError


def read_dataset(
    name: str,
    root: Path,
    *,
    queries_in_gallery: bool = True,
    cache: Path | None = None,
    streets: int = 0,
    also: Sequence[str] = (),
) -> ReidSplits:
    """Read the data set that lies in ``root``.

    Args:
        name: One of ``DATASETS``; "mot" is a MOTChallenge sequence or a folder of them.
        root: Its folder.
        queries_in_gallery: Whether query tracklets are in the gallery, as in the paper; only "mars" and "duke" can do
            without.
        cache: Where crops of "mot" and of streets are kept, a folder for each; ``runs/crops`` when None.
        streets: So many drawn streets, whose people are to be trained on as well.
        also: More data sets, NAME=FOLDER, whose people are to be trained on as well; who validates stays as it was.

    Raises:
        InputError: the name is unknown, or what lies there is not that data set.
    """
    splits = noted(_read(name, root, queries_in_gallery, cache))
    for other in also:
        another, _, folder = other.partition("=")
        if not folder:
            raise InputError(f"{other}: give the data set and its folder, such as cuhk03=PATH", "also")
        splits = _add(splits, _read(another, Path(folder), True, cache))
    return add_streets(splits, streets, cache)


def _add(splits: ReidSplits, other: ReidSplits) -> ReidSplits:
    """A data set with those that another one trains on, under numbers that nobody has yet."""
    first = 1 + max((t.pid for part in (splits.train, splits.gallery) for t in part), default=0)
    numbers = {pid: first + i for i, pid in enumerate(sorted({t.pid for t in other.train}))}
    people = tuple(replace(tracklet, pid=numbers[tracklet.pid]) for tracklet in other.train)
    name, notes = f"{splits.name} and {other.name}", (*splits.notes, *other.notes)
    return replace(splits, name=name, train=splits.train + people, notes=notes)


def noted(splits: ReidSplits) -> ReidSplits:
    """With a note where people are trained on and scored."""
    trained = {tracklet.pid for tracklet in splits.train} - {DISTRACTOR}
    both = sorted(trained & {tracklet.pid for tracklet in (*splits.query, *splits.gallery)})
    if not both:
        return splits
    note = f"{len(both):,} people are trained on and scored, the first is {both[0]}: scores are too good"
    return replace(splits, notes=(*splits.notes, note))


def _read(name: str, root: Path, queries_in_gallery: bool, cache: Path | None) -> ReidSplits:
    """A data set by itself."""
    if name not in DATASETS:
        raise InputError(f"{name}: no such data set: choose one of {', '.join(DATASETS)}", "dataset")
    if name == "mars":
        return read_mars(root, queries_in_gallery)
    if name == "duke":
        return read_duke(root, queries_in_gallery)
    if not queries_in_gallery:
        raise InputError(f"{name}: every gallery tracklet is a query here: leave them in", "queries_in_gallery")
    if name == "market-test":
        return read_market_test(root)
    if name in ("cuhk03", "cuhk01"):
        return read_cuhk(name, root)
    return read_market(root) if name == "market" else read_mot_crops(root, cache)
