"""People of drawn streets, to be trained on beside those of a data set."""

from dataclasses import replace
from pathlib import Path

from readtrack.datasets.cutter import CropConfig, cut_street
from readtrack.datasets.mot_crops import CACHE, read_pieces
from readtrack.datasets.tracklets import ReidSplits
from readtrack.street import StreetConfig

FIRST_SEED = 10_000  # of streets that are trained on; those below are for tests and scores


def add_streets(splits: ReidSplits, count: int, cache: Path | None = None) -> ReidSplits:
    """A data set with the people of ``count`` drawn streets among those trained on; who validates stays as it was.

    On a street people are near each other, look alike and cover each other, which re-ID data sets leave out.

    Args:
        splits: the data set.
        count: streets, of the seeds from 10,000 on; with none the data set stays as it is.
        cache: where their crops are kept, a folder for each street; ``runs/crops`` when None.

    Raises:
        InputError: crops cannot be written.
    """
    if not count:
        return splits
    tracklets = list(splits.train)
    taken = max((t.pid for part in (splits.train, splits.gallery) for t in part), default=0)
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        folder = (cache or CACHE) / f"street-{seed}"
        cut_street(StreetConfig(seed=seed), folder, CropConfig(visibility=0.5))
        pieces = read_pieces(folder, 1 + taken)
        tracklets += pieces
        taken = max((t.pid for t in pieces), default=taken)
    return replace(splits, name=f"{splits.name} and {count} drawn streets", train=tuple(tracklets))
