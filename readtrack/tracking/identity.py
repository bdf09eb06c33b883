"""Who is who: new people's ids, lost people whom READ recognises, and the right ids after a mix-up."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from readtrack import boxes
from readtrack.boxes import Floats
from readtrack.tracking.assignment import assign
from readtrack.tracking.config import Association, Reassignment, TrackerConfig
from readtrack.tracking.evidence import bounded, log_odds, pool_log_odds, posterior
from readtrack.tracking.motion import within_reach
from readtrack.tracking.questions import Asking
from readtrack.tracking.track import UNDECIDED, Observation, State, Track

Mask: TypeAlias = NDArray[np.bool_]
Match: TypeAlias = tuple[Track, int]  # a track and the row of its detection
MAX_TOKENS = 100.0  # detections at most that READ may be asked about at once, where there is a budget


@dataclass(frozen=True)
class Observations:
    """What one frame showed, as plain arrays over its N detections."""

    frame: int
    xyxy: Floats  # (N, 4)
    confidence: Floats  # (N,)
    strong: Mask  # (N,), confident enough to be matched first
    weak: Mask  # (N,), just confident enough to continue a track
    crops: list[Any]  # an opaque crop each, None where there is nothing to compare
    unobstructed: Mask  # (N,), neither occluded nor truncated, with a crop
    weight: Floats  # (N,) what READ's log odds of the crop count, 0 where there is nothing to compare
    truncated: Mask  # (N,), cut off by the image's edge, where its size is known
    occluded: Mask  # (N, N), whether the second hides much of the first


class Identities:
    """Gives tracks their ids. READ is asked only where motion leaves a question.

    What asks is a generator of questions (``questions.Asking``).
    """

    def __init__(self, config: TrackerConfig) -> None:
        """Start without ids."""
        self.config = config
        self.count = 0  # ids given
        self.tokens = 0.0  # detections that READ may be asked about now, where there is a budget
        self.asked: set[int] = set()  # rows of those that it was asked about in the current frame
        self.associations: list[Association] = []  # READ's decisions in the current frame
        self.reassignments: list[Reassignment] = []  # earlier boxes whose id was settled in it

    def begin(self, detections: int) -> None:
        """Start a frame of so many detections that could be asked about."""
        self.associations, self.reassignments, self.asked = [], [], set()
        self.tokens = min(self.tokens + self.config.budget * detections, MAX_TOKENS)

    def compare(
        self, now: Observations, tracks: list[Track], which: NDArray[Any], wanted: Mask
    ) -> Asking[tuple[Floats, Mask]]:
        """READ's log odds (M, N) where they are wanted and both sides have a crop, and where that is.

        What it says of a crop that shows less counts less.
        """
        known = np.array([bool(track.crops) for track in tracks], dtype=bool)
        asked = wanted & known[:, None] & (now.weight[which] > 0)[None]
        if self.config.budget < 1:
            asked[:, ~self._affordable(now, which, asked.any(axis=0))] = False
        odds = np.zeros(asked.shape)
        rows, columns = np.flatnonzero(asked.any(axis=1)), np.flatnonzero(asked.any(axis=0))
        if len(rows):
            answer = yield [now.crops[which[j]] for j in columns], [tracks[i].crops for i in rows]
            gallery = np.array([1.0 if tracks[i].gallery.crops else self.config.occluded_weight for i in rows])
            odds[np.ix_(rows, columns)] = bounded(answer.T) * now.weight[which[columns]] * gallery[:, None]
        return odds, asked

    def _affordable(self, now: Observations, which: NDArray[Any], wanted: Mask) -> Mask:
        """Which detections (N,) READ can be asked about: the most confident of the new ones, as the budget allows."""
        new = np.array([int(index) not in self.asked for index in which], dtype=bool) & wanted
        candidates = np.flatnonzero(new)
        surest = candidates[np.argsort(-now.confidence[which[candidates]], kind="stable")][: int(self.tokens)]
        self.tokens -= len(surest)
        self.asked |= {int(index) for index in which[surest]}
        affordable = wanted & ~new
        affordable[surest] = True
        return affordable

    def reidentify(self, now: Observations, matches: list[Match], tracks: list[Track]) -> Asking[None]:
        """Give confirmed tracks without id that of a lost person whom READ recognises, or a new one.

        Who had to be named before being seen clearly often enough may still prove to be a lost person later.
        """
        confirmed = [(t, i) for t, i in matches if t.state is State.CONFIRMED]
        births = [(t, i) for t, i in confirmed if t.id == UNDECIDED or (t.provisional and not t.unverified)]
        lost = [t for t in tracks if t.state is State.LOST and t.id != UNDECIDED and t.crops]
        possible = np.array([[self._could_be(old, new.birth) for old in lost] for new, _ in births], dtype=bool)
        possible = possible.reshape(len(births), len(lost))
        yield from self._gather(now, births, lost, possible.T)
        odds = np.array([[pool_log_odds(new.evidence.get(old.id)) for old in lost] for new, _ in births])
        odds = np.where(possible, odds.reshape(possible.shape), -np.inf)
        share = posterior(odds)
        comparisons = np.array([new.comparisons for new, _ in births], dtype=int)
        waited = np.array([self._waited(new, now.frame) for new, _ in births], dtype=bool)
        late = np.array([new.id != UNDECIDED for new, _ in births], dtype=bool)  # to be renamed: only when sure
        enough = np.where(waited & ~late, self.config.late_match_probability, self.config.match_probability)[:, None]
        cost = np.where((comparisons > 0)[:, None] & (share >= enough), 1 - share, np.inf)
        for i, j in assign(cost, 1.0).pairs:
            (new, index), old = births[i], lost[j]
            gap = new.birth[0] - old.last[0]
            self.report(now, old, index, "reidentified", odds[i, j], np.delete(odds[i], j), gap)
            new.take_identity(old)
            tracks.remove(old)
            self._settle(new, now.frame)
        for i, (new, _) in enumerate(births):
            stranger = not possible[i].any() or (comparisons[i] > 0 and share[i].sum() <= self.config.new_probability)
            if new.id == UNDECIDED and (stranger or waited[i]):
                self.name(new, now.frame)
                new.provisional = not stranger and comparisons[i] < self.config.min_comparisons
            elif stranger or new.comparisons >= 3 * self.config.min_comparisons:
                new.provisional = False
        for track in tracks:  # gone before anything was decided
            gone = track.gap(now.frame) > self.config.coast * self.config.fps
            if gone and track.state is State.LOST and track.id == UNDECIDED:
                self.name(track, now.frame)

    def _waited(self, track: Track, frame: int) -> bool:
        """Whether a track has been undecided for as long as it may."""
        return frame - track.birth[0] >= self.config.max_delay * self.config.fps

    def flag_ambiguous(self, now: Observations, matches: list[Match]) -> None:
        """Whoever gets hidden, and by whom, or leaves the image in part, may be mixed up until seen clearly again."""
        at = {index: track for track, index in matches}
        for track, index in matches:
            if track.unobstructed and not now.unobstructed[index] and track.id != UNDECIDED:
                hiding = np.flatnonzero(now.occluded[index]).tolist()
                front = [at[k] for k in hiding if k in at and at[k].id != UNDECIDED]
                track.mark_unverified({other.id for other in front})
                for other in front:
                    other.mark_unverified({track.id})
            track.unobstructed = bool(now.unobstructed[index])

    def verify(self, now: Observations, matches: list[Match], tracks: list[Track]) -> Asking[None]:
        """Compare tracks that motion may have mixed up again, now that they can be seen clearly."""
        unverified = [(t, i) for t, i in matches if t.unverified and t.id != UNDECIDED and now.weight[i] and t.crops]
        if not unverified:
            return
        known = [t for t in tracks if t.id != UNDECIDED and t.crops]
        wanted = np.array([[self._may_be(t, old) for t, _ in unverified] for old in known])
        yield from self._gather(now, unverified, known, wanted)
        for track, index in unverified:
            if track.unverified and track.comparisons:
                self._resolve(now, track, index, tracks)

    def _may_be(self, track: Track, other: Track) -> bool:
        """Whether an unverified track may be another one's person: itself, a confusable one, or one out of sight."""
        if other is track or other.id in track.confusable_ids:
            return True
        return other.state is State.LOST and self._could_be(other, track.last)

    def _resolve(self, now: Observations, track: Track, index: int, tracks: list[Track]) -> None:
        """Decide by the evidence so far: keep, swap or give up the identity, or compare on."""
        others = [t for t in tracks if t is not track and track.evidence.get(t.id)]
        odds = np.array([pool_log_odds(track.evidence.get(t.id)) for t in (track, *others)])
        motion = log_odds(np.array(self.config.motion_prior))  # for the track's own person and those confusable with it
        prior = np.array([motion] + [motion if other.id in track.confusable_ids else 0.0 for other in others])
        share = posterior((odds + prior)[None])[0]
        best = int(share.argmax())
        compared = track.comparisons >= 3 * self.config.min_comparisons
        enough = 0.5 if compared else self.config.match_probability
        another = others[best - 1] if best > 0 and share[best] >= enough else None
        if another is not None and self._would_swap(track, another):
            self.report(now, another, index, "swapped", odds[best], np.delete(odds, best))
            self._reassign(track, another, now.frame)
            track.swap(another)
        elif another is not None and track.comparisons < 6 * self.config.min_comparisons:
            if not another.unverified:
                another.mark_unverified({track.id})  # so that it is compared as well
            return
        elif 1 - share.sum() >= enough:
            self.report(now, track, index, "split", odds[0], odds[1:])
            tracks.append(track.split())
            return
        elif now.unobstructed[index] and (compared or (best == 0 and share[0] >= enough)):
            track.mark_verified()
        else:
            return
        for other in tracks:  # whoever might have been this person is not
            if other is not track:
                other.confusable_ids.discard(track.id)

    def _would_swap(self, track: Track, other: Track) -> bool:
        """Whether exchanging identities fits both: the other is out of sight, or looks like this track's person."""
        if other.state is State.LOST:
            return True
        own, crossed = other.evidence.get(other.id), other.evidence.get(track.id)
        return bool(own and crossed and np.mean(crossed) > np.mean(own))

    def _could_be(self, old: Track, where: tuple[int, Floats]) -> bool:
        """Whether a lost person could have come to a frame and box (4,): gone before, at a plausible speed."""
        return where[0] > old.last_reported and within_reach(old.last, where, self.config)

    def _gather(self, now: Observations, matches: list[Match], people: list[Track], wanted: Mask) -> Asking[None]:
        """Log odds from one more crop (paper Eq. 3) for wanted pairs (M, N) of a known person and a track.

        Crops of neighbouring frames say the same: those of one track are ``comparison_interval`` seconds apart.
        """
        due = np.array([now.weight[i] and now.frame >= track.next_comparison for track, i in matches], dtype=bool)
        which = np.array([index for _, index in matches], dtype=int)
        odds, compared = yield from self.compare(now, people, which, wanted & due)
        for i in np.flatnonzero(compared.any(axis=0)):
            track = matches[i][0]
            if not track.comparisons:
                track.first_comparison = now.frame
            track.comparisons += 1
            interval = max(1, round(self.config.comparison_interval * self.config.fps))
            track.next_comparison = now.frame + interval
            for j in np.flatnonzero(compared[:, i]):
                track.evidence[people[j].id].append(float(odds[j, i]))

    def name(self, track: Track, frame: int, with_now: bool = False) -> None:
        """Give a track the next id; this frame's box is reported too where it is not returned (``with_now``)."""
        self.count += 1
        track.id = self.count
        self._settle(track, frame, with_now)

    def _settle(self, track: Track, frame: int, with_now: bool = False) -> None:
        """Report the boxes that waited for a track's id."""
        self.reassignments += [_reassignment(one, track.id) for one in track.pending if with_now or one.frame < frame]
        track.pending, track.last_reported = [], frame
        track.mark_verified()

    def _reassign(self, track: Track, other: Track, frame: int) -> None:
        """Two tracks are about to exchange identities: report their boxes since the mix-up under the right ones.

        That was where they were closest, or where the other was lost; before both were unverified, all was well.
        """
        if other.state is State.LOST:
            gone = max(other.last[0], other.last_reported)
            since = next((one.frame for one in track.unverified_history if one.frame > gone), frame)
        else:
            theirs = {one.frame: one.xyxy for one in other.unverified_history}
            both = [one for one in track.unverified_history if one.frame in theirs]
            near = [boxes.iou(one.xyxy[None], theirs[one.frame][None])[0, 0] for one in both]
            since = max(zip(near, (one.frame for one in both), strict=True), default=(0.0, frame))[1]
        for mine, yours in ((track, other), (other, track)):
            history = mine.unverified_history
            self.reassignments += [_reassignment(one, yours.id) for one in history if since <= one.frame < frame]

    def report(
        self, now: Observations, track: Track, index: int, reason: str, odds: float, others: Floats, gap: int = 0
    ) -> None:
        """Keep why READ gave a detection to a track: its log odds, and those of others that it may have been."""
        runner_up = float(expit(others.max())) if len(others) else 0.0
        motion = 1 - float(boxes.iou(track.motion.xyxy[None], now.xyxy[[index]])[0, 0])
        since = gap or track.gap(now.frame)
        entry = Association(now.frame, track.id, index, reason, float(expit(odds)), runner_up, since, motion)
        self.associations.append(entry)


def _reassignment(one: Observation, track: int) -> Reassignment:
    """An observation that is of that track."""
    return Reassignment(one.frame, one.xyxy, one.confidence, track, one.previous_id)
