"""Other people's tracks: their identities repaired frame by frame (``Relinker``), or joined once they are finished."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.errors import InputError
from readtrack.images import has_pixels
from readtrack.linking.engine import Linked, apart
from readtrack.linking.settings import LinkingConfig
from readtrack.linking.similarity import Ints
from readtrack.offline import OfflineTracker
from readtrack.read.matcher import Matcher
from readtrack.tracking import Association, Tracker, TrackerConfig
from readtrack.tracking.identity import Identities, Match, Observations
from readtrack.tracking.questions import Asking
from readtrack.tracking.track import UNDECIDED, Track
from readtrack.video import Frame


class Relinker:
    """Takes another tracker's boxes and ids (the host's) and gives back ids that outlive being hidden or away.

    Every box gets its id at once. Whom the host starts anew goes out under a new id, while unobstructed crops are
    compared with everybody lost; once READ is sure, the lost person's id takes over. A host's track that was occluded,
    truncated or missed is verified; where it has slipped onto somebody else, ids are swapped back or given up. So the
    id of a host's track may change, usually once, within ``max_delay`` seconds. ``renamed`` tells when; what went out
    under an id in ``merged`` may be rewritten from the start, by whoever can. Two people in one frame never have the
    same id, and nobody comes back faster than people run.

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
            config: when READ is believed; set its ``fps``. What concerns motion is the host's business.
            device: where the network runs; None takes a GPU where there is one.

        Raises:
            InputError: weights or device cannot be used.
        """
        self.matcher = Matcher.of(weights, device)
        own = replace(config, min_hits=1, start_confidence=0, duplicate_iou=1)
        self._tracker = Tracker(own, self.matcher.log_odds, self._associate)
        self.reset()

    def reset(self) -> None:
        """Forget everything and count ids from 1 again."""
        self._tracker.reset()
        self._tracks: dict[Hashable, Track] = {}  # the host's id -> its track
        self._hosts: Sequence[Hashable] = []  # the host's ids of a frame's detections
        self._count = 0  # ids given
        self._waiting: dict[Hashable, int] = {}  # the host's id -> the id under which it goes out undecided
        self._numbers: dict[int, int] = {}  # identity -> its id
        self._shown: dict[Hashable, int] = {}  # the host's id -> the id that it went out under last
        self.renamed: dict[int, int] = {}  # id -> id: who goes on under another id since the last update
        self.merged: dict[int, int] = {}  # those of them whose first id was never anybody else's
        self.associations: list[Association] = []  # READ's decisions in the last update

    def update(
        self,
        xyxy: NDArray[Any],
        ids: Iterable[Hashable] | None,
        image: NDArray[np.uint8] | None,
        confidence: NDArray[Any] | None = None,
    ) -> NDArray[np.int64]:
        """Take the host's answer for the next frame; to be called for every frame, also where it is empty.

        Args:
            xyxy: boxes (N, 4), in pixels of the image.
            ids: the host's N ids, numbers or names; who has a number below 0 (not confirmed) keeps it. None stands
                for none, as supervision has it of an empty frame.
            image: BGR uint8 (H, W, 3); None or empty goes through this frame without READ.
            confidence: (N,) in [0, 1], 1 where it is not given; READ looks at confident boxes only.

        Returns:
            (N,) ids, counted from 1, none of them twice.

        Raises:
            InputError: an id is NaN or stands twice in a frame, or boxes, ids, confidence or image do not fit.
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
        size = None
        if has_pixels(image):
            assert image is not None
            people, size = self.matcher.describe(image, people), (image.shape[1], image.shape[0])
        self._hosts = known
        identities = self._tracker.update(people, size).tracker_id
        assert identities is not None
        alive = {id(track) for track in self._tracker.tracks}
        followed = {**self._tracks, **{known[row]: track for track, row in self._tracker.matches}}
        self._tracks = {host: track for host, track in followed.items() if id(track) in alive}
        self._number(known, identities)
        self._forget(known)
        answer[rows] = [self._shown[host] for host in known]
        return answer

    def _associate(self, now: Observations, tracks: list[Track], identities: Identities) -> Asking[list[Match]]:
        """What the host matched; who was out of sight for long may be somebody else now."""
        yield from ()  # nothing to be asked here
        usable = np.flatnonzero(boxes.usable(now.xyxy)).tolist()
        matches = [(self._tracks[self._hosts[i]], i) for i in usable if self._hosts[i] in self._tracks]
        for track, _ in matches:
            if track.gap(now.frame) > 1:
                track.mark_unverified(set())
        return matches

    def _number(self, hosts: Sequence[Hashable], identities: NDArray[Any]) -> None:
        """Ids for identities, and for hosts that have none yet; note who goes on under another one."""
        for host, track in self._tracks.items():  # also who was decided while out of sight
            if host not in hosts and track.id != UNDECIDED and track.id not in self._numbers:
                self._numbers[track.id] = self._waiting.pop(host, 0) or self._next()
        before, self._shown = self._shown, dict(self._shown)
        for host, identity in zip(hosts, identities.tolist(), strict=True):
            waiting = self._waiting.pop(host, 0)
            number = self._numbers.get(identity) or waiting or self._next()
            self._shown[host] = number
            if identity == UNDECIDED:
                self._waiting[host] = number
            else:
                self._numbers[identity] = number
        self.renamed = {
            before[host]: self._shown[host]
            for host in hosts
            if before.get(host, self._shown[host]) != self._shown[host]
        }
        self.associations = [replace(a, track=self._numbers[a.track]) for a in self._tracker.associations]

    def _forget(self, hosts: Sequence[Hashable]) -> None:
        """Drop ids of whom the tracker has forgotten; see which ids have ceased."""
        people, remembered = {track.id for track in self._tracker.tracks}, {*self._tracks, *hosts}
        self._numbers = {identity: number for identity, number in self._numbers.items() if identity in people}
        self._waiting = {host: number for host, number in self._waiting.items() if host in remembered}
        self._shown = {host: number for host, number in self._shown.items() if host in remembered}
        used = {*self._numbers.values(), *self._waiting.values()}
        self.merged = {old: new for old, new in self.renamed.items() if old not in used}

    def _next(self) -> int:
        self._count += 1
        return self._count


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
