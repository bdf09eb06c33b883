"""Matcher: the one door to the network. Describe boxes, encode crops once, judge pairs of crop and tracklet."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.errors import InputError
from readtrack.read.crops import Image, cut, normalise

if TYPE_CHECKING:
    import torch

    from readtrack.read.model import Read


@dataclass(eq=False)
class Crop:
    """A box's pixels, and what the network made of them once it was asked. Means nothing to anyone but the matcher."""

    pixels: Image | None  # RGB (H, W, 3); dropped once encoded
    features: "torch.Tensor | None" = None  # (P, C)


class Matcher:
    """Probability that a crop and a tracklet's crops show the same person.

    Example:
        >>> matcher = Matcher.load("read-s")  # doctest: +SKIP
        >>> crops = matcher.describe(image, detections)["crop"]  # doctest: +SKIP
        >>> matcher.similarity(crops, [tracklet_a, tracklet_b])  # (N, 2), in [0, 1]  # doctest: +SKIP
    """

    def __init__(self, model: "Read", device: str | None = None, half: bool = False) -> None:
        """Take a trained network.

        Args:
            model: the network; it is moved to the device.
            device: where it runs, such as "cpu" or "cuda:0"; None takes a GPU where there is one.
            half: compute in float16; on a CPU it stays float32, which is faster there.

        Raises:
            InputError: the device does not exist.
        """
        import torch

        name = device or ("cuda" if torch.cuda.is_available() else "cpu")
        try:
            self.device = torch.device(f"cuda:{name}" if name.isdecimal() else name)
            self.model = model.eval().to(self.device)
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"device {name!r} cannot be used ({reason}); try --device cpu") from error
        self.half = half and self.device.type != "cpu"
        if self.half:
            self.model.half()
        self.encoded = 0  # crops that went through the encoder
        self.compared = 0  # pairs that went through the head
        self.seconds = 0.0  # spent in ``describe`` and ``similarity``

    @classmethod
    def load(cls, weights: str | Path = "read-s", device: str | None = None, half: bool = False) -> "Matcher":
        """Load weights by shipped name or file. Raises InputError where they cannot be used."""
        from readtrack.read.checkpoint import load_checkpoint

        return cls(load_checkpoint(weights)[0], device, half)

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

    def encode(self, crops: Sequence[Crop], block: int = 64) -> None:
        """Run the encoder on crops that it has not seen yet, ``block`` at a time, and drop their pixels."""
        import torch

        fresh = [crop for crop in dict.fromkeys(crops) if crop.features is None]
        for start in range(0, len(fresh), block):
            part = fresh[start : start + block]
            with torch.inference_mode():
                images = normalise([crop.pixels for crop in part if crop.pixels is not None], self.device)
                features = self.model.encode(images.half() if self.half else images)
            for crop, feature in zip(part, features, strict=True):
                crop.features, crop.pixels = feature.clone(), None
        self.encoded += len(fresh)

    def similarity(self, queries: Sequence[Crop], galleries: Sequence[Sequence[Crop]]) -> NDArray[np.float64]:
        """Calibrated probability that each query and each tracklet show the same person.

        Args:
            queries: N crops.
            galleries: M tracklets of at least one crop each; of more than T, one of each of T equal parts counts,
                fewer are repeated.

        Returns:
            (N, M) in [0, 1].
        """
        return self.probability(self.logits(queries, galleries))

    def probability(self, logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Calibrated probabilities in [0, 1] of what ``logits`` gave, of any shape."""
        config = self.model.config
        return np.asarray(1 / (1 + np.exp(-(config.logit_scale * logits + config.logit_offset))))

    def logits(self, queries: Sequence[Crop], galleries: Sequence[Sequence[Crop]]) -> NDArray[np.float64]:
        """What the network answers, before calibration; arguments as in ``similarity``, (N, M)."""
        import torch

        if not len(queries) or not len(galleries):
            return np.zeros((len(queries), len(galleries)))
        started = time.perf_counter()
        clips = [_spread(gallery, self.clip_length) for gallery in galleries]
        self.encode([*queries, *(crop for clip in clips for crop in clip)])
        with torch.inference_mode():
            stills = torch.stack([_features(q) for q in queries])  # (N, P, C)
            answers = []
            block = max(1, 1024 // len(queries))  # pairs at once: some 40 MB
            for start in range(0, len(clips), block):
                part = clips[start : start + block]
                videos = torch.stack([torch.stack([_features(c) for c in clip]) for clip in part])  # (M, T, P, C)
                answers.append(self.model.classify(self.model.compare(stills, videos)).float())
            answer = torch.cat(answers, dim=1).cpu().numpy().astype(np.float64)
        self.compared += answer.size
        self.seconds += time.perf_counter() - started
        return answer

    def vectors(self, crops: Sequence[Crop]) -> NDArray[np.float32]:
        """Pooled embeddings (N, C), unit length: for trackers that can only take vectors."""
        import torch

        self.encode(crops)
        if not len(crops):
            return np.zeros((0, self.model.config.channels), dtype=np.float32)
        with torch.inference_mode():
            pooled = self.model.pool(torch.stack([_features(crop) for crop in crops]).float())
        return np.asarray(pooled.cpu().numpy(), dtype=np.float32)


def _features(crop: Crop) -> Any:
    """The encoded map of a crop that went through ``encode``."""
    return crop.features


def _spread(gallery: Sequence[Crop], length: int) -> list[Crop]:
    """``length`` crops at equal steps over a tracklet: the middle of each of its equal parts."""
    return [gallery[int((i + 0.5) * len(gallery) / length)] for i in range(length)]
