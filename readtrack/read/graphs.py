"""READ as graphs: ONNX and TorchScript, for any number of crops, queries and videos."""

import inspect
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from readtrack.errors import InputError
from readtrack.files import replacing
from readtrack.read.checkpoint import VANISHED
from readtrack.read.crops import standardise
from readtrack.read.model import GalleryEncoding, QueryEncoding, Read
from readtrack.read.onnx_network import KEY, part_of
from readtrack.read.torch_network import weights_digest

OPSET = 17  # of ONNX: ONNX Runtime 1.13 and later
AXES = {  # of every input and output the dimensions that may have any size
    "pixels": {0: "crops"},
    "clips": {0: "videos", 1: "images"},
    "features": {0: "crops"},
    "clip_features": {0: "videos", 1: "images"},
    "queries": {0: "queries"},
    "videos": {0: "videos", 1: "images"},
    "logits": {0: "queries", 1: "videos"},
}


class Traceable(nn.Module):
    """A READ network as tracers want it: all sizes are read from what comes in.

    Inputs and outputs are float32 but for pixels, whatever it computes in.
    """

    def __init__(self, model: Read, half: bool = False) -> None:
        """Copy a network on the CPU; it is left as it is. ``half`` computes in float16 up to fc1."""
        super().__init__()
        self.model = deepcopy(model).requires_grad_(False)
        self.dtype = torch.float16 if half else torch.float32
        self.model.to(self.dtype)
        if model.config.head != "metric":
            self.model.fc2.float()
        self.eval()

    def encode(self, pixels: Tensor) -> Tensor:
        """RGB uint8 crops (B, H, W, 3) to feature maps (B, P, C)."""
        return self.model.encode(self._standardised(pixels)).float()

    def encode_clips(self, clips: Tensor) -> Tensor:
        """RGB uint8 clips (M, T, H, W, 3) to feature maps (M, T, P, C) of the video net."""
        crops = self._standardised(clips.flatten(0, 1))  # (M * T, 3, H, W)
        return self.model.encode_videos(crops.reshape(clips.shape[0], clips.shape[1], *crops.shape[1:])).float()

    def compare(self, queries: Tensor, videos: Tensor) -> Tensor:
        """Feature maps of stills (N, P, C) and of videos (M, T, P, C) to logits (N, M)."""
        stills, gallery = self.model.queries(queries.to(self.dtype)), self.model.galleries(videos.to(self.dtype))
        if self.model.config.head == "attention":
            joined = self._attend(stills, gallery)
        else:
            joined = self.model.join(stills, gallery)
        return self.model.classify(joined.float())

    def _attend(self, stills: QueryEncoding, videos: GalleryEncoding) -> Tensor:
        """``Read.join`` (N, M, d_F) without ``len``, in which a tracer would see a fixed number."""
        model, m, n = self.model, videos.phi.shape[0], stills.own.shape[0]
        attention = model.attention(stills, videos).flatten(1, 2)  # (M, N * P, T * P)
        attended = (attention @ videos.phi).reshape(m, n, -1)  # (M, N, P * c)
        weights = model.fc1_weights()
        joined = nn.functional.linear(attended, weights["attended"]) + stills.own  # (M, N, d_F)
        if model.config.join == "compare":
            joined = joined + nn.functional.linear((attended - stills.phi).abs(), weights["difference"])
            joined = joined + nn.functional.linear(attended * stills.phi, weights["product"])
        return model.with_cosine(joined.transpose(0, 1), stills, videos)

    def _standardised(self, pixels: Tensor) -> Tensor:
        """Crops as the encoders want them (B, 3, H, W)."""
        return standardise(pixels, self.model.config.channel_order).to(self.dtype)


