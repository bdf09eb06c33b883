"""Command: train READ. ``python -m readtrack.train --help``."""

import sys

from torch import distributed

from readtrack.commands.train_flags import config_of, place_of, train_parser
from readtrack.datasets import DATASETS
from readtrack.errors import InputError
from readtrack.training.loop import train
from readtrack.training.processes import is_first
from readtrack.training.recipes import list_recipes


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, train, print."""
    parser = train_parser(DATASETS)
    args = parser.parse_args(argv)
    if args.list_recipes:
        print(list_recipes())
        return 0
    if args.root is None:
        parser.error("--root is needed: the folder of the data set")
    try:
        best = train(config_of(args), place_of(args))
        if is_first():
            print(f"best checkpoint: {best}")
        return 0
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        kept = (args.out / "last.pt").is_file()
        told = f"the same command with --resume goes on from {args.out}/last.pt" if kept else "nothing was kept"
        print(f"stopped; {told}", file=sys.stderr)
        return 130
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()
