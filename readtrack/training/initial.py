"""Where a network's weights come from before its first step."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from readtrack.errors import InputError, first_line
from readtrack.read.checkpoint import load_checkpoint
from readtrack.read.model import Read
from readtrack.read.openvino import fill_osnet
from readtrack.read.osnet import OsNet


def initialise(model: Read, source: str) -> str:
    """Give a network its first weights, in place; says what was done.

    Args:
        model: both its encoders get the same weights; what else it has stays random.
        source: "imagenet" (torchvision's IMAGENET1K_V1, downloaded), "random", a file with the tensors of torchvision's
            backbone (of MobileNetV2, under whatever names in its order), a .safetensors of this program, whose whole
            network is taken over (of another backbone that is cut from the same network only the layers that both
            encoders have), or for the backbone "osnet" the .xml of OpenVINO's 0277 with its .bin beside it.

    Raises:
        InputError: the weights cannot be had, or do not fit.
    """
    if source == "random":
        return "random"
    if source.endswith(".safetensors"):
        return _take_over(model, source)
    if source.endswith(".xml"):
        if not isinstance(model.encoder, OsNet):
            raise InputError(f"{source}: is of the backbone osnet, not {model.config.backbone}", "init")
        fill_osnet(model.encoder, Path(source))
        return Path(source).stem
    given = _imagenet(model.config.backbone) if source == "imagenet" else _read(source)
    encoders = [model.encoder] if model.config.shared_encoder else [model.encoder, model.video_encoder]
    for encoder in encoders:
        if model.config.backbone.startswith("mobilenet_v2"):
            _fill_by_order(encoder, given, source)
        else:
            _fill_by_name(encoder, given, source)
    return "ImageNet"


def _imagenet(backbone: str) -> dict[str, Tensor]:
    from torchvision.models import MobileNet_V2_Weights, ResNet50_Weights

    mobile = backbone.startswith("mobilenet_v2")
    weights = MobileNet_V2_Weights.IMAGENET1K_V1 if mobile else ResNet50_Weights.IMAGENET1K_V1
    try:
        return dict(weights.get_state_dict(progress=True))
    except (OSError, RuntimeError) as error:  # no way out, or a file cut short
        problem = f"ImageNet weights cannot be downloaded ({error})"
        raise InputError(f"{problem}: fetch {weights.url} elsewhere and pass the file", "init") from error


def _read(source: str) -> dict[str, Any]:
    if not Path(source).is_file():
        raise InputError(f"{source}: no such file; give one, or 'imagenet' (a download), or 'random'", "init")
    try:
        given = torch.load(source, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged pickle or archive leads to
        raise InputError(f"{source}: not a file of tensors ({first_line(error)})", "init") from error
    if not isinstance(given, dict) or not all(isinstance(value, Tensor) for value in given.values()):
        raise InputError(f"{source}: holds no dictionary of tensors; save a network's state_dict()", "init")
    return given


def _fill_by_order(encoder: nn.Module, given: dict[str, Tensor], source: str) -> None:
    # Copies of MobileNetV2 differ in whether they store BatchNorm's batch counter, which inference does not use.
    wanted, values = (
        {name: value for name, value in tensors.items() if not name.endswith("num_batches_tracked")}
        for tensors in (encoder.state_dict(), given)
    )
    _fill(encoder, dict(zip(wanted, values.values(), strict=False)), list(wanted), source)


def _fill_by_name(encoder: nn.Module, given: dict[str, Tensor], source: str) -> None:
    """Layers of ``given`` that the encoder lacks are left out; its non-local blocks stay the identity."""
    names = [name for name in encoder.state_dict() if not name.startswith("non_local")]
    wanted = [name for name in names if not name.endswith("num_batches_tracked")]
    _fill(encoder, given, wanted, source)


def _fill(encoder: nn.Module, given: dict[str, Tensor], wanted: list[str], source: str) -> None:
    state = encoder.state_dict()
    for name in wanted:
        if name not in given:
            raise InputError(f"{source}: has no {name}: it is of another network than the encoder", "init")
        value, shape = given[name], state[name].shape
        if value.shape != shape:
            raise InputError(f"{source}: {name} should be {tuple(shape)}, is {tuple(value.shape)}", "init")
        if value.is_floating_point() and not value.isfinite().all():
            raise InputError(f"{source}: {name} holds numbers that are not finite", "init")
        state[name] = value
    encoder.load_state_dict(state)


def _take_over(model: Read, source: str) -> str:
    """All weights of a checkpoint of the same network; of its encoder, where it is one cut elsewhere."""
    other, _ = load_checkpoint(source)
    backbones = other.config.backbone, model.config.backbone
    if len(set(backbones)) == 2 and all(name.startswith("mobilenet_v2") for name in backbones):
        given = other.encoder.state_dict()
        _fill(model.encoder, given, [name for name in model.encoder.state_dict() if name in given], source)
        return f"the encoder of {source}"
    theirs, ours = (asdict(replace(network.config.uncalibrated, clip_length=1)) for network in (other, model))
    unlike = [f"{name} {theirs[name]} instead of {ours[name]}" for name in ours if theirs[name] != ours[name]]
    if unlike:
        raise InputError(f"{source}: of another network: {', '.join(unlike)}", "init")
    model.load_state_dict(other.state_dict())
    return source
