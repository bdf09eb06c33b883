"""Batches of query clips beside gallery clips. Batch s is a function of the seed and s alone, however it is shared."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from readtrack.datasets.clips import ImageCache, training_clip
from readtrack.datasets.tracklets import Tracklet
from readtrack.errors import InputError
from readtrack.images import Image
from readtrack.read.vectors import unit
from readtrack.training.augmentation import Camera, augment
from readtrack.training.config import TrainConfig
from readtrack.training.teaching import Lessons, pooled

_NOTHING = np.zeros(0, dtype=np.float32)  # without a teacher


@dataclass(frozen=True)
class Pair:
    """A positive pair: what shows one person as the query, and what as the gallery video."""

    label: int  # the person's position among the people trained on
    query: Tracklet
    gallery: Tracklet  # another tracklet, of any camera; the same one only where there is no other


@dataclass(frozen=True, eq=False)
class Batch:
    """One process's share of a batch: b of the B pairs, and who all B show."""

    queries: Tensor  # (b, T_q, H, W, 3) uint8 RGB
    galleries: Tensor  # (b, T, H, W, 3) uint8 RGB
    labels: Tensor  # (B,)
    start: int  # the first of the b pairs among the B
    lessons: (
        Tensor  # a teacher's of the same crops, uncorrupted: unit vectors (b, T_q + T, D) or maps (.., P, C); or none
    )


