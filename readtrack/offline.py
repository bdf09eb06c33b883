"""OfflineTracker: the people of a whole recording. Tracklets are gathered frame by frame and linked at the end."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.devices import Precision
from readtrack.gathering import Compared, Gathering, Seen, pair_log_odds
from readtrack.linking.engine import Certain, Linked, Observations, People, link, settle, steady_boxes
from readtrack.linking.settings import LinkingConfig
from readtrack.linking.similarity import Appearance, Clip, Ints
from readtrack.read.matcher import Matcher
from readtrack.tracking import Association, Reassignment

Floats = NDArray[np.float64]

SAME_BOX = 0.5  # IoU from which a box is the one that is meant


class OfflineTracker:
    """Gathers what is seen in a recording, and says at its end who was who.

    Ids within ``update`` are those of tracklets: pure, short, not yet linked. ``finish_people`` links them into people
    by how they look and move over the whole recording, leaves out what is no person, fills gaps and averages boxes.

    Example:
        >>> tracker = OfflineTracker("read-s", fps=25)  # doctest: +SKIP
        >>> for image in images:  # doctest: +SKIP
        ...     tracker.update(detector(image), image)
        >>> people, linked = tracker.finish_people()  # doctest: +SKIP
    """

    def __init__(
        self,
        weights: str | Path | Matcher | None = "read-s",
        fps: float = 25.0,
        config: LinkingConfig = LinkingConfig(),
        device: str | None = None,
        precision: Precision = "fp32",
        threads: int | None = None,
        start_confidence: float = 0.5,
        low_confidence: float = 0.3,
    ) -> None:
        """Load the network, unless a ``Matcher`` is given.

        Args:
            weights: a shipped name, a file, a loaded matcher, or None or "none" for motion only.
            fps: frames handed in per second of the world.
            config: how tracklets become people.
            device: where the network runs; None takes a GPU where there is one.
            precision: of the network, on a GPU.
            threads: of the network, on a CPU; None takes one for each core.
            start_confidence: least confidence of a box that begins a tracklet.
            low_confidence: weaker boxes, down to here, only continue one.

        Raises:
            InputError: weights or device cannot be used, or fps is not positive.
        """
        matcher = None
        if weights is not None and weights != "none":
            matcher = Matcher.of(weights, device, precision, threads)
        self.config = config
        self._gathering = Gathering(matcher, fps, start_confidence, low_confidence)
        self._seen: list[Seen] = []
        self._timed = False  # whether frames had times
        self._standing = np.eye(3)  # takes this frame to where the background stands still
        self._maps: dict[int, NDArray[np.float64]] = {}  # the same of the frames in which the camera moved

    @property
    def matcher(self) -> Matcher | None:
        """What compares crops."""
        return self._gathering.matcher

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self._gathering.fps

    @property
    def frames(self) -> int:
        """Frames handed in so far."""
        return self._gathering.frames

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the images; None before the first."""
        return self._gathering.size

    def update(
        self,
        detections: sv.Detections,
        image: NDArray[np.uint8] | None = None,
        hosts: Ints | None = None,
        time: float | None = None,
    ) -> sv.Detections:
        """Take the next frame; to be called for every frame, also without detections.

        Args:
            detections: people's boxes, in pixels of the image.
            image: BGR uint8 (H, W, 3); None or empty goes by boxes alone in this frame.
            hosts: ids from 0 that another tracker gave the boxes (N,), none twice; in all frames or in none.
            time: of the frame in seconds, later than that of the last one; None goes by ``fps``.

        Returns:
            The same detections in the same order with ``tracker_id``: the tracklet's number from 1, -1 for none.

        Raises:
            InputError: these are no detections, the image is not (H, W, 3) uint8 or of another size than before, or
                the time is not later.
        """
        seen = self._gathering.see(detections, image, time, hosts)
        self._timed |= time is not None
        if seen.moved is not None:
            self._standing = self._standing @ np.linalg.inv(np.vstack([seen.moved, [0, 0, 1]]))
            self._maps[seen.frame] = self._standing[:2]
        self._seen.append(seen)  # before READ's work, so that what is known holds together where that is interrupted
        self._gathering.remember(seen, detections, image)
        answer = boxes.with_data(detections)
        answer.tracker_id = np.full(len(detections), -1)
        answer.tracker_id[seen.rows] = seen.tracklets + 1
        return answer

    @property
    def associations(self) -> list[Association]:
        """None: nothing is decided before the end."""
        return []

    @property
    def reassignments(self) -> list[Reassignment]:
        """None: ids of tracklets stay."""
        return []

    def finish(self) -> list[Reassignment]:
        """None: see ``finish_people``."""
        return []

    def finish_people(self, known: "Known | None" = None) -> tuple[People, Linked]:
        """Everybody who was seen so far, and how tracklets were linked; more frames may follow, and another call.

        ``known`` is what somebody has corrected.
        """
        observations = self.observations()
        linked = self.link(observations, certain=None if known is None else self._certain(observations, known))
        return self.settle(observations, linked, self.config), linked

    def _certain(self, observations: Observations, known: "Known") -> Certain:
        """The tracklets of boxes of which it is known whether they are one person; what is no box is passed over."""
        pairs: list[list[tuple[int, int]]] = []
        for kind in (known.same, known.different):
            found = [tuple(self._tracklet(observations, *place) for place in pair) for pair in kind]
            pairs.append([(one, other) for one, other in found if one != other and min(one, other) >= 0])
        same, different = (np.array(kind, dtype=np.int64).reshape(-1, 2) for kind in pairs)
        return Certain(same, different)

    def _tracklet(self, observations: Observations, frame: int, xyxy: Sequence[float]) -> int:
        """The tracklet whose box is there; -1 without one."""
        rows = np.flatnonzero(observations.frames == frame)
        overlap = boxes.iou(np.array([xyxy], dtype=np.float64), observations.xyxy[rows])[0]
        if not len(rows) or overlap.max() < SAME_BOX:
            return -1
        return int(observations.tracklets[rows[overlap.argmax()]])

    def link(self, observations: Observations, before: Ints | None = None, certain: Certain | None = None) -> Linked:
        """Who is who among the N tracklets of ``observations()``; the others are as in ``linking.engine.link``."""
        appearance = None
        if self.matcher is not None and len(observations.frames):
            self.encode()
            appearance = Appearance(self.clips(), self.matcher.video_vectors, pair_log_odds(self.matcher))
        return link(observations, self.fps, self.config, appearance, before, certain=certain)

    def encode(self) -> None:
        """Let the network look at the crops that wait for it."""
        self._gathering.encode()

    def places(self, tracklet: int) -> list[tuple[int, Floats]]:
        """Where the crops of a tracklet are from: frame, counted as handed in, and box (4,)."""
        return [(place.frame, place.xyxy) for place in self._gathering.places(tracklet)]

    def clips(self) -> list[Clip]:
        """Crops of all N tracklets."""
        return [self._gathering.clip(tracklet) for tracklet in range(self._gathering.tracklets.count)]

    def settle(self, observations: Observations, linked: Linked, config: LinkingConfig) -> People:
        """Boxes of people, of what ``link`` made of ``observations()``."""
        camera = self._standing_maps() if self._maps else None
        return settle(observations, linked, self.fps, config, camera, self._gathering.size)

    def lives(self) -> tuple[Ints, Ints]:
        """First and last frame of each tracklet so far (N,), (N,)."""
        count = self._gathering.tracklets.count
        begins, ends = np.full(count, self.frames), np.full(count, -1)
        for seen in self._seen:
            begins[seen.tracklets] = np.minimum(begins[seen.tracklets], seen.frame)
            ends[seen.tracklets] = seen.frame
        return begins, ends

    def compared(self, earlier: int, later: int) -> Compared | None:
        """How READ sees the first crop of one tracklet against those of another; None where either has none."""
        return self._gathering.compared(earlier, later)

    def observations(self) -> Observations:
        """All boxes of tracklets so far."""
        nothing = (np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64), np.zeros(0))
        rows = [
            (
                np.full(len(one.rows), one.frame),
                one.xyxy,
                one.confidence,
                one.tracklets,
                np.full(len(one.rows), one.time),
            )
            for one in self._seen
        ]
        frames, xyxy, confidence, tracklets, time = (np.concatenate(part) for part in zip(nothing, *rows, strict=True))
        steady = steady_boxes(xyxy, self._standing_maps()[frames]) if self._maps and len(frames) else xyxy
        return Observations(frames, xyxy, confidence, tracklets, steady, time if self._timed else None)

    def _standing_maps(self) -> Floats:
        """(F, 2, 3): what takes each frame to where the background stands still."""
        maps = np.tile(np.eye(3)[:2], (self.frames, 1, 1))
        moved = sorted(self._maps)
        for first, last in zip(moved, [*moved[1:], self.frames], strict=True):
            maps[first:last] = self._maps[first]
        return maps


@dataclass(frozen=True)
class Known:
    """Pairs of boxes of which it is known who they are; a box is its frame, counted as handed in, and xyxy."""

    same: Sequence[Sequence[tuple[int, Sequence[float]]]]  # of one person
    different: Sequence[Sequence[tuple[int, Sequence[float]]]]  # of two
