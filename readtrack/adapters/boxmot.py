"""READ for boxmot: identities of any of its trackers repaired, or vectors for its re-ID slot.

``pip install "readtrack[boxmot]"``
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from readtrack import relinking
from readtrack.adapters.host import hook
from readtrack.errors import InputError
from readtrack.read.matcher import Matcher
from readtrack.tracking import Association, TrackerConfig

if TYPE_CHECKING:
    from torch import Tensor


class Relinker:
    """Repairs the identities of a boxmot tracker, by READ's judgement of pairs; needs no hook in it.

    Example:
        >>> host, relinker = boxmot.ByteTrack(), Relinker("read-s")  # doctest: +SKIP
        >>> rows = relinker.update(host.update(detections, image), image)  # every frame  # doctest: +SKIP
    """

    def __init__(
        self,
        weights: str | Path | Matcher = "read-s",
        config: TrackerConfig = TrackerConfig(),
        device: str | None = None,
    ) -> None:
        """As ``readtrack.relinking.Relinker``, which tells how ids may change."""
        self._relinker = relinking.Relinker(weights, config, device)

    def update(self, tracks: NDArray[np.floating[Any]], frame: NDArray[np.uint8] | None) -> NDArray[Any]:
        """Take the host's answer for the next frame.

        Args:
            tracks: x1, y1, x2, y2, id, conf, cls, det_ind (M, 8); also empty.
            frame: BGR uint8 (H, W, 3).

        Returns:
            The same rows under other ids.

        Raises:
            InputError: the rows are not (M, 8), or as ``readtrack.relinking.Relinker.update``.
        """
        rows = np.array(tracks)
        if not rows.size:
            rows = rows.reshape(0, 8)
        if rows.ndim != 2 or rows.shape[1] != 8:
            raise InputError(f"tracks of shape {rows.shape}: expected (M, 8) as boxmot gives for upright boxes")
        rows[:, 4] = self._relinker.update(rows[:, :4], rows[:, 4], frame, rows[:, 5])
        return rows

    def reset(self) -> None:
        """Forget everything and count ids from 1 again."""
        self._relinker.reset()

    @property
    def renamed(self) -> dict[int, int]:
        """What the last update went on under another id."""
        return self._relinker.renamed

    @property
    def merged(self) -> dict[int, int]:
        """Those of them whose first id was never anybody else's: earlier rows under it may be rewritten."""
        return self._relinker.merged

    @property
    def associations(self) -> list[Association]:
        """READ's decisions in the last update."""
        return self._relinker.associations


class Encoder:
    """READ's pooled vectors for boxmot, as its ``AppearanceEncoder`` and as its ``reid_model``.

    What READ knows of pairs is lost in them: ``Relinker`` uses it.

    Example:
        >>> host = boxmot.BotSort(reid_model=Encoder("read-s"))  # doctest: +SKIP
    """

    def __init__(self, weights: str | Path | Matcher = "read-s", device: str | None = None) -> None:
        """Load the network, unless a ``Matcher`` is given.

        Raises:
            InputError: weights or device cannot be used, boxmot is not installed or too old.
        """
        self.requirements = hook("boxmot.reid.protocols", "EncoderRequirements", "boxmot")()
        self.matcher = Matcher.of(weights, device)

    @property
    def embedding_dim(self) -> int:
        """D, the length of a vector."""
        return self.matcher.dimension

    def encode(self, frames: Sequence[Any], detections: Sequence[Any]) -> "list[Tensor]":
        """Vectors of boxmot's detections.

        Args:
            frames: B of its ``Frame``, RGB.
            detections: B of its ``Detections``, N upright boxes each.

        Returns:
            B tensors (N, D), float32 on the CPU, of unit length; boxes that show nothing get one constant vector.

        Raises:
            InputError: boxes are oriented, or there are not as many frames.
        """
        import torch

        if len(frames) != len(detections):
            raise InputError(f"{len(frames)} frames and {len(detections)} detections: give as many of each")
        pairs = zip(frames, detections, strict=True)
        found = [self.get_features(d.geometry.values.cpu().numpy(), _bgr(frame)) for frame, d in pairs]
        return [torch.from_numpy(vectors) for vectors in found]

    def get_features(self, xyxy: NDArray[Any], image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Vectors (N, D) of upright boxes (N, 4) in a BGR image (H, W, 3), as in ``encode``."""
        if xyxy.ndim != 2 or xyxy.shape[1] != 4:
            raise InputError(f"boxes of shape {xyxy.shape}: READ takes upright ones (N, 4)")
        return self.matcher.embed(image, xyxy)[0]


def _bgr(frame: Any) -> NDArray[np.uint8]:
    """A boxmot frame's picture as OpenCV has it."""
    return np.ascontiguousarray(frame.image.permute(1, 2, 0).cpu().numpy()[..., ::-1])