def write_onnx(
    path: Path, model: Read, provenance: dict[str, Any], half: bool = False, source: str | None = None
) -> list[Path]:
    """Write the head to ``path``, the encoder beside it, and that of clips where the network has one.

    ``source`` is the SHA-256 of the weights' file, by which the files are known to be of these weights.

    Returns:
        The files, the head last.

    Raises:
        InputError: the package onnx is missing, or a file cannot be written.
    """
    try:
        import onnx
    except ImportError as error:
        raise InputError("writing ONNX needs another package: pip install onnx") from error
    traceable, written = Traceable(model, half), []
    about = _about(model, provenance, half, source)
    legacy: dict[str, Any] = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    for function, (part, output, inputs) in _functions(traceable).items():
        file = part_of(path, part) if part else path
        with replacing(file) as partial_file, _quiet():
            torch.onnx.export(
                _Function(traceable, function),
                tuple(inputs.values()),
                str(partial_file),
                input_names=list(inputs),
                output_names=[output],
                dynamic_axes={name: AXES[name] for name in (*inputs, output)},
                opset_version=OPSET,
                **legacy,
            )
            graph = onnx.load(str(partial_file))
            _drop_vanished(graph)
            graph.metadata_props.add(key=KEY, value=about)
            onnx.save(graph, str(partial_file))
        written.append(file)
    return written


def _drop_vanished(graph: Any) -> None:
    """Set an ONNX graph's weights to zero where they vanished as BatchNorm was folded into them."""
    from onnx import TensorProto, numpy_helper

    for tensor in graph.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            values = numpy_helper.to_array(tensor)
            kept = np.where(np.abs(values) < VANISHED, np.float32(0), values)
            tensor.CopyFrom(numpy_helper.from_array(kept, tensor.name))


def write_torchscript(path: Path, model: Read, provenance: dict[str, Any], half: bool = False) -> list[Path]:
    """Write one file with the methods ``encode``, ``compare`` and, of a network with a video net, ``encode_clips``.

    Raises:
        InputError: the file cannot be written.
    """
    traceable = Traceable(model, half)
    examples = {name: tuple(inputs.values()) for name, (_, _, inputs) in _functions(traceable).items()}
    with replacing(path, RuntimeError) as partial_file, _quiet():
        traced = torch.jit.trace_module(traceable, examples)
        torch.jit.save(traced, str(partial_file), _extra_files={KEY: _about(model, provenance, half)})
    return [path]


def run_torchscript(path: Path, queries: Tensor, clips: Tensor) -> Tensor:
    """Logits (N, M) of a written TorchScript file for RGB uint8 stills (N, H, W, 3) and clips (M, T, H, W, 3)."""
    with _quiet():
        network = torch.jit.load(str(path), map_location="cpu")
    if hasattr(network, "encode_clips"):
        videos = network.encode_clips(clips)
    else:
        videos = network.encode(clips.flatten(0, 1)).unflatten(0, clips.shape[:2])
    logits: Tensor = network.compare(network.encode(queries), videos)
    return logits


class _Function(nn.Module):
    """One method of a traceable network as a module of its own."""

    def __init__(self, network: Traceable, name: str) -> None:
        super().__init__()
        self.network, self.name = network, name
        self.eval()

    def forward(self, *inputs: Tensor) -> Tensor:
        """What the method does."""
        answer: Tensor = getattr(self.network, self.name)(*inputs)
        return answer


def _functions(network: Traceable) -> dict[str, tuple[str, str, dict[str, Tensor]]]:
    """Of each method that the network has: the part that it is, its output, and inputs to trace it with."""
    config, generator = network.model.config, torch.Generator().manual_seed(0)
    crop, maps = (config.height, config.width, 3), (config.positions, config.channels)
    random = partial(torch.randint, 0, 256, generator=generator, dtype=torch.uint8)
    clips = {"clips": random((3, config.clip_length, *crop))}
    pair = {"queries": torch.randn(2, *maps), "videos": torch.randn(3, config.clip_length, *maps)}
    own = {} if config.shared_encoder else {"encode_clips": ("clips", "clip_features", clips)}
    return {
        "encode": ("encoder", "features", {"pixels": random((2, *crop))}),
        **own,
        "compare": ("", "logits", pair),
    }


def _about(model: Read, provenance: dict[str, Any], half: bool, source: str | None = None) -> str:
    """What every file says about the network: configuration, provenance, precision, and which weights they are."""
    facts = {"config": asdict(model.config), "provenance": provenance, "weights_sha256": weights_digest(model)}
    of_file = {} if source is None else {"source_sha256": source}
    return json.dumps({**facts, **of_file, "precision": "fp16" if half else "fp32"}, sort_keys=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the tracers' warnings: what they fear is tested, and what is to replace them needs more packages."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
