"""Weights on disk: one safetensors file with the network's configuration and provenance inside; always strict."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from readtrack.errors import InputError
from readtrack.files import replacing
from readtrack.read.config import ReadConfig
from readtrack.read.model import Read
from readtrack.read.weights import find_weights

KEY = "readtrack"  # the file's metadata entry that holds the configuration as JSON
# Weight decay leaves channels that died at values so small that products of them are subnormal, which processors
# compute several times slower. Below this a weight counts as zero.
VANISHED = 1e-12


def save_checkpoint(path: Path, model: Read, provenance: dict[str, Any], config: ReadConfig | None = None) -> None:
    """Write weights, configuration and provenance in one file, whole or not at all.

    Args:
        path: of the file.
        model: left as it is.
        provenance: anything JSON can say.
        config: what the file says, such as another calibration; None is the model's own.

    Raises:
        InputError: the file cannot be written there.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    tensors = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    about = json.dumps({"config": asdict(config or model.config), "provenance": provenance}, sort_keys=True)
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
    for name, tensor in tensors.items():
        if tensor.is_floating_point():
            if not tensor.isfinite().all():
                raise InputError(f"{path}: {name} holds numbers that are not finite; get the file again or train one")
            tensor[tensor.abs() < VANISHED] = 0
    if KEY not in metadata:
        raise InputError(f"{path}: a safetensors file of another program; readtrack's own carry their configuration")
    try:
        about = json.loads(metadata[KEY])
        model, provenance = Read(ReadConfig.from_json(about["config"], path)), dict(about["provenance"])
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: its configuration cannot be read ({error}); get it again or train one") from error
    try:
        model.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: its tensors do not fit its configuration: {reason}") from error
    return model.eval(), provenance
