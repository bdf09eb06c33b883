"""READ in files that need none of this package: written in a format, loaded again, and compared."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from readtrack.errors import InputError
from readtrack.files import check_apart, sha256
from readtrack.read.checkpoint import load_checkpoint
from readtrack.read.compression import compress
from readtrack.read.config import ReadConfig
from readtrack.read.crops import Crop
from readtrack.read.graphs import run_torchscript, write_onnx, write_torchscript
from readtrack.read.matcher import Matcher
from readtrack.read.model import Read
from readtrack.read.onnx_network import part_of
from readtrack.read.weights import find_weights, weight_files

FORMATS = {"onnx": ".onnx", "torchscript": ".torchscript"}  # name -> suffix
TOLERANCE = {"fp32": 1e-3, "fp16": 0.1}  # by which the logits of what was written may differ


@dataclass(frozen=True)
class Exported:
    """What was written."""

    files: list[Path]  # the head last
    config: ReadConfig
    difference: float  # of logits from those of the weights, at most, over a few random crops


def export(
    weights: str | Path = "read-s",
    format: str = "onnx",
    out: Path | None = None,
    precision: str = "fp32",
    rank: int | None = None,
    overwrite: bool = False,
) -> Exported:
    """Write a network in another format, load it again and compare its answers.

    Args:
        weights: a shipped name or a file.
        format: one of ``FORMATS``.
        out: file to write; None: named after the weights, in the working folder.
        precision: "fp32", or "fp16" up to fc1, half the size.
        rank: channels that the gallery's values are compressed to first; None: as they are.
        overwrite: replace files that exist.

    Raises:
        InputError: weights or settings that cannot be used, a file that is in the way or cannot be written, a package
            that is missing, or answers that differ.
    """
    for name, value, known in (("format", format, FORMATS), ("precision", precision, TOLERANCE)):
        if value not in known:
            raise InputError(f"{name} {value!r} is unknown: choose one of {', '.join(known)}", name)
    suffix = FORMATS[format]
    out = out or Path(Path(weights).stem + suffix)
    if format == "onnx" and out.suffix != suffix:
        raise InputError(f"{out}: must end in {suffix}, by which Matcher.load knows it", "out")
    parts = [part_of(out, part) for part in ("encoder", "clips")] if format == "onnx" else []
    taken = [file for file in (out, *parts) if file.exists()]
    if taken and not overwrite:
        raise InputError(f"{taken[0]}: exists; write another, or overwrite it", "overwrite")
    check_apart(taken, weight_files(weights))
    model, provenance = load_checkpoint(weights)
    if rank is not None:
        model = compress(model, rank)
    if format == "onnx":
        source = sha256(find_weights(weights)) if rank is None and precision == "fp32" else None
        files = write_onnx(out, model, provenance, precision == "fp16", source)
    else:
        files = write_torchscript(out, model, provenance, precision == "fp16")
    difference = _difference(model, out, format)
    if not difference <= TOLERANCE[precision]:
        raise InputError(f"{out}: its logits differ by {difference:.2g} from those of the weights; do not use it")
    return Exported(files, model.config, difference)


def _difference(model: Read, written: Path, form: str) -> float:
    """How far a written network's logits are from the model's on random crops, at most; beyond 1 in shares of it."""
    config = model.config
    shape = (3 * config.clip_length, config.height, config.width, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    stills, clips = pixels[:2], pixels[config.clip_length :].reshape(2, config.clip_length, *shape[1:])
    wanted = _logits(Matcher(model, "cpu"), stills, clips)
    if form == "onnx":
        found = _logits(Matcher.load(written, "cpu"), stills, clips)
    else:
        found = run_torchscript(written, torch.from_numpy(stills), torch.from_numpy(clips)).numpy()
    return float(np.abs((found - wanted) / np.maximum(np.abs(wanted), 1)).max())


def _logits(matcher: Matcher, stills: NDArray[np.uint8], clips: NDArray[np.uint8]) -> NDArray[np.float64]:
    """A matcher's logits of RGB pixels."""
    return matcher.logits([Crop(p) for p in stills], [[Crop(p) for p in clip] for clip in clips])
