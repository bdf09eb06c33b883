"""Other people's tracks: their identities repaired frame by frame (``Relinker``), or joined once they are finished."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.errors import InputError
from readtrack.linking.engine import Linked
from readtrack.linking.settings import LinkingConfig
from readtrack.linking.settling import apart
from readtrack.linking.similarity import Ints
from readtrack.live import Live
from readtrack.offline import OfflineTracker
from readtrack.read.matcher import Matcher
from readtrack.tracking import Association, TrackerConfig
from readtrack.video import Frame


class Relinker:
    """Takes another tracker's boxes and ids (the host's) and gives back ids that outlive being hidden or away.

    Every box gets its id at once. The host's tracks are cut wherever somebody else comes close, jumps or is missed, and
    the pieces are linked like tracklets; that the host goes on counts for a link. So the id of a host's track may
    change: where READ finds out who somebody new is, or that a track has slipped onto somebody else. ``renamed`` tells
    when; what went out under an id in ``merged`` may be rewritten from the start, by whoever can. Two people in one
    frame never have the same id.

    Example:
        >>> relinker = Relinker("read-s", TrackerConfig(fps=30))  # doctest: +SKIP
        >>> ids = relinker.update(xyxy, host_ids, image)  # every frame, also without boxes  # doctest: +SKIP
    """

    def __init__(
        self,
        weights: str | Path | Matcher = "read-s",
        config: TrackerConfig = TrackerConfig(),
        device: str | None = None,
    ) -> None:
        """Load the network, unless a ``Matcher`` is given.

        Args:
            weights: a shipped name, a file, or a loaded matcher, which several relinkers may share.
            config: ``fps``, ``correction``, ``max_age`` and ``max_lost`` count; all else is the host's business.
            device: where the network runs; None takes a GPU where there is one.

        Raises:
            InputError: weights or device cannot be used.
        """
        self.matcher = Matcher.of(weights, device)
        self._config = replace(config, delay=0, min_person=0, fill_gap=0)
        self.reset()

    def reset(self) -> None:
        """Forget everything and count ids from 1 again."""
        self._live = Live(self.matcher, self._config)
        self._numbers: OrderedDict[Hashable, int] = OrderedDict()  # the host's id -> its number, the latest seen last
        self._count = 0  # numbers given
        self._shown: dict[Hashable, int] = {}  # the host's id -> the id that it went out under last
        self._spare: dict[Hashable, int] = {}  # the same of whom nothing is known, or whose id is somebody else's now
        self._beside: dict[int, set[int]] = {}  # id -> those in whose frames it was
        self.renamed: dict[int, int] = {}  # id -> id: who goes on under another id since the last update
        self.merged: dict[int, int] = {}  # those of them whose first id was never anybody else's
        self.associations: list[Association] = []  # who was found again in the last update

    def update(
        self,
        xyxy: NDArray[Any],
        ids: Iterable[Hashable] | None,
        image: NDArray[np.uint8] | None,
        confidence: NDArray[Any] | None = None,
        time: float | None = None,
    ) -> NDArray[np.int64]:
        """Take the host's answer for the next frame; to be called for every frame, also where it is empty.

        Args:
            xyxy: boxes (N, 4), in pixels of the image.
            ids: the host's N ids, numbers or names; who has a number below 0 (not confirmed) keeps it. None stands
                for none, as supervision has it of an empty frame.
            image: BGR uint8 (H, W, 3); None or empty goes through this frame without READ.
            confidence: (N,) in [0, 1], 1 where it is not given.
            time: of the frame in seconds, later than that of the last one; None goes by ``config.fps``.

        Returns:
            (N,) ids, counted from 1, none of them twice.

        Raises:
            InputError: an id is NaN or stands twice in a frame, or boxes, ids, confidence, image or time do not fit.
        """
        hosts = ids.tolist() if isinstance(ids, np.ndarray) else list(ids or ())
        answer = np.array([host if _unconfirmed(host) else 0 for host in hosts], dtype=np.int64)
        rows = np.flatnonzero(answer == 0)
        known = [hosts[row] for row in rows]
        people = _detections(boxes.as_boxes(xyxy), confidence, len(hosts), rows)
        if any(host != host for host in known):
            raise InputError(f"an id is not a number: {known}; give each box of a frame an id of its own")
        if len(set(known)) < len(known):
            raise InputError(f"an id stands twice in a frame: {known}; give each box of a frame an id of its own")
        self._live.see(people, image, time, self._numbered(known))
        told = self._live.decide()
        for row, (host, number) in enumerate(zip(known, told.tolist(), strict=True)):
            if number > 0:
                self._spare.pop(host, None)
            else:
                told[row] = self._spare.setdefault(host, 0) or self._live.people.new_id()
                self._spare[host] = int(told[row])
        self._compare(known, told.tolist())
        answer[rows] = told
        return answer

    def _numbered(self, hosts: list[Hashable]) -> NDArray[np.int64]:
        """Numbers for the host's ids (N,); those unseen for long are forgotten."""
        for host in hosts:
            if host not in self._numbers:
                self._numbers[host] = self._count
                self._count += 1
            self._numbers.move_to_end(host)
        while len(self._numbers) > len(hosts) + self._config.max_lost:
            host, _ = self._numbers.popitem(last=False)
            self._shown.pop(host, None)
            self._spare.pop(host, None)
        return np.array([self._numbers[host] for host in hosts], dtype=np.int64)

    def _compare(self, hosts: list[Hashable], told: list[int]) -> None:
        """See who goes on under another id than before."""
        before = self._shown
        self._shown = {**before, **dict(zip(hosts, told, strict=True))}
        changed = {before[host]: number for host, number in zip(hosts, told, strict=True) if host in before}
        self.renamed = {old: new for old, new in changed.items() if old != new}
        used = self._live.people.used | set(self._spare.values()) | set(told)
        for number in told:
            self._beside.setdefault(number, set()).update(told)
        self.merged = {}
        for old, new in self.renamed.items():
            beside = self._beside.get(old, set())
            if old not in used and new not in beside:
                self.merged[old] = new
                self._beside[new] |= beside - {old}
                for other in beside & self._beside.keys():
                    self._beside[other].add(new)
        shown = used | set(self._shown.values())
        self._beside = {number: others & shown for number, others in self._beside.items() if number in shown}
        self.associations = self._live.associations


