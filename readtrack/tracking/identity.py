"""Who is who: new people's ids, lost people whom READ recognises, and the right ids after a mix-up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from readtrack import boxes
from readtrack.tracking.assignment import assign
from readtrack.tracking.config import Association, Reassignment, TrackerConfig
from readtrack.tracking.track import UNDECIDED, Sighting, State, Track

Floats = NDArray[np.float64]
Similarity = Callable[[Sequence[Any], Sequence[Sequence[Any]]], Floats]  # N crops, M tracklets -> (N, M) in [0, 1]
Match = tuple[Track, int]  # a track and the row of its detection
SAVED = 100.0  # detections at most that READ may be asked about at once, where there is a budget
ALIKE = 2 / 3  # correlation of READ's answers to two looks at one person, from 145 returns on drawn streets (20 to 27)


@dataclass(frozen=True)
class Seen:
    """What one frame showed, as plain arrays over its N detections."""

    frame: int
    xyxy: Floats  # (N, 4)
    confidence: Floats  # (N,)
    crops: list[Any]  # an opaque crop each, None where there is nothing to judge
    clean: NDArray[np.bool_]  # (N,), neither covered by others nor cut off by the image's edge
    weight: Floats  # (N,) what READ's log odds of the crop count, 0 where there is nothing to judge
    cut: NDArray[np.bool_]  # (N,), cut off by the image's edge, where its size is known
    covers: NDArray[np.bool_]  # (N, N), whether the second hides much of the first


class Identities:
    """Gives tracks their ids. READ is asked about clean crops only, and only where motion leaves a question."""

    def __init__(self, config: TrackerConfig, similarity: Similarity | None) -> None:
        self.config = config
        self.similarity = similarity
        self.count = 0  # ids given
        self.allowance = 0.0  # detections that READ may be asked about now, where there is a budget
        self.asked: set[int] = set()  # rows of those that it was asked about in the current frame
        self.associations: list[Association] = []  # READ's decisions in the current frame
        self.reassignments: list[Reassignment] = []  # earlier boxes whose id was settled in it

    def begin(self, detections: int) -> None:
        """Start a frame of so many detections that could be asked about."""
        self.associations, self.reassignments, self.asked = [], [], set()
        self.allowance = min(self.allowance + self.config.budget * detections, SAVED)

    def judge(
        self, seen: Seen, tracks: list[Track], which: NDArray[Any], wanted: NDArray[np.bool_]
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """READ's probability (M, N) where it is wanted and both sides have a crop, and where that is.

        Tracks remember clean crops only; what it says of a crop that shows less counts less.
        """
        known = np.array([bool(track.crops) for track in tracks], dtype=bool)
        asked = wanted & known[:, None] & (seen.weight[which] > 0)[None]
        if self.config.budget < 1:
            asked[:, ~self._affordable(seen, which, asked.any(axis=0))] = False
        probability = np.ones(asked.shape)
        rows, columns = np.flatnonzero(asked.any(axis=1)), np.flatnonzero(asked.any(axis=0))
        if len(rows) and self.similarity is not None:
            queries = [seen.crops[which[j]] for j in columns]
            galleries = [tracks[i].crops for i in rows]
            sure = np.array([1.0 if tracks[i].memory.crops else self.config.occluded_weight for i in rows])
            odds = log_odds(self.similarity(queries, galleries).T) * seen.weight[which[columns]] * sure[:, None]
            probability[np.ix_(rows, columns)] = expit(odds)
        return probability, asked

    def _affordable(self, seen: Seen, which: NDArray[Any], wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which of the detections (N,) READ can be asked about: the surest of the new ones, as the budget allows."""
        new = np.array([int(index) not in self.asked for index in which], dtype=bool) & wanted
        candidates = np.flatnonzero(new)
        surest = candidates[np.argsort(-seen.confidence[which[candidates]], kind="stable")][: int(self.allowance)]
        self.allowance -= len(surest)
        self.asked |= {int(index) for index in which[surest]}
        affordable = wanted & ~new
        affordable[surest] = True
        return affordable

    def welcome(self, seen: Seen, matches: list[Match], tracks: list[Track]) -> None:
        """Give believed tracks without id that of a lost person whom READ recognises, or a new one.

        Who had to be named before being seen clearly often enough may still prove to be a lost person later.
        """
        believed = [(t, i) for t, i in matches if t.state is State.CONFIRMED]
        arrivals = [(t, i) for t, i in believed if t.id == UNDECIDED or (t.unproven and not t.doubted)]
        lost = [t for t in tracks if t.state is State.LOST and t.id != UNDECIDED and t.crops]
        possible = np.array([[self._could_be(old, new.entry) for old in lost] for new, _ in arrivals], dtype=bool)
        possible = possible.reshape(len(arrivals), len(lost))
        self._gather(seen, arrivals, lost, possible.T)
        odds = np.array([[pooled(new.evidence.get(old.id)) for old in lost] for new, _ in arrivals])
        odds = np.where(possible, odds.reshape(possible.shape), -np.inf)
        share = posterior(odds)
        looks = np.array([new.looks for new, _ in arrivals], dtype=int)
        waited = np.array([self._waited(new, seen.frame) for new, _ in arrivals], dtype=bool)
        late = np.array([new.id != UNDECIDED for new, _ in arrivals], dtype=bool)  # to be renamed: only when sure
        enough = np.where(waited & ~late, self.config.late_match_probability, self.config.match_probability)[:, None]
        cost = np.where((looks > 0)[:, None] & (share >= enough), 1 - share, np.inf)
        for i, j in assign(cost, 1.0).pairs:
            (new, index), old = arrivals[i], lost[j]
            gap = new.entry[0] - old.last[0]
            self.note(seen, old, index, "reidentified", expit(odds[i, j]), expit(np.delete(odds[i], j)), gap)
            new.adopt(old)
            tracks.remove(old)
            self._settle(new, seen.frame)
        for i, (new, _) in enumerate(arrivals):
            stranger = not possible[i].any() or (looks[i] > 0 and share[i].sum() <= self.config.new_probability)
            if new.id == UNDECIDED and (stranger or waited[i]):
                self.name(new, seen.frame)
                new.unproven = not stranger and looks[i] < self.config.min_comparisons
            elif stranger or new.looks >= 3 * self.config.min_comparisons:
                new.unproven = False
        for track in tracks:  # gone before anything was decided
            gone = track.gap(seen.frame) > self.config.coast * self.config.fps
            if gone and track.state is State.LOST and track.id == UNDECIDED:
                self.name(track, seen.frame)

    def _waited(self, track: Track, frame: int) -> bool:
        """Whether an arrival has been undecided for as long as patience lasts."""
        return frame - track.entry[0] >= self.config.max_delay * self.config.fps

    def raise_doubts(self, seen: Seen, matches: list[Match]) -> None:
        """Whoever gets covered, and by whom, or leaves the image in part, may be mixed up until seen clearly again."""
        at = {index: track for track, index in matches}
        for track, index in matches:
            if track.clean and not seen.clean[index] and track.id != UNDECIDED:
                front = [
                    at[k] for k in np.flatnonzero(seen.covers[index]).tolist() if k in at and at[k].id != UNDECIDED
                ]
                track.doubt({other.id for other in front})
                for other in front:
                    other.doubt({track.id})
            track.clean = bool(seen.clean[index])

    def clear_doubts(self, seen: Seen, matches: list[Match], tracks: list[Track]) -> None:
        """Look again at tracks that motion may have mixed up, now that they can be seen clearly."""
        doubtful = [(t, i) for t, i in matches if t.doubted and t.id != UNDECIDED and seen.weight[i] and t.crops]
        if not doubtful:
            return
        known = [t for t in tracks if t.id != UNDECIDED and t.crops]
        self._gather(seen, doubtful, known, np.array([[self._may_be(t, old) for t, _ in doubtful] for old in known]))
        for track, index in doubtful:
            if track.doubted and track.looks:
                self._resolve(seen, track, index, tracks)

    def _may_be(self, track: Track, other: Track) -> bool:
        """Whether a doubtful track may be another one's person: itself, a rival, or somebody out of sight."""
        if other is track or other.id in track.rivals:
            return True
        return other.state is State.LOST and self._could_be(other, track.last)

    def _resolve(self, seen: Seen, track: Track, index: int, tracks: list[Track]) -> None:
        """Settle a doubt by the evidence so far: keep, swap or give up the identity, or look on."""
        others = [t for t in tracks if t is not track and track.evidence.get(t.id)]
        odds = np.array([pooled(track.evidence.get(t.id)) for t in (track, *others)])
        motion = log_odds(
            np.array(self.config.motion_prior)
        )  # what motion says for the track's own person and its rivals
        prior = np.array([motion] + [motion if other.id in track.rivals else 0.0 for other in others])
        share = posterior((odds + prior)[None])[0]
        best = int(share.argmax())
        looked = track.looks >= 3 * self.config.min_comparisons
        enough = 0.5 if looked else self.config.match_probability
        another = others[best - 1] if best > 0 and share[best] >= enough else None
        if another is not None and self._would_swap(track, another):
            self.note(seen, another, index, "swapped", expit(odds[best]), expit(np.delete(odds, best)))
            self._tell_again(track, another, seen.frame)
            track.swap(another)
        elif another is not None and track.looks < 6 * self.config.min_comparisons:
            if not another.doubted:
                another.doubt({track.id})  # so that it is looked at as well
            return
        elif 1 - share.sum() >= enough:
            self.note(seen, track, index, "split", expit(odds[0]), expit(odds[1:]))
            tracks.append(track.part(self.config.gallery_size))
            return
        elif seen.clean[index] and (looked or (best == 0 and share[0] >= enough)):
            track.trust()
        else:
            return
        for other in tracks:  # whoever was in doubt whether to be this person is not
            if other is not track:
                other.rivals.discard(track.id)

    def _would_swap(self, track: Track, rival: Track) -> bool:
        """Whether exchanging identities fits both: the rival is out of sight, or looks like this track's person."""
        if rival.state is State.LOST:
            return True
        own, other = rival.evidence.get(rival.id), rival.evidence.get(track.id)
        return bool(own and other and np.mean(other) > np.mean(own))

    def _could_be(self, old: Track, where: tuple[int, Floats]) -> bool:
        """Whether a lost person could have come to a frame and box (4,): gone before, at a plausible speed."""
        return where[0] > old.written and within_reach(old.last, where, self.config)

    def _gather(self, seen: Seen, matches: list[Match], people: list[Track], wanted: NDArray[np.bool_]) -> None:
        """Log odds from one more crop (paper Eq. 3) for wanted pairs (M, N) of a known person and a track.

        Crops of neighbouring frames say the same, so a track is looked at only every ``comparison_interval`` seconds.
        """
        due = np.array([seen.weight[i] and seen.frame >= track.next_look for track, i in matches], dtype=bool)
        which = np.array([index for _, index in matches], dtype=int)
        probability, judged = self.judge(seen, people, which, wanted & due)
        odds = log_odds(probability)
        for i in np.flatnonzero(judged.any(axis=0)):
            track = matches[i][0]
            if not track.looks:
                track.looked = seen.frame
            track.looks += 1
            track.next_look = seen.frame + max(1, round(self.config.comparison_interval * self.config.fps))
            for j in np.flatnonzero(judged[:, i]):
                track.evidence[people[j].id].append(float(odds[j, i]))

    def name(self, track: Track, frame: int, now: bool = False) -> None:
        """Give a track the next id."""
        self.count += 1
        track.id = self.count
        self._settle(track, frame, now)

    def _settle(self, track: Track, frame: int, now: bool = False) -> None:
        """Report the boxes that waited for a track's id; this frame's too where it is not returned (``now``)."""
        self.reassignments += [_reassignment(told, track.id) for told in track.pending if now or told.frame < frame]
        track.pending, track.written = [], frame
        track.trust()

    def _tell_again(self, track: Track, other: Track, frame: int) -> None:
        """Two tracks are about to exchange identities: tell their boxes since they were mixed up under the right ones.

        That was where they were closest, or where the other was lost; before both were in doubt, all was well.
        """
        if other.state is State.LOST:
            since = next((told.frame for told in track.told if told.frame > max(other.last[0], other.written)), frame)
        else:
            theirs = {told.frame: told.xyxy for told in other.told}
            both = [told for told in track.told if told.frame in theirs]
            near = [boxes.iou(told.xyxy[None], theirs[told.frame][None])[0, 0] for told in both]
            since = max(zip(near, (told.frame for told in both), strict=True), default=(0.0, frame))[1]
        for one, another in ((track, other), (other, track)):
            self.reassignments += [_reassignment(told, another.id) for told in one.told if since <= told.frame < frame]

    def note(
        self, seen: Seen, track: Track, index: int, reason: str, probability: float, rivals: Floats, gap: int = 0
    ) -> None:
        """Keep why READ gave a detection to a track."""
        runner_up = float(rivals.max()) if len(rivals) else 0.0
        motion = 1 - float(boxes.iou(track.motion.xyxy[None], seen.xyxy[[index]])[0, 0])
        since = gap or track.gap(seen.frame)
        entry = Association(seen.frame, track.id, index, reason, float(probability), runner_up, since, motion)
        self.associations.append(entry)


