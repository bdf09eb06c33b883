"""What the readers of data sets share: the layout a data set must have, image names, counts that should hold."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from readtrack.errors import InputError
from readtrack.images import is_cut_short


def check_layout(root: Path, name: str, folders: Sequence[str]) -> None:
    """Raise InputError unless ``root`` holds all ``folders``, saying what to pass when it is one level off."""
    wanted = ", ".join(f"{folder}/" for folder in folders)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder: pass the {name} folder, which holds {wanted}")
    missing = [folder for folder in folders if not (root / folder).is_dir()]
    if not missing:
        return
    if root.resolve().name in folders and _holds(root.resolve().parent, folders):
        raise InputError(f"{root}: is one level too low, a part of {name}: pass {root.resolve().parent}")
    for child in sorted(root.iterdir()):
        if _holds(child, folders):
            raise InputError(f"{root}: is one level too high, {name} is in it: pass {child}")
    if len(missing) < len(folders):
        lacking = ", ".join(f"{folder}/" for folder in missing)
        raise InputError(f"{root}: {name} lacks {lacking}: copy what is missing there")
    raise InputError(f"{root}: is not {name}: pass the folder that holds {wanted}")


def _holds(root: Path, folders: Sequence[str]) -> bool:
    return all((root / folder).is_dir() for folder in folders)


def list_images(folder: str | Path) -> list[str]:
    """Names of the JPEGs in a folder, sorted; hidden files are passed over. Empty where there is no folder."""
    if not os.path.isdir(folder):
        return []
    return sorted(
        name for name in os.listdir(folder) if name.lower().endswith((".jpg", ".jpeg")) and not name.startswith(".")
    )


def check_whole(paths: Iterable[str]) -> None:
    """Raise InputError where files are missing, empty or JPEGs that are cut short: before hours of work."""
    broken = [path for path in paths if not _is_whole(path)]
    if broken:
        raise InputError(f"{len(broken):,} images are missing or cut short, the first is {broken[0]}: restore them")


def _is_whole(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 2))
            if file.read() == b"\xff\xd9":
                return True
            file.seek(0)
            content = file.read()
    except OSError:
        return False
    return bool(content) and not is_cut_short(content)


def count_notes(found: Mapping[str, int], full: Mapping[str, int]) -> tuple[str, ...]:
    """A line for each count of ``full`` that ``found``, with the same keys, does not meet."""
    return tuple(
        f"{what}: {found[what]:,}, the full data set has {n:,}" for what, n in full.items() if found[what] != n
    )
