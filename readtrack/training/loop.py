"""The training loop: data, network and optimiser, and how far they are."""

import json
import logging
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from readtrack.datasets import read_dataset
from readtrack.datasets.clips import LIMIT_MB, ImageCache
from readtrack.datasets.folders import check_whole
from readtrack.datasets.mot_crops import CACHE
from readtrack.datasets.tracklets import ReidSplits
from readtrack.errors import InputError
from readtrack.evaluation.reid import calibrate, read_logits, score
from readtrack.files import check_apart, replacing
from readtrack.metrics.retrieval import TITLES, Retrieval
from readtrack.read.checkpoint import save_checkpoint
from readtrack.read.crops import standardise
from readtrack.read.matcher import Matcher
from readtrack.read.model import Read
from readtrack.training.batches import Batch, Batches
from readtrack.training.config import RunConfig, TrainConfig, learning_rate
from readtrack.training.initial import initialise
from readtrack.training.interruption import Interruption
from readtrack.training.learner import Learner
from readtrack.training.log import Log, Progress, Tell
from readtrack.training.processes import is_first, launch, mean, share_batchnorm
from readtrack.training.state import IMAGES, check_images, load_state, save_images, save_state
from readtrack.training.teaching import Lessons, maps_of, vectors_of

WRITTEN = ("best.safetensors", "last.safetensors", "last.pt", "recipe.json", "log.csv", "scores.csv")  # of a training


