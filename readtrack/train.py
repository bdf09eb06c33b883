"""Command: train READ. ``python -m readtrack.train --help``."""

import argparse
import csv
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from readtrack.data.clips import Batch, BatchSampler, ImageCache
from readtrack.data.market import read_market
from readtrack.errors import InputError
from readtrack.read import losses
from readtrack.read.checkpoint import save_checkpoint
from readtrack.read.crops import normalise
from readtrack.read.matcher import Matcher
from readtrack.read.config import ReadConfig
from readtrack.read.model import Read
from readtrack.reid import calibrate, read_logits, score


@dataclass(frozen=True)
class TrainConfig:
    """How READ is trained; each loss part has a weight, 0 leaves it out."""

    model: ReadConfig = ReadConfig()
    people: int = 32  # B, people in a batch: a query clip and a gallery clip of each
    query_images: int = 2  # T_q, images whose logits are averaged (Eq. 3); at least 2 for the triplets of Eq. 6
    steps: int = 1400  # batches in all
    learning_rate: float = 7e-4  # Adam's peak: linear warm-up over 5 % of the steps, then a cosine down to 0
    weight_decay: float = 5e-4
    clip_gradient: float = 5.0  # largest norm of the gradient
    discriminator: float = 1.0  # Eq. 5
    reciprocal_triplet: float = 0.5  # Eq. 6
    listwise: float = 0.5  # each query against all videos of the batch, and back
    identity: float = 0.5  # cross-entropy over the people on pooled features behind a BatchNorm neck
    triplet: float = 0.5  # batch-hard triplets of pooled features
    margin: float = 0.3  # of both triplet losses
    validate_every: int = 400  # steps
    seed: int = 0


RECIPES = {
    "read-s": TrainConfig(),
    # The same with one thing changed: what the reciprocal attention, the join and the discriminator are each worth.
    "read-s-average": TrainConfig(model=ReadConfig(head="average")),
    "read-s-paper-join": TrainConfig(model=ReadConfig(join="paper")),
    "read-s-baseline-discriminator": TrainConfig(model=ReadConfig(head="average", join="paper")),
    "read-s-baseline-metric": TrainConfig(
        model=ReadConfig(head="metric"), discriminator=0, reciprocal_triplet=0, listwise=0, identity=1, triplet=1
    ),
}


class PooledLosses(nn.Module):
    """Identity and triplet loss on pooled features: what teaches the encoder quickly; thrown away after training."""

    def __init__(self, channels: int, people: int) -> None:
        super().__init__()
        self.neck = nn.BatchNorm1d(channels)
        self.identity = nn.Linear(channels, people, bias=False)

    def forward(self, pooled: Tensor, labels: Tensor, margin: float) -> tuple[Tensor, Tensor]:
        """Mean features (K, C) and labels (K,) to both losses."""
        named = nn.functional.cross_entropy(self.identity(self.neck(pooled)), labels, label_smoothing=0.1)
        return named, losses.triplet_loss(pooled, labels, margin)


def loss_parts(model: Read, pooled: PooledLosses, batch: Batch, margin: float, device: str) -> dict[str, Tensor]:
    """All parts of the loss on one batch, unweighted, by the names of their weights in ``TrainConfig``."""
    b, t_q = batch.queries.shape[:2]
    t = batch.galleries.shape[1]
    images = np.concatenate([batch.queries, batch.galleries], axis=1)  # (B, T_q + T, H, W, 3)
    labels = torch.from_numpy(batch.labels).to(device)
    features = model.encode(normalise(images.reshape(-1, *images.shape[2:]), device))  # (B * (T_q + T), P, C)
    clips = features.unflatten(0, (b, t_q + t))
    joined = model.compare(clips[:, :t_q].flatten(0, 1), clips[:, t_q:])  # (B * T_q, B, d_F)
    logits = model.classify(joined).view(b, t_q, b).mean(1)  # (B, B), Eq. 3
    same = torch.eye(b, dtype=torch.bool, device=device)
    named, triplet = pooled(features.mean(1), labels.repeat_interleave(t_q + t), margin)
    return {
        "discriminator": losses.discriminator_loss(logits, same),
        "reciprocal_triplet": losses.reciprocal_triplet_loss(joined, labels.repeat_interleave(t_q), margin),
        "listwise": losses.listwise_loss(logits),
        "identity": named,
        "triplet": triplet,
    }


