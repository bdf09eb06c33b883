"""Market-1501 on disk (Zheng et al., ICCV 2015) as tracklets of stills: one per person and camera."""

import re
from collections import defaultdict
from pathlib import Path

from readtrack.datasets.folders import check_layout, count_notes, list_images
from readtrack.datasets.tracklets import ReidSplits, Tracklet, validation_people
from readtrack.errors import InputError

NAME = re.compile(r"(?P<pid>-?\d+)_c(?P<camid>\d)s(?P<sequence>\d)_(?P<frame>\d+)_(?P<box>\d+)\.(?i:jpe?g)")
FOLDER = "bounding_box_train"
FULL = {"people": 751, "images": 12_936}
TEST = ("query", "bounding_box_test")
FULL_TEST = {"queries": 3_368, "gallery": 19_732}  # without the images labelled -1
TEST_PROTOCOL = (
    "Market-1501's own: every image of query/ against every image of bounding_box_test/ (each a tracklet of one), "
    "distractors (0) kept, junk (-1) dropped. Gallery images of the query's person and camera are left out."
)
PROTOCOL = (
    f"Validation on every sixth person of {FOLDER}, none of them trained on: all stills of a person and camera are one "
    "tracklet, its first still is a query, and every tracklet is in the gallery. Gallery tracklets of the query's "
    "person and camera are left out. This is not Market-1501's own image-to-image protocol."
)


def read_market(root: Path) -> ReidSplits:
    """Read ``root/bounding_box_train`` and split its people.

    Of the people in order of their numbers, the 1st, 7th, 13th, ... validate and are never trained on. Queries are
    the first image of each person and camera, galleries all tracklets of the validation people.

    Raises:
        InputError: the folder or its images are missing, or a file name is not Market-1501's.
    """
    if root.name != FOLDER:
        check_layout(root, "Market-1501", [FOLDER])
    folder = root if root.name == FOLDER else root / FOLDER
    groups: dict[tuple[int, int], list[str]] = defaultdict(list)
    for path, pid, camid in _images(folder):
        if pid > 0:  # -1 is junk, 0 are distractors
            groups[pid, camid].append(path)
    tracklets = [Tracklet(tuple(paths), pid, camid) for (pid, camid), paths in sorted(groups.items())]
    people = {t.pid for t in tracklets}
    validation = validation_people(people)
    train = tuple(t for t in tracklets if t.pid not in validation)
    gallery = tuple(t for t in tracklets if t.pid in validation)
    query = tuple(Tracklet(t.paths[:1], t.pid, t.camid) for t in gallery)
    notes = count_notes({"people": len(people), "images": sum(len(t.paths) for t in tracklets)}, FULL)
    return ReidSplits("Market-1501 (stills)", train, query, gallery, PROTOCOL, notes)


def read_market_test(root: Path) -> ReidSplits:
    """Read ``root/query`` and ``root/bounding_box_test`` as they are scored in papers; there is nobody to train on.

    Raises:
        InputError: a folder or its images are missing, or a file name is not Market-1501's.
    """
    check_layout(root, "Market-1501's test half", TEST)
    query, gallery = (
        tuple(Tracklet((path,), pid, camid) for path, pid, camid in _images(root / folder) if pid >= 0)
        for folder in TEST
    )
    notes = count_notes({"queries": len(query), "gallery": len(gallery)}, FULL_TEST)
    return ReidSplits("Market-1501", (), query, gallery, TEST_PROTOCOL, notes)


def _images(folder: Path) -> list[tuple[str, int, int]]:
    """File, person and camera of every image. Raises InputError."""
    names = list_images(folder)
    if not names:
        raise InputError(f"{folder}: no *.jpg here: pass the folder that holds {folder.name}/ with its images")
    found = []
    for name in names:
        match = NAME.fullmatch(name)
        if match is None:
            raise InputError(f"{folder / name}: not a Market-1501 name such as 0002_c1s1_000451_03.jpg: remove it")
        found.append((f"{folder}/{name}", int(match["pid"]), int(match["camid"])))
    return found
