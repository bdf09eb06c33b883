"""Other people's re-ID networks, which make one vector of a crop: peers to measure against, and teachers."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from readtrack.devices import onnx_session
from readtrack.errors import InputError
from readtrack.images import Image, resize
from readtrack.read.crops import MEAN, STD

AT_ONCE = 32  # crops


def unit(vectors: NDArray[Any]) -> NDArray[Any]:
    """Vectors (..., D) at unit length; of no length they stay so."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12))


class VectorNetwork:
    """An ONNX network: RGB crops (B, 3, H, W) with ImageNet's mean and deviation in, vectors (B, D) out.

    Attributes:
        size: H and W, pixels.
    """

    size: tuple[int, int]

    def __init__(self, file: str | Path) -> None:
        """Load it.

        Raises:
            InputError: the file is no such network.
        """
        self._session = onnx_session(file)
        given = self._session.get_inputs()[0]
        shape = given.shape
        if len(shape) != 4 or shape[1] != 3 or not all(isinstance(side, int) for side in shape[2:]):
            raise InputError(f"{file}: takes {shape}, expected crops as (batch, 3, height, width) of fixed size")
        self._input, self.size = given.name, (shape[2], shape[3])
        self._alone = shape[0] == 1  # exported for one crop at a time

    def vectors(self, crops: Sequence[Image], report: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        """Unit vectors (N, D).

        Args:
            crops: RGB uint8 (H, W, 3) of any size.
            report: told after every block how many are done.

        Raises:
            InputError: what the network makes is no vector of finite numbers.
        """
        block, made = (1 if self._alone else AT_ONCE), []
        for start in range(0, len(crops), block):
            pixels = np.stack([resize(crop, *self.size) for crop in crops[start : start + block]]).astype(np.float32)
            inputs = (pixels / 255 - np.array(MEAN, np.float32)) / np.array(STD, np.float32)  # (B, H, W, 3)
            found = self._session.run(None, {self._input: np.ascontiguousarray(inputs.transpose(0, 3, 1, 2))})[0]
            if found.ndim != 2 or not np.isfinite(found).all():
                raise InputError(f"a re-ID network made {found.shape} of crops, expected finite vectors (crops, D)")
            made.append(unit(found))
            if report is not None:
                report(min(start + block, len(crops)))
        return np.concatenate(made).astype(np.float32) if made else np.zeros((0, 0), dtype=np.float32)
