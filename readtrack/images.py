"""Images in memory: BGR uint8 (height, width, 3), unless something else is said."""

from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from readtrack.errors import InputError, first_line

Image: TypeAlias = NDArray[np.uint8]


def read_image(path: str | Path) -> Image:
    """The BGR image (h, w, 3) of a file, upright by its EXIF. Raises InputError where there is none."""
    try:  # imread would fail on names beyond ASCII under Windows
        content = np.frombuffer(Path(path).read_bytes(), dtype=np.uint8)
        image = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({first_line(error)}); give an image file") from error
    except cv2.error:  # larger than OpenCV reads
        image = None
    if image is None:
        raise InputError(f"{path}: not a readable image; leave it out or write it again")
    return np.asarray(image, dtype=np.uint8)


def check_image(image: Any, name: str = "an image") -> None:
    """Raise InputError unless it is a uint8 array (height, width, 3); it may be empty."""
    is_array = isinstance(image, np.ndarray)
    if is_array and image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8:
        return
    what = f"of shape {image.shape}, {image.dtype}" if is_array else f"of type {type(image).__name__}"
    raise InputError(f"{name} {what}: expected (height, width, 3) uint8, BGR")


def resize(image: Image, height: int, width: int) -> Image:
    """Stretch an image (h, w, 3) of any channel order to (height, width, 3), averaging when a side shrinks."""
    if image.shape[:2] == (height, width):
        return np.ascontiguousarray(image)
    shrinks = image.shape[0] > height or image.shape[1] > width
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(image), (width, height), interpolation=way), dtype=np.uint8)
