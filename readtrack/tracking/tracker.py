"""Tracker: boxes and crops in, identities out. It sees no image and no network, only a ``similarity`` function."""

from typing import Any

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.tracking import motion
from readtrack.tracking.assignment import assign
from readtrack.tracking.config import Association, Reassignment, TrackerConfig
from readtrack.tracking.identity import Floats, Identities, Match, Seen, Similarity, log_odds
from readtrack.tracking.track import UNDECIDED, State, Track


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
        self.identities = Identities(self.config, self.similarity)

    @property
    def alive(self) -> int:
        """People seen in the last frame."""
        return sum(track.state is State.CONFIRMED for track in self.tracks)

    @property
    def associations(self) -> list[Association]:
        """READ's decisions in the last update."""
        return self.identities.associations

    @property
    def reassignments(self) -> list[Reassignment]:
        """Boxes of earlier frames whose id was settled, or proved wrong (``previous_id``), in the last update."""
        return self.identities.reassignments

    def update(
        self, detections: sv.Detections, size: tuple[int, int] | None = None, camera: Floats | None = None
    ) -> sv.Detections:
        """Take the next frame's detections; to be called for every frame, also without any.

        Args:
            detections: boxes; confidence counts as 1 where it is None. Boxes that are not finite or have no area
                are left alone.
            size: width and height of the image, to tell which boxes its edges cut off.
            camera: how points moved since the last image because the camera did: an affine map (2, 3).

        Returns:
            The same detections in the same order with ``tracker_id``; -1 where there is no id (yet).
        """
        self.frame += 1
        seen = self._look(detections, size)
        if camera is not None:
            motion.shift([track.motion for track in self.tracks], camera)
            for track in self.tracks:
                track.shift(camera)
        followed = [track for track in self.tracks if track.gap(self.frame) <= self._longest]
        seen_before = np.array([track.gap(self.frame) == 1 for track in followed], dtype=bool)
        motion.predict([track.motion for track in followed], seen_before)
        usable = boxes.usable(seen.xyxy)
        strong = usable & (seen.confidence >= self.config.high_confidence)
        weak = usable & (seen.confidence >= self.config.low_confidence) & ~strong
        self.identities.begin(int((strong | weak).sum()))
        matches = self._match(seen, followed, np.flatnonzero(strong), np.flatnonzero(weak))
        motion.update([track.motion for track, _ in matches], seen.xyxy[[index for _, index in matches]])
        for track, index in matches:
            track.see(seen.xyxy[index], float(seen.confidence[index]), bool(seen.cut[index]), self.frame)
        taken = {index for _, index in matches}
        sure = np.flatnonzero(strong & (seen.confidence >= self.config.start_confidence))
        matches += [(self._start(seen, i), i) for i in self._newcomers(seen, sure, sorted(taken))]
        self._believe()
        if self.similarity is not None:
            self.identities.raise_doubts(seen, matches)
            self.identities.clear_doubts(seen, matches, self.tracks)
        self.identities.welcome(seen, matches, self.tracks)
        ids = np.full(len(seen.xyxy), UNDECIDED, dtype=int)
        for track, index in matches:
            ids[index] = track.id
            if track.id != UNDECIDED:
                track.written = self.frame
            if seen.weight[index] and track.state is State.CONFIRMED:
                track.remember(seen.crops[index], bool(seen.clean[index]))
        self._forget()
        answer = boxes.with_data(detections)
        answer.tracker_id = ids
        return answer

    def finish(self) -> list[Reassignment]:
        """Give an id to everyone still undecided, at the end of a video.

        Returns:
            Their boxes so far, as in ``reassignments``.
        """
        self.identities.reassignments = []
        for track in self.tracks:
            if track.state is State.CONFIRMED and track.id == UNDECIDED:
                self.identities.name(track, self.frame, now=True)
        return self.reassignments

    def _look(self, detections: sv.Detections, size: tuple[int, int] | None) -> Seen:
        """Detections as arrays, and which of them show a whole person with nobody in front."""
        count = len(detections)
        xyxy = np.asarray(detections.xyxy, dtype=np.float64).reshape(count, 4)
        confidence = boxes.confidence_of(detections)
        crops = list(detections.data["crop"]) if self.similarity and "crop" in detections.data else [None] * count
        covers = np.zeros((count, count), dtype=bool)
        if self.similarity is not None:
            relevant = np.flatnonzero(boxes.usable(xyxy) & (confidence >= self.config.low_confidence))
            covers[np.ix_(relevant, relevant)] = boxes.occlusion(xyxy[relevant]) > self.config.max_occlusion
        shown = np.array([crop is not None for crop in crops], dtype=bool)
        shown &= confidence >= self.config.high_confidence
        cut = np.zeros(count, dtype=bool) if size is None else boxes.truncated(xyxy, size)
        clean = shown & ~covers.any(axis=1) & ~cut
        weight = np.where(clean, 1.0, np.where(cut, self.config.truncated_weight, self.config.occluded_weight)) * shown
        return Seen(self.frame, xyxy, confidence, crops, clean, weight, cut, covers)

    @property
    def _longest(self) -> float:
        """Frames since somebody was last seen for which motion alone may find them."""
        return 1 + self.config.coast * self.config.fps

    def _match(self, seen: Seen, followed: list[Track], strong: NDArray[Any], weak: NDArray[Any]) -> list[Match]:
        """Continue tracks: strong detections first, with READ where motion is in doubt, then weak and new ones."""
        surprise, overlap = self._surprise(seen, followed, np.concatenate([strong, weak]))
        least = self.config.min_iou_motion if self.similarity is None else self.config.min_iou
        fit = np.where((overlap >= least) & (surprise <= self.config.gate), surprise, np.inf)
        tentative = np.array([track.state is State.TENTATIVE for track in followed], dtype=bool)
        old = np.flatnonzero(~tentative)
        match_strong = self._match_by_motion if self.similarity is None else self._match_with_read
        matches = match_strong(seen, followed, fit, old, strong)
        found, taken = {id(track) for track, _ in matches}, {index for _, index in matches}
        left = [i for i in old if id(followed[i]) not in found and followed[i].state is State.CONFIRMED]
        close = np.where(overlap >= self.config.min_iou_low, fit, np.inf)
        matches += self._match_by_motion(seen, followed, close, np.array(left, dtype=int), weak)
        rest = np.array([i for i in strong if i not in taken], dtype=int)
        return matches + self._match_by_motion(seen, followed, fit, np.flatnonzero(tentative), rest)

    def _surprise(self, seen: Seen, tracks: list[Track], which: NDArray[Any]) -> tuple[Floats, Floats]:
        """How unlikely each detection is for each track's motion (M, N), and how far their boxes overlap.

        Only some of the detections can be told; others overlap with nobody.
        """
        motions = [track.motion for track in tracks]
        left = np.array([track.cut and track.gap(self.frame) > 1 for track in tracks], dtype=bool)
        surprise = np.where(left[:, None] & seen.cut, float(self.config.border_penalty), 0.0)
        overlap = np.zeros(surprise.shape)
        surprise[:, which] += motion.surprise(motions, seen.xyxy[which])
        overlap[:, which] = boxes.iou(motion.predictions(motions), seen.xyxy[which])
        return surprise, overlap

    def _match_by_motion(
        self, seen: Seen, tracks: list[Track], fit: Floats, rows: NDArray[Any], which: NDArray[Any]
    ) -> list[Match]:
        """Match some tracks with some detections by motion alone."""
        if not len(rows) or not len(which):
            return []
        pairs = assign(fit[np.ix_(rows, which)], self.config.gate).pairs
        return [(tracks[rows[i]], int(which[j])) for i, j in pairs]

    def _match_with_read(
        self, seen: Seen, tracks: list[Track], fit: Floats, rows: NDArray[Any], which: NDArray[Any]
    ) -> list[Match]:
        """Match by motion where it leaves no doubt, with READ elsewhere."""
        surprise = fit[np.ix_(rows, which)]
        fresh = np.array([tracks[i].gap(self.frame) == 1 for i in rows], dtype=bool)
        share = np.exp(-surprise)
        clear = fresh[:, None] & (share > self.config.unambiguous_share * share.sum(axis=0))
        clear &= share > self.config.unambiguous_share * share.sum(axis=1, keepdims=True)
        matches = [(tracks[rows[i]], int(which[j])) for i, j in zip(*np.nonzero(clear), strict=True)]
        plausible = np.isfinite(surprise) & ~clear.any(axis=1)[:, None] & ~clear.any(axis=0)[None]
        ours, theirs = np.flatnonzero(plausible.any(axis=1)), np.flatnonzero(plausible.any(axis=0))
        if not len(ours):
            return matches
        part = np.where(plausible, surprise, np.inf)[np.ix_(ours, theirs)]
        return matches + self._match_doubtful(seen, [tracks[i] for i in rows[ours]], which[theirs], part)

    def _match_doubtful(self, seen: Seen, tracks: list[Track], which: NDArray[Any], surprise: Floats) -> list[Match]:
        """Match by the likelihoods of motion and of READ; who gets no clear answer is in doubt from now on."""
        plausible = np.isfinite(surprise)
        known = np.array([bool(track.crops) for track in tracks], dtype=bool)
        comparable = ~(plausible & ~known[:, None]).any(axis=0)  # else READ would favour whom it cannot judge
        probability, judged = self.identities.judge(seen, tracks, which, plausible & comparable)
        odds = np.where(judged, log_odds(probability), 0)
        likely = ~judged | (probability >= self.config.min_probability)
        cost = np.where(likely, surprise - odds, np.inf)
        matches = []
        for i, j in assign(cost, self.config.gate).pairs:
            track, index = tracks[i], int(which[j])
            rivals = plausible[:, j] & (np.arange(len(tracks)) != i)
            if judged[i, j]:
                reason = "ambiguous" if rivals.any() else "verified"
                beside = probability[rivals & judged[:, j], j]
                self.identities.note(seen, track, index, reason, probability[i, j], beside)
            if not judged[i, j] or probability[i, j] < self.config.match_probability:
                self._doubt(track, [tracks[k] for k in np.flatnonzero(rivals)])
            matches.append((track, index))
        return matches

    def _doubt(self, track: Track, rivals: list[Track]) -> None:
        """A track and whoever else may have been meant are to be looked at again."""
        track.doubt({rival.id for rival in rivals} - {UNDECIDED})
        for rival in rivals:
            rival.doubt({track.id} - {UNDECIDED})

    def _newcomers(self, seen: Seen, sure: NDArray[Any], taken: list[int]) -> list[int]:
        """Which detections that nobody claimed start tracks: the surest first, no second one on anybody."""
        kept = list(taken)
        for i in sure[np.argsort(-seen.confidence[sure], kind="stable")].tolist():
            if (
                i not in taken
                and boxes.iou(seen.xyxy[[i]], seen.xyxy[kept]).max(initial=0) <= self.config.duplicate_iou
            ):
                kept.append(i)
        return sorted(kept[len(taken) :])

    def _start(self, seen: Seen, index: int) -> Track:
        """A new track from a strong detection that nobody claimed."""
        confidence, cut = float(seen.confidence[index]), bool(seen.cut[index])
        track = Track(seen.xyxy[index], confidence, self.frame, self.config.gallery_size, cut)
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

    def _forget(self) -> None:
        """Drop unproven tracks that were missed, and lost ones beyond memory."""
        memory = (self.config.max_age if self.similarity else self.config.coast) * self.config.fps
        kept = [t for t in self.tracks if t.gap(self.frame) <= (1 if t.state is State.TENTATIVE else memory)]
        lost = sorted((t for t in kept if t.state is State.LOST), key=lambda t: t.last[0])
        surplus = {id(t) for t in lost[: max(0, len(lost) - self.config.max_lost)]}
        self.tracks = [t for t in kept if id(t) not in surplus]
