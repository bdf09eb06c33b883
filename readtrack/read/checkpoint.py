"""Weights on disk: one safetensors file with the network's configuration and provenance inside; always strict."""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from readtrack.errors import InputError
from readtrack.files import replacing
from readtrack.read.config import ReadConfig
from readtrack.read.model import Read

KEY = "readtrack"  # the file's metadata entry that holds the configuration as JSON


def save_checkpoint(path: Path, model: Read, provenance: dict[str, Any]) -> None:
    """Write weights, configuration and provenance (anything JSON can say) in one file, whole or not at all.

    Raises:
        InputError: the file cannot be written there.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    tensors = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    about = json.dumps({"config": asdict(model.config), "provenance": provenance}, sort_keys=True)
    with replacing(path, SafetensorError) as partial:
        save_file(tensors, partial, metadata={KEY: about})


def load_checkpoint(weights: str | Path) -> tuple[Read, dict[str, Any]]:
    """The network of a file, or of a name such as ``read-s``, in evaluation mode on the CPU, and its provenance.

    Raises:
        InputError: no such file or name, not a readtrack checkpoint, damaged, or of another shape.
    """
    from safetensors import SafetensorError, safe_open

    path = find_weights(weights)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dict)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: not a readable safetensors file ({error}); get it again or train one") from error
    if KEY not in metadata:
        raise InputError(f"{path}: a safetensors file of another program; readtrack's own carry their configuration")
    try:
        about = json.loads(metadata[KEY])
        known = {field.name for field in fields(ReadConfig)}
        unknown = sorted(set(about["config"]) - known)
        if unknown:
            raise InputError(f"{path}: written by another version of readtrack (unknown {', '.join(unknown)}): update")
        model, provenance = Read(ReadConfig(**about["config"])), dict(about["provenance"])
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: its configuration cannot be read ({error}); get it again or train one") from error
    try:
        model.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: its tensors do not fit its configuration: {reason}") from error
    return model.eval(), provenance


def find_weights(weights: str | Path) -> Path:
    """The file that a path or a shipped name means. Raises InputError where there is none."""
    path = Path(weights)
    if path.suffix or path.exists():
        if not path.is_file():
            raise InputError(f"{path}: no such weight file; names that ship: {', '.join(shipped()) or 'none'}")
        return path
    for folder in _folders():
        if (folder / f"{weights}.safetensors").is_file():
            return folder / f"{weights}.safetensors"
    raise InputError(f"weights {str(weights)!r}: neither a file nor one of: {', '.join(shipped()) or 'none shipped'}")


def shipped() -> list[str]:
    """Names of the weights that came with the installation."""
    return sorted({file.stem for folder in _folders() for file in folder.glob("*.safetensors")})


def _folders() -> list[Path]:
    """Where shipped weights lie: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    return [package / "weights", package.parent / "weights"]
