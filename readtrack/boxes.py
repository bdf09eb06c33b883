"""Box geometry on arrays. Boxes are pixels of the original image, floats, right and bottom exclusive."""

from copy import copy
from typing import Any, TypeAlias, cast

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack.errors import InputError, given

Floats: TypeAlias = NDArray[np.float64]

FARTHEST = 1e6  # pixels: what lies further off is no box of an image


def xyxy_to_tlwh(xyxy: Floats) -> Floats:
    """Corners (N, 4) to left, top, width, height (N, 4): the order of MOTChallenge files."""
    return np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1)


def tlwh_to_xyxy(tlwh: Floats) -> Floats:
    """Left, top, width, height (N, 4) to corners (N, 4)."""
    return np.concatenate([tlwh[:, :2], tlwh[:, :2] + tlwh[:, 2:]], axis=1)


def xyxy_to_xyah(xyxy: Floats) -> Floats:
    """Corners (N, 4) to centre x, centre y, aspect (width / height), height: what the filter tracks."""
    size = xyxy[:, 2:] - xyxy[:, :2]
    centre = xyxy[:, :2] + size / 2
    return np.stack([centre[:, 0], centre[:, 1], size[:, 0] / size[:, 1], size[:, 1]], axis=1)


def xyah_to_xyxy(xyah: Floats) -> Floats:
    """The inverse of ``xyxy_to_xyah``."""
    half = np.stack([xyah[:, 2] * xyah[:, 3], xyah[:, 3]], axis=1) / 2
    return np.concatenate([xyah[:, :2] - half, xyah[:, :2] + half], axis=1)


def area(xyxy: Floats) -> Floats:
    """Areas (N,) in square pixels; never negative."""
    return np.asarray(np.prod(np.clip(xyxy[:, 2:] - xyxy[:, :2], 0, None), axis=1))


def intersection(a: Floats, b: Floats) -> Floats:
    """Overlap of each of ``a`` (N, 4) with each of ``b`` (M, 4) in square pixels, (N, M)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    return np.asarray(np.prod(np.clip(high - low, 0, None), axis=2))


def iou(a: Floats, b: Floats) -> Floats:
    """Intersection over union of each of ``a`` (N, 4) with each of ``b`` (M, 4), (N, M) in [0, 1]."""
    shared = intersection(a, b)
    union = area(a)[:, None] + area(b)[None, :] - shared
    return shared / np.maximum(union, 1e-9)


def touching(a: Floats, b: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of all pairs of a box of ``a`` (N, 4) and one of ``b`` (M, 4) that overlap, (P,) each, by the first.

    They are swept from left to right, so that a crowd costs as much as there are neighbours.
    """
    wide = (b[:, 2] - b[:, 0]).max(initial=0)
    order = np.argsort(b[:, 0], kind="stable")
    left, top, right, bottom = np.ascontiguousarray(b[order].T)
    one, place = spans(np.searchsorted(left, a[:, 0] - wide), np.searchsorted(left, a[:, 2]))
    meet = np.flatnonzero((top[place] < a[one, 3]) & (bottom[place] > a[one, 1]))
    one, place = one[meet], place[meet]
    meet = right[place] > a[one, 0]
    return one[meet], order[place[meet]]


