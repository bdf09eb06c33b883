"""READ in deep-sort-realtime: ``pip install "readtrack[deep-sort-realtime]"``.

tracker = readtrack.adapters.deep_sort_realtime.deep_sort("read-s")  # a DeepSort
tracks = tracker.update_tracks([([left, top, width, height], confidence, "person"), ...], frame=image)
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from readtrack.adapters.host import hook
from readtrack.errors import InputError
from readtrack.images import check_image
from readtrack.read.matcher import Matcher
from readtrack.tracking.gallery import Gallery

NOTHING = -1.0  # the handle of a crop that shows nothing
HANDLES = 2**24  # whole numbers that float32, in which DeepSORT keeps features, tells apart
WAIT = 100  # frames for which a new track's crops are kept until it is confirmed (n_init)


def deep_sort(
    weights: str | Path | Matcher = "read-s",
    device: str | None = None,
    min_probability: float = 0.5,
    max_age: int = 100,
    **settings: Any,
) -> Any:
    """A ``DeepSort`` in which READ judges every pair of detection and track.

    Args:
        weights: a shipped name, a file, or a loaded matcher.
        device: where the network runs; None takes a GPU where there is one.
        min_probability: READ's probability, in [0, 1], below which two are not the same person.
        max_age: frames for which a track may be found again; DeepSORT's motion model forbids far places throughout.
        settings: of ``DeepSort``; ``bgr=False`` where frames are RGB. What chooses an embedder is not for here.

    Raises:
        InputError: the host is not installed, too old or refuses a setting; ``min_probability`` is out of range;
            weights or device cannot be used.
    """
    host = hook("deep_sort_realtime.deepsort_tracker", "DeepSort", "deep-sort-realtime")
    if not 0 <= min_probability <= 1:
        raise InputError(f"min_probability={min_probability}: must lie in [0, 1]")
    taken = [name for name in settings if name.startswith(("embedder", "max_cosine", "nn_budget"))]
    if taken:
        raise InputError(f"{taken[0]}: READ takes its place; leave it out")
    try:
        tracker = host(embedder=None, max_age=max_age, **settings)
    except TypeError as error:
        raise InputError(f"DeepSort refuses a setting ({error}): leave it out") from error
    metric = PairMetric(Matcher.of(weights, device), min_probability, settings.get("bgr", True))
    tracker.embedder = tracker.tracker.metric = metric
    return tracker


class VectorEmbedder:
    """READ's pooled vectors, for ``DeepSort.embedder``: what it knows of pairs is lost, ``PairMetric`` uses it.

    Example:
        >>> tracker = DeepSort(embedder=None)  # doctest: +SKIP
        >>> tracker.embedder = VectorEmbedder("read-s")  # doctest: +SKIP
    """

    def __init__(self, weights: str | Path | Matcher = "read-s", device: str | None = None, bgr: bool = True) -> None:
        """Load the network, unless a ``Matcher`` is given; ``bgr`` is False where frames are RGB.

        Raises:
            InputError: weights or device cannot be used.
        """
        self.matcher, self.bgr = Matcher.of(weights, device), bgr

    def predict(self, crops: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        """Vectors (D,) of crops (h, w, 3), of unit length; those that show nothing get one constant vector."""
        known = [_image(crop, self.bgr) for crop in crops]
        vectors = np.tile(np.eye(1, self.matcher.dimension, dtype=np.float32), (len(known), 1))
        shown = [i for i, image in enumerate(known) if image is not None]
        vectors[shown] = self.matcher.vectors([known[i] for i in shown])
        return list(vectors)


class PairMetric:
    """READ as ``DeepSort.embedder`` and ``DeepSort.tracker.metric`` at once: features are handles of crops."""

    def __init__(
        self, matcher: Matcher, min_probability: float = 0.5, bgr: bool = True, gallery_size: int = 16
    ) -> None:
        """Start without tracks.

        Args:
            matcher: READ.
            min_probability: probability below which two are not the same person.
            bgr: whether crops come as BGR, else as RGB.
            gallery_size: crops remembered of each track, spread over its life.
        """
        self.matcher, self.bgr, self.gallery_size = matcher, bgr, gallery_size
        self.matching_threshold = 1 - min_probability
        self._count = 0
        self._crops: dict[float, tuple[int, Any]] = {}  # handle -> frame and crop
        self._galleries: dict[Any, Gallery] = {}  # track -> its crops
        self._latest: dict[Any, float] = {}  # track -> the handle that came last
        self._frame = 0

    def predict(self, crops: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        """A handle (1,) of each crop (h, w, 3) uint8."""
        known = [_image(crop, self.bgr) for crop in crops]
        made = iter(self.matcher.crops([image for image in known if image is not None]))
        return [np.array([NOTHING if image is None else self._keep(next(made))], np.float32) for image in known]

    def _keep(self, crop: Any) -> float:
        """The handle of a crop."""
        self._count = (self._count + 1) % HANDLES
        self._crops[float(self._count)] = (self._frame, crop)
        return float(self._count)

    def partial_fit(self, features: NDArray[Any], targets: Iterable[Any], active_targets: Sequence[Any]) -> None:
        """Remember what confirmed tracks (``targets``) were matched with; forget all but the active ones.

        DeepSORT hands in a track's latest feature again while it is missed; it counts once.
        """
        for handle, target in zip(np.ravel(features).tolist(), targets, strict=True):
            if handle in self._crops and handle != self._latest.get(target):
                self._galleries.setdefault(target, Gallery(self.gallery_size)).offer(self._crops[handle][1])
                self._latest[target] = handle
        active = set(active_targets)
        self._galleries = {target: gallery for target, gallery in self._galleries.items() if target in active}
        self._latest = {target: handle for target, handle in self._latest.items() if target in active}
        self._frame += 1
        oldest = self._frame - WAIT
        self._crops = {handle: (frame, crop) for handle, (frame, crop) in self._crops.items() if frame > oldest}

    def distance(self, features: NDArray[Any], targets: Sequence[Any]) -> NDArray[np.float64]:
        """1 - probability that tracks and crops show the same person (targets, features); 1 where READ cannot say."""
        handles = np.ravel(features).tolist()
        columns = [j for j, handle in enumerate(handles) if handle in self._crops]
        rows = [i for i, target in enumerate(targets) if target in self._galleries]
        cost = np.ones((len(targets), len(handles)))
        if rows and columns:
            queries = [self._crops[handles[j]][1] for j in columns]
            galleries = [self._galleries[targets[i]].crops for i in rows]
            cost[np.ix_(rows, columns)] = 1 - self.matcher.similarity(queries, galleries).T
        return cost


def _image(crop: NDArray[np.uint8], bgr: bool) -> NDArray[np.uint8] | None:
    """A crop as BGR; None where it shows nothing. Raises InputError where the frame is no colour image."""
    check_image(crop, "a crop")
    if min(crop.shape[:2]) < 2:
        return None
    return np.ascontiguousarray(crop if bgr else crop[..., ::-1])
