"""Tracker: boxes and crops in, identities out. It sees no image and no network, only a ``similarity`` function."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.tracking.assignment import assign, best_rival
from readtrack.tracking.config import Association, Decided, TrackerConfig
from readtrack.tracking.track import UNDECIDED, State, Track

Floats = NDArray[np.float64]
Similarity = Callable[[Sequence[Any], Sequence[Sequence[Any]]], Floats]  # N crops, M tracklets -> (N, M) in [0, 1]


@dataclass(frozen=True)
class _Seen:
    """What one frame showed, as plain arrays over its N detections."""

    xyxy: Floats  # (N, 4)
    confidence: Floats  # (N,)
    crops: list[Any]  # an opaque crop each, None where there is nothing to judge
    clean: NDArray[np.bool_]  # (N,), neither covered by others nor cut off by the image's edge


class Tracker:
    """Gives detections the ids of the people they show. Ids count from 1 in every tracker."""

    def __init__(self, config: TrackerConfig = TrackerConfig(), similarity: Similarity | None = None) -> None:
        """Start empty.

        Args:
            config: when a detection belongs to a track.
            similarity: READ's judgement of crops in ``detections.data["crop"]``; None tracks on boxes alone.
        """
        self.config = config
        self.similarity = similarity
        self.reset()

    def reset(self) -> None:
        """Forget everything and count ids from 1 again."""
        self.frame = -1
        self.tracks: list[Track] = []  # tentative, confirmed and lost ones
        self.associations: list[Association] = []  # READ's decisions in the last update
        self.decided: list[Decided] = []  # earlier boxes whose id was settled in the last update
        self._ids = 0

    @property
    def alive(self) -> int:
        """People seen in the last frame."""
        return sum(track.state is State.CONFIRMED for track in self.tracks)

    def update(self, detections: sv.Detections, size: tuple[int, int] | None = None) -> sv.Detections:
        """Take the next frame's detections; to be called for every frame, also without any.

        Args:
            detections: boxes; confidence counts as 1 where it is None. Boxes that are not finite or have no area
                are left alone.
            size: width and height of the image, to tell which boxes its edges cut off.

        Returns:
            The same detections in the same order with ``tracker_id``; -1 where there is no id (yet).
        """
        self.frame += 1
        self.associations, self.decided = [], []
        seen = self._look(detections, size)
        ids = np.full(len(seen.xyxy), UNDECIDED, dtype=int)
        for track in self.tracks:
            track.motion.predict(track.gap(self.frame) == 1)

        usable = boxes.usable(seen.xyxy)
        high = np.flatnonzero(usable & (seen.confidence >= self.config.high_confidence))
        low = np.flatnonzero(
            usable & (seen.confidence >= self.config.low_confidence) & (seen.confidence < self.config.high_confidence)
        )
        matches = self._match(seen, high, low)
        for track, index in matches:
            track.see(seen.xyxy[index], float(seen.confidence[index]), self.frame)
        taken = {index for _, index in matches}
        matches += [(self._start(seen, index), index) for index in high.tolist() if index not in taken]
        self._believe()
        self._decide(seen, matches)
        for track, index in matches:
            ids[index] = track.id
            if seen.clean[index] and track.state is State.CONFIRMED:
                track.memory.offer(seen.crops[index])
        self._forget()
        answer = boxes.with_data(detections)
        answer.tracker_id = ids
        return answer

    def finish(self) -> list[Decided]:
        """Give an id to everyone still undecided, at the end of a video.

        Returns:
            Their boxes so far, as in ``decided``.
        """
        self.decided = []
        for track in self.tracks:
            if track.state is State.CONFIRMED and track.id == UNDECIDED:
                self._name(track, now=True)
        return self.decided

    def _look(self, detections: sv.Detections, size: tuple[int, int] | None) -> _Seen:
        """Detections as arrays, and which of them show a whole person with nobody in front."""
        count = len(detections)
        xyxy = np.asarray(detections.xyxy, dtype=np.float64).reshape(count, 4)
        confidence = np.ones(count) if detections.confidence is None else detections.confidence.astype(np.float64)
        crops = list(detections.data["crop"]) if self.similarity and "crop" in detections.data else [None] * count
        relevant = np.flatnonzero(boxes.usable(xyxy) & (confidence >= self.config.low_confidence))
        cover = np.zeros(count)
        cover[relevant] = boxes.covered(xyxy[relevant])
        clean = (cover <= self.config.clean_cover) & (confidence >= self.config.high_confidence)
        clean &= np.array([crop is not None for crop in crops], dtype=bool)
        if size is not None:
            clean &= (xyxy[:, :2] > 1).all(axis=1) & (xyxy[:, 2:] < np.array(size) - 1).all(axis=1)
        return _Seen(xyxy, confidence, crops, clean)

    def _match(self, seen: _Seen, high: NDArray[Any], low: NDArray[Any]) -> list[tuple[Track, int]]:
        """Continue tracks: strong detections first, with READ where motion is in doubt, then weak and new ones."""
        config, frame = self.config, self.frame
        coasting = [
            t for t in self.tracks if t.state is not State.TENTATIVE and t.gap(frame) <= 1 + config.coast * config.fps
        ]
        matches = self._match_with_read(seen, coasting, high)
        found = {id(track) for track, _ in matches}
        left = [t for t in coasting if id(t) not in found and t.state is State.CONFIRMED]
        matches += self._match_by_iou(seen, left, low, config.min_iou_low)
        taken = {index for _, index in matches}
        tentative = [t for t in self.tracks if t.state is State.TENTATIVE]
        rest = np.array([i for i in high if i not in taken], dtype=int)
        return matches + self._match_by_iou(seen, tentative, rest, config.min_iou)

    def _match_by_iou(
        self, seen: _Seen, tracks: list[Track], which: NDArray[Any], least: float
    ) -> list[tuple[Track, int]]:
        """Match by overlap alone."""
        overlap = boxes.iou(_predictions(tracks), seen.xyxy[which])
        return [(tracks[i], int(which[j])) for i, j in assign(1 - overlap, 1 - least).pairs]

    def _match_with_read(self, seen: _Seen, tracks: list[Track], which: NDArray[Any]) -> list[tuple[Track, int]]:
        """Match by overlap where it leaves no doubt, by overlap times READ's probability elsewhere."""
        if self.similarity is None:
            return self._match_by_iou(seen, tracks, which, self.config.min_iou)
        overlap = boxes.iou(_predictions(tracks), seen.xyxy[which])  # (M, N)
        plausible = overlap >= self.config.min_iou
        fresh = np.array(
            [t.gap(self.frame) <= 1 + self.config.verify_after * self.config.fps for t in tracks], dtype=bool
        )
        clear = plausible & fresh[:, None] & (overlap - best_rival(overlap) >= self.config.clear_margin)
        pairs = [(int(i), int(j)) for i, j in zip(*np.nonzero(clear), strict=True)]
        rows = [i for i in range(len(tracks)) if not clear[i].any()]
        columns = [j for j in range(len(which)) if not clear[:, j].any()]
        rows, columns = (
            [i for i in rows if plausible[i, columns].any()],
            [j for j in columns if plausible[rows, j].any()],
        )
        open_tracks, open_boxes = [tracks[i] for i in rows], which[columns]
        probability, judged = self._judge(seen, open_tracks, open_boxes, plausible[np.ix_(rows, columns)])
        joint = overlap[np.ix_(rows, columns)] * np.where(judged, probability, 1.0)
        joint[~plausible[np.ix_(rows, columns)]] = 0
        least = np.where(judged, self.config.min_joint, self.config.min_iou)
        cost = np.where(joint >= least, -np.log(np.maximum(joint, 1e-9)), np.inf)
        for i, j in assign(cost, limit=20.0).pairs:
            pairs.append((rows[i], columns[j]))
            if judged[i, j]:
                rivals = probability[judged[:, j] & (np.arange(len(rows)) != i), j]
                reason = "ambiguous" if fresh[rows[i]] else "verified"
                motion = 1 - overlap[rows[i], columns[j]]
                self._note(open_tracks[i], int(open_boxes[j]), reason, probability[i, j], rivals, motion)
        return [(tracks[i], int(which[j])) for i, j in pairs]

    def _judge(
        self, seen: _Seen, tracks: list[Track], which: NDArray[Any], wanted: NDArray[np.bool_]
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """READ's probability (M, N) where it is wanted and both sides have a clean crop, and where that is."""
        asked = wanted & np.array([bool(t.memory.crops) for t in tracks], dtype=bool)[:, None] & seen.clean[which][None]
        probability = np.ones(asked.shape)
        rows, columns = np.flatnonzero(asked.any(axis=1)), np.flatnonzero(asked.any(axis=0))
        if len(rows) and self.similarity is not None:
            queries = [seen.crops[which[j]] for j in columns]
            galleries = [tracks[i].memory.crops for i in rows]
            probability[np.ix_(rows, columns)] = self.similarity(queries, galleries).T
        return probability, asked

    def _start(self, seen: _Seen, index: int) -> Track:
        """A new track from a strong detection that nobody claimed."""
        track = Track(seen.xyxy[index], float(seen.confidence[index]), self.frame, self.config.crops)
        self.tracks.append(track)
        return track

    def _believe(self) -> None:
        """Promote tracks that were seen often enough, demote those that were not seen now."""
        for track in self.tracks:
            if track.gap(self.frame) > 0:
                if track.state is State.CONFIRMED:
                    track.state = State.LOST
            elif track.state is State.TENTATIVE and track.hits >= self.config.min_hits:
                track.state = State.CONFIRMED

    def _decide(self, seen: _Seen, matches: list[tuple[Track, int]]) -> None:
        """Give believed tracks their id: that of a lost person whom READ recognises, or a new one."""
        arrivals = [(t, i) for t, i in matches if t.id == UNDECIDED and t.state is not State.TENTATIVE]
        lost = [t for t in self.tracks if t.state is State.LOST and t.id != UNDECIDED and t.memory.crops]
        possible = np.array([[self._could_be(old, new) for old in lost] for new, _ in arrivals], dtype=bool)
        possible = possible.reshape(len(arrivals), len(lost))
        self._gather_evidence(seen, arrivals, lost, possible)
        mean = np.zeros(possible.shape)
        for i, (new, _) in enumerate(arrivals):
            for j, old in enumerate(lost):
                if possible[i, j] and old.id in new.evidence:
                    mean[i, j] = 1 / (1 + np.exp(-np.mean(new.evidence[old.id])))
        for i, j in assign(1 - mean, 1 - self.config.same).pairs:
            new, index = arrivals[i]
            rivals = np.delete(mean[i], j)
            overlap = boxes.iou(_predictions([lost[j]]), seen.xyxy[[index]])[0, 0]
            gap = new.pending[0][0] - lost[j].last_frame
            self._note(lost[j], index, "revived", mean[i, j], rivals, 1 - overlap, gap)
            new.adopt(lost[j])
            self.tracks.remove(lost[j])
            self._settle(new)
        for i, (new, _) in enumerate(arrivals):
            unsure = (possible[i] & ((mean[i] > self.config.different) | (mean[i] == 0))).any()
            waited = self.frame - new.first_frame >= self.config.patience * self.config.fps
            if new.id == UNDECIDED and (waited or not unsure):
                self._name(new)
        for track in self.tracks:  # gone before anything was decided
            if track.state is State.LOST and track.id == UNDECIDED:
                self._name(track)

    def _could_be(self, old: Track, new: Track) -> bool:
        """Whether a lost person could have become an arrival: gone before it came, at a plausible speed."""
        if old.last_frame >= new.first_frame:
            return False
        seconds = (new.first_frame - old.last_frame) / self.config.fps
        ends = np.stack([old.last_xyxy, new.entry_xyxy])
        distance = np.hypot(*np.diff(ends[:, :2] + ends[:, 2:], axis=0)[0] / 2)
        height = float((ends[:, 3] - ends[:, 1]).max())
        return bool(distance <= height * (1 + self.config.max_speed * seconds))

    def _gather_evidence(
        self, seen: _Seen, arrivals: list[tuple[Track, int]], lost: list[Track], possible: NDArray[np.bool_]
    ) -> None:
        """One more crop's log odds for every possible pair of arrival and lost person (paper Eq. 3)."""
        which = np.array([index for _, index in arrivals], dtype=int)
        probability, judged = self._judge(seen, lost, which, possible.T)
        odds = np.log(np.clip(probability, 1e-4, 1 - 1e-4) / np.clip(1 - probability, 1e-4, 1 - 1e-4))
        for j, i in zip(*np.nonzero(judged), strict=True):
            arrivals[i][0].evidence.setdefault(lost[j].id, []).append(float(odds[j, i]))

    def _name(self, track: Track, now: bool = False) -> None:
        """Give a track the next id."""
        self._ids += 1
        track.id = self._ids
        self._settle(track, now)

    def _settle(self, track: Track, now: bool = False) -> None:
        """Report the boxes that waited for a track's id; this frame's too where it is not returned (``now``)."""
        pending = [seen for seen in track.pending if now or seen[0] < self.frame]
        self.decided += [Decided(f, box, conf, track.id) for f, box, conf in pending]
        track.pending, track.evidence = [], {}

    def _note(
        self,
        track: Track,
        index: int,
        reason: str,
        probability: float,
        rivals: Floats,
        motion: float,
        gap: int = 0,
    ) -> None:
        """Keep why READ gave a detection to a track."""
        runner_up = float(rivals.max()) if len(rivals) else 0.0
        gap = gap or track.gap(self.frame)
        self.associations.append(
            Association(self.frame, track.id, index, reason, float(probability), runner_up, gap, float(motion))
        )

    def _forget(self) -> None:
        """Drop unproven tracks that were missed, and lost ones beyond memory."""
        memory = self.config.memory if self.similarity else self.config.coast
        kept = [
            t
            for t in self.tracks
            if t.gap(self.frame) <= (1 if t.state is State.TENTATIVE else memory * self.config.fps)
        ]
        lost = sorted((t for t in kept if t.state is State.LOST), key=lambda t: t.last_frame)
        surplus = {id(t) for t in lost[: max(0, len(lost) - self.config.max_lost)]}
        self.tracks = [t for t in kept if id(t) not in surplus]


def _predictions(tracks: list[Track]) -> Floats:
    """Predicted boxes (M, 4)."""
    return np.stack([track.motion.xyxy for track in tracks]) if tracks else np.zeros((0, 4))
