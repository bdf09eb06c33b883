"""A batch's forward pass: pixels in, all parts of the loss out. What is wrapped when several processes train."""

from collections.abc import Sequence
from dataclasses import fields

import torch
from torch import Tensor, nn

from readtrack.read import losses
from readtrack.read.model import QueryEncoding, Read
from readtrack.training.config import TrainConfig
from readtrack.training.processes import BATCHNORMS, full, gather


class Learner(nn.Module):
    """READ and, beside it for the time of training, the identity head that teaches its encoders quickly."""

    identity_centres: Tensor

    def __init__(self, config: TrainConfig, model: Read, people: int, lesson: Sequence[int] = ()) -> None:
        """Take the network; of how many ``people``, and of what shape is a teacher's ``lesson``: (D,) or (P, C)."""
        super().__init__()
        self.config, self.model = config, model
        if config.identity:
            self.neck = nn.BatchNorm1d(config.model.channels)
            self.person = nn.Linear(config.model.channels, people, bias=False)
        if (
            config.hard_group > 1 and config.identity
        ):  # kept with the weights, so that a training that goes on draws the same batches
            self.register_buffer("identity_centres", torch.zeros(people, config.model.channels))
        if len(lesson) == 1:  # vectors mean something else than ours; maps are to be ours
            self.distillation_head = nn.Linear(config.model.channels, lesson[0])
        if config.freeze_batchnorm == "affine":
            norms = [part for part in model.modules() if isinstance(part, BATCHNORMS)]
            for parameter in (p for norm in norms for p in norm.parameters()):
                parameter.requires_grad_(False)

        if config.freeze_encoder:
            for encoder in self._encoders():
                encoder.requires_grad_(False)

    def train(self, mode: bool = True) -> "Learner":
        """As usual, but frozen encoders always work as they do when they are used."""
        super().train(mode)
        if self.config.freeze_encoder:
            for encoder in self._encoders():
                encoder.eval()
        return self

    def _encoders(self) -> list[nn.Module]:
        """The one encoder, or both."""
        return (
            [self.model.encoder] if self.config.model.shared_encoder else [self.model.encoder, self.model.video_encoder]
        )

    def update_centres(self) -> None:
        """Set ``identity_centres`` (people, C), of unit length, to the identity head's weights."""
        self.identity_centres.copy_(nn.functional.normalize(self.person.weight.detach(), dim=1))

    def forward(
        self,
        queries: Tensor,
        galleries: Tensor,
        labels: Tensor,
        start: int = 0,
        lessons: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """The parts of the loss that have a weight, unweighted, by the names of their weights in ``TrainConfig``.

        Args:
            queries: normalised query clips of this process's pairs (b, T_q, 3, H, W).
            galleries: normalised gallery clips of the same (b, T, 3, H, W).
            labels: who each of the batch's B pairs shows (B,).
            start: where this process's pairs begin among them.
            lessons: a teacher's unit vectors of their crops (b, T_q + T, D), or maps (b, T_q + T, P, C).
        """
        images, videos = self._encode(queries, galleries)  # (b, T_q, P, C), (b, T, P, C)
        parts = self._pair_losses(images, videos, labels, start) if self.config.model.head != "metric" else {}
        if self.config.identity or self.config.triplet:
            parts |= self._pooled_losses(images, videos, labels[start : start + len(queries)])
        if self.config.taught and lessons is not None:
            parts |= self._teacher_losses(torch.cat([images, videos], dim=1).flatten(0, 1), lessons.flatten(0, 1))
        return {name: parts[name] for name in self.config.loss_weights}

    def _encode(self, queries: Tensor, galleries: Tensor) -> tuple[Tensor, Tensor]:
        if not self.config.model.shared_encoder:
            return self.model.encode(queries.flatten(0, 1)).unflatten(0, queries.shape[:2]), self.model.encode_videos(
                galleries
            )
        clips = torch.cat([queries, galleries], dim=1)  # one pass, so that BatchNorm sees both sides together
        features = self.model.encode(clips.flatten(0, 1)).unflatten(0, clips.shape[:2])  # (b, T_q + T, P, C)
        return features[:, : queries.shape[1]], features[:, queries.shape[1] :]

    def _pair_losses(self, images: Tensor, videos: Tensor, labels: Tensor, start: int) -> dict[str, Tensor]:
        """The losses of the whole batch's queries with this process's videos."""
        config = self.config
        t_q, own = images.shape[1], labels[start : start + len(videos)]
        halves = self.model.queries(images.flatten(0, 1))
        stills = QueryEncoding(*(gather(getattr(halves, field.name)) for field in fields(halves)))  # B * T_q
        joined = self.model.join(stills, self.model.galleries(videos))  # (B * T_q, b, d_F)
        logits = full(self.model.classify(joined)).unflatten(0, (len(labels), t_q)).mean(1)  # (B, b), Eq. 3
        logits = gather(logits.T).T  # (B, B)
        same = labels[:, None] == labels[None, :]
        parts = {}
        if config.discriminator:
            parts["discriminator"] = losses.discriminator_loss(logits, same)
        if config.listwise:
            parts["listwise"] = losses.listwise_loss(logits, same)
        if config.reciprocal_triplet:
            f = joined.relu() if config.model.feature_after_relu else joined
            if config.triplet_direction == "galleries":
                f, own = gather(f.transpose(0, 1)).transpose(0, 1), labels  # (B * T_q, B, d_F)
            parts["reciprocal_triplet"] = losses.reciprocal_triplet_loss(
                full(f),
                labels.repeat_interleave(t_q),
                own,
                config.margin,
                config.triplet_direction,
                config.triplet_reduction,
            )
        return parts

    def _teacher_losses(self, maps: Tensor, lessons: Tensor) -> dict[str, Tensor]:
        """What a teacher says of crops, their maps (K, P, C) against its vectors (K, D) or maps (K, P, C)."""
        parts, pooled = {}, full(maps.mean(1))
        if lessons.ndim == 3:
            parts["teacher_maps"] = losses.map_loss(
                full(maps), lessons, self.config.model.width // self.config.model.stride
            )
            lessons = nn.functional.normalize(lessons.mean(1), dim=1)
        else:
            pooled = self.distillation_head(pooled)
        pooled = nn.functional.normalize(pooled, dim=1)
        parts["teacher"] = 1 - (pooled * lessons).sum(1).mean()
        parts["teacher_likeness"] = losses.likeness_loss(pooled, lessons)
        return parts

    def _pooled_losses(self, images: Tensor, videos: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """The losses of pooled features: of each crop, or of images and whole videos where each has its encoder."""
        if self.config.model.shared_encoder:
            crops = torch.cat([images, videos], dim=1)
            pooled, pids = crops.mean(2).flatten(0, 1), labels.repeat_interleave(crops.shape[1])
        else:
            pooled = torch.cat([images.mean(2).flatten(0, 1), videos.mean((1, 2))])
            pids = torch.cat([labels.repeat_interleave(images.shape[1]), labels])
        pooled = full(pooled)  # (K, C)
        parts = {}
        if self.config.identity:
            named = self.person(self.neck(pooled))
            parts["identity"] = nn.functional.cross_entropy(named, pids, label_smoothing=0.1)
        if self.config.triplet:
            parts["triplet"] = losses.triplet_loss(gather(pooled), gather(pids), self.config.margin)
        return parts
