"""Command: turn the authors' released weights into this package's. ``readtrack convert --help``."""

from dataclasses import dataclass
from pathlib import Path

from readtrack.commands.console import exit_status
from readtrack.commands.parsing import Positional, parse
from readtrack.read.config import READ_R50

DESCRIPTION = "Turn the weights that READ's authors released into a file that --weights takes."
EXAMPLES = """The release is a .tar of tensors: READ on ResNet-50, trained on BGR crops of 256 x 128 pixels, T = 4
frames. It is read without running anything in it, every tensor must fit, and what was written is loaded and compared.
The authors' terms apply to the result as well: no commercial use.

examples:
  readtrack convert released.tar
  readtrack convert duke.tar --trained-on Duke --out weights/read-r50-duke.safetensors
  readtrack evaluate reid --dataset mars --root MARS --weights read-r50-mars.safetensors --rank-by class1
"""


@dataclass(frozen=True)
class ConvertSettings:
    """What to convert, and what the authors' file does not say itself."""

    source: Positional[Path]  # the authors' .tar
    out: Path | None = None  # file to write; if not given, read-r50-mars.safetensors, after the data
    trained_on: str = "MARS"  # data set, for the provenance
    overwrite: bool = False  # replace --out where it exists
    height: int = READ_R50.height  # of the crops that it was trained on, pixels
    width: int = READ_R50.width  # the same
    clip_length: int = READ_R50.clip_length  # T, images of a tracklet


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, convert, print. Returns the exit status: 0, 2 for bad input, 130 after Ctrl-C."""
    return exit_status(lambda: _convert(parse(ConvertSettings, argv, "readtrack convert", DESCRIPTION, EXAMPLES)))


def _convert(settings: ConvertSettings) -> None:
    """Convert what the command line names, and say what was made."""
    from readtrack.read.released import convert

    out = settings.out or Path(f"read-r50-{settings.trained_on.lower()}.safetensors")
    model, provenance = convert(**{**vars(settings), "out": out})
    config, count = model.config, sum(parameter.numel() for parameter in model.parameters())
    print(f"{provenance['source']}: epoch {provenance['epoch']}, SHA-256 {provenance['source_sha256']}")
    print(f"READ, ResNet-50, {count:,} parameters, crops {config.height}x{config.width} BGR, T = {config.clip_length}")
    print(f"trained on {provenance['data']}; {provenance['terms']}")
    if provenance["left_out"]:
        print(f"left out, not part of the network: {', '.join(provenance['left_out'])}")
    print(f"written to {out}, loaded again, answers the same")
