"""Where weights lie: the files that ship, by name."""

import glob
from pathlib import Path

from readtrack.errors import InputError

PACKAGE = Path(__file__).parents[1]
FOLDERS = (PACKAGE / "weights", PACKAGE.parent / "weights")  # inside an installed package, or beside it in a checkout


def find_weights(weights: str | Path) -> Path:
    """The file that a path or a shipped name means. Raises InputError where there is none."""
    path = Path(weights)
    if path.suffix or path.exists():
        if not path.is_file():
            raise InputError(
                f"{path}: no such weight file; names that ship: {', '.join(shipped()) or 'none'}", "weights"
            )
        return path
    for folder in FOLDERS:
        if (folder / f"{weights}.safetensors").is_file():
            return folder / f"{weights}.safetensors"
    known = ", ".join(shipped()) or "none shipped"
    raise InputError(f"weights {str(weights)!r}: neither a file nor one of: {known}", "weights")


def weight_files(weights: str | Path | None) -> list[Path]:
    """All files that weights are read from; none where there are none of that name."""
    try:
        path = find_weights(weights or "")
    except InputError:
        return []
    return [path, *path.parent.glob(f"{glob.escape(path.stem)}.*.onnx")] if path.suffix == ".onnx" else [path]


def shipped() -> list[str]:
    """Names of the weights that came with the installation."""
    return sorted({file.stem for folder in FOLDERS for file in folder.glob("*.safetensors")})
