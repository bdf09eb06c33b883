"""A READ network on PyTorch, as the matcher wants it."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from readtrack.devices import torch_device
from readtrack.errors import InputError
from readtrack.images import Image
from readtrack.read.cache import Clip
from readtrack.read.crops import normalise
from readtrack.read.model import Encoding, GalleryEncoding, QueryEncoding, Read

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def weights_digest(model: Read) -> str:
    """SHA-256 of a network's tensors in their order, in hexadecimal."""
    digest = hashlib.sha256()
    for tensor in model.state_dict().values():
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


class TorchNetwork:
    """Runs a ``Read`` on one device at one precision. What it returns needs no gradients."""

    runtime = "PyTorch"
    encoding: type = Encoding

    def __init__(
        self,
        model: Read,
        device: str | None = None,
        precision: str = "fp32",
        clip_length: int | None = None,
        threads: int | None = None,
    ) -> None:
        """Take a network over: it is moved to a device and brought to a precision, as in ``Matcher.load``.

        Raises:
            InputError: the device does not exist.
        """
        self.device = torch_device(device)
        if threads is not None:
            torch.set_num_threads(threads)
        self.precision = "fp32" if precision == "fp16" and self.device.type == "cpu" else precision
        self.dtype = DTYPES[self.precision]
        self.config = replace(model.config, clip_length=clip_length or model.config.clip_length)
        self.digest = weights_digest(model)  # before they are rounded
        self.model = model.eval().to(self.device, self.dtype)
        if model.config.head != "metric":
            self.model.fc2.float()  # bf16 answers would tie
        self._process = os.getpid()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _process=os.getpid())

    def _check_process(self) -> None:
        """After a fork go on with one thread, since the others are gone. Raises InputError on a GPU."""
        if self._process != os.getpid():
            if self.device.type != "cpu":
                raise InputError("a matcher on a GPU does not outlive a fork: load it in the process that uses it")
            torch.set_num_threads(1)
            self._process = os.getpid()

    @property
    def itemsize(self) -> int:
        """Bytes of a number."""
        return self.dtype.itemsize

    @torch.inference_mode()
    def encode(self, pixels: Sequence[Image]) -> list[Tensor]:
        """Feature maps (P, C) of crops, each its own memory."""
        self._check_process()
        return [features.clone() for features in self.model.encode(self._normalised(pixels))]

    @torch.inference_mode()
    def encode_clips(self, pixels: Sequence[Image], clips: int) -> Tensor:
        """Feature maps (M, T, P, C) of M * T crops."""
        self._check_process()
        return self.model.encode_videos(self._normalised(pixels).unflatten(0, (clips, -1)))

    @torch.inference_mode()
    def stack(self, features: Sequence[Tensor], clips: int) -> Tensor:
        """Feature maps (P, C) of M * T crops as (M, T, P, C)."""
        maps: Tensor = torch.stack(list(features)).unflatten(0, (clips, -1))
        return maps

    @torch.inference_mode()
    def queries(self, features: Sequence[Tensor]) -> QueryEncoding:
        """What pairs need of N queries alone, of their feature maps (P, C)."""
        return self.model.queries(torch.stack(list(features)))

    @torch.inference_mode()
    def clips(self, features: Tensor) -> list[Clip]:
        """What pairs need of each of M clips (M, T, P, C), and its pooled vector, each its own memory."""
        videos = self.model.galleries(features)
        pooled = nn.functional.normalize(self.model.pool(features.float()).mean(1), dim=-1)  # (M, C)
        made = zip(*(getattr(videos, field.name) for field in fields(videos)), strict=True)
        return [Clip(tuple(map(Tensor.clone, part)), vector.clone()) for part, vector in zip(made, pooled, strict=True)]

    @torch.inference_mode()
    def galleries(self, clips: Sequence[Clip]) -> GalleryEncoding:
        """What pairs need of M clips alone."""
        return GalleryEncoding(*(torch.stack(part) for part in zip(*(clip.encoding for clip in clips), strict=True)))

    def blank(self, n: int, m: int) -> Tensor:
        """Room for logits (n, m) on the device, so that all are fetched at once."""
        return torch.empty(n, m, device=self.device)

    @torch.inference_mode()
    def judge(self, stills: QueryEncoding, videos: GalleryEncoding, class1: bool, answer: Tensor) -> None:
        """Write logits into ``answer`` (N, M)."""
        self._check_process()
        joined = self.model.join(stills, videos).float()
        answer[:] = self.model.classes(joined)[..., 1] if class1 else self.model.classify(joined)

    @torch.inference_mode()
    def attention(self, still: QueryEncoding, video: GalleryEncoding) -> NDArray[np.float64]:
        """The attention (T * P,) of one pair, averaged over the query's positions."""
        return self.numpy(self.model.attention(still, video)[0, 0].double().mean(0))

    @torch.inference_mode()
    def pool(self, features: Sequence[Tensor]) -> NDArray[np.float32]:
        """One unit vector (N, C) for each of N feature maps."""
        return self.numpy(self.model.pool(torch.stack(list(features)).float()))

    def rows(self, vectors: Sequence[Tensor]) -> NDArray[np.float32]:
        """Vectors as one array (N, C)."""
        return self.numpy(torch.stack(list(vectors)))

    def numpy(self, array: Tensor) -> NDArray[Any]:
        """A copy in the computer's own memory."""
        return np.asarray((array.float() if array.dtype == torch.bfloat16 else array).cpu().numpy())

    def array(self, values: NDArray[np.float32]) -> Tensor:
        """NumPy's feature maps (.., P, C) on the device, at the network's precision."""
        return torch.tensor(values, device=self.device, dtype=self.dtype)

    def _normalised(self, pixels: Sequence[Image]) -> Tensor:
        """Crops as the encoders want them (B, 3, H, W)."""
        return normalise(pixels, self.device, self.config.channel_order).to(self.dtype)
