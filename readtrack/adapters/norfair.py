"""READ as norfair's re-identification: ``pip install "readtrack[norfair]"``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import supervision as sv
from numpy.typing import NDArray
from scipy.special import expit

from readtrack import boxes
from readtrack.adapters.host import hook
from readtrack.errors import InputError
from readtrack.read.matcher import Matcher
from readtrack.tracking import TrackerConfig
from readtrack.tracking.evidence import bounded, pool_log_odds

FAR = 1.0  # distance of two who cannot be the same
MATCH_PROBABILITY = 0.9  # from which two are one person
FEWEST = 3  # clear crops of somebody new who can be compared
CROPS = 16  # remembered of each
CONFIDENT = 0.5  # least confidence of a box whose crop counts
CLOSE_COVER = 0.35  # most of a crop that others may cover
SPEED = 3.0  # plausible, of somebody unseen, in body heights per second


@dataclass(frozen=True, eq=False)
class Appearance:
    """What rides in ``norfair.Detection.embedding``."""

    frame: int
    xyxy: NDArray[np.float64]  # (4,)
    crop: Any | None  # READ's; None where nobody can be seen clearly


class Reid:
    """Makes norfair's detections, and tells how far two of its tracked objects are from being the same person.

    Example:
        >>> reid = Reid("read-s", TrackerConfig(fps=25))  # doctest: +SKIP
        >>> tracker = norfair.Tracker("iou", 0.7, **reid.settings())  # doctest: +SKIP
        >>> objects = tracker.update(reid.detections(people, image))  # every frame  # doctest: +SKIP
    """

    def __init__(
        self,
        weights: str | Path | Matcher = "read-s",
        config: TrackerConfig = TrackerConfig(),
        device: str | None = None,
    ) -> None:
        """Load the network, unless a ``Matcher`` is given.

        Args:
            weights: a shipped name, a file, or a loaded matcher.
            config: ``fps`` and ``max_age`` count.
            device: where the network runs; None takes a GPU where there is one.

        Raises:
            InputError: weights or device cannot be used, norfair is not installed or too old.
        """
        self._detection = hook("norfair", "Detection", "norfair")
        hook("norfair.tracker", "TrackedObject.merge", "norfair")
        self.matcher, self.config = Matcher.of(weights, device), config
        self.reset()

    def reset(self) -> None:
        """Count frames from the start, for a new ``norfair.Tracker``."""
        self._frame = -1

    def settings(self) -> dict[str, Any]:
        """What ``norfair.Tracker`` needs to be told."""
        return {
            "reid_distance_function": self.distance,
            "reid_distance_threshold": 1 - MATCH_PROBABILITY,
            "reid_hit_counter_max": round(self.config.max_age * self.config.fps),
            "past_detections_length": CROPS,
        }

    def detections(self, people: sv.Detections, image: NDArray[np.uint8] | None) -> list[Any]:
        """Norfair's detections of the next frame; to be called once for every frame.

        Args:
            people: N boxes in the image's pixels; those that are not finite or have no area are left out.
            image: BGR uint8 (H, W, 3); None or empty gives boxes without crops.

        Returns:
            A ``norfair.Detection`` of two corners for each box, its row in ``data``.

        Raises:
            InputError: the image is not (H, W, 3) uint8.
        """
        self._frame += 1
        rows = np.flatnonzero(boxes.usable(people.xyxy.astype(np.float64)))
        xyxy = people.xyxy[rows].astype(np.float64)
        scores = boxes.confidence_of(people)[rows]
        crops: list[Any] = [None] * len(rows)
        if image is not None and image.size:
            crops = list(self.matcher.describe(image, boxes.take(people, rows)).data["crop"])
        unobstructed = (boxes.occlusion(xyxy) <= CLOSE_COVER).all(axis=1) & (scores >= CONFIDENT)
        return [
            self._detection(
                points=xyxy[i].reshape(2, 2),
                scores=np.full(2, scores[i]),
                data=int(row),
                embedding=Appearance(self._frame, xyxy[i], crops[i] if unobstructed[i] else None),
            )
            for i, row in enumerate(rows)
        ]

    def distance(self, new: Any, old: Any) -> float:
        """1 - probability that two ``norfair.TrackedObject`` show the same person, for ``reid_distance_function``.

        It is 1 where they were seen in one frame, where nobody could have got there so fast, and until there are enough
        unobstructed crops of the new one.

        Raises:
            InputError: a detection was not made by ``detections``.
        """
        first, last = new.past_detections[0].embedding, old.last_detection.embedding
        if not (isinstance(first, Appearance) and isinstance(last, Appearance)):
            raise InputError("a norfair Detection without READ's embedding: make all of them by Reid.detections")
        if not _within_reach(last, first, self.config.fps):
            return FAR
        queries, gallery = _crops(new), _crops(old)
        if len(queries) < FEWEST or not gallery:
            return FAR
        odds = pool_log_odds(bounded(self.matcher.log_odds(queries, [gallery]))[:, 0].tolist())
        return float(expit(-odds))


def _within_reach(last: Appearance, first: Appearance, fps: float) -> bool:
    """Whether somebody seen last there may be who is seen first here: later, and no faster than people are."""
    seconds = (first.frame - last.frame) / fps
    ends = np.stack([last.xyxy, first.xyxy])
    away = np.hypot(*np.diff(ends[:, :2] + ends[:, 2:], axis=0)[0] / 2)
    height = float((ends[:, 3] - ends[:, 1]).max())
    return bool(seconds > 0 and away <= height * (1 + SPEED * seconds))


def _crops(tracked: Any) -> list[Any]:
    """Unobstructed crops of a tracked object, in order."""
    crops = [detection.embedding.crop for detection in tracked.past_detections]
    return [crop for crop in crops if crop is not None]
