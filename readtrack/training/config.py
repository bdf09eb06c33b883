"""What fixes a training, but for the data and the machine."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from readtrack.devices import Precision
from readtrack.errors import InputError
from readtrack.read.config import ReadConfig

PAIR_LOSSES = ("discriminator", "reciprocal_triplet", "listwise")  # of query and video together
POOLED_LOSSES = ("identity", "triplet", "teacher", "teacher_likeness", "teacher_maps")  # of the encoders alone
LOSSES = (*PAIR_LOSSES, *POOLED_LOSSES)
CHOICES = {
    "augmentation": ("none", "reid", "street", "world"),
    "triplet_direction": ("queries", "galleries"),
    "triplet_reduction": ("mean", "sum"),
    "schedule": ("one-cycle", "steps"),
    "freeze_batchnorm": ("none", "affine"),
}
LOWEST_RATE = 1e-6  # where the paper's learning rate ends


@dataclass(frozen=True)
class TrainConfig:
    """How READ is trained; each loss part has a weight, 0 leaves it out. The default: ``read-s`` without a teacher."""

    model: ReadConfig = ReadConfig()
    dataset: str = "market"  # what to train on where nothing else is said
    streets: int = 0  # so many drawn streets whose people are trained on as well
    pairs: int = 32  # B, pairs of a query clip and a gallery clip of one person; all B x B combinations are compared
    samples_per_person: tuple[int, ...] = (1,)  # pairs of one person in a batch: any of these, as tracklets allow
    hard_group: int = 1  # people of a batch come in groups of so many who look most alike so far; 1: drawn at random
    scene_share: float = 0.0  # share of a batch that shows people of one recording; 0: any mixture
    query_images: int = 2  # T_q, images of a query clip, whose logits are averaged (Eq. 3)
    flip: float = 0.0  # chance that a whole clip is mirrored; "street" and "world" mirror each image by itself
    augmentation: str = "street"  # "none"; "reid": pad-and-crop, random erasing; others: training/augmentation
    erase: float = 0.5  # "reid": chance that a part of an image is erased
    pad: int = 10  # "reid": pixels added on each side before cropping
    discriminator: float = 1.0  # Eq. 5
    reciprocal_triplet: float = 0.5  # Eq. 6
    listwise: float = 0.5  # each query against all videos of the batch, and back
    identity: float = 0.5  # cross-entropy over the people on pooled features behind a BatchNorm neck
    triplet: float = 0.5  # batch-hard triplets of pooled features
    teacher: float = 0.0  # distillation: a corrupted crop's pooled features predict a teacher's vector of the clean one
    teacher_likeness: float = 0.0  # the same: how much each crop resembles the others of its batch
    teacher_maps: float = 0.0  # the same: each position, of a teacher that is a READ with maps of the same size
    margin: float = 0.3  # of both triplet losses, Euclidean
    triplet_direction: str = "queries"  # Eq. 6 within the queries of each video, or "galleries": of each query
    triplet_reduction: str = "mean"  # of Eq. 6 over what is within; the paper has the "sum", larger by a constant
    learning_rate: float = 7e-4  # Adam's highest
    weight_decay: float = 5e-4
    clip_gradient: float = 5.0  # largest norm of the gradient; 0: as it comes
    schedule: str = "one-cycle"  # up over 5 % of the steps, then a cosine down; "steps": a tenth after each milestone
    milestones: tuple[int, ...] = ()  # "steps": epochs
    epochs: int = 0  # rounds of ceil(training tracklets / B) batches; the paper defines none
    steps: int = 2000  # batches in all, where epochs is 0
    validate_every: int = 500  # epochs where there are epochs, steps otherwise
    freeze_encoder: bool = False  # the encoders stay as they were given; only the head learns
    freeze_batchnorm: str = "none"  # "affine": BatchNorm's weights and biases stay as they were, as in the demo
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("samples_per_person", "milestones"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # JSON knows only lists
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise InputError(f"{name} {getattr(self, name)!r} is unknown: choose one of {', '.join(known)}")
        self._check_numbers()
        self._check_losses()

    def _check_numbers(self) -> None:
        for name in ("pairs", "hard_group", "query_images", "validate_every", "learning_rate"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} is {getattr(self, name)}: it must be positive")
        for name in (*LOSSES, "margin", "weight_decay", "clip_gradient", "pad", "seed", "streets"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name} is {getattr(self, name)}: it must not be negative")
        for name in ("flip", "erase", "scene_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} is {getattr(self, name)}: it is a share, from 0 to 1")
        if not self.samples_per_person or min(self.samples_per_person) < 1:
            raise InputError(f"samples_per_person is {self.samples_per_person}: one or more numbers from 1 on")
        if min(self.epochs, self.steps) < 0 or bool(self.epochs) == bool(self.steps):
            raise InputError(f"{self.epochs} epochs and {self.steps} steps: one of them must be positive, the other 0")
        if self.schedule == "steps" and not (self.milestones and min(self.milestones) > 0):
            raise InputError(f"milestones are {self.milestones}: the schedule 'steps' needs epochs from 1 on")

    def _check_losses(self) -> None:
        """Every part of the network must be taught by something."""
        if self.hard_group > 1 and not self.identity and not self.taught:
            raise InputError(
                f"hard_group is {self.hard_group}: the loss identity or a teacher tells who looks alike: weigh one"
            )
        if self.freeze_encoder and any(getattr(self, name) for name in POOLED_LOSSES):
            raise InputError(f"freeze_encoder: {', '.join(POOLED_LOSSES)} teach encoders alone: set them to 0")
        if self.taught and not self.model.shared_encoder:
            raise InputError("a teacher teaches the one encoder of stills and videos: its weight must be 0 for two")
        if self.pairs < 2:
            raise InputError("a batch of one pair has nothing to tell apart: at least 2 pairs")
        if self.model.head == "metric":
            if any(getattr(self, name) for name in PAIR_LOSSES) or not any(getattr(self, n) for n in POOLED_LOSSES):
                raise InputError("the metric head learns by the losses identity and triplet alone: set the others to 0")
        elif not self.discriminator and not self.listwise:
            raise InputError(
                "nothing teaches the logit: give discriminator or listwise a weight, or take head='metric'"
            )

    @property
    def taught(self) -> bool:
        """Whether a teacher is needed."""
        return bool(self.teacher or self.teacher_likeness or self.teacher_maps)

    @property
    def loss_weights(self) -> dict[str, float]:
        """The loss parts that count, and how much."""
        return {name: getattr(self, name) for name in LOSSES if getattr(self, name)}

    def total_steps(self, epoch_length: int) -> int:
        """Batches in all, where an epoch has ``epoch_length``."""
        return self.steps or self.epochs * epoch_length

    def validates_after(self, step: int, epoch_length: int) -> bool:
        """Whether the network is scored when ``step`` batches are done; at the end it always is."""
        unit = epoch_length if self.epochs else 1
        return step > 0 and (step % (unit * self.validate_every) == 0 or step == self.total_steps(epoch_length))


def learning_rate(config: TrainConfig, step: int, epoch_length: int) -> float:
    """The learning rate of batch ``step``, counted from 0.

    "one-cycle" is torch's ``OneCycleLR`` with a warm-up over 5 % of the steps; "steps" divides by 10 at each milestone
    and ends at 1e-6 (paper Sec. 4.3).
    """
    if config.schedule == "steps":
        passed = sum(step >= milestone * epoch_length for milestone in config.milestones)
        return max(config.learning_rate / 10.0**passed, LOWEST_RATE)
    last, peak = config.total_steps(epoch_length) - 1, config.learning_rate
    warm = 0.05 * (last + 1) - 1  # the step of the peak; may be a fraction, or before the first
    if step < warm:
        return _cosine(peak / 25, peak, step / warm)
    return _cosine(peak, peak / 25 / 1e4, (step - warm) / (last - warm))


def _cosine(start: float, end: float, share: float) -> float:
    """Half a cosine wave from start to end."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


@dataclass(frozen=True)
class RunConfig:
    """What a training reads, where it runs and what it writes; none of it changes what is learnt."""

    root: Path  # folder of the data set
    out: Path = Path("runs/train")  # folder of checkpoints, scores and curves; the same for all machines
    init: str = "imagenet"  # first weights: imagenet (downloaded), random, or a file
    also: tuple[str, ...] = ()  # more people to train on, NAME=FOLDER of a data set; who validates stays as it was
    teacher: str | None = None  # for recipes that distil one: an .onnx re-ID network, or READ's weights (read-m)
    cache: Path | None = None  # folder where crops of MOT sequences and of streets, and a teacher's maps, are kept
    device: Literal["cpu", "cuda"] | None = None  # GPUs where there are any, if not given
    devices: int = 1  # processes on this machine, one a GPU, each with its share of every batch
    precision: Precision = "fp32"  # bf16 and fp16 compute in 16 bits where that is harmless; weights keep 32
    workers: int | None = None  # loading processes of each; if not given, 0 on a CPU and up to 8 beside a GPU
    compile: bool = False  # torch.compile the encoders: faster after minutes
    resume: bool = False  # go on from last.pt in out, where there is one
    overwrite: bool = False  # replace an earlier training in out
