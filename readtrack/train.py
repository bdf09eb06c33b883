"""Command: train READ. ``python -m readtrack.train --help``."""

import argparse
import csv
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from readtrack.data.clips import Batch, BatchSampler, ImageCache, test_clip
from readtrack.data.market import read_market
from readtrack.data.tracklets import Tracklet
from readtrack.errors import InputError
from readtrack.evaluation.retrieval import Retrieval, score_retrieval
from readtrack.read import losses
from readtrack.read.checkpoint import save_checkpoint
from readtrack.read.crops import normalise
from readtrack.read.model import Read, ReadConfig


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


RECIPES = {"read-s": TrainConfig()}


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


@torch.no_grad()
def similarities(
    model: Read, queries: tuple[Tracklet, ...], galleries: tuple[Tracklet, ...], images: ImageCache, device: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """READ's logits and the cosines of pooled features, each (N, M): first image of each query, test clips."""
    model.eval()

    def encode(paths: list[Path]) -> Tensor:
        chunks = [paths[i : i + 256] for i in range(0, len(paths), 256)]
        return torch.cat([model.encode(normalise([images[p] for p in chunk], device)) for chunk in chunks])

    length = model.config.clip_length
    still = encode([q.paths[0] for q in queries])  # (N, P, C)
    clips = encode([p for g in galleries for p in test_clip(g, length)]).unflatten(0, (-1, length))  # (M, T, P, C)
    logits = torch.cat([model.classify(model.compare(still, block)) for block in clips.split(8)], dim=1)
    cosines = model.pool(still) @ nn.functional.normalize(model.pool(clips).mean(1), dim=-1).T
    return logits.cpu().numpy(), cosines.cpu().numpy()


def score(similarity: NDArray[Any], queries: tuple[Tracklet, ...], galleries: tuple[Tracklet, ...]) -> Retrieval:
    """CMC and mAP of similarities (N, M)."""
    numbers = [np.array([getattr(t, key) for t in ts]) for ts in (queries, galleries) for key in ("pid", "camid")]
    return score_retrieval(similarity, *numbers)


def calibrate(logits: NDArray[Any], same: NDArray[np.bool_]) -> tuple[float, float]:
    """Scale and offset of Platt's sigmoid, fitted with positives and negatives weighing the same."""
    from sklearn.linear_model import LogisticRegression

    fit = LogisticRegression(C=1e4, class_weight="balanced").fit(logits.reshape(-1, 1), same.ravel())
    return float(fit.coef_[0, 0]), float(fit.intercept_[0])


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


def train(config: TrainConfig, root: Path, out: Path, init: str, device: str = "cpu", resume: bool = False,
          fuse: bool = False) -> Path:  # fmt: skip
    """Train on Market-1501 and leave ``best.safetensors`` (by validation top-1), ``log.csv`` and ``last.pt`` in ``out``.

    Returns:
        The best checkpoint.

    Raises:
        InputError: data or initial weights that cannot be used.
    """
    torch.manual_seed(config.seed)
    splits = read_market(root)
    out.mkdir(parents=True, exist_ok=True)
    images = ImageCache(config.model.height, config.model.width)
    lengths = (config.query_images, config.model.clip_length)
    sampler = BatchSampler(splits.train, images, lengths, config.seed)
    model = Read(config.model)
    initialised = initialise(model.encoder, init)
    model.to(device)
    if fuse:
        model.encoder.compile()
    pooled = PooledLosses(config.model.channels, len(sampler.people)).to(device)
    parameters = [*model.parameters(), *pooled.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.learning_rate, total_steps=config.steps, pct_start=0.05, cycle_momentum=False
    )
    first, best = 0, -1.0
    if resume and (out / "last.pt").is_file():
        kept = torch.load(out / "last.pt", weights_only=True)
        for part, state in zip((model, pooled, optimizer, schedule), kept["states"], strict=True):
            part.load_state_dict(state)
        first, best = kept["step"], kept["best"]
        sampler.rng = np.random.default_rng([config.seed, first])
    started = time.perf_counter()
    with open(out / "log.csv", "a" if first else "w", newline="") as log:
        writer = csv.writer(log)
        for step in range(first + 1, config.steps + 1):
            model.train()
            parts = loss_parts(model, pooled, sampler.draw(config.people), config.margin, device)
            loss = torch.stack([getattr(config, name) * value for name, value in parts.items()]).sum()
            if not torch.isfinite(loss):
                raise InputError(f"step {step}: the loss is {float(loss)}; lower the learning rate")
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, config.clip_gradient)
            optimizer.step()
            schedule.step()
            if step == 1 and not first:
                writer.writerow(["step", "seconds", *parts])
            seconds = time.perf_counter() - started
            writer.writerow([step, f"{seconds:.1f}", *(f"{float(value):.4f}" for value in parts.values())])
            log.flush()
            if step % config.validate_every and step != config.steps:
                continue
            logits, cosines = similarities(model, splits.query, splits.gallery, images, device)
            read, mean = score(logits, splits.query, splits.gallery), score(cosines, splits.query, splits.gallery)
            print(f"step {step} ({seconds:.0f} s): READ {read}; pooled {mean}", flush=True)
            if read.top1 > best:
                best = read.top1
                same = np.array([[q.pid == g.pid and q.camid != g.camid for g in splits.gallery] for q in splits.query])
                scale, offset = calibrate(logits, same)
                model.config = replace(config.model, logit_scale=scale, logit_offset=offset)
                about = {"recipe": asdict(config), "step": step, "seconds": round(seconds), "init": initialised,
                         "data": "Market-1501 bounding_box_train, people of every sixth number held out",
                         "validation": asdict(read)}  # fmt: skip
                save_checkpoint(out / "best.safetensors", model, about)
            states = [part.state_dict() for part in (model, pooled, optimizer, schedule)]
            torch.save({"states": states, "step": step, "best": best}, out / "last.partial")
            (out / "last.partial").replace(out / "last.pt")
    return out / "best.safetensors"


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, train, print."""
    parser = argparse.ArgumentParser(
        prog="python -m readtrack.train",
        description="Train READ on Market-1501. Example: python -m readtrack.train --recipe read-s --root market1501",
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
        best = train(config, args.root, args.out, args.init, args.device, args.resume, args.compile)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"best checkpoint: {best}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
