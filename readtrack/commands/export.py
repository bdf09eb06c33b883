"""Command: READ as ONNX or TorchScript, for programs without PyTorch. ``python -m readtrack.export --help``."""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from readtrack.commands.console import exit_status
from readtrack.errors import InputError
from readtrack.read.checkpoint import load_checkpoint
from readtrack.read.compression import fold
from readtrack.read.config import ReadConfig
from readtrack.read.crops import Crop
from readtrack.read.export import run_torchscript, write_onnx, write_torchscript
from readtrack.read.matcher import Matcher
from readtrack.read.model import Read
from readtrack.read.onnx_network import part_of

FORMATS = {"onnx": (".onnx", write_onnx), "torchscript": (".torchscript", write_torchscript)}
TOLERANCE = {False: 1e-3, True: 0.1}  # by which logits of the written network may differ, in fp32 and with --half
EPILOG = """what is written:
  onnx         read-s.encoder.onnx   pixels (crops, H, W, 3) -> features (crops, places, channels)
               read-s.onnx           queries (queries, places, channels),
                                     videos (videos, images, places, channels) -> logits (queries, videos)
               read-s.clips.onnx     only of a network with a video net of its own, such as read-r50:
                                     clips (videos, images, H, W, 3) -> clip_features, the head's videos
  torchscript  read-s.torchscript    one file with the methods encode, compare and perhaps encode_clips, the same
  pixels are uint8 RGB, scaled to H x W; mean and deviation are inside. Crops, queries, videos and images per video
  may be any number. The files' metadata entry "readtrack" (JSON) holds the configuration, among it the calibration:
  probability = 1 / (1 + exp(-(logit_scale * logit + logit_offset))).

what comes next:
  Matcher.load("read-s.onnx"), readtrack track --weights read-s.onnx: everything but attention maps, without PyTorch.
  The encoder has to stay beside the head.

examples:
  readtrack export                                         read-s.onnx and read-s.encoder.onnx here
  readtrack export --weights best.safetensors --out models/street.onnx
  readtrack export --format torchscript --half             for LibTorch on a GPU
  readtrack export --weights read-r50-mars.safetensors --rank 128
"""


@dataclass(frozen=True)
class ExportSettings:
    """What is written, and where."""

    weights: str = "read-s"  # a shipped name or a file
    format: str = "onnx"  # one of FORMATS
    out: Path | None = None  # file to write; None: named after the weights, in the working folder
    half: bool = False  # float16 up to fc1; half the size
    rank: int | None = None  # channels that the gallery's values are folded to first
    overwrite: bool = False  # replace files that exist


@dataclass(frozen=True)
class Exported:
    """What was written."""

    files: list[Path]  # the head last
    config: ReadConfig
    difference: float  # of logits from those of the weights, at most, over a few random crops


def export(settings: ExportSettings = ExportSettings()) -> Exported:
    """Write a network in another format, load it again and compare its answers.

    Raises:
        InputError: weights or settings that cannot be used, a file that is in the way or cannot be written, a package
            that is missing, or answers that differ.
    """
    if settings.format not in FORMATS:
        raise InputError(f"format {settings.format!r} is unknown: choose one of {', '.join(FORMATS)}")
    suffix, write = FORMATS[settings.format]
    out = settings.out or Path(Path(settings.weights).stem + suffix)
    if settings.format == "onnx" and out.suffix != suffix:
        raise InputError(f"{out}: must end in {suffix}, by which Matcher.load knows it")
    parts = [part_of(out, part) for part in ("encoder", "clips")] if settings.format == "onnx" else []
    taken = [file for file in (out, *parts) if file.exists()]
    if taken and not settings.overwrite:
        raise InputError(f"{taken[0]}: exists; choose another with --out, or replace it with --overwrite")
    model, provenance = load_checkpoint(settings.weights)
    if settings.rank is not None:
        model = fold(model, settings.rank)
    files = write(out, model, provenance, settings.half)
    difference = _difference(model, out, settings.format)
    if not difference <= TOLERANCE[settings.half]:
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


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, export, print. Returns the exit status: 0, 2 for bad input, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="readtrack export",
        description="Write READ as ONNX or TorchScript, for programs without Python or PyTorch.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add, default = parser.add_argument, ExportSettings
    add("--weights", default=default.weights, metavar="W", help="shipped name or file (default: %(default)s)")
    add("--format", choices=tuple(FORMATS), default=default.format, help="(default: %(default)s)")
    add("--out", type=Path, metavar="FILE", help="what to write (default: named after the weights, in this folder)")
    add("--half", action="store_true", help="compute in float16: half the size; slower on most CPUs")
    add("--rank", type=int, metavar="R", help="channels to fold the gallery's values to, as in readtrack evaluate")
    add("--overwrite", action="store_true", help="replace files that exist")
    return exit_status(lambda: _export(parser.parse_args(argv)))


def _export(args: argparse.Namespace) -> None:
    """Export what the command line names, and say what was made."""
    settings = ExportSettings(**vars(args))
    done = export(settings)
    for file in done.files:
        print(f"{file}  {file.stat().st_size / 1e6:.1f} MB")
    config = done.config
    print(f"crops {config.height}x{config.width} RGB uint8; {config.places} places of {config.channels} channels")
    print(f"probability = 1 / (1 + exp(-({config.logit_scale:.6g} * logit + {config.logit_offset:.6g})))")
    print(f"loaded again: logits are those of {settings.weights} to within {done.difference:.1g}")
