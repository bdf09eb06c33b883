"""Command: train READ. ``python -m readtrack.train --help``."""

import logging
import sys
from dataclasses import dataclass, field, fields, replace

from readtrack.commands.console import INTERRUPTED, exit_status, progress
from readtrack.commands.parsing import Repeated, flag, parse
from readtrack.datasets.tracklets import Dataset
from readtrack.errors import InputError
from readtrack.training.config import RunConfig, TrainConfig
from readtrack.training.recipes import RECIPES, list_recipes

EXAMPLES = """All B x B pairs of a batch are compared with each other, so a batch cannot be put together from smaller
ones: gradient accumulation is not offered. Where one GPU is too small for it, share it among several: on any
number of processes, losses and BatchNorm see the whole batch.

examples:
  python -m readtrack.train --list-recipes
  python -m readtrack.train --recipe read-s --root market1501 --teacher osnet.onnx
  python -m readtrack.train --recipe paper-mars --root MARS --devices 4 --precision bf16
  torchrun --nnodes 2 --nproc_per_node 4 ... -m readtrack.train --recipe paper-mars --root MARS
  python -m readtrack.train --recipe paper-mars --root MARS --resume
"""
LINE_EVERY = 30.0  # seconds between plain lines, where stderr is no terminal


@dataclass(frozen=True)
class Changes:
    """A named training, and what is to be changed of it."""

    recipe: str = "read-s"  # the training's name
    list_recipes: bool = False  # print their names, with what the paper reports of them, and end
    dataset: Dataset | None = None  # what lies in --root; if not given, the recipe's
    streets: int | None = None  # train on the people of so many synthetic streets as well
    epochs: int | None = None  # rounds of ceil(training tracklets / pairs) batches, instead of the recipe's length
    steps: int | None = None  # batches, instead of the recipe's length
    pairs: int | None = None  # pairs in a batch, over all processes
    learning_rate: float | None = None  # Adam's highest
    seed: int | None = None  # of first weights, batches and augmentation


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """What is trained, and where."""

    recipe: Changes = field(default_factory=Changes)
    run: Repeated[RunConfig]

    @property
    def config(self) -> TrainConfig:
        """The recipe with what is changed of it."""
        name = self.recipe.recipe
        if name not in RECIPES:
            raise InputError(f"{name}: no such recipe; {flag('list_recipes')} names them", "recipe")
        known = {field.name for field in fields(TrainConfig)}
        given = {name: value for name, value in vars(self.recipe).items() if name in known and value is not None}
        if ("epochs" in given) != ("steps" in given):
            given = {"epochs": 0, "steps": 0, **given}
        return replace(RECIPES[name], **given)


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, train, print."""
    if flag("list_recipes") in (sys.argv[1:] if argv is None else argv):
        print(list_recipes())
        return 0
    return exit_status(lambda: _train(parse(TrainSettings, argv, "python -m readtrack.train", "Train READ.", EXAMPLES)))


def _train(settings: TrainSettings) -> int:
    """Train what the command line names, and say where the best weights are."""
    config = settings.config
    logging.basicConfig(format="%(message)s")
    logging.getLogger("readtrack").setLevel(logging.INFO)  # tells of crops that are cut, which takes a while
    from torch import distributed

    from readtrack.training.loop import train
    from readtrack.training.processes import is_first

    try:
        with progress("step", line_every=LINE_EVERY) as (begin, report):

            def step(done: int, total: int, words: str) -> None:
                begin(total)
                report(done, words)

            best = train(config, settings.run, lambda line: print(line, flush=True), step)
        if is_first():
            print(f"best checkpoint: {best}")
        return 0
    except KeyboardInterrupt:
        last = settings.run.out / "last.pt"
        told = f"the same command with --resume goes on from {last}" if last.is_file() else "nothing was kept"
        print(f"stopped; {told}", file=sys.stderr)
        return INTERRUPTED
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()
