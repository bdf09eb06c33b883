"""Images and boxes to the network's input. Size, colour order, mean and standard deviation live here only."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.errors import InputError, given
from readtrack.images import Image, check_image, read_image, resize
from readtrack.read.config import ReadConfig

if TYPE_CHECKING:
    import torch


MEAN = (0.485, 0.456, 0.406)  # of ImageNet, RGB in [0, 1]
STD = (0.229, 0.224, 0.225)


@dataclass(eq=False)
class Crop:
    """A box's pixels, and what the network made of them once it was asked. Means nothing to anyone but the matcher."""

    pixels: Image | None  # RGB (H, W, 3); dropped once encoded, unless a video net will want them too
    features: Any = None  # (P, C), of the encoder of stills, in an array of the network's own kind


Shown: TypeAlias = Crop | Image | str | Path | None  # a person: a crop, a BGR image, its file, None for nothing
Source: TypeAlias = Sequence[Shown] | NDArray[Any] | sv.Detections | str | Path  # several, or one that stands alone


def as_crops(source: Source, config: ReadConfig, whose: str = "", first: int = 0) -> list[Crop | None]:
    """Crops of what people may be given as, one each, in order; what is a crop or None already stays as it is.

    Args:
        source: crops, BGR uint8 images (h, w, 3) of any size, paths of image files, in any mixture; one image or path
            that stands alone; or detections that went through ``Matcher.describe``.
        config: says to which size images are stretched.
        whose: begins the message of an error, such as "tracklet 3, ".
        first: the number of the first one in it.

    Raises:
        InputError: an image is empty or no BGR uint8, a file cannot be read, or detections have no crops.
    """
    return [
        shown if shown is None or isinstance(shown, Crop) else as_crop(shown, config, f"{whose}image {i}")
        for i, shown in enumerate(listed(source), first)
    ]


def as_crop(shown: Image | str | Path, config: ReadConfig, name: str) -> Crop:
    """The crop of an image or file; ``name`` is what an error calls an image."""
    if isinstance(shown, str | Path):
        shown = read_image(shown)
    check_image(shown, name)
    if not shown.size:
        raise InputError(f"{name}: empty, of shape {shown.shape}; leave it out or give None")
    return Crop(resize(shown[..., ::-1], config.height, config.width))


def clip_of(gallery: Source, config: ReadConfig, name: str) -> list[Crop]:
    """The T crops of a tracklet that count: the middle of each of its equal parts; no others are read.

    Args:
        gallery: what ``as_crops`` takes; what shows nothing is passed over.
        config: says T, and to which size images are stretched.
        name: what an error calls the tracklet.

    Raises:
        InputError: as ``as_crops``, or nothing is shown.
    """
    images = listed(gallery)
    clip = [images[i] for i in spread_positions(len(images), config.clip_length)]
    if clip and all(isinstance(shown, Crop) for shown in clip):
        return clip  # type: ignore[return-value]
    positions = [i for i, shown in enumerate(images) if shown is not None]
    if not positions:
        raise InputError(f"{name} has no crops: a tracklet without crops cannot be compared")
    chosen = [positions[i] for i in spread_positions(len(positions), config.clip_length)]
    crops = {i: as_crops([images[i]], config, f"{name}, ", i)[0] for i in dict.fromkeys(chosen)}
    return [crop for i in chosen if (crop := crops[i]) is not None]


def check_tracklets(galleries: Any) -> None:
    """Raise InputError where one tracklet or crop was given instead of several tracklets."""
    if not hasattr(galleries, "__len__") or isinstance(galleries, sv.Detections | str | Path | Crop):
        raise InputError(f"tracklets given as {given(galleries)}: give a list of them, such as [crops]")


def spread_positions(count: int, length: int) -> list[int]:
    """``length`` of ``count`` positions at equal steps, none of none."""
    return [int((i + 0.5) * count / length) for i in range(length)] if count else []


def listed(source: Source) -> Sequence[Shown]:
    """People in a sequence, whatever they came in. Raises InputError for detections without crops."""
    if isinstance(source, sv.Detections):
        if "crop" not in source.data:
            raise InputError("detections without crops: give what Matcher.describe(image, detections) returned")
        return list(source.data["crop"])
    if source is None:
        raise InputError("None: give crops, images or files; an empty list where there are none")
    if isinstance(source, Crop | str | Path) or (isinstance(source, np.ndarray) and source.ndim == 3):
        return [source]
    if not hasattr(source, "__len__"):
        raise InputError(f"crops given as {given(source)}: expected crops, images or files in a list")
    return source  # type: ignore[return-value]  # an array of images or of crops serves as a sequence


def cut(image: Image, xyxy: NDArray[np.float64], height: int, width: int) -> list[Image | None]:
    """Cut boxes (N, 4) out of a BGR image and bring them to one size.

    Boxes are clipped to the image. A box that is not finite or keeps less than two pixels either way gives None.

    Returns:
        One RGB uint8 array (height, width, 3) or None per box, in order.
    """
    rows, columns = image.shape[:2]
    usable = boxes.usable(xyxy, columns, rows, smallest=2)
    crops: list[Image | None] = []
    for box, good in zip(boxes.clip(np.nan_to_num(xyxy), columns, rows), usable, strict=True):
        if not good:
            crops.append(None)
            continue
        left, top = np.floor(box[:2]).astype(int)
        right, bottom = np.ceil(box[2:]).astype(int)
        crops.append(resize(image[top:bottom, left:right, ::-1], height, width))
    return crops


def cut_out(image: Image, xyxy: NDArray[Any], config: ReadConfig) -> list[Crop | None]:
    """``cut`` as crops.

    Raises:
        InputError: the image is not uint8 (H, W, 3), of any size and maybe empty, or the boxes are not (N, 4).
    """
    check_image(image)
    pixels = cut(image, boxes.as_boxes(xyxy), config.height, config.width)
    return [None if crop is None else Crop(crop) for crop in pixels]


def normalise(
    crops: Sequence[Image] | Image, device: "torch.device | str" = "cpu", order: str = "rgb"
) -> "torch.Tensor":
    """RGB uint8 crops (B, H, W, 3) to the network's float input (B, 3, H, W).

    For ``order`` "bgr" the channels are swapped, while mean and standard deviation stay in their places: the authors'
    released weights were trained that way.
    """
    import torch

    return standardise(torch.from_numpy(np.stack(list(crops))).to(device), order)


def standardise(pixels: "torch.Tensor", order: str) -> "torch.Tensor":
    """The same of a uint8 tensor (B, H, W, 3), where it is."""
    import torch

    pixels = pixels.permute(0, 3, 1, 2)  # (B, 3, H, W)
    if order == "bgr":
        pixels = pixels.flip(1)
    mean = torch.tensor(MEAN, device=pixels.device).view(3, 1, 1)
    std = torch.tensor(STD, device=pixels.device).view(3, 1, 1)
    return (pixels.float() / 255 - mean) / std
