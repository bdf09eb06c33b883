"""Images and boxes to the network's input. Size, colour order, mean and standard deviation live here only."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from readtrack import boxes

if TYPE_CHECKING:
    import torch

Image = NDArray[np.uint8]

MEAN = (0.485, 0.456, 0.406)  # of ImageNet, RGB in [0, 1]
STD = (0.229, 0.224, 0.225)


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
        crops.append(fit(image[top:bottom, left:right, ::-1], height, width))
    return crops


def fit(crop: Image, height: int, width: int) -> Image:
    """Stretch a crop (h, w, 3) of any size to (height, width, 3), averaging when it shrinks."""
    if crop.shape[:2] == (height, width):
        return np.ascontiguousarray(crop)
    shrinks = crop.shape[0] > height or crop.shape[1] > width
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(crop), (width, height), interpolation=way), dtype=np.uint8)


def normalise(
    crops: Sequence[Image] | Image, device: "torch.device | str" = "cpu", order: str = "rgb"
) -> "torch.Tensor":
    """RGB uint8 crops (B, H, W, 3) to the network's float input (B, 3, H, W).

    For ``order`` "bgr" the channels are swapped, while mean and standard deviation stay in their places: the authors'
    released weights were trained that way.
    """
    import torch

    pixels = torch.from_numpy(np.stack(list(crops))).to(device).permute(0, 3, 1, 2)  # (B, 3, H, W)
    if order == "bgr":
        pixels = pixels.flip(1)
    mean = torch.tensor(MEAN, device=device).view(3, 1, 1)
    std = torch.tensor(STD, device=device).view(3, 1, 1)
    return (pixels.float() / 255 - mean) / std