class Training:
    """Everything that changes while READ is trained: network, optimiser, and how far it is."""

    def __init__(self, config: TrainConfig, run: RunConfig, tell: Tell = lambda line: None) -> None:
        """Start the processes, read the data and initialise; ``tell`` hears how far a teacher is.

        Raises:
            InputError: devices, data, initial weights or an earlier training that cannot be used.
        """
        self.config, self.run = config, run
        check_apart((run.out / name for name in WRITTEN), (run.init, run.teacher))
        self.fabric = launch(run.device, run.devices, run.precision)
        torch.manual_seed(config.seed)
        with self.fabric.rank_zero_first():  # it downloads and cuts crops, the others find them there
            self.splits = read_dataset(config.dataset, run.root, cache=run.cache, streets=config.streets, also=run.also)
            self.model = Read(config.model)
            self.initialised = initialise(self.model, run.init)
        _check_scorable(self.splits)
        images = sorted(
            {p for part in ("train", "query", "gallery") for t in getattr(self.splits, part) for p in t.paths}
        )
        check_whole(images)
        prefix = str(run.root)
        self.names = [path.removeprefix(prefix) for path in images if path.startswith(prefix)]
        self.data = f"{self.splits.name}: {self.splits.describe()}"
        rank, processes = self.fabric.global_rank, self.fabric.world_size
        room = LIMIT_MB / processes / (1 + self.workers)  # each loading process keeps its own images
        self.images = ImageCache(config.model.height, config.model.width, room)
        lessons = self._ask_teacher(tell) if config.taught else None
        self.batches = Batches(self.splits.train, self.images, config, rank, processes, lessons)
        self.total = config.total_steps(self.batches.epoch_length)
        shape = next(iter(lessons.values())).shape if lessons else ()
        self.learner = Learner(config, self.model, len(self.batches.people), shape)
        share_batchnorm(self.learner, self.fabric.device.type)
        for encoder in {self.model.encoder, getattr(self.model, "video_encoder", self.model.encoder)}:
            if self.fabric.device.type == "cpu":
                encoder.to(memory_format=torch.channels_last)  # a quarter faster there
            if run.compile:
                encoder.compile()
        learning = [parameter for parameter in self.learner.parameters() if parameter.requires_grad]
        optimizer = torch.optim.Adam(learning, lr=config.learning_rate, weight_decay=config.weight_decay)
        self.wrapped, self.optimizer = self.fabric.setup(self.learner, optimizer)
        self.rate = 0.0  # of the last step
        self.done = 0  # steps
        self.validated = 0  # the step of the last validation
        self.best = -1.0  # validation top-1
        self.seconds = 0.0  # spent by those who went on from each other
        if (run.out / "last.pt").is_file():
            self._find_earlier(run.out / "last.pt")

    @property
    def workers(self) -> int:
        """Loading processes."""
        if self.run.workers is not None:
            return self.run.workers
        return 0 if self.fabric.device.type == "cpu" else min(8, (os.cpu_count() or 1) - 1)

    @property
    def validation_is_due(self) -> bool:
        """Whether the network is to be scored before the next step."""
        return self.validated < self.done and self.config.validates_after(self.done, self.batches.epoch_length)

    def load(self) -> Iterator[Batch]:
        """This process's share of all batches from the next one on."""
        while self.done < self.total:
            end, length = self.total, self.batches.epoch_length
            if self.config.hard_group > 1:  # each epoch finds anew who looks alike
                end = min(end, self.done - self.done % length + length)
                if self.config.identity:
                    if self.done % length == 0:
                        self.learner.update_centres()
                    self.batches.identity_centres = self.learner.identity_centres.cpu().numpy().copy()
            yield from DataLoader(
                self.batches,
                batch_size=None,
                sampler=range(self.done, end),
                num_workers=self.workers,
                worker_init_fn=_quieten,
            )

    def step(self, batch: Batch) -> dict[str, float]:
        """Train on a batch; the parts of its loss and, as "loss", their weighted sum, over all processes."""
        self.rate = learning_rate(self.config, self.done, self.batches.epoch_length)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        self.wrapped.train()
        labels = batch.labels.to(self.fabric.device)
        lessons = batch.lessons.to(self.fabric.device)
        queries, galleries = self._pixels(batch.queries), self._pixels(batch.galleries)
        parts = self.wrapped(queries, galleries, labels, batch.start, lessons)
        weights = self.config.loss_weights
        loss = torch.stack([weights[name] * value for name, value in parts.items()]).sum()
        if not torch.isfinite(loss):
            raise InputError(
                f"step {self.done + 1}: the loss is {loss.item()}; lower the learning rate", "learning_rate"
            )
        self.optimizer.zero_grad()
        self.fabric.backward(loss)
        if most := self.config.clip_gradient:
            self.fabric.clip_gradients(self.wrapped, self.optimizer, max_norm=most, error_if_nonfinite=False)
        self.optimizer.step()
        self.done += 1
        parts = {"loss": loss, **parts}
        return dict(zip(parts, mean(torch.stack(list(parts.values()))).tolist(), strict=True))

    def validate(self, log: Log, interruption: Interruption) -> None:
        """Score the network on people it has not seen and keep the best. The first process does, others wait for it.

        An interruption ends it at once; it is made up for when the training goes on.
        """
        if is_first():
            try:
                self._score(log, interruption)
            except KeyboardInterrupt:
                interruption.asked = True
            else:
                self.validated = self.done
        else:
            self.validated = self.done
        self.fabric.barrier()

    def save(self) -> None:
        """Write last.pt, all that is needed to go on, and last.safetensors, the network alone; both atomically."""
        if not is_first():
            return
        states = {
            "learner": self.learner.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "precision": self.fabric.strategy.precision.state_dict(),
        }
        numbers = {name: getattr(self, name) for name in ("done", "validated", "best", "seconds")}
        save_state(self.run.out / "last.pt", {**states, **numbers}, self.config, self.data)
        save_checkpoint(self.run.out / "last.safetensors", self.model, self._about)

    @property
    def _about(self) -> dict[str, Any]:
        """What a checkpoint tells of how it came to be."""
        return {
            "recipe": asdict(self.config),
            "step": self.done,
            "init": self.initialised,
            "data": self.data,
            "protocol": self.splits.protocol,
        }

    def _find_earlier(self, path: Path) -> None:
        """Go on from an earlier training, or refuse to write over it."""
        if self.run.resume:
            check_images(path.with_name(IMAGES), self.names)
            kept = load_state(path, self.config, self.data)
            self.learner.load_state_dict(kept.pop("learner"))
            self.optimizer.load_state_dict(kept.pop("optimizer"))
            self.fabric.strategy.precision.load_state_dict(kept.pop("precision"))
            for name, number in kept.items():
                setattr(self, name, number)
        elif not self.run.overwrite:
            raise InputError(f"{path.parent}: holds a training: resume it, or overwrite it", "resume")

    def _ask_teacher(self, tell: Tell) -> Lessons:
        """What the teacher makes of all images trained on, by file."""
        if self.run.teacher is None:
            raise InputError(
                "the recipe has a teacher: pass an .onnx re-ID network that makes vectors, or READ's weights", "teacher"
            )
        paths = sorted({path for tracklet in self.splits.train for path in tracklet.paths})
        if self.run.teacher.endswith(".onnx"):
            if self.config.teacher_maps:
                raise InputError(f"teacher {self.run.teacher}: makes vectors, the recipe wants maps", "teacher")
            return vectors_of(self.run.teacher, paths, self.images)
        with self.fabric.rank_zero_first():  # it asks, the others find what is kept
            cache = self.run.cache or CACHE
            return maps_of(self.run.teacher, self.config.model, paths, cache, str(self.fabric.device), tell)

    def _pixels(self, clips: Tensor) -> Tensor:
        """Clips (b, T, H, W, 3) to the network's input (b, T, 3, H, W)."""
        pixels = standardise(clips.flatten(0, 1).to(self.fabric.device), self.config.model.channel_order)
        unflattened: Tensor = pixels.unflatten(0, clips.shape[:2])
        return unflattened

    def _score(self, log: Log, interruption: Interruption) -> None:
        matcher = Matcher(self.model, str(self.fabric.device))
        logits, cosines = read_logits(matcher, self.splits, self.images, report=lambda _: interruption.check())
        read, pooled = (score(values, self.splits.query, self.splits.gallery) for values in (logits, cosines))
        if read.top1 > self.best:
            scale, offset = calibrate(matcher, self.splits, self.images)
            config = replace(self.config.model, logit_scale=scale, logit_offset=offset)
            about = {**self._about, "validation": asdict(read)}
            save_checkpoint(self.run.out / "best.safetensors", self.model, about, config)
            self.best = read.top1
        log.score(self.done, _columns(read, pooled), f"READ {read}; pooled {pooled}")


