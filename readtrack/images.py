"""Images in memory: BGR uint8 (height, width, 3), unless something else is said."""

from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from readtrack.errors import InputError, first_line, given

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
    if is_cut_short(content.tobytes()):
        raise InputError(f"{path}: not a readable image, a JPEG cut short; leave it out or write it again")
    if image is None:
        raise InputError(f"{path}: not a readable image; leave it out or write it again")
    return np.asarray(image, dtype=np.uint8)


def is_cut_short(content: bytes) -> bool:
    """Whether this is the beginning of a JPEG only: after its last scan its end is not marked."""
    return content.startswith(b"\xff\xd8") and content.rfind(b"\xff\xd9") < content.rfind(b"\xff\xda") + 1


def check_image(image: Any, name: str = "an image") -> None:
    """Raise InputError unless it is a uint8 array (height, width, 3); it may be empty."""
    is_array = isinstance(image, np.ndarray)
    if is_array and image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8:
        return
    raise InputError(f"{name} given as {given(image)}: expected an array (height, width, 3) uint8, BGR")


def has_pixels(image: Any, name: str = "an image", size: tuple[int, int] | None = None) -> bool:
    """Whether there is an image: neither None nor empty.

    Args:
        image: BGR uint8 (H, W, 3).
        name: of it, for messages.
        size: width and height that it must have, those of the frames before.

    Raises:
        InputError: it is something else, or of another size.
    """
    if image is None or (isinstance(image, np.ndarray) and not image.size):
        return False
    check_image(image, name)
    if size is not None and image.shape[1::-1] != size:
        width, height = image.shape[1::-1]
        before = f"{size[0]} x {size[1]} before"
        raise InputError(f"{name} of {width} x {height} pixels, {before}: resize it, or begin anew with reset()")
    return True


def resize(image: Image, height: int, width: int) -> Image:
    """Stretch an image (h, w, 3) of any channel order to (height, width, 3), averaging when a side shrinks."""
    if image.shape[:2] == (height, width):
        return np.ascontiguousarray(image)
    shrinks = image.shape[0] > height or image.shape[1] > width
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(image), (width, height), interpolation=way), dtype=np.uint8)