def overlapping(xyxy: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of all pairs of boxes (N, 4) that overlap, the lower one first, (P,) each, in no order."""
    order = np.argsort(xyxy[:, 0], kind="stable")
    left, top, right, bottom = np.ascontiguousarray(xyxy[order].T)
    one, other = spans(np.arange(1, len(order) + 1), np.searchsorted(left, right))
    meet = (top[other] < bottom[one]) & (bottom[other] > top[one])
    first, second = order[one[meet]], order[other[meet]]
    return np.minimum(first, second), np.maximum(first, second)


def spans(begin: NDArray[np.int64], end: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each of N spans of whole numbers written out: whose it is, and the number (P,) each; empty where it is none."""
    count = np.maximum(end - begin, 0)
    whose = np.repeat(np.arange(len(count)), count)
    return whose, np.arange(len(whose)) + np.repeat(begin - np.cumsum(count) + count, count)


def begins(*keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of N places (N,) differ from the one before in any of keys (N,); the first does."""
    answer = np.ones(len(keys[0]), dtype=bool)
    if len(answer):
        answer[1:] = False
        for key in keys:
            answer[1:] |= key[1:] != key[:-1]
    return answer


def iou_each(a: Floats, b: Floats) -> Floats:
    """Intersection over union of each of ``a`` (N, 4) with the one of ``b`` (N, 4) in its place, (N,) in [0, 1]."""
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    return np.asarray(shared / np.maximum(area(a) + area(b) - shared, 1e-9))


def clip(xyxy: Floats, width: int, height: int) -> Floats:
    """Boxes (N, 4) cut at the edges of an image of that size; a box outside it collapses to zero area."""
    return np.clip(xyxy, 0, np.array([width, height, width, height], dtype=np.float64))


def usable(xyxy: Floats, width: float = np.inf, height: float = np.inf, smallest: float = 1.0) -> NDArray[np.bool_]:
    """Which boxes (N, 4) are nearer than ``FARTHEST`` and keep ``smallest`` pixels each way inside the image, (N,)."""
    with np.errstate(invalid="ignore"):
        inside = np.clip(xyxy, 0, np.array([width, height, width, height]))
        large = (inside[:, 2:] - inside[:, :2] >= smallest).all(axis=1)
        near = (np.abs(xyxy) < FARTHEST).all(axis=1)
    return np.asarray(near & large)


def as_boxes(xyxy: Any, name: str = "boxes") -> Floats:
    """Boxes (N, 4), which may be anywhere and not finite.

    Raises:
        InputError: they are no such numbers.
    """
    try:
        array = np.asarray(xyxy)
    except (TypeError, ValueError):  # rows of unequal length, or in a GPU's memory
        array = np.asarray(None)
    if array.dtype.kind in "iuf" and array.ndim == 2 and array.shape[1] == 4:
        return array.astype(np.float64)
    if array.dtype.kind in "iuf" and array.ndim and not len(array):
        return np.zeros((0, 4))
    raise InputError(f"{name} given as {given(xyxy)}: expected numbers (N, 4), as left, top, right, bottom")


def check_detections(detections: Any, name: str = "detections") -> None:
    """Raise InputError unless these are supervision's detections of boxes (N, 4) and confidences (N,) in [0, 1].

    Boxes may be anywhere and not finite, and a confidence may be NaN.
    """
    if not isinstance(detections, sv.Detections):
        advice = "; is the image in their place?" if getattr(detections, "ndim", 0) == 3 else ""
        raise InputError(f"{name} given as {given(detections)}: expected supervision.Detections{advice}")
    xyxy, confidence = detections.xyxy, detections.confidence
    as_boxes(xyxy, f"{name}: xyxy")
    if not isinstance(xyxy, np.ndarray) or xyxy.ndim != 2:
        raise InputError(f"{name}: xyxy given as {given(xyxy)}: expected a NumPy array (N, 4)")
    if confidence is None:
        return
    is_array = isinstance(confidence, np.ndarray) and confidence.dtype.kind in "iufb"
    if not is_array or confidence.shape != (len(xyxy),):
        raise InputError(f"{name}: confidence given as {given(confidence)}: expected a NumPy array ({len(xyxy)},)")
    for row in np.flatnonzero((confidence < 0) | (confidence > 1 + 1e-6))[:1]:
        raise InputError(f"{name}: confidence {confidence[row]:g} of box {row}: expected 0 to 1")


SAME_DEPTH = 0.05  # share of a box's height within which two people may stand at the same distance
SHOWN_BEHIND = 0.4  # share of what lies behind somebody that still shows beside them in their box


def truncated(xyxy: Floats, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which boxes (N, 4) an edge of an image may cut off, (N,); ``size`` is its width and height in pixels."""
    return np.asarray(~((xyxy[:, :2] > 1).all(axis=1) & (xyxy[:, 2:] < np.array(size) - 1).all(axis=1)))


def occlusion(xyxy: Floats) -> Floats:
    """How much of each box (N, 4) each other one takes, (N, N) in [0, 1].

    Whoever stands lower is nearer and hides the overlap; of who is clearly behind, a part shows in the overlap.
    """
    share = intersection(xyxy, xyxy) / np.maximum(area(xyxy), 1e-9)[:, None]
    height = xyxy[:, 3] - xyxy[:, 1]
    behind = xyxy[None, :, 3] < (xyxy[:, 3] - SAME_DEPTH * height)[:, None]
    share = np.where(behind, SHOWN_BEHIND * share, share)
    np.fill_diagonal(share, 0)
    return share


def moved(xyxy: Floats, affine: Floats) -> Floats:
    """Boxes (N, 4) where an affine map (2, 3) takes their centres, larger or smaller as it scales."""
    centre = (xyxy[:, :2] + xyxy[:, 2:]) / 2 @ affine[:, :2].T + affine[:, 2]
    half = (xyxy[:, 2:] - xyxy[:, :2]) / 2 * np.sqrt(abs(np.linalg.det(affine[:, :2])))
    return np.concatenate([centre - half, centre + half], axis=1)


def detections_of(xyxy: NDArray[Any], confidence: NDArray[Any] | None = None) -> sv.Detections:
    """Detections of any boxes (N, 4), also those that supervision refuses, such as ones that are not finite.

    ``confidence`` (N,) is 1 where it is not given.
    """
    detections = sv.Detections(np.zeros((len(xyxy), 4)))
    detections.xyxy = xyxy
    detections.confidence = np.ones(len(xyxy)) if confidence is None else confidence
    return detections


def confidence_of(detections: sv.Detections) -> Floats:
    """The confidence (N,) of detections, a copy; 1 where they have none."""
    if detections.confidence is None:
        return np.ones(len(detections))
    return np.array(detections.confidence, dtype=np.float64)


def take(detections: sv.Detections, which: NDArray[Any]) -> sv.Detections:
    """The rows of detections that a mask or indices name."""
    return cast(sv.Detections, detections[which])


def with_data(detections: sv.Detections, **columns: NDArray[Any]) -> sv.Detections:
    """The same detections with more ``data``; the given ones stay as they are."""
    answer = copy(detections)  # unlike indexing, this lets boxes pass that supervision refuses
    answer.data = {**detections.data, **columns}
    return answer
