"""Command: turn the authors' released weights into this package's. ``python -m readtrack.convert --help``."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from readtrack.commands.console import exit_status
from readtrack.errors import InputError
from readtrack.read.checkpoint import load_checkpoint, save_checkpoint
from readtrack.read.model import Read
from readtrack.read.released import RELEASED, convert_released

EPILOG = """The release is a .tar of tensors: READ on ResNet-50, trained on BGR crops of 256 x 128 pixels, T = 4 frames.
It is read without running anything in it, every tensor must fit, and what was written is loaded and compared.
The authors' terms apply to the result as well: no commercial use.

examples:
  readtrack convert released.tar
  readtrack convert duke.tar --trained-on Duke --out weights/read-r50-duke.safetensors
  readtrack evaluate reid --dataset mars --root MARS --weights read-r50-mars.safetensors --rank-by class1
"""


@dataclass(frozen=True)
class ConvertSettings:
    """What to convert, and what the authors' file does not say itself."""

    source: Path  # the authors' .tar
    out: Path  # the safetensors file to write
    trained_on: str = "MARS"  # data set, for the provenance
    overwrite: bool = False  # replace ``out`` where it exists
    height: int = RELEASED.height  # of the crops that it was trained on, pixels
    width: int = RELEASED.width
    clip_length: int = RELEASED.clip_length  # T, images


def convert(settings: ConvertSettings) -> tuple[Read, dict[str, Any]]:
    """Write the authors' network as one safetensors file and make sure that it answers as it should.

    Returns:
        The network and the provenance that went into the file.

    Raises:
        InputError: a source that cannot be used, or an ``out`` that is taken or cannot be written.
    """
    source, out = settings.source, settings.out
    if out.exists() and not settings.overwrite:
        raise InputError(f"{out}: exists; choose another with --out, or replace it with --overwrite")
    if out.exists() and source.exists() and out.samefile(source):
        raise InputError(f"{out}: is the source itself; choose another with --out")
    sizes = {"height": settings.height, "width": settings.width, "clip_length": settings.clip_length}
    model, provenance = convert_released(source, **sizes)
    provenance["data"] = settings.trained_on
    wanted = _answer(model)
    if not wanted.isfinite().all():
        raise InputError(f"{source}: the network's answers are not finite; get the file again")
    save_checkpoint(out, model, provenance)
    found = _answer(load_checkpoint(out)[0])
    if not torch.allclose(found, wanted, atol=1e-5):
        raise InputError(f"{out}: answers {found.item()} where it should {wanted.item()}; do not use it")
    return model, provenance


def _answer(model: Read) -> Tensor:
    """The logit of one random crop with one random clip, always the same."""
    config, generator = model.config, torch.Generator().manual_seed(0)
    crops = torch.randn(1 + config.clip_length, 3, config.height, config.width, generator=generator)
    with torch.inference_mode():
        logit: Tensor = model(crops[:1], crops[None, 1:])
    return logit


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, convert, print."""
    parser = argparse.ArgumentParser(
        prog="readtrack convert",
        description="Turn the weights that READ's authors released into a file that --weights takes.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add, default = parser.add_argument, ConvertSettings
    add("source", type=Path, metavar="RELEASED.TAR", help="the authors' file")
    add("--out", type=Path, metavar="FILE", help="what to write (default: read-r50-mars.safetensors, after the data)")
    add("--trained-on", default=default.trained_on, metavar="NAME", help="its data (default: %(default)s)")
    add("--overwrite", action="store_true", help="replace --out where it exists")
    add("--height", type=int, default=default.height, metavar="N", help="of its crops, pixels (default: %(default)s)")
    add("--width", type=int, default=default.width, metavar="N", help="of its crops, pixels (default: %(default)s)")
    add("--clip-length", type=int, default=default.clip_length, metavar="T", help="frames (default: %(default)s)")
    return exit_status(lambda: _convert(parser.parse_args(argv)))


def _convert(args: argparse.Namespace) -> None:
    """Convert what the command line names, and say what was made."""
    out = args.out or Path(f"read-r50-{args.trained_on.lower()}.safetensors")
    model, provenance = convert(ConvertSettings(**{**vars(args), "out": out}))
    config, count = model.config, sum(parameter.numel() for parameter in model.parameters())
    print(f"{provenance['source']}: epoch {provenance['epoch']}, SHA-256 {provenance['source_sha256']}")
    print(f"READ, ResNet-50, {count:,} parameters, crops {config.height}x{config.width} BGR, T = {config.clip_length}")
    print(f"trained on {provenance['data']}; {provenance['terms']}")
    if provenance["left_out"]:
        print(f"left out, not part of the network: {', '.join(provenance['left_out'])}")
    print(f"written to {out}, loaded again, answers the same")
