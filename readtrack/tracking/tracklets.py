"""Pure tracklets: detections that motion alone continues beyond doubt. Where there is doubt, a tracklet ends."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from readtrack import boxes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DUPLICATE_IOU = 0.7  # overlap with a more confident box above which a box shows the same person again
MIN_IOU = 0.4  # least overlap of a prediction with the box that continues it
RIVAL_MARGIN = 0.25  # another box or tracklet whose overlap comes this close is a rival, and ends the tracklet
RIVAL_IOU = 0.05  # what overlaps less is nobody's rival
HEIGHT_RATIO = 1.25  # a box that is higher or lower by more than this does not continue
LATELY = 9  # frames by which the rate is measured
MAX_GAP = 0.12  # seconds unseen that a tracklet survives; to the next frame it always does
JITTER = 0.45  # of a frame, by which one may come late
POSITION_NOISE = 0.06  # standard deviation of a box's centre, in its heights
ACCELERATION = 1.0  # of people, in heights per second squared
SPEED = 0.8  # of people of whom nothing is known yet, in heights per second


class Tracklets:
    """Continues tracklets frame by frame with a Kalman filter of constant velocity, all of them at once.

    A tracklet goes on only where it and a box are each other's best match and nobody else comes close. At a rival
    (a crossing, a cover), a jump in place or height, or a gap, it ends, and a new one begins: short, but of one person.
    """

    def __init__(self, fps: float, start_confidence: float = 0.5, low_confidence: float = 0.3) -> None:
        """Begin with nobody.

        Args:
            fps: frames per second of the world, until it is known from their times.
            start_confidence: least confidence of a box that begins a tracklet.
            low_confidence: weaker boxes, down to here, only continue one that no stronger box continues.
        """
        self.fps, self.start_confidence, self.low_confidence = fps, start_confidence, low_confidence
        self.count = 0  # tracklets begun
        self._came: deque[float] = deque(maxlen=LATELY)  # seconds of the last frames
        self.alive: Ints = np.zeros(0, np.int64)  # which of them go on
        self._hosts: Ints = np.zeros(0, np.int64)  # their ids of another tracker, -1 without one
        self._mean: Floats = np.zeros((0, 2, 4))  # xyah and their velocities per second
        self._spread: Floats = np.zeros((0, 3))  # variances in heights squared: of the place, both, the velocity
        self._seen: Floats = np.zeros(0)  # seconds at which they were seen last

    def update(
        self, now: float, xyxy: Floats, confidence: Floats, affine: Floats | None = None, hosts: Ints | None = None
    ) -> Ints:
        """Take the boxes of a frame.

        Args:
            now: its time in seconds, later than that of the last one.
            xyxy: boxes (N, 4) in any order; those that are not finite or have no size belong to nobody.
            confidence: (N,).
            affine: how the background moved since the last frame, (2, 3); None where it stood still.
            hosts: ids from 0 that another tracker gave the boxes (N,), none twice. A tracklet goes on under one id
                only, and every box belongs to one, however weak and whoever else it overlaps.

        Returns:
            The number of each box's tracklet (N,), from 0; -1 for those of none: weak ones, and second boxes of a
            person.
        """
        if affine is not None:
            self._shift(affine)
        pace = self._pace(now)
        self._keep(now - self._seen <= max(MAX_GAP, pace) + JITTER * pace)
        self._came.append(now)
        if hosts is None:
            rows = np.flatnonzero(boxes.usable(xyxy) & (confidence >= self.low_confidence))
            rows = rows[_distinct(xyxy[rows], confidence[rows])]
            strong, ids = confidence[rows] >= self.start_confidence, np.full(len(rows), -1, np.int64)
        else:
            rows = np.flatnonzero(boxes.usable(xyxy))
            strong, ids = np.ones(len(rows), dtype=bool), hosts[rows]
        xyah = boxes.xyxy_to_xyah(xyxy[rows])
        owner = np.full(len(rows), -1, np.int64)  # place among the living
        free = np.ones(len(self.alive), dtype=bool)
        ended = np.zeros(len(self.alive), dtype=bool)
        near = self._overlap(now, xyah)
        for stage in (strong, ~strong):
            some = near.take((free & ~ended)[near.tracklet] & stage[near.box])
            sure, doubtful = _unrivalled(some, self._hosts[some.tracklet] == ids[some.box])
            ended[doubtful] = True
            owner[sure.box] = sure.tracklet
            free[sure.tracklet] = False
        answer = np.full(len(xyxy), -1, np.int64)
        continued, begun = owner >= 0, (owner < 0) & strong
        answer[rows[continued]] = self.alive[owner[continued]]
        answer[rows[begun]] = np.arange(self.count, self.count + begun.sum())
        self._learn(owner[continued], xyah[continued], now)
        self._keep(~ended)
        self._begin(answer[rows[begun]], xyah[begun], now, ids[begun])
        return answer

    def _pace(self, now: float) -> float:
        """Seconds from one frame to the next, of late; as told before that is known."""
        return float(np.median(np.diff([*self._came, now]))) if self._came else 1 / self.fps

    def places(self, now: float) -> Floats:
        """Where the living tracklets are believed to be at a time, as boxes (A, 4)."""
        place = self._mean[:, 0] + (now - self._seen)[:, None] * self._mean[:, 1]
        place[:, 2:] = self._mean[:, 0, 2:]
        return boxes.xyah_to_xyxy(place)

    def _overlap(self, now: float, xyah: Floats) -> "_Near":
        """IoU of predictions with boxes, too little to go on where a height changed too much.

        Of a tracklet whose speed is not known yet both boxes are widened by how far it may have come, so that a low
        frame rate does not hide where it went.
        """
        passed = now - self._seen
        place = self._mean[:, 0] + passed[:, None] * self._mean[:, 1]
        place[:, 2:] = self._mean[:, 0, 2:]
        variance, both, speed = self._spread.T
        unsure = np.sqrt(np.maximum(2 * passed * both + passed**2 * speed, 0)) * place[:, 3]
        margin = unsure[:, None] * np.array([-0.5, -0.1, 0.5, 0.1])  # people move sideways more than to and fro
        wide, seen = boxes.xyah_to_xyxy(place) + margin, boxes.xyah_to_xyxy(xyah)
        one, other = boxes.touching(wide + margin, seen)
        wide, seen = wide[one], seen[other] + margin[one]
        low, high = np.maximum(wide[:, :2], seen[:, :2]), np.minimum(wide[:, 2:], seen[:, 2:])
        shared = (high - low).clip(0).prod(axis=1)
        sizes = (seen[:, 2:] - seen[:, :2]).prod(axis=1) + (wide[:, 2:] - wide[:, :2]).prod(axis=1)
        score = shared / np.maximum(sizes - shared, 1e-9)
        ratio = np.abs(np.log(xyah[other, 3] / place[one, 3]))
        return _Near(one, other, np.where(ratio <= np.log(HEIGHT_RATIO), score, np.minimum(score, MIN_IOU - 1e-6)))

    def _learn(self, index: Ints, xyah: Floats, now: float) -> None:
        """Update the filters of living tracklets that were seen at ``xyah``."""
        passed = now - self._seen[index]
        place, both, speed = self._spread[index].T
        noise = ACCELERATION**2
        place = place + 2 * passed * both + passed**2 * speed + noise * passed**4 / 4
        both = both + passed * speed + noise * passed**3 / 2
        speed = speed + noise * passed**2
        gain = np.stack([place, both], axis=1) / (place + POSITION_NOISE**2)[:, None]
        mean = self._mean[index]
        mean[:, 0] += passed[:, None] * mean[:, 1]
        mean += gain[:, :, None] * (xyah - mean[:, 0])[:, None]
        self._mean[index] = mean
        kept = 1 - gain[:, 0]
        self._spread[index] = np.stack([place * kept, both * kept, speed - gain[:, 1] * both], axis=1)
        self._seen[index] = now

    def _begin(self, numbers: Ints, xyah: Floats, now: float, hosts: Ints) -> None:
        """New tracklets."""
        new = len(numbers)
        self._hosts = np.concatenate([self._hosts, hosts])
        self.count += new
        mean = np.stack([xyah, np.zeros_like(xyah)], axis=1)
        self.alive = np.concatenate([self.alive, numbers])
        self._mean = np.concatenate([self._mean, mean])
        self._spread = np.concatenate([self._spread, np.tile([POSITION_NOISE**2, 0, SPEED**2], (new, 1))])
        self._seen = np.concatenate([self._seen, np.full(new, now)])

    def _keep(self, which: NDArray[np.bool_]) -> None:
        """End all tracklets but these."""
        self.alive, self._mean = self.alive[which], self._mean[which]
        self._spread, self._seen, self._hosts = self._spread[which], self._seen[which], self._hosts[which]

    def _shift(self, affine: Floats) -> None:
        """Take what is believed over into the next frame of a camera that moved."""
        self._mean[:, :, :2] = self._mean[:, :, :2] @ affine[:, :2].T
        self._mean[:, 0, :2] += affine[:, 2]
        self._mean[:, :, 3] *= np.sqrt(abs(np.linalg.det(affine[:, :2])))


@dataclass(frozen=True)
class _Near:
    """Pairs of tracklet and box that overlap; all arrays are (P,)."""

    tracklet: Ints  # places among the living
    box: Ints  # places among the boxes
    score: Floats

    def take(self, which: Ints | NDArray[np.bool_]) -> "_Near":
        return _Near(self.tracklet[which], self.box[which], self.score[which])


def _unrivalled(near: _Near, same: NDArray[np.bool_]) -> tuple[_Near, Ints]:
    """Pairs that are each other's best without a rival, and the tracklets that have one.

    ``same`` (P,) says which box may continue which tracklet; a rival may be anybody.
    """
    able = near.take(same & (near.score > 0))
    best_tracklet, best_box = _best(able.tracklet, able.box, able.score), _best(able.box, able.tracklet, able.score)
    mutual = able.take(best_tracklet & best_box & (able.score >= MIN_IOU))
    close = np.maximum(mutual.score - RIVAL_MARGIN, RIVAL_IOU)
    limit = np.full((2, max(near.tracklet.max(initial=0), near.box.max(initial=0)) + 1), np.inf)
    limit[0, mutual.tracklet], limit[1, mutual.box] = close, close  # of each that is in a pair
    beside, over = near.score > limit[0, near.tracklet], near.score > limit[1, near.box]  # each counts itself
    tracklets = np.bincount(near.box[over], minlength=limit.shape[1])
    found = np.bincount(near.tracklet[beside], minlength=limit.shape[1])
    contested = np.zeros(limit.shape[1], dtype=bool)  # by box
    contested[mutual.box] = (tracklets[mutual.box] > 1) | (found[mutual.tracklet] > 1)
    doubtful = np.zeros(limit.shape[1], dtype=bool)  # by tracklet
    doubtful[near.tracklet[over & contested[near.box]]] = True
    return mutual.take(~contested[mutual.box] & ~doubtful[mutual.tracklet]), np.flatnonzero(doubtful)


def _best(group: Ints, others: Ints, score: Floats) -> NDArray[np.bool_]:
    """Which pairs (P,) have the highest score of their group; of equal ones the first of the others."""
    order = np.lexsort((others, -score, group))
    first = np.zeros(len(group), dtype=bool)
    first[order[boxes.begins(group[order])]] = True
    return first


def _distinct(xyxy: Floats, confidence: Floats) -> Ints:
    """Places, in order, of boxes (N, 4) that are not a more confident one over again."""
    order = np.argsort(-confidence, kind="stable")
    one, other = boxes.overlapping(xyxy[order])
    again = boxes.iou_each(xyxy[order[one]], xyxy[order[other]]) > DUPLICATE_IOU
    kept = np.ones(len(order), dtype=bool)
    for first, second in sorted(zip(one[again].tolist(), other[again].tolist(), strict=True)):
        if kept[first]:
            kept[second] = False
    return np.sort(order[kept])