class Batches(Dataset[Batch]):
    """All batches of a training, by their number from 0. Each person leads once per round, in random order."""

    def __init__(
        self,
        tracklets: Sequence[Tracklet],
        images: ImageCache,
        config: TrainConfig,
        process: int = 0,
        processes: int = 1,
        lessons: Lessons | None = None,
    ) -> None:
        """Sort tracklets by person.

        Args:
            tracklets: to train on.
            images: where crops come from.
            config: how they are drawn and changed.
            process: which of the ``processes`` that share every batch this is, from 0.
            processes: how many; each loads only its own pairs.
            lessons: a teacher's of each image file; where identities are not learnt they tell who looks alike.

        Raises:
            InputError: a batch cannot be filled, or not be shared evenly.
        """
        self.images, self.config, self.lessons = images, config, lessons
        self.identity_centres: NDArray[np.float32] | None = None  # (people, C), unit length; for hard groups
        people: dict[int, list[Tracklet]] = defaultdict(list)
        for tracklet in tracklets:
            people[tracklet.pid].append(tracklet)
        self.people = [people[pid] for pid in sorted(people)]
        if lessons and config.hard_group > 1 and not config.identity:
            self.identity_centres = np.stack([_centre(theirs, lessons) for theirs in self.people])
        self.stills, self.scenes = self._places()
        self.epoch_length = -(-len(tracklets) // config.pairs)  # batches
        self._planned: tuple[int, list[list[Pair]]] = (-1, [])  # of an epoch; centres may change between epochs only
        fewest = sum(min(*config.samples_per_person, len(theirs), config.pairs) for theirs in self.people)
        if config.pairs > fewest:
            raise InputError(
                f"a batch of {config.pairs} pairs, but its people ({len(self.people)}) make {fewest}: use fewer",
                parameter="pairs",
            )
        if config.pairs % processes:
            raise InputError(f"a batch of {config.pairs} pairs cannot be shared evenly by {processes} processes")
        share = config.pairs // processes
        self.own = range(process * share, (process + 1) * share)

    def plan(self, step: int) -> list[Pair]:
        """The B pairs of a batch; pairs of one person stand together."""
        epoch, place = divmod(step, self.epoch_length)
        if self._planned[0] != epoch:
            self._planned = (epoch, list(self._epoch(np.random.default_rng([self.config.seed, epoch]))))
        return self._planned[1][place]

    def __getitem__(self, step: int) -> Batch:
        """This process's share of batch ``step``."""
        pairs = self.plan(step)
        seed, world = self.config.seed, self.config.augmentation == "world"
        camera = Camera.draw(np.random.default_rng([seed, step])) if world else None
        clips = [self._clips(pairs[i], np.random.default_rng([seed, step, i]), camera) for i in self.own]
        queries, galleries, lessons = (torch.from_numpy(np.stack(side)) for side in zip(*clips, strict=True))
        return Batch(queries, galleries, torch.tensor([pair.label for pair in pairs]), self.own.start, lessons)

    def _epoch(self, rng: np.random.Generator) -> Iterator[list[Pair]]:
        waiting: Iterator[int] = iter(())
        for _ in range(self.epoch_length):
            beside = self._scene(rng)
            pairs = self._take(waiting, beside, rng)
            if len(pairs) < self.config.pairs:  # too few are left in this round: another begins
                waiting = iter(rng.permutation(self.stills).tolist())
                pairs = self._take(waiting, beside, rng)
            yield pairs

    def _places(self) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
        """Who leads in a round, and who is beside whom in each recording with at least two people."""
        everybody = np.arange(len(self.people))
        if not self.config.scene_share:
            return everybody, []
        where = np.array([theirs[0].scene for theirs in self.people])
        scenes = [np.flatnonzero(where == scene) for scene in sorted({*where.tolist()} - {""})]
        stills = everybody[where == ""]
        return stills if len(stills) else everybody, [people for people in scenes if len(people) > 1]

    def _scene(self, rng: np.random.Generator) -> list[Pair]:
        """Pairs of people of one recording, at most the share of a batch that is theirs."""
        if not self.scenes:
            return []
        people = rng.permutation(self.scenes[int(rng.integers(len(self.scenes)))])
        chosen = people[: round(self.config.scene_share * self.config.pairs)]
        return [pair for label in chosen.tolist() for pair in self._pairs(label, rng)[:1]]

    def _take(self, waiting: Iterator[int], beside: list[Pair], rng: np.random.Generator) -> list[Pair]:
        """Pairs of the next people, and of those who look like them, until there are B; fewer where nobody is left."""
        pairs = list(beside)
        taken = {pair.label for pair in beside}
        for leader in waiting:
            if leader in taken:
                continue
            group = self._hard_group(leader, taken)
            taken.update(group)
            for label in group:
                pairs += self._pairs(label, rng)
            if len(pairs) >= self.config.pairs:
                break
        return pairs[: self.config.pairs]

    def _hard_group(self, leader: int, taken: set[int]) -> list[int]:
        """A person, and those who look most alike among all not taken yet."""
        if self.identity_centres is None or self.config.hard_group == 1:
            return [leader]
        likeness = self.identity_centres[self.stills] @ self.identity_centres[leader]
        alike = self.stills[np.argsort(-likeness, kind="stable")].tolist()
        others = [label for label in alike if label not in {leader, *taken}]
        return [leader, *others[: self.config.hard_group - 1]]

    def _pairs(self, label: int, rng: np.random.Generator) -> list[Pair]:
        """As many pairs of a person as drawn, each gallery tracklet once, its query from the next one."""
        tracklets = self.people[label]
        count = min(int(rng.choice(self.config.samples_per_person)), len(tracklets))
        order = rng.permutation(len(tracklets))
        return [Pair(label, tracklets[order[(i + 1) % len(order)]], tracklets[order[i]]) for i in range(count)]

    def _clips(
        self, pair: Pair, rng: np.random.Generator, camera: Camera | None
    ) -> tuple[Image, Image, NDArray[np.float32]]:
        """Query clip, gallery clip, and the teacher's lessons on all their images."""
        query = training_clip(pair.query, self.config.query_images, rng)
        clips = [self._augmented(query, rng, camera)]  # before the next draw: chance comes in order
        gallery = training_clip(pair.gallery, self.config.model.clip_length, rng)
        clips.append(self._augmented(gallery, rng, camera))
        lessons = [self.lessons[path] if self.lessons else _NOTHING for path in (*query, *gallery)]
        return clips[0], clips[1], np.stack(lessons).astype(np.float32)

    def _augmented(self, paths: Sequence[str], rng: np.random.Generator, camera: Camera | None) -> Image:
        return augment([self.images[path] for path in paths], self.config, rng, lambda: self._occluder(rng), camera)

    def _occluder(self, rng: np.random.Generator) -> Image:
        """Some crop of somebody."""
        tracklets = self.people[int(rng.integers(len(self.people)))]
        paths = tracklets[int(rng.integers(len(tracklets)))].paths
        return self.images[paths[int(rng.integers(len(paths)))]]


def _centre(tracklets: Sequence[Tracklet], lessons: Lessons) -> NDArray[np.float32]:
    """Where a person stands among a teacher's vectors, of unit length."""
    vectors = [pooled(lessons[path]) for tracklet in tracklets for path in tracklet.paths]
    return np.asarray(unit(np.mean(vectors, axis=0)), dtype=np.float32)
