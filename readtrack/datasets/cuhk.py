"""CUHK03 and CUHK01 on disk (Li et al., CVPR 2014 and ACCV 2012) as tracklets of stills: one per person and camera."""

import re
from collections import defaultdict
from pathlib import Path
from typing import Literal

from readtrack.datasets.folders import count_notes, list_images
from readtrack.datasets.tracklets import ReidSplits, Tracklet
from readtrack.errors import InputError

NAMES = {
    "cuhk03": re.compile(r"(\d{4})_(\d\d)\.(?i:jpe?g)"),
    "cuhk01": re.compile(r"(\d{4})_(\d)\.(?i:jpe?g)"),
}  # person, image
SECOND = {"cuhk03": 5, "cuhk01": 3}  # the first image that the second camera took
FULL = {"cuhk03": {"people": 1467, "images": 14_092}, "cuhk01": {"people": 971, "images": 3_884}}
VALIDATION_EVERY = 20  # of the people sorted by number
PROTOCOL = (
    "Validation on every 20th person, none of them trained on: all stills of a person and camera are one tracklet, its "
    "first still is a query, and every tracklet is in the gallery. Gallery tracklets of the query's person and camera "
    "are left out. This is not the data set's own protocol."
)


def read_cuhk(name: Literal["cuhk03", "cuhk01"], root: Path) -> ReidSplits:
    """Read the folder of images and split its people.

    Of the people in order of their numbers, the 1st, 21st, 41st, ... validate and are never trained on.

    Raises:
        InputError: the folder or its images are missing, or a file name is not the data set's.
    """
    files = list_images(root)
    if not files:
        raise InputError(f"{root}: no *.jpg here: pass the folder that holds the images of {name.upper()}", "root")
    groups: dict[tuple[int, int], list[str]] = defaultdict(list)
    for file in files:
        match = NAMES[name].fullmatch(file)
        if match is None:
            raise InputError(f"{root / file}: not a name of {name.upper()}, person_image.jpg: remove it", "root")
        groups[int(match[1]), 1 + (int(match[2]) >= SECOND[name])].append(f"{root}/{file}")
    tracklets = [Tracklet(tuple(paths), pid, camid) for (pid, camid), paths in sorted(groups.items())]
    people = sorted({t.pid for t in tracklets})
    validation = set(people[::VALIDATION_EVERY])
    train = tuple(t for t in tracklets if t.pid not in validation)
    gallery = tuple(t for t in tracklets if t.pid in validation)
    query = tuple(Tracklet(t.paths[:1], t.pid, t.camid) for t in gallery)
    notes = count_notes({"people": len(people), "images": len(files)}, FULL[name])
    return ReidSplits(f"{name.upper()} (stills)", train, query, gallery, PROTOCOL, notes)
