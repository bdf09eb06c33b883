"""Matcher: the one door to the network. Describe boxes, encode crops once, judge pairs of crop and tracklet."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from weakref import ref

import numpy as np
import supervision as sv
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from readtrack import boxes
from readtrack.errors import InputError
from readtrack.read.crops import Image, cut, normalise
from readtrack.read.halves import Clip, ClipMemory
from readtrack.read.model import Read, Stills, Videos

Floats: TypeAlias = NDArray[np.float64]

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
CROPS_AT_ONCE = 64  # through the encoder
QUERIES_AT_ONCE = 32  # in a block of pairs
PAIRS_AT_ONCE = 128  # in a block, on a CPU: enough to fill a matrix product,
CACHE = 8 * 2**20  # or more while they fit in these bytes; a larger block is slower


@dataclass(eq=False)
class Crop:
    """A box's pixels, and what the network made of them once it was asked. Means nothing to anyone but the matcher."""

    pixels: Image | None  # RGB (H, W, 3); dropped once encoded, unless a video net will want them too
    features: Tensor | None = None  # (P, C), of the encoder of stills


class Matcher:
    """Probability that a crop and a tracklet's crops show the same person.

    What a tracklet's crops need only themselves for is remembered while there is room, so that asking about the same
    crops again costs only the comparison. The same calls in the same order give the same bytes.

    Example:
        >>> matcher = Matcher.load("read-s")  # doctest: +SKIP
        >>> crops = matcher.describe(image, detections)["crop"]  # doctest: +SKIP
        >>> matcher.similarity(crops, [tracklet_a, tracklet_b])  # (N, 2), in [0, 1]  # doctest: +SKIP
    """

    def __init__(
        self, model: Read, device: str | None = None, precision: str = "fp32", memory_mb: float | None = None
    ) -> None:
        """Take a trained network.

        Args:
            model: the network; it is moved to the device and brought to the precision.
            device: where it runs, such as "cpu" or "cuda:0"; None takes a GPU where there is one.
            precision: "fp32", "bf16" or "fp16", of everything up to fc1; fc2 and all answers stay wider. On a CPU
                fp16 is slow and in part missing, so that it means fp32 there.
            memory_mb: half of it bounds what is remembered of tracklets, half what a block of pairs takes; None
                takes 256 on a CPU and 4,096 on a GPU.

        Raises:
            InputError: the device does not exist, or no such precision.
        """
        if precision not in PRECISIONS:
            raise InputError(f"precision {precision!r} is unknown: choose one of {', '.join(PRECISIONS)}")
        name = device or ("cuda" if torch.cuda.is_available() else "cpu")
        try:
            self.device = torch.device(f"cuda:{name}" if name.isdecimal() else name)
            self.model = model.eval().to(self.device)
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"device {name!r} cannot be used ({reason}); try --device cpu") from error
        self.precision = "fp32" if precision == "fp16" and self.device.type == "cpu" else precision
        self.dtype = PRECISIONS[self.precision]
        self.model.to(self.dtype)
        if model.config.head != "metric":
            self.model.fc2.float()  # bf16 answers would tie
        if memory_mb is None:
            memory_mb = 256 if self.device.type == "cpu" else 4096
        self.room = int(memory_mb * 2**20 / 2)  # bytes
        self.encoded = 0  # crops that went through an encoder
        self.compared = 0  # pairs that went through the head
        self.seconds = 0.0  # spent in ``describe`` and ``logits``
        self._memory = ClipMemory(self.room)

    @classmethod
    def load(
        cls,
        weights: str | Path = "read-s",
        device: str | None = None,
        precision: str = "fp32",
        rank: int | None = None,
        memory_mb: float | None = None,
    ) -> "Matcher":
        """Load weights by shipped name or file; a ``rank`` folds them (``folding.fold``), faster and less exact.

        Raises:
            InputError: they cannot be used or folded.
        """
        from readtrack.read.checkpoint import load_checkpoint
        from readtrack.read.folding import fold

        model = load_checkpoint(weights)[0]
        return cls(model if rank is None else fold(model, rank), device, precision, memory_mb)

    @property
    def clip_length(self) -> int:
        """T, how many crops of a tracklet are compared at once."""
        return self.model.config.clip_length

    def describe(self, image: Image, detections: sv.Detections) -> sv.Detections:
        """The same detections with ``data["crop"]``: a ``Crop`` per box, None where a box shows nothing.

        Cuts pixels only; the network runs when a crop is first compared.

        Args:
            image: BGR uint8 (H, W, 3).
            detections: boxes in its pixels.
        """
        started = time.perf_counter()
        config = self.model.config
        pixels = cut(image, detections.xyxy.astype(np.float64), config.height, config.width)
        crops = np.empty(len(pixels), dtype=object)
        crops[:] = [None if p is None else Crop(p) for p in pixels]
        self.seconds += time.perf_counter() - started
        return boxes.with_data(detections, crop=crops)

    def encode(self, crops: Sequence[Crop], block: int = CROPS_AT_ONCE) -> None:
        """Run the encoder of stills on crops that it has not seen yet, ``block`` at a time.

        Their pixels are dropped, unless the network has a video net of its own, which looks across a clip's images.
        """
        fresh = [crop for crop in dict.fromkeys(crops) if crop.features is None]
        for start in range(0, len(fresh), block):
            part = fresh[start : start + block]
            with torch.inference_mode():
                features = self.model.encode(self._pixels(part))
            for crop, feature in zip(part, features, strict=True):
                crop.features = feature.clone()
                if self.model.config.shared_encoder:
                    crop.pixels = None
        self.encoded += len(fresh)

    @torch.inference_mode()
    def stills(self, crops: Sequence[Crop]) -> Stills:
        """The query half of pairs with each of N crops; for use with many blocks of videos."""
        self.encode(crops)
        return self.model.stills(torch.stack([_features(crop) for crop in crops]))

    @torch.inference_mode()
    def videos(self, clips: Sequence[Sequence[Crop]]) -> Videos:
        """The gallery half of pairs with each of M tracklets; for use with many blocks of queries.

        Args:
            clips: crops as in ``similarity``, at least one tracklet.

        Raises:
            InputError: a tracklet has no crops.
        """
        known = self._known_clips(clips)
        return Videos(torch.stack([clip.theta for clip in known]), torch.stack([clip.phi for clip in known]))

    def similarity(self, queries: Sequence[Crop], galleries: Sequence[Sequence[Crop]]) -> Floats:
        """Calibrated probability that each query and each tracklet show the same person.

        Args:
            queries: N crops.
            galleries: M tracklets of at least one crop each; of more than T, one of each of T equal parts counts,
                fewer are repeated.

        Returns:
            (N, M) in [0, 1].
        """
        return self.probability(self.logits(queries, galleries))

    def probability(self, logits: NDArray[np.floating[Any]]) -> Floats:
        """Calibrated probabilities in [0, 1] of what ``logits`` gave, of any shape."""
        config = self.model.config
        return np.asarray(1 / (1 + np.exp(-(config.logit_scale * logits + config.logit_offset))))

    @torch.inference_mode()
    def logits(
        self, queries: Stills | Sequence[Crop], galleries: Videos | Sequence[Sequence[Crop]], class1: bool = False
    ) -> Floats:
        """What the network answers, before calibration.

        Pairs are judged in blocks; in fp32 the answer moves by less than 1e-5 of its size with the blocks.

        Args:
            queries: N crops, or their half.
            galleries: M tracklets as in ``similarity``, or their half.
            class1: the raw second output of a network of two classes, by which the authors' demo ranks.

        Returns:
            (N, M).

        Raises:
            InputError: a tracklet has no crops, or ``class1`` is asked of a network of one output.
        """
        if class1 and self.model.config.classes != 2:
            raise InputError("the network has one output: class1 is for those of two classes")
        started = time.perf_counter()
        answer = torch.empty(len(queries), len(galleries), device=self.device)
        if answer.numel():
            stills = queries if isinstance(queries, Stills) else self.stills(queries)
            for block in self._video_blocks(len(galleries)):
                part = galleries[block]
                videos = part if isinstance(part, Videos) else self.videos(part)
                self._judge(stills, videos, class1, answer[:, block])
        self.compared += answer.numel()
        values = answer.cpu().numpy().astype(np.float64)
        self.seconds += time.perf_counter() - started
        return values

    @torch.inference_mode()
    def attention(self, query: Crop, gallery: Sequence[Crop]) -> Floats:
        """Where in a tracklet's T images (Sec. 5.4) the query found its answer: (T, h, w), sums to 1.

        The softmaxed map of Eq. 1, averaged over the query's places.

        Raises:
            InputError: the network's head has no attention, or the tracklet has no crops.
        """
        config = self.model.config
        if config.head != "attention":
            raise InputError(f"a network with the head {config.head!r} has no attention to show")
        places = self.model.attention(self.stills([query]), self.videos([gallery]))[0, 0].double().mean(0)  # (T * P,)
        shape = (self.clip_length, config.height // config.stride, config.width // config.stride)
        return np.asarray((places / places.sum()).view(shape).cpu().numpy())

    @torch.inference_mode()
    def vectors(self, crops: Sequence[Crop]) -> NDArray[np.float32]:
        """Pooled embeddings (N, C), unit length: for trackers that can only take vectors."""
        if not len(crops):
            return np.zeros((0, self.model.config.channels), dtype=np.float32)
        self.encode(crops)
        pooled = self.model.pool(torch.stack([_features(crop) for crop in crops]).float())
        return np.asarray(pooled.cpu().numpy())

    @torch.inference_mode()
    def video_vectors(self, clips: Sequence[Sequence[Crop]]) -> NDArray[np.float32]:
        """The same of tracklets (M, C): the mean of the pooled embeddings of their T images, unit length."""
        if not len(clips):
            return np.zeros((0, self.model.config.channels), dtype=np.float32)
        return np.asarray(torch.stack([clip.pooled for clip in self._known_clips(clips)]).cpu().numpy())

    def _pixels(self, crops: Sequence[Crop]) -> Tensor:
        """Crops as the encoders want them (B, 3, H, W)."""
        pixels = [crop.pixels for crop in crops if crop.pixels is not None]
        return normalise(pixels, self.device, self.model.config.channel_order).to(self.dtype)

    def _known_clips(self, clips: Sequence[Sequence[Crop]]) -> list[Clip]:
        """What the network makes of each clip; only what is not remembered is computed."""
        chosen = [_spread(clip, self.clip_length) for clip in clips]
        keys = [tuple(map(ref, clip)) for clip in chosen]
        known = {key: clip for key in keys if (clip := self._memory.get(key)) is not None}
        missing = [pair for pair in dict(zip(keys, chosen, strict=True)).items() if pair[0] not in known]
        block = max(1, CROPS_AT_ONCE // self.clip_length)
        for start in range(0, len(missing), block):
            part = missing[start : start + block]
            features = self._encode_clips([clip for _, clip in part])  # (M, T, P, C)
            videos = self.model.videos(features)
            pooled = nn.functional.normalize(self.model.pool(features.float()).mean(1), dim=-1)  # (M, C)
            for (key, _), *made in zip(part, videos.theta, videos.phi, pooled, strict=True):
                known[key] = Clip(*(tensor.clone() for tensor in made))
                self._memory.put(key, known[key])
        return [known[key] for key in keys]

    def _encode_clips(self, clips: Sequence[Sequence[Crop]]) -> Tensor:
        """Feature maps (M, T, P, C) of clips of T crops; of a shared encoder those of the crops themselves."""
        crops = [crop for clip in clips for crop in clip]
        if self.model.config.shared_encoder:
            self.encode(crops)
            return torch.stack([_features(crop) for crop in crops]).unflatten(0, (len(clips), -1))
        self.encoded += len(crops)
        return self.model.encode_videos(self._pixels(crops).unflatten(0, (len(clips), -1)))

    def _video_blocks(self, count: int) -> list[slice]:
        """Which of ``count`` videos to make at once: some clips, but never more than may be remembered."""
        config = self.model.config
        video = config.clip_length * config.places * (config.theta_dim + config.phi_dim) * self.dtype.itemsize
        block = max(1, min(CROPS_AT_ONCE, self.room // video))
        return [slice(start, start + block) for start in range(0, count, block)]

    def _judge(self, stills: Stills, videos: Videos, class1: bool, answer: Tensor) -> None:
        """Fill ``answer`` (N, M), a block of pairs at a time."""
        config = self.model.config
        scores = config.places**2 * config.clip_length * (2 if self.precision == "fp32" else 6)  # softmaxed in fp32
        pair = (scores + 3 * config.places * config.phi_dim + 4 * config.feature_dim) * self.dtype.itemsize
        pairs = self.room // pair
        if self.device.type == "cpu":
            pairs = min(pairs, max(PAIRS_AT_ONCE, CACHE // pair))
        n = min(len(stills), QUERIES_AT_ONCE, max(1, pairs))
        m = max(1, pairs // n)
        for column in range(0, len(videos), m):
            part = videos[column : column + m]
            for row in range(0, len(stills), n):
                joined = self.model.join(stills[row : row + n], part).float()
                logits = self.model.classes(joined)[..., 1] if class1 else self.model.classify(joined)
                answer[row : row + n, column : column + m] = logits


def _features(crop: Crop) -> Any:
    """The encoded map of a crop that went through ``encode``."""
    return crop.features


def _spread(gallery: Sequence[Crop], length: int) -> list[Crop]:
    """``length`` crops at equal steps over a tracklet: the middle of each of its equal parts."""
    if not len(gallery):
        raise InputError("a tracklet without crops cannot be compared")
    return [gallery[int((i + 0.5) * len(gallery) / length)] for i in range(length)]
