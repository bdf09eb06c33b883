"""The authors' released checkpoint as this package's network: other names, another order of fc1's columns; strict."""

import functools
import hashlib
import io
import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from readtrack.errors import InputError
from readtrack.files import check_apart
from readtrack.read.checkpoint import load_checkpoint, save_checkpoint
from readtrack.read.config import READ_R50, ReadConfig
from readtrack.read.model import Read

RELEASED = replace(  # the authors' network where it differs from the paper's
    READ_R50,
    join="demo",
    classes=2,
    video_stem_relu=False,
    feature_after_relu=True,
    channel_order="bgr",
    memory_layout="demo",
)
TERMS = "converted from the authors' release; their terms apply (non-commercial)"
PARTS = ("memory_encoder", "memory_network")  # the file's dictionaries of tensors
RENAMED = (  # how our names begin, and theirs: dictionary/name in it; the first that fits counts
    ("encoder.layer1.", "memory_network/query_encoder.res2."),
    ("encoder.layer2.", "memory_network/query_encoder.res3."),
    ("encoder.layer3.", "memory_network/query_encoder.res4."),
    ("encoder.", "memory_network/query_encoder."),
    ("theta_query.", "memory_network/query_encoder.bottleneck_key."),
    ("phi_query.", "memory_network/query_encoder.bottleneck_value."),
    ("fc1.", "memory_network/feature_layer.fc."),
    ("fc2.", "memory_network/classifier.fc."),
    ("video_encoder.non_local2.", "memory_encoder/memory_encoder.features.backbone.NL_2."),
    ("video_encoder.non_local3.", "memory_encoder/memory_encoder.features.backbone.NL_3."),
    ("video_encoder.", "memory_encoder/memory_encoder.features.backbone."),
    ("theta_gallery.", "memory_encoder/memory_encoder.bottleneck_key."),
    ("phi_gallery.", "memory_encoder/memory_encoder.bottleneck_value."),
)
COUNTER = "num_batches_tracked"  # a BatchNorm's, in some files and not in others: inference does not use it


def convert_released(
    path: Path, *, height: int = 256, width: int = 128, clip_length: int = 4
) -> tuple[Read, dict[str, Any]]:
    """The network of the authors' released ``.tar`` in evaluation mode on the CPU, and its provenance.

    Every tensor of the file is used and none is made up. The pickle is read without running anything in it.

    Args:
        path: a pickled dict with ``memory_encoder``, ``memory_network``, ``epoch`` and ``iter``; what else is in it
            is left out and named in the provenance.
        height: of the crops that the network was trained on, pixels; the file does not say.
        width: the same.
        clip_length: T, images of a tracklet that are compared at once; the file does not say.

    Raises:
        InputError: no such file, another kind of file, or tensors that are unknown, missing, of another shape or not
            finite.
    """
    content, provenance = _read(path)
    given = _tensors(path, content)
    theirs = _names()
    missing, unknown = theirs.values() - given.keys(), given.keys() - theirs.values()
    if missing or unknown:
        wrong = [f"{what} {_some(names)}" for what, names in (("lacks", missing), ("unknown", unknown)) if names]
        raise InputError(f"{path}: not the tensors of the authors' READ: {'; '.join(wrong)}")
    try:
        model = _empty(_config(given, height, width, clip_length))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    state = model.state_dict()
    for name, value in state.items():
        state[name] = torch.zeros(()) if name.endswith(COUNTER) else _fit(path, theirs[name], given, value.shape)
    state["fc1.weight"] = _position_major(state["fc1.weight"], model.config)
    model.to_empty(device="cpu").load_state_dict(state)
    return model.eval(), provenance


def released_name(name: str) -> str:
    """Which of the release's dictionaries holds one of our tensors, and under which name: ``dictionary/name``."""
    ours, theirs = next(pair for pair in RENAMED if name.startswith(pair[0]))
    rest = name.removeprefix(ours)
    if ".NL_" in theirs:
        rest = rest.replace(".out.", ".W.0.").replace(".bn.", ".W.1.")
    return theirs + rest


