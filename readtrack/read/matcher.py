"""Matcher: the one door to the network. Describe boxes, encode crops once, judge pairs of crop and tracklet."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.boxes import Floats
from readtrack.errors import InputError, given
from readtrack.images import Image
from readtrack.odds import logistic
from readtrack.read.cache import Clip
from readtrack.read.config import ReadConfig
from readtrack.read.crops import Crop, Shown, Source, as_crops, check_tracklets, clip_of, cut_out
from readtrack.read.encodings import CROPS_AT_ONCE, CachedEncoders
from readtrack.read.engine import load_network, network_of
from readtrack.read.network import Encoding, Network, judge, video_blocks

if TYPE_CHECKING:
    from readtrack.read.model import Read

__all__ = ["Crop", "Matcher"]

Vectors: TypeAlias = NDArray[np.float32]


class Matcher:
    """Probability that a crop and a tracklet's crops show the same person.

    What a tracklet's crops need only themselves for is remembered while there is room, so that asking about the same
    crops again costs only the comparison. The same calls in the same order give the same bytes.

    Wherever crops are taken, BGR uint8 images (h, w, 3) of any size, paths of image files, and detections that went
    through ``describe`` serve as well. They are encoded at each call; ``crops`` makes something to keep of them.

    Example:
        >>> matcher = Matcher.load("read-s")  # doctest: +SKIP
        >>> crops = matcher.describe(image, detections)["crop"]  # doctest: +SKIP
        >>> matcher.similarity(crops, [tracklet_a, tracklet_b])  # (N, 2), in [0, 1]  # doctest: +SKIP
        >>> matcher.similarity(["ann.jpg"], [["ann1.jpg", "ann2.jpg"], ["bob.jpg"]])  # (1, 2)  # doctest: +SKIP
    """

    def __init__(
        self,
        model: "Read | Network",
        device: str | None = None,
        precision: str = "fp32",
        memory_mb: float | None = None,
    ) -> None:
        """Take a trained network.

        Args:
            model: the network; a ``Read`` is copied and stays as it is.
            device: where it runs, such as "cpu" or "cuda:0"; None takes a GPU where there is one.
            precision: "fp32", "bf16" or "fp16", of everything up to fc1; fc2 and all answers stay wider. On a CPU
                fp16 is slow and in part missing, so that it means fp32 there.
            memory_mb: half of it bounds what is remembered of tracklets, half what a block of pairs takes; None
                takes 256 on a CPU and 4,096 on a GPU.

        Raises:
            InputError: the device does not exist, or no such precision.
        """
        self.network = network_of(model, device, precision)
        self.device, self.precision = self.network.device, self.network.precision
        if memory_mb is None:
            memory_mb = 256 if str(self.device).startswith("cpu") else 4096
        self.room = int(memory_mb * 2**20 / 2)  # bytes
        self.compared = 0  # pairs that went through the head
        self.seconds = 0.0  # spent in ``describe`` and ``logits``
        self._encodings = CachedEncoders(self.network, self.room)

    @classmethod
    def load(
        cls,
        weights: str | Path = "read-s",
        device: str | None = None,
        precision: str = "fp32",
        rank: int | None = None,
        memory_mb: float | None = None,
        clip_length: int | None = None,
        threads: int | None = None,
    ) -> "Matcher":
        """Load weights by shipped name or file.

        Shipped weights run on ONNX Runtime without PyTorch wherever it has the device, at fp32; so does an ``.onnx``
        file that ``readtrack export`` wrote, in the precision that it was exported in. Others run on PyTorch.

        Args:
            weights: the name or file.
            device: as in ``Matcher``; of ONNX Runtime also "openvino" and "coreml" where it has them.
            precision: as in ``Matcher``.
            rank: channels to compress to (``compression.compress``), faster and less exact; None keeps all.
            memory_mb: as in ``Matcher``.
            clip_length: T, how many crops of a tracklet are compared at once; None is what was trained with.
            threads: on a CPU; None takes one for each core. Of PyTorch they are the whole process's.

        Raises:
            InputError: they cannot be used or compressed.
        """
        return cls(load_network(weights, device, precision, rank, clip_length, threads), memory_mb=memory_mb)

    @classmethod
    def of(
        cls,
        weights: "str | Path | Matcher",
        device: str | None = None,
        precision: str = "fp32",
        threads: int | None = None,
    ) -> "Matcher":
        """A matcher as it is, or loaded by shipped name or file.

        Raises:
            InputError: neither of them, or weights or device that cannot be used.
        """
        if weights is None:
            raise InputError("weights None: READ has nothing to judge by; give 'read-s' or a file", "weights")
        if isinstance(weights, str | Path):
            return cls.load(weights, device, precision, threads=threads)
        if not hasattr(weights, "describe"):
            raise InputError(f"weights given as {given(weights)}: give 'read-s', a file or a Matcher", "weights")
        return weights

    @property
    def model(self) -> Any:
        """The network itself: a ``Read``, or what runs an exported one; has a ``config``."""
        return self.network.model

    @property
    def config(self) -> ReadConfig:
        """The network's shape, and what its inputs and outputs mean."""
        return self.network.config

    @property
    def engine(self) -> str:
        """What runs the network, such as "ONNX Runtime (cpu)" or "PyTorch (cuda:0)"."""
        return f"{self.network.runtime} ({self.device})"

    @property
    def encoded(self) -> int:
        """Crops that went through an encoder."""
        return self._encodings.count

    @property
    def clip_length(self) -> int:
        """T, how many crops of a tracklet are compared at once."""
        return self.config.clip_length

    @property
    def dtype(self) -> Any:
        """PyTorch's kind of number up to fc1."""
        return getattr(self.network, "dtype", None)

    @property
    def dimension(self) -> int:
        """D, the length of the vectors that ``embed``, ``vectors`` and ``video_vectors`` give."""
        return self.config.channels

    def describe(self, image: Image, detections: sv.Detections) -> sv.Detections:
        """The same detections with ``data["crop"]``: a ``Crop`` per box, None where a box shows nothing.

        Cuts pixels only; the network runs when a crop is first compared.

        Args:
            image: BGR uint8 (H, W, 3); of an empty one no box shows anything.
            detections: boxes in its pixels.

        Raises:
            InputError: the image is not (H, W, 3) uint8, or these are no detections.
        """
        boxes.check_detections(detections)
        crops = np.empty(len(detections), dtype=object)
        crops[:] = self._cut(image, detections.xyxy)
        return boxes.with_data(detections, crop=crops)

    def crops(self, source: Source) -> list[Crop | None]:
        """Crops of images, files or described detections, one each, in order; to be kept, and encoded only once.

        Args:
            source: crops, BGR uint8 images (h, w, 3) of any size and paths, in any mixture; one of these that stands
                alone; or detections that went through ``describe``. None shows nothing and stays None.

        Raises:
            InputError: an image is empty or not uint8 (h, w, 3), or a file is no image; it says which.
        """
        return as_crops(source, self.config)

    def encode(self, crops: Sequence[Crop], block: int = CROPS_AT_ONCE) -> None:
        """Run the encoder of stills on crops that it has not seen yet, ``block`` at a time."""
        self._encodings.encode(crops, block)

    def queries(self, crops: Source) -> Encoding:
        """What pairs need of each of N crops alone; for use with many blocks of tracklets.

        Raises:
            InputError: as ``crops``, or one shows nothing.
        """
        return self.network.queries([crop.features for crop in self._encoded(crops)])

    def galleries(self, clips: Sequence[Source]) -> Encoding:
        """What pairs need of each of M tracklets alone; for use with many blocks of queries.

        Args:
            clips: crops as in ``similarity``, at least one tracklet.

        Raises:
            InputError: a tracklet has no crops, or as ``crops``.
        """
        return self.network.galleries(self._known(clips))

    def similarity(self, queries: Source, galleries: Sequence[Source]) -> Floats:
        """Calibrated probability that each query and each tracklet show the same person.

        Args:
            queries: N crops, or what ``crops`` takes. One that shows nothing (None) gets 0.
            galleries: M tracklets of at least one crop each; of more than T, one of each of T equal parts counts,
                fewer are repeated. What shows nothing does not count.

        Returns:
            (N, M) in [0, 1].

        Raises:
            InputError: a tracklet has no crops, or as ``crops``.
        """
        return logistic(self.log_odds(queries, galleries))

    def log_odds(self, queries: Source, galleries: Sequence[Source]) -> Floats:
        """Calibrated log odds that each query and each tracklet show the same person, as in ``similarity``.

        Returns:
            (N, M); minus infinity for a query that shows nothing.
        """
        return self.calibrated(self.logits(queries, galleries))

    def probability(self, logits: NDArray[np.floating[Any]]) -> Floats:
        """Calibrated probabilities in [0, 1] of what ``logits`` gave, of any shape."""
        return logistic(self.calibrated(logits))

    def calibrated(self, logits: NDArray[np.floating[Any]]) -> Floats:
        """Calibrated log odds of what ``logits`` gave, of any shape."""
        return np.asarray(self.config.logit_scale * logits + self.config.logit_offset)

    def person_log_odds(self, vectors: NDArray[np.floating[Any]]) -> Floats:
        """Log odds (M,) that vectors (M, D), pooled as ``vectors`` and ``video_vectors`` make them, are of a person.

        Half of what is asked about are taken for people. NaN where nobody fitted that to the weights.
        """
        if not self.config.persons:
            return np.full(len(vectors), np.nan)
        *weights, offset = self.config.persons
        return np.asarray(vectors @ np.array(weights) + offset, dtype=np.float64)

    def logits(
        self, queries: Encoding | Source, galleries: Encoding | Sequence[Source], class1: bool = False
    ) -> Floats:
        """What the network answers, before calibration.

        Pairs are judged in blocks; in fp32 the answer moves by less than 1e-5 of its size with the blocks.

        Args:
            queries: N crops as in ``similarity``, or their encoding.
            galleries: M tracklets as in ``similarity``, or their encoding.
            class1: the raw second output of a network of two classes, by which the authors' demo ranks.

        Returns:
            (N, M); minus infinity for a query that shows nothing.

        Raises:
            InputError: a tracklet has no crops, ``class1`` is asked of a network of one output, or as ``crops``.
        """
        if class1 and self.config.classes != 2:
            raise InputError("the network has one output: class1 is for those of two classes")
        encoding = self.network.encoding
        check_tracklets(galleries)
        sides: Any = queries if isinstance(queries, encoding) else self.crops(queries)
        if isinstance(sides, list) and None in sides:
            values = np.full((len(sides), len(galleries)), -np.inf)
            shown = [row for row, crop in enumerate(sides) if crop is not None]
            values[shown] = self.logits([sides[row] for row in shown], galleries, class1)
            return values
        started = time.perf_counter()
        answer = self.network.blank(len(sides), len(galleries))
        if len(sides) and len(galleries):
            stills = sides if isinstance(sides, encoding) else self.queries(sides)
            for block in video_blocks(self.network, self.room, len(galleries), CROPS_AT_ONCE):
                part = galleries[block]
                videos = part if isinstance(part, encoding) else self.network.galleries(self._known(part, block.start))
                judge(self.network, stills, videos, class1, self.room, answer[:, block])
        self.compared += len(sides) * len(galleries)
        values = self.network.numpy(answer).astype(np.float64)
        self.seconds += time.perf_counter() - started
        return values

    def attention(self, query: Shown, gallery: Source) -> Floats:
        """Where in a tracklet's T images (Sec. 5.4) the query found its answer: (T, h, w), sums to 1.

        The softmaxed map of Eq. 1, averaged over the query's positions.

        Raises:
            InputError: the network was exported, its head has no attention or its memory mixes frames, or as
                ``similarity``.
        """
        config = self.config
        if config.head != "attention":
            raise InputError(f"a network with the head {config.head!r} has no attention to show")
        if config.memory_layout == "demo":
            raise InputError("the demo's memory layout mixes frames: no map says in which of them an answer was found")
        positions = self.network.attention(self.queries([query]), self.galleries([gallery]))  # (T * P,)
        shape = (self.clip_length, config.height // config.stride, config.width // config.stride)
        return np.asarray((positions / positions.sum()).reshape(shape))

    def embed(self, image: Image, people: sv.Detections | NDArray[Any]) -> tuple[Vectors, NDArray[np.bool_]]:
        """One vector per box, for trackers that can only take vectors. What READ knows beyond them is lost.

        Args:
            image: BGR uint8 (H, W, 3); of an empty one no box shows anything.
            people: N boxes in its pixels, xyxy (N, 4), also beyond its edges, empty or not finite; or detections,
                whose crops are taken where they went through ``describe``.

        Returns:
            Vectors (N, D) of unit length and always finite, in the order of the boxes, and which of them show
            something (N,); the others are all the same vector.

        Raises:
            InputError: the image is not (H, W, 3) uint8, or the boxes are not (N, 4).
        """
        described = isinstance(people, sv.Detections) and "crop" in people.data
        xyxy = people.xyxy if isinstance(people, sv.Detections) else people
        crops = self.crops(people) if described else self._cut(image, xyxy)
        shown = np.array([crop is not None for crop in crops], dtype=bool)
        vectors = np.zeros((len(crops), self.dimension), dtype=np.float32)
        vectors[shown] = self.vectors([crop for crop in crops if crop is not None])
        shown &= np.abs(np.linalg.norm(vectors, axis=1) - 1) < 0.01  # a crop may mean nothing to a network
        vectors[~shown] = np.eye(1, self.dimension)
        return vectors, shown

    @property
    def digest(self) -> str:
        """SHA-256 of the weights' tensors, in hexadecimal, the same whatever runs them; empty where nothing tells."""
        return self.network.digest

    def features(self, crops: Source) -> list[NDArray[np.float16]]:
        """Feature maps (P, C) of crops as in ``queries``, rounded, to be kept; ``restored`` makes crops of them."""
        return [self.network.numpy(crop.features).astype(np.float16) for crop in self._encoded(crops)]

    def restored(self, features: Sequence[NDArray[np.float16]]) -> list[Crop]:
        """Crops of feature maps that ``features`` gave, which need no encoder any more.

        Raises:
            InputError: the network has a video net of its own, which wants pixels, or a map is of another shape.
        """
        shape = (self.config.positions, self.config.channels)
        if not self.config.shared_encoder:
            raise InputError("these weights look across the images of a clip, so that features alone do not serve")
        for number, values in enumerate(features):
            if values.shape != shape:
                raise InputError(f"feature map {number} is of shape {values.shape}: these weights make {shape}")
        return [Crop(None, self.network.array(values.astype(np.float32))) for values in features]

    def restored_galleries(self, maps: NDArray[np.float16]) -> Encoding:
        """What pairs need of M tracklets of T crops each, of maps (M, T, P, C) that ``features`` gave."""
        return self.network.galleries(self.network.clips(self.network.array(maps.astype(np.float32))))

    def vectors(self, crops: Source) -> Vectors:
        """Pooled embeddings (N, D), unit length, of crops as in ``queries``."""
        features = [crop.features for crop in self._encoded(crops)]
        return self.network.pool(features) if features else np.zeros((0, self.dimension), dtype=np.float32)

    def video_vectors(self, clips: Sequence[Source]) -> Vectors:
        """The same of tracklets (M, D): the mean of the pooled embeddings of their T images, unit length."""
        pooled = [clip.pooled for clip in self._known(clips)]
        return self.network.rows(pooled) if pooled else np.zeros((0, self.dimension), dtype=np.float32)

    def _cut(self, image: Image, xyxy: NDArray[Any]) -> list[Crop | None]:
        """Crops of boxes (N, 4), None for a box that shows nothing."""
        started = time.perf_counter()
        crops = cut_out(image, xyxy, self.config)
        self.seconds += time.perf_counter() - started
        return crops

    def _encoded(self, source: Source) -> list[Crop]:
        """Crops that went through the encoder of stills and all show something."""
        crops = self.crops(source)
        shown = [crop for crop in crops if crop is not None]
        if len(shown) < len(crops):
            raise InputError(f"crop {crops.index(None)} shows nothing (None): leave it out")
        self.encode(shown)
        return shown

    def _clips(self, galleries: Sequence[Source], first: int = 0) -> list[list[Crop]]:
        """The T crops of each tracklet that count."""
        return [clip_of(gallery, self.config, f"tracklet {first + i}") for i, gallery in enumerate(galleries)]

    def _known(self, galleries: Sequence[Source], first: int = 0) -> list[Clip]:
        """What the network makes of each tracklet, the first of which an error calls by the number ``first``."""
        return self._encodings.clips(self._clips(galleries, first))
