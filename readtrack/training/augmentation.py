"""What happens to the pixels of a clip before the network learns from it. All randomness comes from one generator."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from readtrack.images import Image
from readtrack.training.config import TrainConfig


@dataclass(frozen=True)
class Camera:
    """How a camera and the light of its place show colours. Whoever is compared has been seen by one camera."""

    saturation: float  # 0 is grey, 1 as it was
    curves: NDArray[np.uint8]  # (256, 1, 3), what each level of red, green and blue becomes

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Camera | None":
        """Some camera; None, in two cases of five, is the one that took the images."""
        if rng.random() < 0.4:
            return None
        gamma, contrast = np.exp(rng.normal(0, 0.3)), np.exp(rng.normal(0, 0.25))
        tint, middle = np.exp(rng.normal(0, 0.08, 3)), rng.uniform(0.35, 0.55)
        levels = (np.linspace(0, 1, 256)[:, None] ** gamma - middle) * contrast + middle
        curves = np.clip(255 * levels * tint, 0, 255).astype(np.uint8)[:, None]
        return cls(float(rng.choice([rng.uniform(0.3, 1.3), 0.0], p=[0.9, 0.1])), curves)

    def show(self, image: Image) -> Image:
        """An RGB image as this camera would have taken it."""
        grey = np.array([[0.299, 0.587, 0.114]])
        mixed = cv2.transform(image, self.saturation * np.eye(3) + (1 - self.saturation) * grey.repeat(3, axis=0))
        return np.asarray(cv2.LUT(mixed, self.curves), dtype=np.uint8)


def augment(
    images: Sequence[Image],
    config: TrainConfig,
    rng: np.random.Generator,
    occluder: Callable[[], Image],
    camera: Camera | None = None,
) -> NDArray[np.uint8]:
    """Images (H, W, 3) of a clip to the clip (T, H, W, 3), changed as the recipe says.

    Args:
        images: RGB, of one size; left as they are.
        config: ``augmentation``, ``flip``, ``pad`` and ``erase`` count.
        rng: where chance comes from.
        occluder: gives some crop of somebody, to stand in the way ("street", "world").
        camera: that everything in the batch is to be seen by.
    """
    if config.augmentation in ("street", "world"):
        clip = np.stack([street(image, rng, occluder) for image in images])
        return clip if camera is None else np.stack([camera.show(image) for image in clip])
    clip = np.stack(images)
    if rng.random() < config.flip:
        clip = clip[:, :, ::-1]
    if config.augmentation == "reid":
        clip = pad_and_crop(clip, config.pad, rng)
        for image in clip:
            if rng.random() < config.erase:
                erase(image, rng)
    return np.ascontiguousarray(clip)


def pad_and_crop(clip: NDArray[np.uint8], pad: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A new clip (T, H, W, 3) shifted by up to ``pad`` pixels, black where nothing was; all images alike."""
    height, width = clip.shape[1:3]
    padded = np.pad(clip, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    top, left = rng.integers(0, 2 * pad + 1, 2)
    shifted: NDArray[np.uint8] = padded[:, top : top + height, left : left + width].copy()
    return shifted


def erase(image: Image, rng: np.random.Generator) -> None:
    """Random erasing (Zhong et al., AAAI 2020) in place: noise over 2-40 % of the image, sides 1:3.3 to 3.3:1."""
    height, width = image.shape[:2]
    for _ in range(100):  # a rectangle that does not fit is drawn again
        area, aspect = rng.uniform(0.02, 0.4) * height * width, np.exp(rng.uniform(-np.log(3.3), np.log(3.3)))
        h, w = round(np.sqrt(area * aspect)), round(np.sqrt(area / aspect))
        if 0 < h < height and 0 < w < width:
            top, left = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
            image[top : top + h, left : left + w] = rng.integers(0, 256, (h, w, 3))
            return


def street(image: Image, rng: np.random.Generator, occluder: Callable[[], Image]) -> Image:
    """What detectors, cameras and crowds do to a crop: flips, badly cut boxes, light, blur, people in front."""
    height, width = image.shape[:2]
    out: Any = image[:, ::-1] if rng.random() < 0.5 else image
    if rng.random() < 0.8:  # a badly cut box
        scale_x, scale_y = np.exp(rng.normal(0, 0.1, 2))
        shift_x, shift_y = rng.normal(0, 0.06, 2) * (width, height)
        matrix = np.array(
            [
                [scale_x, 0, (1 - scale_x) * width / 2 + shift_x],
                [0, scale_y, (1 - scale_y) * height / 2 + shift_y],
            ]
        )
        out = cv2.warpAffine(out, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < 0.25:  # small in the image, or out of focus
        small = (int(width * rng.uniform(0.3, 0.8)), int(height * rng.uniform(0.3, 0.8)))
        out = cv2.resize(cv2.resize(out, small, interpolation=cv2.INTER_AREA), (width, height))
    if rng.random() < 0.6:  # light and colour
        gain = rng.normal(1, 0.15) * rng.normal(1, 0.05, 3)
        out = np.clip(out * gain + rng.normal(0, 8), 0, 255)
    answer = np.array(out, dtype=np.uint8)
    if rng.random() < 0.4:  # somebody or something in front
        _cover(answer, rng, occluder)
    return answer


def _cover(image: Image, rng: np.random.Generator, occluder: Callable[[], Image]) -> None:
    """Cover up to half of a crop in place, with a piece of another crop or with one colour."""
    height, width = image.shape[:2]
    h, w = int(height * rng.uniform(0.2, 0.7)), int(width * rng.uniform(0.2, 0.6))
    top, left = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
    if rng.random() < 0.5:
        left = 0 if rng.random() < 0.5 else width - w  # people walk in from the side
        image[top : top + h, left : left + w] = occluder()[top : top + h, width - w - left : width - left]
    else:
        image[top : top + h, left : left + w] = rng.integers(0, 256, 3)