@functools.cache
def _names() -> dict[str, str]:
    """Our names and what the release calls the same; they do not depend on the sizes."""
    return {name: released_name(name) for name in _empty(RELEASED).state_dict() if not name.endswith(COUNTER)}


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The unpickled dict, its entries checked, and where it comes from."""
    try:
        source = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give the authors' .tar") from error
    try:
        content = torch.load(io.BytesIO(source), map_location="cpu", weights_only=True)
    except Exception as error:  # a file of another kind can raise anything
        objects = re.search(r"GLOBAL (\S+)", str(error))
        reason = f"it holds {objects[1]}, and only tensors and numbers are safe to load" if objects else "unreadable"
        raise InputError(f"{path}: not a PyTorch checkpoint of the authors' READ: {reason}") from error
    needed = [*PARTS, "epoch", "iter"]
    if not isinstance(content, dict) or not set(needed) <= content.keys():
        raise InputError(f"{path}: not the authors' READ: a dict with {', '.join(needed)} was expected")
    kinds = [(part, dict, "a dict of tensors") for part in PARTS] + [(x, int, "a whole number") for x in needed[2:]]
    for entry, kind, what in kinds:
        if not isinstance(content[entry], kind):
            raise InputError(f"{path}: its {entry} should be {what}, is of type {type(content[entry]).__name__}")
    return content, {
        "source": path.name,
        "source_sha256": hashlib.sha256(source).hexdigest(),
        "epoch": content["epoch"],
        "iter": content["iter"],
        "channel_order": RELEASED.channel_order,
        "left_out": sorted(map(str, content.keys() - set(needed))),
        "terms": TERMS,
    }


def _tensors(path: Path, content: dict[str, Any]) -> dict[str, Tensor]:
    """Both dictionaries in one, as ``dictionary/name``, without ``module.`` and BatchNorm's counters."""
    given: dict[str, Tensor] = {}
    for part in PARTS:
        for name, value in content[part].items():
            known_as = f"{part}/{str(name).removeprefix('module.')}"
            if known_as.endswith(COUNTER):
                continue
            if known_as in given:
                raise InputError(f"{path}: holds {known_as} twice, with and without 'module.'")
            if not (isinstance(value, Tensor) and value.is_floating_point() and value.layout == torch.strided):
                raise InputError(f"{path}: {known_as} should be a dense tensor of floating-point numbers, is not")
            given[known_as] = value
    return given


def _config(given: dict[str, Tensor], height: int, width: int, clip_length: int) -> ReadConfig:
    """The configuration that the tensors' shapes tell, and what they do not tell."""

    def size(ours: str) -> tuple[int, int]:
        rows, columns, *_ = (*given[released_name(ours)].shape, 1, 1)
        return rows, columns

    config = replace(
        RELEASED,
        height=height,
        width=width,
        clip_length=clip_length,
        theta_dim=size("theta_query.weight")[0],
        phi_dim=size("phi_query.weight")[0],
        feature_dim=size("fc1.weight")[0],
    )
    columns, wanted = size("fc1.weight")[1], 2 * config.phi_dim * config.positions
    if columns != wanted:
        raise InputError(f"fc1 sees {columns} numbers, crops of {height}x{width} pixels make {wanted}: another size?")
    return config


def _fit(path: Path, name: str, given: dict[str, Tensor], shape: torch.Size) -> Tensor:
    """One tensor in our shape: where we have a matrix theirs may be a convolution's kernel, one position large."""
    value = given[name].float()
    if len(shape) == 2 and set(value.shape[2:]) <= {1}:
        value = value.flatten(1)
    if value.shape != shape:
        raise InputError(f"{path}: {name} should be {tuple(shape)}, is {tuple(given[name].shape)}")
    if not value.isfinite().all():
        raise InputError(f"{path}: {name} holds values that are not finite; get the file again")
    return value


def _position_major(weight: Tensor, config: ReadConfig) -> Tensor:
    """fc1's columns, theirs (channel, position) in each joined map, as ours (position, channel)."""
    maps: Tensor = weight.unflatten(1, (-1, config.phi_dim, config.positions))  # (d_F, maps, c, P)
    return maps.transpose(2, 3).flatten(1)  # (d_F, maps * P * c)


def _empty(config: ReadConfig) -> Read:
    """A network without numbers, for names and shapes."""
    with torch.device("meta"):
        return Read(config)


def _some(names: Collection[str]) -> str:
    """The first few names, and how many there are."""
    first, count = sorted(names)[:3], len(names)
    return ", ".join(first) + (f", ... ({count} in all)" if count > len(first) else "")


def convert(
    source: Path, out: Path, trained_on: str, overwrite: bool, height: int, width: int, clip_length: int
) -> tuple[Read, dict[str, Any]]:
    """Write the authors' network as one safetensors file and make sure that it answers as it should.

    Args:
        source: the authors' .tar.
        out: the safetensors file to write.
        trained_on: data set, for the provenance.
        overwrite: replace ``out`` where it exists.
        height: of the crops that it was trained on, pixels.
        width: the same.
        clip_length: T, images of a tracklet that are compared at once.

    Returns:
        The network and the provenance that went into the file.

    Raises:
        InputError: a source that cannot be used, or an ``out`` that is taken or cannot be written.
    """
    if out.exists() and not overwrite:
        raise InputError(f"{out}: exists; write another, or overwrite it", "overwrite")
    check_apart([out], [source])
    model, provenance = convert_released(source, height=height, width=width, clip_length=clip_length)
    provenance["data"] = trained_on
    wanted = _answer(model)
    if not wanted.isfinite().all():
        raise InputError(f"{source}: the network's answers are not finite; get the file again")
    save_checkpoint(out, model, provenance)
    found = _answer(load_checkpoint(out)[0])
    if not torch.allclose(found, wanted, atol=1e-5):
        raise InputError(f"{out}: answers {found.item()} where it should {wanted.item()}; do not use it")
    return model, provenance


def _answer(model: Read) -> Tensor:
    """The logit of one random crop with one random clip, always the same."""
    config, generator = model.config, torch.Generator().manual_seed(0)
    crops = torch.randn(1 + config.clip_length, 3, config.height, config.width, generator=generator)
    with torch.inference_mode():
        logit: Tensor = model(crops[:1], crops[None, 1:])
    return logit