def initialise(encoder: nn.Module, source: str) -> str:
    """Give an encoder ImageNet weights; says what was done.

    Args:
        encoder: MobileNetV2's first blocks.
        source: "imagenet" (torchvision downloads it), "random", or a file with MobileNetV2's tensors in
            torchvision's order under whatever names.
    """
    state = encoder.state_dict()
    if source == "random":
        print("encoder: RANDOM weights; expect far worse results than from ImageNet", file=sys.stderr)
        return "random"
    if source == "imagenet":
        from torchvision.models import MobileNet_V2_Weights

        given = MobileNet_V2_Weights.IMAGENET1K_V1.get_state_dict(progress=True)
    elif not Path(source).is_file():
        raise InputError(f"--init {source}: no such file; give one, or 'imagenet' (a download), or 'random'")
    else:
        given = torch.load(source, map_location="cpu", weights_only=True)
    # Copies of MobileNetV2 differ in whether they store BatchNorm's batch counter, which inference does not use.
    wanted = [name for name in state if not name.endswith("num_batches_tracked")]
    tensors = [value for name, value in given.items() if not name.endswith("num_batches_tracked")]
    for name, value in zip(wanted, tensors, strict=False):
        if state[name].shape != value.shape:
            raise InputError(f"--init {source}: {name} should be {tuple(state[name].shape)}, is {tuple(value.shape)}")
        state[name] = value
    encoder.load_state_dict(state)
    return "ImageNet"


class Training:
    """Everything that changes while READ is trained: network, optimiser, schedule, and the random batches."""

    def __init__(self, config: TrainConfig, root: Path, init: str, device: str = "cpu", fuse: bool = False) -> None:
        """Read Market-1501 below ``root`` and initialise; ``fuse`` compiles the encoder.

        Raises:
            InputError: data or initial weights that cannot be used.
        """
        torch.manual_seed(config.seed)
        self.config = config
        self.device = device
        self.splits = read_market(root)
        self.images = ImageCache(config.model.height, config.model.width)
        lengths = (config.query_images, config.model.clip_length)
        self.sampler = BatchSampler(self.splits.train, self.images, lengths, config.seed)
        self.model = Read(config.model)
        self.initialised = initialise(self.model.encoder, init)
        self.model.to(device)
        if fuse:
            self.model.encoder.compile()
        self.pooled = PooledLosses(config.model.channels, len(self.sampler.people)).to(device)
        self.parameters = [*self.model.parameters(), *self.pooled.parameters()]
        rate, decay = config.learning_rate, config.weight_decay
        self.optimizer = torch.optim.Adam(self.parameters, lr=rate, weight_decay=decay)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, config.learning_rate, total_steps=config.steps, pct_start=0.05, cycle_momentum=False
        )
        self.done = 0  # steps
        self.best = -1.0  # validation top-1

    def step(self) -> dict[str, float]:
        """Train on the next batch; the parts of its loss."""
        self.model.train()
        parts = loss_parts(
            self.model, self.pooled, self.sampler.draw(self.config.people), self.config.margin, self.device
        )
        loss = torch.stack([getattr(self.config, name) * value for name, value in parts.items()]).sum()
        if not torch.isfinite(loss):
            raise InputError(f"step {self.done + 1}: the loss is {loss.item()}; lower the learning rate")
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, self.config.clip_gradient)
        self.optimizer.step()
        self.schedule.step()
        self.done += 1
        return {name: value.item() for name, value in parts.items()}

    def validate(self, out: Path) -> str:
        """Score the network on people it has not seen and keep the best in ``out``; says how it does."""
        matcher = Matcher(self.model, self.device)
        logits, cosines = read_logits(matcher, self.splits, self.images)
        read, mean = (score(values, self.splits.query, self.splits.gallery) for values in (logits, cosines))
        if read.top1 > self.best:
            self.best = read.top1
            scale, offset = calibrate(matcher, self.splits, self.images)
            self.model.config = replace(self.config.model, logit_scale=scale, logit_offset=offset)
            about = {
                "recipe": asdict(self.config),
                "step": self.done,
                "init": self.initialised,
                "data": "Market-1501 bounding_box_train but for every sixth person",
                "validation": asdict(read),
            }
            save_checkpoint(out / "best.safetensors", self.model, about)
        return f"READ {read}; pooled {mean}"

    def save(self, path: Path) -> None:
        """Write all that is needed to go on, atomically."""
        states = [part.state_dict() for part in (self.model, self.pooled, self.optimizer, self.schedule)]
        partial = path.with_suffix(".partial")
        torch.save({"states": states, "done": self.done, "best": self.best}, partial)
        partial.replace(path)

    def resume(self, path: Path) -> None:
        """Go on from what ``save`` wrote; the batches drawn from here on differ from an uninterrupted run's."""
        kept = torch.load(path, weights_only=True)
        self.model.load_state_dict(kept["states"][0])
        self.pooled.load_state_dict(kept["states"][1])
        self.optimizer.load_state_dict(kept["states"][2])
        self.schedule.load_state_dict(kept["states"][3])
        self.done, self.best = kept["done"], kept["best"]
        self.sampler.rng = np.random.default_rng([self.config.seed, self.done])


