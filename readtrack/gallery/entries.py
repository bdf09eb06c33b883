"""What is kept of a tracklet, and of what: pictures, features, a vector, a name, times."""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from readtrack.errors import InputError
from readtrack.gallery.store import Entry
from readtrack.gathering import CROPS
from readtrack.images import Image, check_image, read_image, resize
from readtrack.read.crops import Crop, listed, spread_positions
from readtrack.read.matcher import Matcher

if TYPE_CHECKING:
    from readtrack.datasets import Tracklet
    from readtrack.read.crops import Source

HIGHEST = 256  # pixels of a kept picture: as much as any weights look at
QUALITY = 90  # of its JPEG


def check_matcher(matcher: Matcher) -> None:
    """Raise InputError for weights by which nothing can be kept."""
    if not matcher.config.shared_encoder:
        raise InputError("a gallery needs weights with one encoder for stills and clips, such as read-s", "weights")
    if not matcher.digest:
        raise InputError("these weights do not say which they are: export them again, or give their file", "weights")


def shown(source: "Source | Tracklet") -> list[Any]:
    """Those of one person that are looked at: evenly spread, without what shows nothing; nothing is read yet."""
    return some([one for one in listed(getattr(source, "paths", source)) if one is not None])


def some(values: Sequence[Any]) -> list[Any]:
    """At most ``CROPS`` of them, evenly spread."""
    return [values[place] for place in spread_positions(len(values), min(CROPS, len(values)))]


def images_of(source: "Source | Tracklet") -> list[Image]:
    """BGR images of these.

    Raises:
        InputError: one cannot be read, is no image or has no pixels any more, or nobody is shown.
    """
    images = []
    for number, one in enumerate(shown(source)):
        if isinstance(one, Crop):
            if one.pixels is None:
                raise InputError("a crop has no pixels any more: add crops before they are compared, or their images")
            one = np.ascontiguousarray(one.pixels[..., ::-1])
        elif isinstance(one, str | Path):
            one = read_image(one)
        check_image(one, f"image {number}")
        if not one.size:
            raise InputError(f"image {number}: empty, of shape {one.shape}; leave it out")
        images.append(one)
    if not images:
        raise InputError("nobody is shown: give at least one crop")
    return images


def entry_of(
    matcher: Matcher, images: Sequence[Image], source: str, seen: tuple[float, float] | None, track: int | None = None
) -> Entry:
    """What is kept of a tracklet that was seen there and then; None is now.

    Raises:
        InputError: the source is empty, or the times are not in order.
    """
    if not str(source).strip():
        raise InputError("the source is empty: say where the person was seen", "source")
    found = encoded(matcher, images, [jpeg_of(image) for image in images], source, times_of(seen))
    return replace(found, track=track)


def encoded(
    matcher: Matcher, images: Sequence[Image], jpegs: list[bytes], source: str, seen: tuple[float, float]
) -> Entry:
    """The same of pictures that are packed."""
    crops = matcher.crops(images)
    return Entry(source, *seen, mean(matcher.vectors(crops)), matcher.features(crops), jpegs)


def jpeg_of(image: Image) -> bytes:
    """A picture as a file, not higher than ``HIGHEST``."""
    height, width = image.shape[:2]
    if height > HIGHEST:
        image = resize(image, HIGHEST, max(1, round(width * HIGHEST / height)))
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes())


def image_of(jpeg: bytes) -> Image:
    """The picture of a file."""
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), dtype=np.uint8)


def name_of(name: str | None) -> str | None:
    """A name that can be told from a number. Raises InputError for others."""
    if name is None:
        return None
    if not name.strip() or name.strip().isdecimal():
        raise InputError(f"name {name!r}: give a word, which numbers are not", "name")
    return name.strip()


def times_of(seen: tuple[float, float] | None) -> tuple[float, float]:
    """From and to, in order and finite; None is now. Raises InputError for others."""
    first, last = (time.time(),) * 2 if seen is None else seen
    if not -math.inf < first <= last < math.inf:
        raise InputError(f"seen={seen}: give from and to in seconds since 1970, in that order", "seen")
    return float(first), float(last)


def mean(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean direction (D,) of unit vectors (N, D)."""
    middle = vectors.mean(axis=0)
    return np.asarray(middle / max(float(np.linalg.norm(middle)), 1e-12), dtype=np.float32)
