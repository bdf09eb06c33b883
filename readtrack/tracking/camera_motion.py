"""Camera motion between two images, from corners of the background that OpenCV's optical flow finds again."""

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes

WIDTH = 480  # pixels to which wider images are scaled down
CORNERS = 400  # at most
FEWEST = 12  # corners that must agree, and at least half of those found again
STILL = 0.5  # pixels of the given image up to which nothing has moved, anywhere in it


class CameraMotion:
    """Measures how the background moves from image to image: shift, rotation and zoom."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin with a new video."""
        self._image: NDArray[np.uint8] | None = None  # the last one, grey and small
        self._corners: NDArray[np.float32] | None = None  # of its background, (N, 1, 2)

    def since_last(self, image: NDArray[np.uint8], people: sv.Detections) -> NDArray[np.float64] | None:
        """How points of the last image moved into this one, as an affine map (2, 3).

        Args:
            image: BGR uint8 (H, W, 3).
            people: who is in it; they move by themselves.

        Returns:
            None where the camera stood still, where it cannot be told, and for the first image or one of a new size.
        """
        height, width = image.shape[:2]
        scale = min(1.0, WIDTH / width)
        small = (max(1, round(width * scale)), max(1, round(height * scale)))
        grey = cv2.cvtColor(cv2.resize(image, small, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
        before, corners = self._image, self._corners
        self._image = np.asarray(grey, dtype=np.uint8)
        seen = cv2.goodFeaturesToTrack(grey, CORNERS, 0.01, 5, mask=_background(people, small, scale))
        self._corners = None if seen is None else np.asarray(seen, dtype=np.float32)
        if before is None or before.shape != grey.shape or corners is None or len(corners) < FEWEST:
            return None
        found, ok, _ = cv2.calcOpticalFlowPyrLK(before, grey, corners, np.zeros_like(corners))
        came, went = corners[ok[:, 0] == 1], found[ok[:, 0] == 1]
        if len(came) < FEWEST:
            return None
        cv2.setRNGSeed(0)  # the same images give the same answer
        affine, agree = cv2.estimateAffinePartial2D(came, went, ransacReprojThreshold=1.0)
        if affine is None or agree.sum() < max(FEWEST, len(came) / 2):
            return None
        affine = np.asarray(affine, dtype=np.float64)
        affine[:, 2] /= scale
        edges = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], dtype=np.float64)
        return affine if np.abs(edges @ affine.T - edges[:, :2]).max() > STILL else None


def _background(people: sv.Detections, size: tuple[int, int], scale: float) -> NDArray[np.uint8]:
    """Mask (H, W) of what nobody covers, of an image of that width and height."""
    mask = np.full(size[::-1], 255, np.uint8)
    xyxy = np.asarray(people.xyxy, dtype=np.float64).reshape(-1, 4)
    for left, top, right, bottom in boxes.clip(xyxy[boxes.usable(xyxy)] * scale, *size).round().astype(int).tolist():
        mask[top:bottom, left:right] = 0
    return mask
