"""Benchmarks' folders: which sequences there are, and which file holds the tracks of each."""

from dataclasses import dataclass
from pathlib import Path

from readtrack.errors import InputError
from readtrack.video import read_seqinfo

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class TruthFile:
    """A sequence with known people."""

    name: str
    file: Path  # gt.txt
    frames: int | None  # None where neither seqinfo.ini nor images tell


def find_truth(folder: Path) -> list[TruthFile]:
    """Sequences of a benchmark, by name.

    Args:
        folder: holds ``SEQ/gt/gt.txt``, or ``train/SEQ/gt/gt.txt`` and so on, or is one sequence, or its gt.txt.

    Raises:
        InputError: there is none, two have one name, or a seqinfo.ini cannot be read.
    """
    if folder.is_file():
        return [_sequence(folder)]
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of sequences", parameter="ground_truth")
    alone = folder / "gt" / "gt.txt"
    files = [alone] if alone.is_file() else list(folder.glob("*/gt/gt.txt"))
    files = files or [file for split in SPLITS for file in (folder / split).glob("*/gt/gt.txt")]
    if not files:
        raise InputError(
            f"{folder}: holds no SEQ/gt/gt.txt: pass a folder of sequences, or one of them", "ground_truth"
        )
    found = sorted((_sequence(file) for file in files), key=lambda sequence: sequence.name)
    for one, other in zip(found, found[1:], strict=False):
        if one.name == other.name:
            raise InputError(f"{one.file} and {other.file}: two sequences of one name; pass their folders one by one")
    return found


def _sequence(file: Path) -> TruthFile:
    """The sequence that a truth belongs to."""
    file = file.resolve()
    if file.parent.name != "gt":
        return TruthFile(file.stem, file, None)
    folder = file.parent.parent
    frames = read_seqinfo(folder).length if (folder / "seqinfo.ini").is_file() else None
    if frames is None and (folder / "img1").is_dir():
        frames = sum(path.suffix.lower() in (".jpg", ".jpeg", ".png") for path in (folder / "img1").iterdir()) or None
    return TruthFile(folder.name, file, frames)


def find_tracks(results: Path, names: list[str], allow_missing: bool = False) -> dict[str, Path]:
    """The file with the tracks of each sequence.

    Args:
        results: holds ``SEQ.txt``, ``data/SEQ.txt`` or ``SEQ/tracks.txt``; of one sequence also its file, or a folder
            with ``tracks.txt``.
        names: the sequences.
        allow_missing: leave those out that have none.

    Raises:
        InputError: nothing is there, or sequences have no file; it names them.
    """
    if results.is_file():
        if len(names) > 1:
            raise InputError(f"{results}: is one file for {len(names)} sequences: pass the folder that holds SEQ.txt")
        return {names[0]: results}
    if not results.is_dir():
        raise InputError(f"{results}: no such folder: pass the one that holds SEQ.txt", parameter="results")
    found = {}
    for name in names:
        places = [results / f"{name}.txt", results / "data" / f"{name}.txt", results / name / "tracks.txt"]
        places += [results / "tracks.txt"] if len(names) == 1 else []
        file = next((place for place in places if place.is_file()), None)
        if file is not None:
            found[name] = file
    missing = [name for name in names if name not in found]
    if missing and not (allow_missing and found):
        text = f"{results}: has no tracks of {', '.join(missing)}: "
        if found:
            raise InputError(f"{text}add SEQ.txt, or count them as not tracked", parameter="allow_missing")
        raise InputError(f"{text}pass where SEQ.txt are", parameter="results")
    return found
