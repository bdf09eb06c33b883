"""Tracker: boxes and crops in, identities out. It sees no image and no network; it asks about crops."""

from typing import Any

import numpy as np
import supervision as sv

from readtrack import boxes
from readtrack.boxes import Floats
from readtrack.tracking import motion
from readtrack.tracking.association import Associate, by_motion, with_read
from readtrack.tracking.config import Association, Prediction, Reassignment, TrackerConfig
from readtrack.tracking.identity import Identities, Match, Observations
from readtrack.tracking.questions import Asking, LogOdds, answer_alone
from readtrack.tracking.track import UNDECIDED, State, Track


class Tracker:
    """Gives detections the ids of the people they show. Ids count from 1 in every tracker."""

    def __init__(
        self,
        config: TrackerConfig = TrackerConfig(),
        log_odds: LogOdds | None = None,
        associate: Associate | None = None,
    ) -> None:
        """Start empty.

        Args:
            config: when a detection belongs to a track.
            log_odds: READ's judgement of crops in ``detections.data["crop"]``, such as ``Matcher.log_odds``; None
                tracks by motion only.
            associate: how detections meet tracks; None takes motion, and READ where it is given.
        """
        self.config = config
        self.log_odds = log_odds
        self._associate = associate or (by_motion if log_odds is None else with_read)
        self.reset()

    def reset(self) -> None:
        """Forget everything and count ids from 1 again."""
        self.frame = -1
        self.tracks: list[Track] = []  # tentative, confirmed and lost ones
        self.matches: list[Match] = []  # the last frame's tracks with their detections' rows
        self.identities = Identities(self.config)

    @property
    def alive(self) -> int:
        """People seen in the last frame."""
        return sum(track.state is State.CONFIRMED for track in self.tracks)

    @property
    def predictions(self) -> list[Prediction]:
        """Where people are believed to be who were seen lately enough for motion to find them again."""
        followed = [track for track in self.tracks if track.gap(self.frame) <= self._longest]
        return [Prediction(track.id, track.motion.xyxy, track.gap(self.frame)) for track in followed]

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
        return answer_alone(self.steps(detections, size, camera), self.log_odds)

    def steps(
        self, detections: sv.Detections, size: tuple[int, int] | None = None, camera: Floats | None = None
    ) -> Asking[sv.Detections]:
        """``update`` for whoever answers the questions: yields (queries, galleries), is sent their log odds (N, M).

        To be run to its end before the next frame. It takes and returns what ``update`` does.
        """
        self.frame += 1
        now = self._observe(detections, size)
        if camera is not None:
            motion.shift([track.motion for track in self.tracks], camera)
            for track in self.tracks:
                track.shift(camera)
        followed = [track for track in self.tracks if track.gap(self.frame) <= self._longest]
        seen_before = np.array([track.gap(self.frame) == 1 for track in followed], dtype=bool)
        motion.predict([track.motion for track in followed], seen_before)
        self.identities.begin(int((now.strong | now.weak).sum()))
        matches = yield from self._associate(now, followed, self.identities)
        motion.update([track.motion for track, _ in matches], now.xyxy[[index for _, index in matches]])
        for track, index in matches:
            track.observe(now.xyxy[index], float(now.confidence[index]), bool(now.truncated[index]), self.frame)
        matches = matches + [(self._start(now, index), index) for index in self._births(now, matches)]
        self._confirm()
        if self.log_odds is not None:
            self.identities.flag_ambiguous(now, matches)
            yield from self.identities.verify(now, matches, self.tracks)
        yield from self.identities.reidentify(now, matches, self.tracks)
        self.matches = matches
        answer = boxes.with_data(detections)
        answer.tracker_id = self._report(now)
        self._terminate()
        return answer

    def finish(self) -> list[Reassignment]:
        """Give an id to everyone still undecided, at the end of a video.

        Returns:
            Their boxes so far, as in ``reassignments``.
        """
        self.identities.reassignments = []
        for track in self.tracks:
            if track.state is State.CONFIRMED and track.id == UNDECIDED:
                self.identities.name(track, self.frame, with_now=True)
        return self.reassignments

    @property
    def _longest(self) -> float:
        """Frames since somebody was last seen for which motion alone may find them."""
        return 1 + self.config.coast * self.config.fps

    def _observe(self, detections: sv.Detections, size: tuple[int, int] | None) -> Observations:
        """Detections as arrays, and which of them show a whole person with nobody in front."""
        config, count = self.config, len(detections)
        xyxy = np.asarray(detections.xyxy, dtype=np.float64).reshape(count, 4)
        confidence = boxes.confidence_of(detections)
        usable = boxes.usable(xyxy)
        strong = usable & (confidence >= config.high_confidence)
        weak = usable & (confidence >= config.low_confidence) & ~strong
        occluded = np.zeros((count, count), dtype=bool)
        crops: list[Any] = [None] * count
        if self.log_odds is not None:
            relevant = np.flatnonzero(strong | weak)
            occluded[np.ix_(relevant, relevant)] = boxes.occlusion(xyxy[relevant]) > config.max_occlusion
            crops = list(detections.data["crop"]) if "crop" in detections.data else crops
        shown = np.array([crop is not None for crop in crops], dtype=bool)
        shown &= confidence >= config.high_confidence
        truncated = np.zeros(count, dtype=bool) if size is None else boxes.truncated(xyxy, size)
        unobstructed = shown & ~occluded.any(axis=1) & ~truncated
        partial = np.where(truncated, config.truncated_weight, config.occluded_weight)
        weight = np.where(unobstructed, 1.0, partial) * shown
        return Observations(
            self.frame, xyxy, confidence, strong, weak, crops, unobstructed, weight, truncated, occluded
        )

    def _births(self, now: Observations, matches: list[Match]) -> list[int]:
        """Which detections that nobody claimed start tracks: the most confident first, no second one on anybody."""
        taken = sorted(index for _, index in matches)
        kept = list(taken)
        able = np.flatnonzero(now.strong & (now.confidence >= self.config.start_confidence))
        for i in able[np.argsort(-now.confidence[able], kind="stable")].tolist():
            overlap = boxes.iou(now.xyxy[[i]], now.xyxy[kept]).max(initial=0)
            if i not in taken and overlap <= self.config.duplicate_iou:
                kept.append(i)
        return sorted(kept[len(taken) :])

    def _start(self, now: Observations, index: int) -> Track:
        """A new track from a strong detection that nobody claimed."""
        confidence, truncated = float(now.confidence[index]), bool(now.truncated[index])
        track = Track(now.xyxy[index], confidence, self.frame, self.config.gallery_size, truncated)
        self.tracks.append(track)
        return track

    def _confirm(self) -> None:
        """Promote tracks that were seen often enough, demote those that were not seen now."""
        for track in self.tracks:
            if track.gap(self.frame) > 0:
                if track.state is State.CONFIRMED:
                    track.state = State.LOST
            elif track.state is State.TENTATIVE and track.hits >= self.config.min_hits:
                track.state = State.CONFIRMED

    def _report(self, now: Observations) -> Any:
        """The ids (N,) of the frame's detections; confirmed tracks keep the crops that gave them."""
        ids = np.full(len(now.xyxy), UNDECIDED, dtype=int)
        for track, index in self.matches:
            ids[index] = track.id
            if track.id != UNDECIDED:
                track.last_reported = self.frame
            if now.weight[index] and track.state is State.CONFIRMED:
                track.keep_crop(now.crops[index], bool(now.unobstructed[index]))
        return ids

    def _terminate(self) -> None:
        """Drop tentative tracks that were missed, and lost ones that are too old or too many."""
        oldest = (self.config.coast if self.log_odds is None else self.config.max_age) * self.config.fps
        kept = [t for t in self.tracks if t.gap(self.frame) <= (1 if t.state is State.TENTATIVE else oldest)]
        lost = sorted((t for t in kept if t.state is State.LOST), key=lambda t: t.last[0])
        surplus = {id(t) for t in lost[: max(0, len(lost) - self.config.max_lost)]}
        self.tracks = [t for t in kept if id(t) not in surplus]
