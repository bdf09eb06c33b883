"""What the matcher asks of a network, whatever runs it, and how much of it at once."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from readtrack.images import Image
from readtrack.read.cache import Clip
from readtrack.read.config import ReadConfig

Array: TypeAlias = Any  # of the network's own kind, where it runs
Encoding: TypeAlias = Any  # what one side of pairs needs only itself for; has a length and can be sliced

QUERIES_AT_ONCE = 32  # in a block of pairs
PAIRS_AT_ONCE = 128  # in a block, on a CPU: enough to fill a matrix product,
CACHE = 8 * 2**20  # or more while they fit in these bytes; a larger block is slower


@runtime_checkable
class Network(Protocol):
    """A READ network on PyTorch or on ONNX Runtime."""

    runtime: str  # what runs it, for people
    encoding: type  # of what ``queries`` and ``galleries`` return

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
        """Of everything up to fc1, one of ``devices.Precision``."""

    @property
    def digest(self) -> str:
        """SHA-256 of the tensors of the weights, in hexadecimal, whatever runs them; empty where nothing tells."""

    @property
    def itemsize(self) -> int:
        """Bytes of a number at that precision."""

    def encode(self, pixels: Sequence[Image]) -> list[Array]:
        """Feature maps (P, C) of crops, of the encoder of stills."""

    def encode_clips(self, pixels: Sequence[Image], clips: int) -> Array:
        """Feature maps (M, T, P, C) of M * T crops, of the encoder of clips."""

    def stack(self, features: Sequence[Array], clips: int) -> Array:
        """The same of crops that are encoded already, where one encoder serves both."""

    def queries(self, features: Sequence[Array]) -> Encoding:
        """What pairs need of N queries alone, of their feature maps."""

    def clips(self, features: Array) -> list[Clip]:
        """What each of M clips (M, T, P, C) needs only itself for."""

    def galleries(self, clips: Sequence[Clip]) -> Encoding:
        """What pairs need of M clips alone."""

    def blank(self, n: int, m: int) -> Array:
        """Room for logits (n, m)."""

    def judge(self, stills: Encoding, videos: Encoding, class1: bool, answer: Array) -> None:
        """Write logits of N stills with M videos into ``answer`` (N, M); ``class1`` as in ``Matcher.logits``."""

    def attention(self, still: Encoding, video: Encoding) -> NDArray[np.float64]:
        """The attention (T * P,) of one pair, averaged over the query's positions."""

    def pool(self, features: Sequence[Array]) -> NDArray[np.float32]:
        """One unit vector (N, C) for each of N feature maps."""

    def rows(self, vectors: Sequence[Array]) -> NDArray[np.float32]:
        """Vectors of its own kind as NumPy's (N, C)."""

    def numpy(self, array: Array) -> NDArray[Any]:
        """One of its arrays as NumPy's."""

    def array(self, values: NDArray[np.float32]) -> Array:
        """NumPy's feature maps (.., P, C) as one of its own arrays."""


def video_blocks(network: Network, room: int, count: int, most: int) -> list[slice]:
    """Which of ``count`` videos to make at once: at most ``most``, and never more than may be remembered."""
    config = network.config
    video = config.clip_length * config.positions * (config.theta_dim + config.phi_dim) * network.itemsize
    block = max(1, min(most, room // video))
    return [slice(start, start + block) for start in range(0, count, block)]


def judge(network: Network, stills: Encoding, videos: Encoding, class1: bool, room: int, answer: Array) -> None:
    """Write logits of N stills with M videos into ``answer`` (N, M), in blocks of pairs that take ``room`` bytes."""
    config, precision = network.config, network.precision
    scores = config.positions**2 * config.clip_length * (2 if precision == "fp32" else 6)  # softmaxed in fp32
    pair = (scores + 3 * config.positions * config.phi_dim + 4 * config.feature_dim) * network.itemsize
    pairs = room // pair
    if str(network.device).startswith("cpu"):
        pairs = min(pairs, max(PAIRS_AT_ONCE, CACHE // pair))
    n = min(len(stills), QUERIES_AT_ONCE, max(1, pairs))
    m = max(1, pairs // n)
    for column in range(0, len(videos), m):
        part = videos[column : column + m]
        for row in range(0, len(stills), n):
            network.judge(stills[row : row + n], part, class1, answer[row : row + n, column : column + m])
