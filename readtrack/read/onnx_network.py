"""A READ network that ``readtrack export`` wrote, on ONNX Runtime; needs no PyTorch."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from readtrack.devices import onnx_device, onnx_session
from readtrack.errors import InputError
from readtrack.images import Image
from readtrack.read.cache import Clip
from readtrack.read.config import ReadConfig
from readtrack.read.vectors import unit

THETA = ("theta_query.weight", "theta_gallery.weight", "place_bias")  # tensors of the weights
KEY = "readtrack"  # the metadata entry that says as JSON what a file is; the same in all files of one network

Floats = NDArray[np.float32]


def part_of(path: Path, part: str) -> Path:
    """Where the "encoder" or the "clips" encoder of the network in ``path`` lies: beside it."""
    return path.with_name(f"{path.stem}.{part}{path.suffix}")


@dataclass(frozen=True)
class Maps:
    """A side of pairs: feature maps (N, P, C) of stills or (M, T, P, C) of videos. The head makes the rest of them."""

    features: Floats

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, index: slice) -> "Maps":
        return Maps(self.features[index])


class OnnxNetwork:
    """Runs an exported network: an encoder, a head, and an encoder of clips where it has a video net of its own."""

    runtime = "ONNX Runtime"
    encoding: type = Maps
    itemsize = 4  # bytes; inputs and outputs are float32

    def __init__(
        self,
        path: str | Path,
        device: str | None = None,
        clip_length: int | None = None,
        threads: int | None = None,
        weights: Path | None = None,
        digest: str | None = None,
    ) -> None:
        """Load the head from a file and the encoders from beside it.

        Args:
            path: the ``.onnx`` file of the head.
            device: as in ``onnx_session``.
            clip_length: T; None is what it was exported with.
            threads: as in ``onnx_session``.
            weights: what it was exported from; attention maps are drawn by it.
            digest: what SHA-256 ``weights`` must have had.

        Raises:
            InputError: a file is missing, broken or no export of READ, the files do not belong together or not to
                ``digest``, or this ONNX Runtime cannot use the device.
        """
        path = Path(path)
        self._head = _open(path, device, threads)
        self.device = onnx_device(self._head)
        about = _about(self._head)
        try:
            facts = json.loads(about)
            self.precision = str(facts["precision"])
            config = ReadConfig.from_json(facts["config"], path)
            if digest is not None and facts.get("source_sha256") != digest:
                raise InputError(f"{path}: exported from other weights than these")
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise InputError(
                f"{path}: no head that readtrack export wrote; give the file that it was told to write"
            ) from error
        self.config = replace(config, clip_length=clip_length or config.clip_length)
        self.digest = str(facts.get("weights_sha256", ""))
        self._weights = weights
        self._theta: dict[str, Floats] | None = None  # what attention is made of, once it was asked for
        self._encoders = [
            _open(part_of(path, part), device, threads, about)
            for part in ("encoder", *(() if self.config.shared_encoder else ("clips",)))
        ]
        self._try_out(path)

    def _try_out(self, path: Path) -> None:
        """Raise InputError where a grey crop against itself has no finite answer."""
        crop = np.full((self.config.height, self.config.width, 3), 127, np.uint8)
        features = self.encode([crop])
        clips = self.stack(features * 2, 1) if self.config.shared_encoder else self.encode_clips([crop, crop], 1)
        answer = self.blank(1, 1)
        self.judge(self.queries(features), Maps(clips), False, answer)
        if not (np.isfinite(features).all() and np.isfinite(clips).all() and np.isfinite(answer).all()):
            raise InputError(f"{path}: answers with numbers that are not finite; export it again")

    @property
    def model(self) -> "OnnxNetwork":
        """Itself."""
        return self

    def encode(self, pixels: Sequence[Image]) -> list[Floats]:
        """Feature maps (P, C) of crops, each its own memory."""
        return [features.copy() for features in _run(self._encoders[0], pixels=np.stack(list(pixels)))]

    def encode_clips(self, pixels: Sequence[Image], clips: int) -> Floats:
        """Feature maps (M, T, P, C) of M * T crops, of the video net."""
        crops = np.stack(list(pixels))
        return _run(self._encoders[1], clips=crops.reshape(clips, -1, *crops.shape[1:]))

    def stack(self, features: Sequence[Floats], clips: int) -> Floats:
        """Feature maps (P, C) of M * T crops as (M, T, P, C)."""
        return np.stack(list(features)).reshape(clips, -1, *features[0].shape)

    def queries(self, features: Sequence[Floats]) -> Maps:
        """What pairs need of N queries alone."""
        return Maps(np.stack(list(features)))

    def clips(self, features: Floats) -> list[Clip]:
        """Feature maps and pooled vector of each of M clips (M, T, P, C), each its own memory."""
        pooled = unit(unit(features.mean(-2)).mean(1))  # (M, C)
        return [Clip((maps.copy(),), vector.copy()) for maps, vector in zip(features, pooled, strict=True)]

    def galleries(self, clips: Sequence[Clip]) -> Maps:
        """What pairs need of M clips alone."""
        return Maps(np.stack([clip.encoding[0] for clip in clips]))

    def blank(self, n: int, m: int) -> Floats:
        """Room for logits (n, m)."""
        return np.empty((n, m), dtype=np.float32)

    def judge(self, stills: Maps, videos: Maps, class1: bool, answer: Floats) -> None:
        """Write logits into ``answer`` (N, M).

        Raises:
            InputError: ``class1``, which the head does not tell.
        """
        if class1:
            raise InputError("an exported network does not tell class1: use the weights that it was made of")
        answer[:] = _run(self._head, queries=stills.features, videos=videos.features)

    def attention(self, still: Maps, video: Maps) -> NDArray[np.float64]:
        """The attention (T * P,) of one pair, averaged over the query's positions (Eq. 1), by the weights' tensors.

        Raises:
            InputError: the weights are not known: the head tells answers only.
        """
        if self._weights is None:
            raise InputError("an exported network shows no attention: use the weights that it was made of", "weights")
        if self._theta is None:
            from safetensors import safe_open

            with safe_open(self._weights, framework="np") as file:
                self._theta = {name: file.get_tensor(name) for name in THETA if name in file.keys()}  # noqa: SIM118
        query, gallery, *bias = self._theta.values()
        maps = video.features[0].reshape(-1, video.features.shape[-1])  # (T * P, C)
        scores = (still.features[0] @ query.T) @ (maps @ gallery.T).T  # (P, T * P)
        if bias:
            scores += np.tile(bias[0], scores.shape[1] // len(scores))
        weights = np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True))
        return np.asarray((weights / weights.sum(axis=1, keepdims=True)).mean(axis=0))

    def pool(self, features: Sequence[Floats]) -> Floats:
        """One unit vector (N, C) for each of N feature maps."""
        return unit(np.stack(list(features)).mean(-2))

    def rows(self, vectors: Sequence[Floats]) -> Floats:
        """Vectors as one array (N, C)."""
        return np.stack(list(vectors))

    def numpy(self, array: Floats) -> Floats:
        """The same."""
        return array

    def array(self, values: Floats) -> Floats:
        """The same."""
        return values


def _open(path: Path, device: str | None, threads: int | None, about: str | None = None) -> Any:
    """The session of a file; ``about`` is what its metadata has to say. Raises InputError."""
    if about and not path.is_file():
        raise InputError(f"{path}: no such file: the encoders lie beside the head, as readtrack export writes them")
    session = onnx_session(path, device, threads)
    if about is not None and _about(session) != about:
        raise InputError(f"{path}: belongs to another network than the head beside it; export both again")
    return session


def _about(session: Any) -> str:
    """What a file says about the network that it is of, in JSON."""
    return str(session.get_modelmeta().custom_metadata_map.get(KEY, ""))


def _run(session: Any, **inputs: NDArray[Any]) -> Floats:
    """The one output."""
    return np.asarray(session.run(None, inputs)[0])
