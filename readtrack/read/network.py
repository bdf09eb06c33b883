"""What the matcher asks of a network, whatever runs it, and how much of it at once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from readtrack.errors import InputError
from readtrack.read.cache import Clip
from readtrack.read.config import ReadConfig
from readtrack.read.crops import Image

Array: TypeAlias = Any  # of the network's own kind, where it runs
Half: TypeAlias = Any  # what one side of pairs needs only itself for; has a length and can be sliced

PRECISIONS = ("fp32", "bf16", "fp16")
QUERIES_AT_ONCE = 32  # in a block of pairs
PAIRS_AT_ONCE = 128  # in a block, on a CPU: enough to fill a matrix product,
CACHE = 8 * 2**20  # or more while they fit in these bytes; a larger block is slower


@runtime_checkable
class Network(Protocol):
    """A READ network on PyTorch or on ONNX Runtime."""

    half: type  # of what ``stills`` and ``videos`` return

    @property
    def model(self) -> Any:
        """Whatever it runs; has a ``config``."""

    @property
    def config(self) -> ReadConfig:
        """The network's shape, and what its inputs and outputs mean."""

    @property
    def device(self) -> Any:
        """Where it runs, as a word when made a string."""

    @property
    def precision(self) -> str:
        """Of everything up to fc1, one of ``PRECISIONS``."""

    @property
    def itemsize(self) -> int:
        """Bytes of a number at that precision."""

    def encode(self, pixels: Sequence[Image]) -> list[Array]:
        """Feature maps (P, C) of crops, of the encoder of stills."""

    def encode_clips(self, pixels: Sequence[Image], clips: int) -> Array:
        """Feature maps (M, T, P, C) of M * T crops, of the encoder of clips."""

    def stack(self, features: Sequence[Array], clips: int) -> Array:
        """The same of crops that are encoded already, where one encoder serves both."""

    def stills(self, features: Sequence[Array]) -> Half:
        """The query half of N feature maps."""

    def clips(self, features: Array) -> list[Clip]:
        """What each of M clips (M, T, P, C) needs only itself for."""

    def videos(self, clips: Sequence[Clip]) -> Half:
        """The gallery half of M clips."""

    def blank(self, n: int, m: int) -> Array:
        """Room for logits (n, m)."""

    def judge(self, stills: Half, videos: Half, class1: bool, answer: Array) -> None:
        """Write logits of N stills with M videos into ``answer`` (N, M); ``class1`` as in ``Matcher.logits``."""

    def attention(self, still: Half, video: Half) -> NDArray[np.float64]:
        """The attention (T * P,) of one pair, averaged over the query's places."""

    def pool(self, features: Sequence[Array]) -> NDArray[np.float32]:
        """One unit vector (N, C) for each of N feature maps."""

    def rows(self, vectors: Sequence[Array]) -> NDArray[np.float32]:
        """Vectors of its own kind as NumPy's (N, C)."""

    def numpy(self, array: Array) -> NDArray[Any]:
        """One of its arrays as NumPy's."""


def video_blocks(network: Network, room: int, count: int, most: int) -> list[slice]:
    """Which of ``count`` videos to make at once: at most ``most``, and never more than may be remembered."""
    config = network.config
    video = config.clip_length * config.places * (config.theta_dim + config.phi_dim) * network.itemsize
    block = max(1, min(most, room // video))
    return [slice(start, start + block) for start in range(0, count, block)]


def judge(network: Network, stills: Half, videos: Half, class1: bool, room: int, answer: Array) -> None:
    """Write logits of N stills with M videos into ``answer`` (N, M), in blocks of pairs that take ``room`` bytes."""
    config, precision = network.config, network.precision
    scores = config.places**2 * config.clip_length * (2 if precision == "fp32" else 6)  # softmaxed in fp32
    pair = (scores + 3 * config.places * config.phi_dim + 4 * config.feature_dim) * network.itemsize
    pairs = room // pair
    if str(network.device).startswith("cpu"):
        pairs = min(pairs, max(PAIRS_AT_ONCE, CACHE // pair))
    n = min(len(stills), QUERIES_AT_ONCE, max(1, pairs))
    m = max(1, pairs // n)
    for column in range(0, len(videos), m):
        part = videos[column : column + m]
        for row in range(0, len(stills), n):
            network.judge(stills[row : row + n], part, class1, answer[row : row + n, column : column + m])


def network_of(model: Any, device: str | None, precision: str) -> Network:
    """A ``Read`` on a device and at a precision; a network that is ready to run stays as it is.

    Raises:
        InputError: no such device or precision.
    """
    _check(precision)
    if isinstance(model, Network):
        return model
    from readtrack.read.torch_network import TorchNetwork

    return TorchNetwork(model, device, precision)


def load_network(weights: str | Path, device: str | None, precision: str, rank: int | None) -> Network:
    """The network of a shipped name or file, as ``Matcher.load`` takes them.

    Raises:
        InputError: it cannot be used or folded.
    """
    _check(precision)
    if Path(weights).suffix == ".onnx":
        from readtrack.read.onnx_network import OnnxNetwork

        if rank is not None:
            raise InputError(f"{weights}: an exported network cannot be folded; export it again with --rank {rank}")
        return OnnxNetwork(weights, device)
    from readtrack.read.checkpoint import load_checkpoint
    from readtrack.read.compression import fold

    model = load_checkpoint(weights)[0]
    return network_of(model if rank is None else fold(model, rank), device, precision)


def _check(precision: str) -> None:
    """Raise InputError for a precision that nothing has."""
    if precision not in PRECISIONS:
        raise InputError(f"precision {precision!r} is unknown: choose one of {', '.join(PRECISIONS)}")
