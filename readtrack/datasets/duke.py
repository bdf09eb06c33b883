"""DukeMTMC-VideoReID on disk (Wu et al., CVPR 2018): ``{train,query,gallery}/person/tracklet/*.jpg``.

Image names are ``0001_C6_F0099_X30823.jpg`` (person, camera, frame of the tracklet, frame of the recording), in older
copies without underscores. The makers of DukeMTMC withdrew it in 2019. This reader is for those who hold a copy;
nothing here downloads it.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from readtrack.datasets.folders import check_layout, count_notes, list_images
from readtrack.datasets.tracklets import ReidSplits, Tracklet
from readtrack.errors import InputError

NAME = re.compile(r"(?P<pid>\d{4})_?C(?P<camid>\d+)_?F(?P<frame>\d+)_?X(?P<time>\d+)\.(?i:jpe?g)")
PARTS = ("train", "query", "gallery")
FULL = {
    "train tracklets": 2_196,
    "train people": 702,
    "query tracklets": 702,
    "query people": 702,
    "gallery tracklets": 2_636,
    "gallery people": 1_110,
}
WITHDRAWN = "the makers of DukeMTMC withdrew it in 2019: see to it that you may use your copy"


def read_duke(root: Path, queries_in_gallery: bool = True) -> ReidSplits:
    """Read DukeMTMC-VideoReID, in either style of names.

    Args:
        root: The folder that holds ``train``, ``query`` and ``gallery``.
        queries_in_gallery: Take the gallery folder as it is; False takes those of its tracklets out that are queries.

    Raises:
        InputError: the layout, a name, or the images of a tracklet are not as they should be. What may merely be a
            part of the data set (counts, empty folders, queries nobody can answer) becomes ``notes``.
    """
    check_layout(root, "DukeMTMC-VideoReID", PARTS)
    empty: list[str] = []
    train, query, gallery = (_read_part(root / part, empty) for part in PARTS)
    beginnings = {_beginning(t) for t in query}
    held = sum(_beginning(t) in beginnings for t in gallery)
    if not queries_in_gallery:
        gallery = [t for t in gallery if _beginning(t) not in beginnings]
    counts = [count for part in (train, query, gallery) for count in (len(part), len({t.pid for t in part}))]
    full = FULL if queries_in_gallery else {what: n for what, n in FULL.items() if not what.startswith("gallery")}
    notes = [WITHDRAWN, *count_notes(dict(zip(FULL, counts, strict=True)), full)]
    if empty:
        notes.append(f"{len(empty):,} folders without images, as an interrupted copy leaves them, the first {empty[0]}")
    if strangers := sorted({t.pid for t in query} - {t.pid for t in gallery}):
        notes.append(f"{len(strangers):,} query people are not in the gallery, the first is {strangers[0]:04d}")
    queries = f"{held:,} of the {len(query):,} query tracklets {'included' if queries_in_gallery else 'taken out'}"
    protocol = (
        f"The query image is the first frame of each query tracklet; the gallery is the gallery folder, {queries}. "
        "Gallery tracklets of the query's person and camera are left out."
    )
    return ReidSplits("DukeMTMC-VideoReID", tuple(train), tuple(query), tuple(gallery), protocol, tuple(notes))


def _read_part(folder: Path, empty: list[str]) -> list[Tracklet]:
    """The tracklets of train, query or gallery in order of their folders; adds folders without images to ``empty``."""
    tracklets = []
    for person in _folders(folder):
        inside = _folders(person)
        if not inside:
            empty.append(person)
        for tracklet in inside:
            if names := list_images(tracklet):
                tracklets.append(_read_tracklet(tracklet, names))
            else:
                empty.append(tracklet)
    if not tracklets:
        raise InputError(f"{folder}: no tracklet with images here: copy it again")
    return tracklets


def _folders(folder: str | Path) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(entry.path for entry in entries if entry.is_dir() and not entry.name.startswith("."))


def _read_tracklet(folder: str, names: Sequence[str]) -> Tracklet:
    whose, frames = (os.path.basename(os.path.dirname(folder)), ""), []
    for name in names:
        match = NAME.fullmatch(name)
        if match is None:
            raise InputError(f"{folder}/{name}: not a name such as 0001_C6_F0099_X30823.jpg: remove or rename it")
        whose = (whose[0], whose[1] or match["camid"])
        if match.group("pid", "camid") != whose:
            problem = f"is of another person or camera than its tracklet, person {whose[0]}, camera {whose[1]}"
            raise InputError(f"{folder}/{name}: {problem}: put it where it belongs")
        frames.append((int(match["frame"]), int(match["time"]), name))
    return Tracklet(tuple(f"{folder}/{name}" for _, _, name in sorted(frames)), int(whose[0]), int(whose[1]))


def _beginning(tracklet: Tracklet) -> str:
    """The name of the first image in the old style, which no other tracklet of a part has."""
    return os.path.basename(tracklet.paths[0]).replace("_", "")