def _reassignment(told: Sighting, number: int) -> Reassignment:
    """A sighting that is of ``number``."""
    return Reassignment(told.frame, told.xyxy, told.confidence, number, told.previous_id)


def within_reach(gone: tuple[int, Floats], come: tuple[int, Floats], config: TrackerConfig) -> bool:
    """Whether somebody last seen in a frame and box (4,) can appear in a later frame and box, at a plausible speed."""
    if come[0] <= gone[0]:
        return False
    ends = np.stack([gone[1], come[1]])
    distance = np.hypot(*np.diff(ends[:, :2] + ends[:, 2:], axis=0)[0] / 2)
    height = float((ends[:, 3] - ends[:, 1]).max())
    seconds = (come[0] - gone[0]) / config.fps
    return bool(distance <= height * (1 + config.max_speed * seconds))


def log_odds(probability: Floats) -> Floats:
    """How much more likely "same" is than "different", as a logarithm, never beyond 9."""
    inside = np.clip(probability, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(inside / (1 - inside)))


def posterior(odds: Floats) -> Floats:
    """Probability that each of N tracks is each of M people (N, M), where it may also be nobody among them.

    Beforehand it is as likely nobody among them as any of those who are possible, however many there are.

    Args:
        odds: log odds of each pair (N, M); minus infinity where it is impossible or unknown.
    """
    weight = np.exp(odds)
    nobody = np.maximum(np.isfinite(odds).sum(axis=1, keepdims=True), 1)
    return np.asarray(weight / (nobody + weight.sum(axis=1, keepdims=True)))


def pooled(odds: list[float] | None) -> float:
    """Log odds of several looks at one person together; minus infinity without any.

    Their mean (paper Eq. 3) times the number of independent looks that they are worth: n / (1 + (n - 1) ALIKE).
    """
    return float(np.mean(odds)) * len(odds) / (1 + (len(odds) - 1) * ALIKE) if odds else -np.inf
