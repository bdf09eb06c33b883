"""Weights of OpenVINO's person-reidentification-retail-0277 (Apache-2.0) for ``OsNet``, read without OpenVINO."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from readtrack.errors import InputError
from readtrack.read.osnet import Block, Context, OsNet, Squeeze

KINDS = {"f16": np.float16, "f32": np.float32, "i32": np.int32, "i64": np.int64}
WITH_WEIGHTS = ("Convolution", "GroupConvolution", "Add", "Multiply", "MatMul", "PReLU", "Subtract")
SCALE = 0.25  # of the vector, whose length means nothing: brings the numbers of a place near 1/2


def fill_osnet(encoder: OsNet, path: Path) -> None:
    """Give an encoder the weights of 0277's ``.xml`` and the ``.bin`` beside it, in place.

    The image's mean and deviation are left out, as the network normalises each image by itself, and so is the last
    PReLU, whose slope is 0.99.

    Raises:
        InputError: the files cannot be read or are of another network.
    """
    try:
        constants = _constants(path)
        _fill(encoder, iter(constants))
    except (OSError, ElementTree.ParseError, KeyError, ValueError, StopIteration, RuntimeError) as error:
        raise InputError(
            f"{path}: not person-reidentification-retail-0277 with its .bin beside it ({error})"
        ) from error


def _constants(path: Path) -> list[tuple[str, Tensor]]:
    """Kind and constant of every layer that has one, in the order of the graph; shared ones once."""
    layers, blob = ElementTree.parse(path).getroot(), path.with_suffix(".bin").read_bytes()
    by_id = {int(layer.attrib["id"]): layer for layer in layers.iterfind("layers/layer")}
    feeds: dict[tuple[int, int], int] = {
        (int(edge.attrib["to-layer"]), int(edge.attrib["to-port"])): int(edge.attrib["from-layer"])
        for edge in layers.iterfind("edges/edge")
    }

    def constant(layer: int) -> NDArray[Any] | None:
        kind = by_id[layer].attrib["type"]
        if kind == "Convert":  # from half precision
            return constant(feeds[layer, 0])
        if kind != "Const":
            return None
        data = by_id[layer].find("data")
        assert data is not None
        start, size, shape = int(data.attrib["offset"]), int(data.attrib["size"]), data.attrib.get("shape", "")
        numbers = np.frombuffer(blob[start : start + size], KINDS[data.attrib["element_type"]])
        return numbers.reshape([int(side) for side in shape.split(",") if side.strip()])

    found, seen = [], set()
    for number in sorted(by_id):
        kind, source = by_id[number].attrib["type"], feeds.get((number, 1))
        if kind not in WITH_WEIGHTS or source is None or source in seen:
            continue
        values = constant(source)
        if values is not None:
            seen.add(source)
            found.append((kind, torch.from_numpy(values.astype(np.float32))))
    return found


class _Filler:
    """Hands constants to parameters, in order."""

    def __init__(self, constants: Iterator[tuple[str, Tensor]]) -> None:
        self.constants = constants

    def take(self, kind: str) -> Tensor:
        """The next constant, of a layer of this kind."""
        found, values = next(self.constants)
        if found != kind:
            raise ValueError(f"a {found} where a {kind} was expected")
        return values

    def give(self, kind: str, parameter: Tensor) -> None:
        """The next constant to a parameter."""
        parameter.copy_(self.take(kind).reshape(parameter.shape))

    def layer(self, layer: nn.Module, kind: str = "Convolution") -> None:
        """The next two constants to a layer's weight and bias."""
        self.give(kind, layer.get_parameter("weight"))
        self.give("Add", layer.get_parameter("bias"))

    def gate(self, gate: Squeeze | Context) -> None:
        """To a gate."""
        if isinstance(gate, Squeeze):
            self.layer(gate.down)
            self.layer(gate.up)
        else:
            self.layer(gate.norm, "Multiply")

    def block(self, block: Block) -> None:
        """To a block."""
        self.layer(block.reduce)
        for number, stream in enumerate(block.streams):
            for light in stream.children():
                self.give("Convolution", light.get_parameter("point.weight"))
                self.layer(light.get_submodule("depth"), "GroupConvolution")
            if number == 0:
                self.gate(block.gate)
            else:  # the same gate again: of its constants only some are written once
                self.take("Add" if isinstance(block.gate, Squeeze) else "Multiply")
                self.take("Add")
        self.layer(block.expand)
        if not isinstance(block.skip, nn.Identity):
            self.layer(block.skip)


@torch.no_grad()
def _fill(encoder: OsNet, constants: Iterator[tuple[str, Tensor]]) -> None:
    filler = _Filler(constants)
    take = filler.take
    take("Subtract")  # the pixels' mean and deviation: the norm that follows undoes them
    take("Multiply")
    filler.layer(encoder.image_norm, "Multiply")
    filler.give("Convolution", encoder.stem.weight)
    filler.layer(encoder.stem_norm, "Multiply")
    for number, block in enumerate(encoder.blocks):
        assert isinstance(block, Block)
        filler.block(block)
        if number in (1, 3):
            filler.layer(encoder.cross[number // 2])
    filler.layer(encoder.last)
    positions, bias = take("GroupConvolution").squeeze(), take("Add").flatten()  # (512, 16, 8), (512,)
    encoder.place_scale.copy_(positions[None] * positions[0].numel())
    matrix, shift = take("MatMul"), take("Add").flatten()  # (256, 512), (256,)
    factor = take("Multiply").flatten() * SCALE
    encoder.vector.weight.copy_((matrix * factor[:, None])[..., None, None])
    assert encoder.vector.bias is not None
    encoder.vector.bias.copy_((matrix @ bias + shift) * factor + take("Add").flatten() * SCALE)
