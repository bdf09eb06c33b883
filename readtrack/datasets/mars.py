"""MARS on disk (Zheng et al., ECCV 2016): ``bbox_train/``, ``bbox_test/`` and ``info/`` of the makers' evaluation code.

Image names are ``0001C1T0001F001.jpg``: person, camera, tracklet, frame. A row of ``info/tracks_*_info.mat`` is a
tracklet: its first and last line in the list of names, from 1 and inclusive, its person and its camera. Person -1
(folder ``00-1``) is junk, person 0 are distractors.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from readtrack.datasets.folders import check_layout, count_notes
from readtrack.datasets.tracklets import DISTRACTOR, ReidSplits, Tracklet
from readtrack.errors import InputError

JUNK = -1
FULL = {
    "train tracklets": 8_298,
    "train people": 625,
    "train images": 509_914,
    "test tracklets": 12_180,
    "test images": 681_089,
    "test tracklets of junk": 870,
    "test tracklets of distractors": 3_248,
    "query tracklets": 1_980,
    "query people": 626,
}
PROTOCOL = (
    "The query image is the first frame of each query tracklet; the gallery is all test tracklets without junk, "
    "distractors included, {queries}. Gallery tracklets of the query's person and camera are left out."
)


def read_mars(root: Path, queries_in_gallery: bool = True) -> ReidSplits:
    """Read MARS; every image named is checked to exist, by listing each folder once.

    The paper's gallery includes the query tracklets (11,310 tracklets). Without them (9,330) 140 of the 1,980 queries
    have no right answer.

    Raises:
        InputError: something is missing or unreadable, or rows and names contradict each other. A consistent part of
            MARS is read; counts that are not the full ones become ``notes``.
    """
    check_layout(root, "MARS", ["bbox_train", "bbox_test", "info"])
    info = root / "info"
    train_names, test_names = _read_names(info / "train_name.txt"), _read_names(info / "test_name.txt")
    train = _read_tracklets(root / "bbox_train", train_names, info / "tracks_train_info.mat")
    test = _read_tracklets(root / "bbox_test", test_names, info / "tracks_test_info.mat")
    chosen = _read_queries(info / "query_IDX.mat", test)
    query = tuple(test[i] for i in chosen)
    left_out = set() if queries_in_gallery else set(chosen)
    gallery = tuple(t for i, t in enumerate(test) if t.pid != JUNK and i not in left_out)
    found = (
        len(train),
        len({t.pid for t in train}),
        sum(len(t.paths) for t in train),
        len(test),
        sum(len(t.paths) for t in test),
        sum(t.pid == JUNK for t in test),
        sum(t.pid == DISTRACTOR for t in test),
        len(query),
        len({t.pid for t in query}),
    )
    queries = "query tracklets included" if queries_in_gallery else "query tracklets left out"
    notes = count_notes(dict(zip(FULL, found, strict=True)), FULL)
    return ReidSplits("MARS", tuple(train), query, gallery, PROTOCOL.format(queries=queries), notes)


def _read_names(path: Path) -> list[str]:
    _check_info(path)
    return path.read_text(errors="replace").split()


def _check_info(path: Path) -> None:
    if not path.is_file():
        raise InputError(f"{path}: no such file: the whole info/ folder of MARS's evaluation code is needed")


def _read_matrix(path: Path) -> NDArray[np.int64]:
    """The whole numbers of a MATLAB file's only variable."""
    from scipy.io import loadmat

    _check_info(path)
    try:
        variables: dict[str, Any] = {k: v for k, v in loadmat(path).items() if not k.startswith("__")}
    except Exception as error:  # scipy raises whatever it stumbles on
        raise InputError(f"{path}: not a readable MATLAB file: copy it again") from error
    if len(variables) != 1:
        raise InputError(f"{path}: holds {len(variables)} variables instead of one: copy it again")
    values = np.asarray(next(iter(variables.values())))
    if values.dtype.kind not in "iuf" or (values != np.round(values)).any():
        raise InputError(f"{path}: holds something other than whole numbers: copy it again")
    return values.astype(np.int64)


def _read_tracklets(folder: Path, names: list[str], table: Path) -> list[Tracklet]:
    """A tracklet per row, junk included; junk alone is not checked against names and files."""
    rows = _read_matrix(table)
    if rows.ndim != 2 or rows.shape[1] != 4 or not len(rows):
        raise InputError(f"{table}: is {rows.shape} instead of (tracklets, 4): copy it again")
    tracklets, wanted = [], []
    for number, (first, last, pid, camid) in enumerate(rows.tolist(), 1):
        if not 1 <= first <= last <= len(names):
            problem = f"row {number} names lines {first} to {last} of a list of {len(names):,}"
            raise InputError(f"{table}: {problem}: copy info/ again as a whole")
        own = names[first - 1 : last]
        if pid != JUNK:
            prefix = f"{pid:04d}C{camid}T"
            for name in own:
                if not name.startswith(prefix):
                    problem = f"row {number} says person {pid}, camera {camid}, but holds {name}"
                    raise InputError(f"{table}: {problem}: copy info/ again as a whole")
            wanted.extend(own)
        tracklets.append(Tracklet(tuple(f"{folder}/{name[:4]}/{name}" for name in own), pid, camid))
    _check_files(folder, wanted)
    return tracklets


def _check_files(folder: Path, names: list[str]) -> None:
    with os.scandir(folder) as entries:
        present = {entry.name: set(os.listdir(entry)) for entry in entries if entry.is_dir()}
    missing = [name for name in names if name not in present.get(name[:4], ())]
    if missing:
        people = len({name[:4] for name in missing})
        problem = f"{len(missing):,} of {len(names):,} images are missing, of {people:,} people"
        first = f"{missing[0][:4]}/{missing[0]}"
        raise InputError(f"{folder}: {problem}, the first {first}: unpack or copy {folder.name} again")


def _read_queries(path: Path, test: list[Tracklet]) -> list[int]:
    """Positions among the test tracklets, from 0."""
    numbers = _read_matrix(path).ravel().tolist()
    for number in numbers:
        if not 1 <= number <= len(test):
            raise InputError(f"{path}: names row {number} of {len(test):,} test tracklets: copy info/ again as a whole")
        if test[number - 1].pid in (JUNK, DISTRACTOR):
            raise InputError(f"{path}: row {number} is junk or a distractor, no query: copy info/ again as a whole")
    if not numbers or len(set(numbers)) < len(numbers):
        raise InputError(f"{path}: names no query, or one twice: copy info/ again as a whole")
    return [number - 1 for number in numbers]