def _unconfirmed(host: Hashable) -> bool:
    """Whether a host's id says that it has none yet."""
    return isinstance(host, Real) and host < 0


def _detections(
    xyxy: NDArray[np.float64], confidence: NDArray[Any] | None, count: int, rows: NDArray[Any]
) -> sv.Detections:
    """Some rows of the host's boxes as detections."""
    scores = np.ones(count) if confidence is None else np.asarray(confidence, dtype=np.float64)
    if len(xyxy) != count or scores.shape != (count,):
        raise InputError(f"{len(xyxy)} boxes, {count} ids and confidence {scores.shape}: give as many of each")
    return boxes.detections_of(xyxy[rows], scores[rows])


@dataclass(frozen=True)
class Link:
    """Two pieces of tracks that are one person."""

    identity: int  # id of both from now on
    track: int  # id so far of the one that begins later
    frame: int  # its first, from 0
    gap: int  # frames between them
    probability: float  # of this link among all that either might have instead
    runner_up: float  # of the likeliest of those, 0 without one
    odds: float | None  # log odds of READ alone; None without crops


@dataclass(frozen=True)
class Relinked:
    """Who is who."""

    ids: dict[tuple[int, int], int]  # frame and id of a box -> the id of its person
    links: list[Link]  # in the order in which they were made, the surest first
    tracks: int  # ids handed in
    people: int  # ids given
    parted: list[int]  # ids of tracks that showed several people
    unseen: list[int]  # ids of tracks without any crop, which motion alone linked


def relink(
    tracks: Mapping[int, sv.Detections],
    frames: Iterable[Frame],
    matcher: Matcher | None,
    fps: float,
    config: LinkingConfig = LinkingConfig(),
    report: Callable[[int], None] = lambda done: None,
) -> Relinked:
    """Find the people in finished tracks of any tracker; nothing but ids changes.

    Tracks are cut wherever somebody else comes close, jumps or is missed; the pieces are linked as tracklets are, and
    that a piece had the same id as the one before it counts for a link of both. Everybody goes by the id of their first
    piece, unless that is somebody else's already.

    Args:
        tracks: boxes with ``tracker_id`` by frame from 0, as ``read_mot`` gives them; ids below 0 are left out.
        frames: the video that they are of, in order, as ``open_video`` gives it.
        matcher: READ; None goes by motion alone, and needs no pixels.
        fps: frames per second.
        config: how pieces become people.
        report: told how many frames are read.

    Raises:
        InputError: an id stands twice in a frame, or the video has no pixels or ends before the tracks.
    """
    pieces = _Pieces(OfflineTracker(matcher, fps, config))
    nobody, pixels, last = sv.Detections.empty(), False, -1
    for frame in frames:
        for index in range(last + 1, frame.index + 1):
            pieces.add(index, tracks.get(index, nobody), frame.image if index == frame.index else None)
        pixels, last = pixels or frame.image is not None, frame.index
        report(frame.index + 1)
    if matcher is not None and tracks and not pixels:
        raise InputError("the video has no pixels to compare people by: pass the images or the video itself")
    if last < max(tracks, default=-1):
        raise InputError(
            f"the tracks go on to frame {max(tracks) + 1}, the video to {last + 1}: pass the one they are of"
        )
    return pieces.relinked()


