"""Recordings gone through once, so that many settings can be tried on them: boxes, tracklets and crops stay."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import supervision as sv

from readtrack import boxes
from readtrack.gathering import linking_config
from readtrack.images import Image
from readtrack.linking.engine import Linked, Observations
from readtrack.linking.settling import People
from readtrack.metrics.tracking import IdentityCounts, count_identities
from readtrack.offline import OfflineTracker
from readtrack.pipeline import people_by_frame
from readtrack.read.matcher import Matcher
from readtrack.tracking import TrackerConfig
from readtrack.video import Frame

LOW = TrackerConfig.low_confidence / TrackerConfig.start_confidence  # of the confidence that begins a tracklet


class SharedCrops:
    """Hands several trackers that see the same frames the same crops, so that each is encoded once."""

    def __init__(self, matcher: Matcher) -> None:
        """Of the matcher that compares them."""
        self._matcher = matcher
        self._image: Image | None = None
        self._crops: dict[bytes, Any] = {}

    def describe(self, image: Image, detections: sv.Detections) -> sv.Detections:
        """As ``Matcher.describe``."""
        if image is not self._image:
            self._image, self._crops = image, {}
        keys = [np.asarray(box, np.float64).tobytes() for box in detections.xyxy]
        new = [row for row, key in enumerate(keys) if key not in self._crops]
        if new:
            found = self._matcher.describe(image, boxes.take(detections, np.array(new)))
            self._crops |= {keys[row]: crop for row, crop in zip(new, found.data["crop"], strict=True)}
        crops = np.empty(len(keys), dtype=object)
        crops[:] = [self._crops[key] for key in keys]
        return boxes.with_data(detections, crop=crops)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._matcher, name)


@dataclass(frozen=True)
class _Seen:
    """What one tracker gathered."""

    tracker: OfflineTracker
    observations: Observations


class Gathered:
    """A recording whose people can be found by any settings, again and again, without a look at its images."""

    def __init__(
        self,
        name: str,
        fps: float,
        frames: Iterable[Frame],
        detect: Callable[[Frame], sv.Detections],
        matcher: Matcher | None,
        confidences: Sequence[float] = (TrackerConfig.start_confidence,),
        report: Callable[[int], None] = lambda done: None,
    ) -> None:
        """Go through a recording.

        Args:
            name: of the recording.
            fps: frames a second.
            frames: its frames, gone through once.
            detect: people of a frame.
            matcher: what compares crops; None goes by boxes alone.
            confidences: values of ``start_confidence`` that may be tried.
            report: told how many frames are done.
        """
        self.name, self.fps = name, fps
        self.indices: list[int] = []
        shared = None if matcher is None else cast(Matcher, SharedCrops(matcher))
        trackers = {
            start: OfflineTracker(shared, fps, start_confidence=start, low_confidence=round(LOW * start, 3))
            for start in confidences
        }
        for frame in frames:
            self.indices.append(frame.index)
            found = detect(frame)
            for tracker in trackers.values():
                tracker.update(found, frame.image)
            report(len(self.indices))
        self._seen = {}
        for start, tracker in trackers.items():
            self._seen[start] = _Seen(tracker, tracker.observations())

    def link(self, config: TrackerConfig) -> tuple[Linked, People]:
        """The people by some settings, whose ``start_confidence`` is one of those gathered for."""
        seen, linking = self._seen[config.start_confidence], linking_config(config)
        seen.tracker.config = linking
        linked = seen.tracker.link(seen.observations)
        return linked, seen.tracker.settle(seen.observations, linked, linking)

    def crop_times(self, start_confidence: float, tracklet: int) -> list[float]:
        """Seconds of the crops by which a tracklet is known, in order."""
        return [frame / self.fps for frame, _ in self._seen[start_confidence].tracker.places(tracklet)]

    def count(self, people: People, truth: dict[int, sv.Detections], part: slice | None = None) -> IdentityCounts:
        """What IDF1 is made of, in a part of the frames."""
        return count_identities(truth, people_by_frame(people, self.indices), self.indices[part or slice(None)])
