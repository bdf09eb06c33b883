"""OfflineTracker: the people of a whole recording. Tracklets are gathered frame by frame and linked at the end."""

from pathlib import Path
from typing import Any

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.devices import Precision
from readtrack.gathering import Gathering
from readtrack.linker import Linker
from readtrack.linking.settings import LinkingConfig
from readtrack.linking.similarity import Ints
from readtrack.read.matcher import Matcher
from readtrack.recorded import Recorded
from readtrack.tracking import Association, Reassignment

WRITTEN = 250  # frames after which what was seen in them is written


class OfflineTracker(Linker):
    """Gathers what is seen in a recording, and says at its end who was who.

    Ids within ``update`` are those of tracklets: pure, short, not yet linked. ``finish_people`` links them into people
    by how they look and move over the whole recording, leaves out what is no person, fills gaps and averages boxes.
    Boxes, and the features by which READ knows tracklets that have ended, are on disk: in a file that goes away with
    the process, unless one is named.

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
        self._gathering = Gathering(matcher, fps, start_confidence, low_confidence)
        super().__init__(Recorded(None, matcher), config)
        self._facts: dict[str, Any] = {"fps": fps, "start_confidence": start_confidence}
        self._facts |= {"low_confidence": low_confidence, "timed": False, "size": None}
        self.recorded.note(**self._facts)
        self._kept = 0  # frames of which all is written

    def record(self, path: Path, **facts: Any) -> None:
        """Write what is seen to a file, before the first frame.

        Args:
            path: of the file; what is there is replaced.
            facts: are kept in it.

        Raises:
            InputError: it cannot be written.
        """
        recorded = Recorded(path, self.matcher)
        recorded.note(**facts, **self._facts)
        self.recorded.close()
        super().__init__(recorded, self.config)

    @property
    def frames(self) -> int:
        """Frames handed in so far."""
        return self._gathering.frames

    def update(
        self,
        detections: sv.Detections,
        image: NDArray[np.uint8] | None = None,
        hosts: Ints | None = None,
        time: float | None = None,
        source: int | None = None,
    ) -> sv.Detections:
        """Take the next frame; to be called for every frame, also without detections.

        Args:
            detections: people's boxes, in pixels of the image.
            image: BGR uint8 (H, W, 3); None or empty goes by boxes alone in this frame.
            hosts: ids from 0 that another tracker gave the boxes (N,), none twice; in all frames or in none.
            time: of the frame in seconds, later than that of the last one; None goes by ``fps``.
            source: the frame's number in its source; None counts the frames handed in, from 0.

        Returns:
            The same detections in the same order with ``tracker_id``: the tracklet's number from 1, -1 for none.

        Raises:
            InputError: these are no detections, the image is not (H, W, 3) uint8 or of another size than before, the
                time is not later, or the disk is full.
        """
        seen = self._gathering.see(detections, image, time, hosts)
        # before READ's work, so that what is known holds together where that is interrupted
        self.recorded.see(seen, seen.frame if source is None else source)
        self._note(timed=self._facts["timed"] or time is not None, size=self._gathering.size)
        self._gathering.remember(seen, detections, image)
        if self.frames % WRITTEN == 0:
            ended = self._gathering.ended()
            self.recorded.keep(ended)
            self._gathering.forget(ended)
        answer = boxes.with_data(detections)
        answer.tracker_id = np.full(len(detections), -1)
        answer.tracker_id[seen.rows] = seen.tracklets + 1
        return answer

    @property
    def fps(self) -> float:
        """Frames per second; asked for in every frame, so not of the file."""
        return float(self._facts["fps"])

    def _note(self, **facts: Any) -> None:
        """Keep what is new of some facts."""
        new = {name: value for name, value in facts.items() if self._facts[name] != value}
        if new:
            self.recorded.note(**new)
            self._facts |= new

    def encode(self) -> None:
        """Let the network look at the crops that wait for it, and write all that is known."""
        if self._kept == self.frames:
            return
        self._gathering.encode()
        ended = self._gathering.ended()
        self.recorded.keep({**ended, **self._gathering.going_on()})
        self._gathering.forget(ended)
        self._kept = self.frames

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
