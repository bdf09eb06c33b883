"""Market-1501 on disk (Zheng et al., ICCV 2015) as tracklets of stills: one per person and camera."""

import re
from collections import defaultdict
from pathlib import Path

from readtrack.data.tracklets import ReidSplits, Tracklet
from readtrack.errors import InputError

NAME = re.compile(r"(?P<pid>-?\d+)_c(?P<camid>\d)s(?P<sequence>\d)_(?P<frame>\d+)_(?P<box>\d+)\.jpg")
VALIDATION_EVERY = 6  # of the people sorted by number, each sixth is kept for validation


def read_market(root: Path) -> ReidSplits:
    """Read ``root/bounding_box_train`` and split its people.

    Of the people in order of their numbers, the 1st, 7th, 13th, ... validate and are never trained on. Queries are
    the first image of each person and camera, galleries all tracklets of the validation people.

    Raises:
        InputError: the folder or its images are missing, or a file name is not Market-1501's.
    """
    folder = root if root.name == "bounding_box_train" else root / "bounding_box_train"
    files = sorted(folder.glob("*.jpg"))
    if not files:
        raise InputError(f"{folder}: no *.jpg here; --root must name the folder that holds bounding_box_train")
    groups: dict[tuple[int, int], list[Path]] = defaultdict(list)
    for path in files:
        match = NAME.fullmatch(path.name)
        if match is None:
            raise InputError(f"{path}: not a Market-1501 name such as 0002_c1s1_000451_03.jpg")
        if int(match["pid"]) > 0:  # -1 is junk, 0 are distractors
            groups[int(match["pid"]), int(match["camid"])].append(path)
    tracklets = [Tracklet(tuple(paths), pid, camid) for (pid, camid), paths in sorted(groups.items())]
    validation = set(sorted({t.pid for t in tracklets})[::VALIDATION_EVERY])
    gallery = tuple(t for t in tracklets if t.pid in validation)
    query = tuple(Tracklet(t.paths[:1], t.pid, t.camid) for t in gallery)
    return ReidSplits(tuple(t for t in tracklets if t.pid not in validation), query, gallery)