class _Pieces:
    """Tracks of another tracker, cut into tracklets."""

    def __init__(self, tracker: OfflineTracker) -> None:
        self.tracker = tracker
        self.tracklet: dict[tuple[int, int], int] = {}  # of a box by frame and id; -1 of one without size
        self.numbers: dict[int, int] = {}  # id -> number from 0
        self.hosts: list[int] = []  # id of each tracklet
        self.before: list[int] = []  # the tracklet of the same id before each, -1 without one
        self._last: dict[int, int] = {}  # id -> its last tracklet

    def add(self, frame: int, people: sv.Detections, image: NDArray[np.uint8] | None) -> None:
        """Take the next frame."""
        ids = [] if people.tracker_id is None else people.tracker_id.tolist()
        if len(set(ids)) < len(ids):
            raise InputError(
                f"an id stands twice in frame {frame}: {sorted(ids)}; give each box of it an id of its own"
            )
        if min(ids, default=0) < 0:
            people = boxes.take(people, np.array(ids) >= 0)
            ids = [track for track in ids if track >= 0]
        hosts = np.array([self.numbers.setdefault(track, len(self.numbers)) for track in ids], dtype=np.int64)
        answer = self.tracker.update(people, image, hosts).tracker_id
        assert answer is not None
        for track, tracklet in zip(ids, (answer - 1).tolist(), strict=True):
            self.tracklet[frame, track] = max(tracklet, -1)
            if tracklet == len(self.hosts):
                self.hosts.append(track)
                self.before.append(self._last.get(track, -1))
                self._last[track] = tracklet

    def relinked(self) -> Relinked:
        """Who is who."""
        seen = self.tracker.observations()
        linked = self.tracker.link(seen, np.array(self.before, dtype=np.int64))
        people = apart(linked.people, seen.frames, seen.tracklets)
        names = self._names(people)
        ids = {box: names[people[tracklet]] for box, tracklet in self.tracklet.items() if tracklet >= 0}
        taken = {(frame, name) for (frame, _), name in ids.items()}
        fresh = max([*names, *self.numbers], default=0) + 1
        for (frame, track), tracklet in self.tracklet.items():
            if tracklet < 0:  # nothing is known of it
                ids[frame, track] = fresh if (frame, track) in taken else track
                fresh += (frame, track) in taken
        whose = {(track, int(people[tracklet])) for tracklet, track in enumerate(self.hosts)}
        clips = [len(clip) for clip in self.tracker.clips()]
        seen_well = {track for track, crops in zip(self.hosts, clips, strict=True) if crops}
        return Relinked(
            ids=ids,
            links=self._links(linked, people, names),
            tracks=len(self.numbers),
            people=len(set(ids.values())),
            parted=sorted({track for track in self.hosts if sum(one == track for one, _ in whose) > 1}),
            unseen=sorted(set(self.numbers) - seen_well),
        )

    def _names(self, people: Ints) -> list[int]:
        """The id of each person: that of the first piece, or a new one where it is somebody else's."""
        names: dict[int, int] = {}
        fresh = max(self.numbers, default=0) + 1
        for person, track in zip(people.tolist(), self.hosts, strict=True):
            if person in names:
                continue
            if track in names.values():
                track, fresh = fresh, fresh + 1
            names[person] = track
        return [names[person] for person in range(len(names))]

    def _links(self, linked: Linked, people: Ints, names: list[int]) -> list[Link]:
        """Links of pieces that had not been one track."""
        before: dict[int, int] = {}
        last: dict[int, int] = {}
        for tracklet, person in enumerate(people.tolist()):
            before[tracklet] = last.get(person, -1)
            last[person] = tracklet
        return [
            Link(
                identity=names[people[one.tracklet]],
                track=self.hosts[one.tracklet],
                frame=one.frame,
                gap=round(one.gap * self.tracker.fps),
                probability=one.probability,
                runner_up=one.runner_up,
                odds=one.appearance if np.isfinite(one.appearance) else None,
            )
            for one in linked.links
            if before[one.tracklet] >= 0 and self.hosts[before[one.tracklet]] != self.hosts[one.tracklet]
        ]
