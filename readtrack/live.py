"""Live: tracklets gathered as they come and linked every so often; trackers that answer at once are made of it."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack.gathering import Gathering, linking_config
from readtrack.judging import Compared, Judge
from readtrack.linking.live import LivePeople
from readtrack.linking.similarity import Appearance, Clip, Ints
from readtrack.read.matcher import Matcher
from readtrack.tracking import Association, Prediction, Reassignment, TrackerConfig

UNDECIDED = -1


class Live:
    """Takes a frame in two steps, so that several cameras' crops can be encoded together in between."""

    def __init__(self, matcher: Matcher | None, config: TrackerConfig) -> None:
        """Begin with nobody; ids count from 1."""
        self.config = config
        self.gathering = Gathering(matcher, config.fps, config.start_confidence, config.low_confidence)
        self.people = LivePeople(linking_config(config), config.fps, config.delay, config.correction, config.max_lost)
        self.associations: list[Association] = []  # who was found again in the last frame
        self.reassignments: list[Reassignment] = []  # boxes of earlier frames whose id was settled, or proved wrong
        self.compared: list[Compared | None] = []  # how READ saw each of ``associations``, where pictures are kept
        self.names: Mapping[int, int] | None = None  # of ids over several cameras
        self._judge = None if matcher is None else Judge(matcher)
        self._rows: Ints = np.zeros(0, np.int64)  # of the last frame's detections, those that are in tracklets
        self._count = 0  # of them all
        self._last: dict[int, int] = {}  # another tracker's id -> its last tracklet
        self._seen: dict[int, tuple[int, int]] = {}  # living tracklet -> its id, the frame in which it was seen last

    def see(
        self,
        detections: sv.Detections,
        image: NDArray[np.uint8] | None,
        time: float | None = None,
        hosts: Ints | None = None,
    ) -> None:
        """Take the boxes of the next frame; arguments and errors are those of ``Gathering.see``."""
        known = self.gathering.tracklets.count
        seen = self.gathering.see(detections, image, time, hosts)
        before: dict[int, int] = {}
        if hosts is not None:
            for host, tracklet in zip(hosts[seen.rows].tolist(), seen.tracklets.tolist(), strict=True):
                if tracklet >= known and host in self._last:
                    before[tracklet] = self._last[host]
                self._last[host] = tracklet
        self.people.add(seen.frame, seen.time, seen.xyxy, seen.confidence, seen.tracklets, seen.moved, before)
        self.gathering.remember(seen, detections, image)
        self._rows, self._count, self._tracklets = seen.rows, len(detections), seen.tracklets

    @property
    def waiting(self) -> list[Any]:
        """Crops that ``decide`` needs encoded."""
        return self.gathering.waiting if self.people.due else []

    def decide(self) -> Ints:
        """The ids of the last frame's N detections, -1 where there is none (yet); sets what is told beside them."""
        if self.people.due:
            self.people.link(self._look)
            self._compare()
            self._merge()  # before crops of what is merged are let go of
            living = set(self.gathering.tracklets.alive.tolist())
            self.gathering.keep(self.people.units | living)
            self._last = {host: t for host, t in self._last.items() if t in living or self.people.knows(t)}
        ids = np.full(self._count, UNDECIDED, dtype=np.int64)
        told = self.people.ids
        ids[self._rows] = np.where(told > 0, told, UNDECIDED)
        self._after()
        frame = self.gathering.frames - 1
        living = set(self.gathering.tracklets.alive.tolist())
        self._seen = {tracklet: known for tracklet, known in self._seen.items() if tracklet in living}
        self._seen |= {t: (k, frame) for t, k in zip(self._tracklets.tolist(), ids[self._rows].tolist(), strict=True)}
        return ids

    def finish(self) -> list[Reassignment]:
        """Give an id to every person who has none yet, and make all of them final."""
        self.people.late, self.people.found = [], []
        self.people.link(self._look, end=True)
        self._compare()
        self._merge()
        self._after()
        return self.reassignments

    @property
    def predictions(self) -> list[Prediction]:
        """Where people are believed to be who were seen lately enough for motion to find them again."""
        tracklets, frame = self.gathering.tracklets, self.gathering.frames - 1
        places = zip(tracklets.alive.tolist(), tracklets.places(self.gathering.time), strict=True)
        found = [(self._seen.get(tracklet, (UNDECIDED, frame)), place) for tracklet, place in places]
        names = {} if self.names is None else self.names
        return [Prediction(names.get(track, track), place, frame - last) for (track, last), place in found]

    def clips(self, ids: Collection[int]) -> dict[int, Clip]:
        """Crops of some people, by id, as far as they are remembered."""
        found: dict[int, list[Any]] = {}
        for unit, number in self.people.named.items():
            if number in ids:
                found.setdefault(number, []).extend(self.gathering.clip(unit, settled=True))
        return dict(found)

    def _look(self, units: list[int]) -> Appearance | None:
        """How units look."""
        if self._judge is None:
            return None
        self.gathering.encode()
        clips: list[Clip] = [self.gathering.clip(unit, settled=True) for unit in units]
        return Appearance(clips, self._judge.vectors, self._judge.log_odds, self._judge.persons)

    def _compare(self) -> None:
        """Look at those who were found again, where pictures are kept."""
        if self.gathering.take_pictures is not None:
            self.compared = [self.gathering.compared(one.before, one.unit) for one in self.people.found]

    def _merge(self) -> None:
        """Let people who became final take over the crops of their tracklets."""
        for first, other in self.people.merged:
            self.gathering.merge(first, other)
        self.people.merged = []

    def _after(self) -> None:
        """Translate what is told."""
        people, frame = self.people, self.gathering.frames - 1
        self.reassignments = [
            Reassignment(
                one.frame, one.xyxy, one.confidence, one.id or UNDECIDED, one.previous or UNDECIDED, one.filled
            )
            for one in people.late
        ]
        self.associations = [
            Association(
                frame=frame,
                track=one.id,
                detection=-1,
                reason="reidentified" if one.gap >= 1 else "linked",
                probability=one.probability,
                runner_up=one.runner_up,
                gap=round(one.gap * self.config.fps),
                motion_cost=-one.motion,
                boxes=one.boxes,
            )
            for one in people.found
        ]