def _columns(read: Retrieval, pooled: Retrieval) -> dict[str, float]:
    """All scores by their columns in scores.csv."""
    named = (("read", read), ("pooled", pooled))
    return {f"{who}_{name}": getattr(found, name) for who, found in named for name in TITLES}


def train(
    config: TrainConfig,
    run: RunConfig,
    tell: Tell = lambda line: None,
    progress: Progress = lambda done, total, words: None,
) -> Path:
    """Train to the end; leaves best.safetensors (by validation top-1), last.safetensors, last.pt, tables and curves.

    Validation is on what the data set offers: of MARS and DukeMTMC-VideoReID the test people, as in the paper, whose
    "best top-1" is therefore chosen on them.

    Args:
        config: what is learnt, and how.
        run: what is read, where it runs, what is written.
        tell: called with lines for whoever waits, by the first process alone.
        progress: called after every step with the steps done, all of them, and how it goes, likewise.

    Returns:
        The best checkpoint.

    Raises:
        InputError: something handed in cannot be used, or a file cannot be written; what was written before is whole.
        KeyboardInterrupt: a signal came; last.pt holds everything up to the step that was finished then.
    """
    training = Training(config, run, tell)
    fabric = training.fabric
    if is_first():
        _introduce(training, tell)
    scores = [f"{who}_{name}" for who in ("read", "pooled") for name in TITLES]
    parts, silent = ["loss", *config.loss_weights], not is_first()
    with (
        Interruption() as interruption,
        Log(run.out, parts, scores, training.done, training.total, silent, tell, progress) as log,
    ):
        batches = training.load()
        started = time.perf_counter() - training.seconds
        while True:
            if training.validation_is_due:
                training.validate(log, interruption)
                training.save()
            if mean(torch.tensor(float(interruption.asked), device=fabric.device)) > 0:  # of any process
                training.save()
                raise KeyboardInterrupt
            if training.done == training.total:
                return run.out / "best.safetensors"
            losses = training.step(next(batches))
            training.seconds = time.perf_counter() - started
            log.step(training.done, losses, training.rate, training.seconds)


def _introduce(training: Training, tell: Tell) -> None:
    """Say what is trained on, and write down what is trained."""
    splits, config, run = training.splits, training.config, training.run
    for line in (f"{splits.name}: {splits.describe()}", splits.protocol, *(f"note: {note}" for note in splits.notes)):
        tell(line)
    if training.initialised == "random":
        logging.getLogger("readtrack").warning("encoder: RANDOM weights; expect far worse results than from ImageNet")
    tell(f"{training.total - training.done} steps to go, {training.batches.epoch_length} an epoch")
    path = run.out / "recipe.json"
    about = {"config": asdict(config), "run": asdict(run), "data": training.data, "torch": torch.__version__}
    with replacing(path) as partial:
        if not training.done:
            for earlier in (run.out / "last.pt", *(run.out / "tensorboard").glob("events.out.tfevents.*")):
                earlier.unlink(missing_ok=True)
        partial.write_text(json.dumps(about, indent=2, default=str) + "\n")
    if not training.done:
        save_images(run.out / IMAGES, training.names)


def _check_scorable(splits: ReidSplits) -> None:
    """Before hours are spent: some query must have a true match."""
    wanted = {(query.pid, query.camid) for query in splits.query}
    cameras = {(tracklet.pid, tracklet.camid) for tracklet in splits.gallery}
    if not any(pid == other and camid != another for pid, camid in wanted for other, another in cameras):
        raise InputError(f"{splits.name}: no validation query has a true match: add people seen by two cameras")


def _quieten(worker: int) -> None:
    """Loading processes end with the one that they load for, and one thread each is enough for them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cv2.setNumThreads(0)