def train(training: Training, out: Path) -> Path:
    """Train to the end and leave ``best.safetensors`` (by validation top-1), ``last.pt`` and ``log.csv`` in ``out``.

    Returns:
        The best checkpoint.
    """
    config, started = training.config, time.perf_counter()
    with open(out / "log.csv", "a" if training.done else "w", newline="") as log:
        writer = csv.writer(log)
        while training.done < config.steps:
            parts = training.step()
            seconds = time.perf_counter() - started
            if training.done == 1:
                writer.writerow(["step", "seconds", *parts])
            writer.writerow([training.done, f"{seconds:.1f}", *(f"{value:.4f}" for value in parts.values())])
            log.flush()
            if training.done % config.validate_every == 0 or training.done == config.steps:
                print(f"step {training.done} of {config.steps}, {seconds:.0f} s: {training.validate(out)}", flush=True)
                training.save(out / "last.pt")
    return out / "best.safetensors"


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, train, print."""
    parser = argparse.ArgumentParser(
        prog="python -m readtrack.train",
        description="Train READ on Market-1501.",
        epilog="example: python -m readtrack.train --recipe read-s --root market1501",
    )
    parser.add_argument("--recipe", choices=RECIPES, default="read-s", help="a named training configuration")
    parser.add_argument("--root", type=Path, required=True, help="folder that holds bounding_box_train")
    parser.add_argument("--out", type=Path, default=Path("runs/train"), help="where checkpoints and log.csv go")
    parser.add_argument("--init", default="imagenet", help="encoder: imagenet (downloaded), random, or a file")
    parser.add_argument("--steps", type=int, help="batches, where the recipe's number is too many")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--compile", action="store_true", help="torch.compile the encoder: faster after minutes")
    parser.add_argument("--resume", action="store_true", help="go on from last.pt in --out")
    args = parser.parse_args(argv)
    config = RECIPES[args.recipe]
    if args.steps:
        config = replace(config, steps=args.steps)
    try:
        training = Training(config, args.root, args.init, args.device, args.compile)
        args.out.mkdir(parents=True, exist_ok=True)
        if args.resume and (args.out / "last.pt").is_file():
            training.resume(args.out / "last.pt")
        best = train(training, args.out)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"stopped; --resume goes on from {args.out}/last.pt where there is one", file=sys.stderr)
        return 130
    print(f"best checkpoint: {best}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
