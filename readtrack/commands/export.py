"""Command: READ as ONNX or TorchScript, for programs without PyTorch. ``readtrack export --help``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from readtrack.commands.console import exit_status
from readtrack.commands.parsing import parse

DESCRIPTION = "Write READ as ONNX or TorchScript, for programs without Python or PyTorch."
EXAMPLES = """what is written:
  onnx         read-s.encoder.onnx   pixels (crops, H, W, 3) -> features (crops, positions, channels)
               read-s.onnx           queries (queries, positions, channels),
                                     videos (videos, images, positions, channels) -> logits (queries, videos)
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
  readtrack export --format torchscript --precision fp16   for LibTorch on a GPU
  readtrack export --weights read-r50-mars.safetensors --rank 128
"""


@dataclass(frozen=True)
class ExportSettings:
    """What is written, and where."""

    weights: str = "read-s"  # shipped name or file
    format: Literal["onnx", "torchscript"] = "onnx"  # what to write
    out: Path | None = None  # file to write; if not given, named after the weights, in this folder
    precision: Literal["fp32", "fp16"] = "fp32"  # fp16: half the size, slower on most CPUs
    rank: int | None = None  # compress the gallery's values to so many channels: faster, slightly off
    overwrite: bool = False  # replace files that exist


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, export, print. Returns the exit status: 0, 2 for bad input, 130 after Ctrl-C."""
    return exit_status(lambda: _export(parse(ExportSettings, argv, "readtrack export", DESCRIPTION, EXAMPLES)))


def _export(settings: ExportSettings) -> None:
    """Export what the command line names, and say what was made."""
    from readtrack.read.export import export

    done = export(**vars(settings))
    for file in done.files:
        print(f"{file}  {file.stat().st_size / 1e6:.1f} MB")
    config = done.config
    print(f"crops {config.height}x{config.width} RGB uint8; {config.positions} positions of {config.channels} channels")
    print(f"probability = 1 / (1 + exp(-({config.logit_scale:.6g} * logit + {config.logit_offset:.6g})))")
    print(f"loaded again: logits are those of {settings.weights} to within {done.difference:.1g}")
