"""People of MOTChallenge sequences as the tracklets of a re-ID data set."""

import os
from collections import defaultdict
from pathlib import Path

from readtrack.datasets.cutter import CropConfig, cut_once
from readtrack.datasets.folders import list_images
from readtrack.datasets.tracklets import ReidSplits, Tracklet, validation_people
from readtrack.errors import InputError

CACHE = Path("runs") / "crops"
PROTOCOL = (
    "Validation on every sixth person, none of them trained on. A tracklet is a piece of about two seconds of a "
    "person, and its camera number is the number of the piece: the query image is the first crop of a piece, the "
    "gallery is all pieces, queries included, and of it only the query's own piece is left out, which alone has its "
    "person and number. People with a single piece are no queries."
)


def read_mot_crops(root: Path, cache: Path | None = None) -> ReidSplits:
    """Read a MOTChallenge sequence, or a folder of them, each with ``gt/gt.txt`` and pixels.

    Crops that are not kept yet, or were made of other files or by other settings, are cut first. People are numbered
    through all sequences; sequences of the same ground truth (MOT17 has each three times) are read once.

    Args:
        root: The folder.
        cache: Where crops are kept, a folder for each sequence; ``runs/crops`` when None.

    Raises:
        InputError: no sequence with ground truth and pixels is there, or crops cannot be written.
    """
    cache = cache or CACHE
    tracklets: list[Tracklet] = []
    notes: list[str] = []
    read: dict[bytes, str] = {}
    for sequence in _sequences(root):
        name, truth = sequence.name, (sequence / "gt" / "gt.txt").read_bytes()
        if truth in read:
            notes.append(f"{name}: left out, its ground truth is that of {read[truth]}")
            continue
        warnings = cut_once(sequence, cache / name, CropConfig())
        if warnings is None:
            notes.append(f"{name}: left out, it has no pixels, neither images nor a video")
            continue
        read[truth] = name
        notes.extend(warnings)
        tracklets.extend(read_pieces(cache / name, 1 + max((t.pid for t in tracklets), default=0)))
    if not tracklets:
        raise InputError(f"{root}: no sequence has pixels and people to cut out: add img1/ or the video to a sequence")
    return _split(tracklets, notes)


def _sequences(root: Path) -> list[Path]:
    """The sequence folders that ``root`` is or holds."""
    if not root.is_dir():
        raise InputError(f"{root}: no such folder: pass a MOT sequence with gt/gt.txt, or a folder of sequences")
    root = Path(os.path.abspath(root))  # "." has no name to keep crops under
    found = [folder for folder in (root, *sorted(root.iterdir())) if (folder / "gt" / "gt.txt").is_file()]
    if not found:
        raise InputError(f"{root}: no gt/gt.txt here or one level below: pass a MOT sequence, or a folder of sequences")
    return found[:1] if found[0] == root else found


def read_pieces(folder: Path, first_pid: int) -> list[Tracklet]:
    """The pieces in a folder of crops that were cut, people numbered from ``first_pid``."""
    pieces: dict[tuple[int, int], list[str]] = defaultdict(list)
    for name in list_images(folder):
        identity, piece, _ = name.split("_")
        pieces[int(identity), int(piece[1:])].append(f"{folder}/{name}")
    pids = {identity: pid for pid, identity in enumerate(sorted({identity for identity, _ in pieces}), first_pid)}
    return [
        Tracklet(tuple(paths), pids[identity], piece, folder.name)
        for (identity, piece), paths in sorted(pieces.items())
    ]


def _split(tracklets: list[Tracklet], notes: list[str]) -> ReidSplits:
    validation = validation_people(t.pid for t in tracklets)
    train = tuple(t for t in tracklets if t.pid not in validation)
    gallery = tuple(t for t in tracklets if t.pid in validation)
    again = {t.pid for t in gallery if t.camid > 1}  # a person's pieces count from 1
    query = tuple(t for t in gallery if t.pid in again)
    if not query:
        notes.append("no validation person has two pieces, so nothing can be scored: add longer sequences")
    return ReidSplits("MOT crops", train, query, gallery, PROTOCOL, tuple(notes))
