"""The flags of ``python -m readtrack.train``; their defaults come from the recipes and from ``Place``."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from readtrack.training.config import Place, TrainConfig
from readtrack.training.processes import DEVICES, PRECISIONS
from readtrack.training.recipes import RECIPES

EPILOG = """examples:
  python -m readtrack.train --recipe read-s --root market1501
  python -m readtrack.train --recipe paper-mars --root MARS --devices 4 --precision bf16-mixed
  torchrun --nnodes 2 --nproc_per_node 4 ... -m readtrack.train --recipe paper-mars --root MARS
  python -m readtrack.train --recipe paper-mars --root MARS --resume

All B x B pairs of a batch are compared with each other, so a batch cannot be put together from smaller ones: gradient
accumulation is not offered. Where one GPU is too small for it, share it among several: on any number of processes,
losses and BatchNorm see the whole batch. An epoch is ceil(training tracklets / B) batches; the paper defines none.
"""


def train_parser(datasets: Sequence[str]) -> argparse.ArgumentParser:
    """All flags, in groups; ``datasets`` are the names that ``--dataset`` knows."""
    place = Place(Path())
    parser = argparse.ArgumentParser(
        prog="python -m readtrack.train",
        description="Train READ.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument_group("what").add_argument
    add("--recipe", metavar="NAME", choices=RECIPES, default="read-s", help="a named training (default: %(default)s)")
    add("--list-recipes", action="store_true", help="print them with what the paper reports of them, and end")
    add("--epochs", type=int, metavar="N", help="instead of the recipe's length")
    add("--steps", type=int, metavar="N", help="batches, instead of the recipe's length")
    add("--pairs", type=int, metavar="B", help="pairs in a batch, over all processes")
    add("--learning-rate", type=float, metavar="R", help="Adam's highest")
    add("--seed", type=int, metavar="N", help="of first weights, batches and augmentation")
    add = parser.add_argument_group("data").add_argument
    add("--root", type=Path, metavar="DIR", help="folder of the data set")
    add("--dataset", choices=datasets, help="what it is (default: the recipe's)")
    add("--streets", type=int, metavar="N", help="train on the people of N drawn streets as well")
    add("--cache", type=Path, metavar="DIR", help="where crops of MOT sequences and of streets are kept")
    add("--init", default=place.init, metavar="W", help="first weights: imagenet (downloaded), random, or a file")
    add("--teacher", type=Path, metavar="FILE", help="an .onnx re-ID network, for recipes that learn from one")
    add = parser.add_argument_group("machine").add_argument
    add("--device", choices=DEVICES, default=place.device, help="default: GPUs where there are any")
    add("--devices", type=int, default=place.devices, metavar="N", help="processes on this machine, one a GPU")
    add("--precision", choices=PRECISIONS, default=place.precision, help="default: %(default)s")
    add("--workers", type=int, metavar="N", help="loading processes of each (default: 0 on a CPU, else up to 8)")
    add("--compile", action="store_true", help="torch.compile the encoders: faster after minutes")
    add = parser.add_argument_group("output").add_argument
    add("--out", type=Path, default=place.out, metavar="DIR", help="checkpoints, scores, curves (default: %(default)s)")
    add("--resume", action="store_true", help="go on from last.pt in --out where there is one")
    add("--overwrite", action="store_true", help="replace an earlier training in --out")
    return parser


def place_of(args: argparse.Namespace) -> Place:
    """What the flags say of the place."""
    return Place(**{name: getattr(args, name) for name in Place.__dataclass_fields__})


def config_of(args: argparse.Namespace) -> TrainConfig:
    """The recipe with what the flags change of it."""
    names = ("dataset", "streets", "pairs", "learning_rate", "seed", "epochs", "steps")
    given = {name: getattr(args, name) for name in names}
    given = {name: value for name, value in given.items() if value is not None}
    if ("epochs" in given) != ("steps" in given):
        given = {"epochs": 0, "steps": 0, **given}
    return replace(RECIPES[args.recipe], **given)
