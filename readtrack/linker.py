"""Linker: who is who among the tracklets of what was recorded, as often as one likes and by any settings."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.judging import Compared, Judge, compare_places
from readtrack.linking.blocks import link_blocks
from readtrack.linking.engine import Certain, Linked, Observations
from readtrack.linking.settings import LinkingConfig
from readtrack.linking.settling import People, settle, steady_boxes
from readtrack.linking.similarity import Appearance, Clip, Ints
from readtrack.read.matcher import Matcher
from readtrack.recorded import Frames, Recorded

Floats = NDArray[np.float64]

SAME_BOX = 0.5  # IoU from which a box is the one that is meant


class Linker:
    """Finds the people of a recording; its images are not looked at again."""

    def __init__(self, recorded: Recorded, config: LinkingConfig = LinkingConfig()) -> None:
        """Take what was recorded, also by an earlier process (``Recorded.open``)."""
        self.config, self.recorded = config, recorded
        self._seen: _Seen | None = None
        self._judge = None if recorded.matcher is None else Judge(recorded.matcher, recorded.crops)

    @property
    def matcher(self) -> Matcher | None:
        """What compares crops."""
        return self.recorded.matcher

    @property
    def fps(self) -> float:
        """Frames per second."""
        return float(self.recorded.facts()["fps"])

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the images."""
        found = self.recorded.facts().get("size")
        return None if found is None else (found[0], found[1])

    @property
    def timed(self) -> bool:
        """Whether frames had times."""
        return bool(self.recorded.facts().get("timed"))

    def finish_people(self, known: "Known | None" = None) -> tuple[People, Linked]:
        """Everybody who was seen so far, and how tracklets were linked; more frames may follow, and another call.

        ``known`` is what somebody has corrected.
        """
        observations = self.observations()
        linked = self.link(observations, certain=None if known is None else _certain(observations, known))
        return self.settle(observations, linked, self.config), linked

    def link(self, observations: Observations, before: Ints | None = None, certain: Certain | None = None) -> Linked:
        """Who is who among the N tracklets of ``observations()``; the others are as in ``linking.engine.link``."""
        appearance = self.appearance() if len(observations.frames) else None
        return link_blocks(observations, self.fps, self.config, appearance, before, certain)

    def encode(self) -> None:
        """Let the network look at the crops that wait for it."""

    def appearance(self) -> Appearance | None:
        """How the tracklets look; None by boxes alone. READ's answers are remembered for the next linking."""
        if self._judge is None:
            return None
        return Appearance(self.clips(), self._judge.vectors, self._judge.log_odds, self._judge.persons)

    def clips(self) -> list[Clip]:
        """Crops of all N tracklets, as ``recorded`` numbers them."""
        self.encode()
        return list(self.recorded.clips(self.tracklets))

    def crops(self) -> list[Clip]:
        """The crops themselves of all N tracklets, which all come into memory."""
        return list(self.recorded.crops(self.clips()))

    @property
    def tracklets(self) -> int:
        """N."""
        return 1 + int(self.observations().tracklets.max(initial=-1))

    def places(self, tracklet: int) -> list[tuple[int, Floats]]:
        """Where the crops of a tracklet are from: frame, counted as handed in, and box (4,)."""
        self.encode()
        return [(place.frame, place.xyxy) for place in self.recorded.places(tracklet)]

    def compared(self, earlier: int, later: int) -> Compared | None:
        """How READ sees the first crop of one tracklet against those of another; None where either has none."""
        self.encode()
        return compare_places(self.matcher, self.recorded.places(earlier), self.recorded.places(later))

    def settle(self, observations: Observations, linked: Linked, config: LinkingConfig) -> People:
        """Boxes of people, of what ``link`` made of ``observations()``."""
        return settle(observations, linked, self.fps, config, self._read().camera, self.size)

    def lives(self) -> tuple[Ints, Ints]:
        """First and last frame of each tracklet so far (N,), (N,)."""
        observations = self.observations()
        begins, ends = np.full(self.tracklets, self.recorded.count), np.full(self.tracklets, -1)
        np.minimum.at(begins, observations.tracklets, observations.frames)
        np.maximum.at(ends, observations.tracklets, observations.frames)
        return begins, ends

    def indices(self) -> list[int]:
        """Numbers of the frames in their source."""
        return self._read().indices

    def observations(self) -> Observations:
        """All boxes of tracklets so far."""
        return self._read().observations

    def _read(self) -> "_Seen":
        """All that was seen so far; it is written, and read once until more is seen."""
        self.encode()
        if self._seen is None or len(self._seen.indices) != self.recorded.count:
            self._seen = _Seen.of(self.recorded.frames(), self.timed)
        return self._seen


@dataclass(frozen=True)
class _Seen:
    """What is asked for again and again in a linking."""

    observations: Observations
    indices: list[int]  # the source's number of each of F frames
    camera: Floats | None  # (F, 2, 3): what takes each to where the background stands still; None where it always did

    @classmethod
    def of(cls, found: Frames, timed: bool) -> "_Seen":
        """Of what was recorded, with or without the frames' times."""
        frames, rows, camera = np.repeat(np.arange(len(found.counts)), found.counts), found.boxes, _camera(found.moved)
        xyxy = np.ascontiguousarray(rows["xyxy"])
        steady = xyxy if camera is None or not len(frames) else steady_boxes(xyxy, camera[frames])
        time = np.repeat(found.times, found.counts) if timed else None
        seen = Observations(frames, xyxy, rows["confidence"].copy(), rows["tracklet"].copy(), steady, time)
        return cls(seen, found.sources, camera)


def _camera(moved: Sequence[Floats | None]) -> Floats | None:
    """What takes each frame to where the background stands still (F, 2, 3), of how it moved since the one before."""
    if all(affine is None for affine in moved):
        return None
    standing, maps = np.eye(3), np.empty((len(moved), 2, 3))
    for frame, affine in enumerate(moved):
        if affine is not None:
            standing = standing @ np.linalg.inv(np.vstack([affine, [0, 0, 1]]))
        maps[frame] = standing[:2]
    return maps


def _certain(observations: Observations, known: "Known") -> Certain:
    """The tracklets of boxes of which it is known whether they are one person; what is no box is passed over."""
    pairs: list[list[tuple[int, int]]] = []
    for kind in (known.same, known.different):
        found = [tuple(_tracklet(observations, *place) for place in pair) for pair in kind]
        pairs.append([(one, other) for one, other in found if one != other and min(one, other) >= 0])
    same, different = (np.array(kind, dtype=np.int64).reshape(-1, 2) for kind in pairs)
    return Certain(same, different)


def _tracklet(observations: Observations, frame: int, xyxy: Sequence[float]) -> int:
    """The tracklet whose box is there; -1 without one."""
    rows = np.flatnonzero(observations.frames == frame)
    overlap = boxes.iou(np.array([xyxy], dtype=np.float64), observations.xyxy[rows])[0]
    if not len(rows) or overlap.max() < SAME_BOX:
        return -1
    return int(observations.tracklets[rows[overlap.argmax()]])


@dataclass(frozen=True)
class Known:
    """Pairs of boxes of which it is known who they are; a box is its frame, counted as handed in, and xyxy."""

    same: Sequence[Sequence[tuple[int, Sequence[float]]]]  # of one person
    different: Sequence[Sequence[tuple[int, Sequence[float]]]]  # of two
