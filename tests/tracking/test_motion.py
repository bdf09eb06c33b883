"""Motion: against filterpy's filter of eight numbers, which it works out in closed form."""

import numpy as np
import pytest
from filterpy.kalman import KalmanFilter

from readtrack import boxes
from readtrack.tracking import motion
from readtrack.tracking.motion import BoxMotion


def walk(seed, frames=60):
    """Boxes of somebody walking, measured badly, and in which frames they are seen."""
    rng = np.random.default_rng(seed)
    centre = np.array([300.0, 200.0]) + np.cumsum(rng.normal(0, 3, (frames, 2)), axis=0)
    height = 100 + np.cumsum(rng.normal(0, 1, frames))
    xyah = np.column_stack([centre, rng.normal(0.4, 0.02, frames), height])
    return boxes.xyah_to_xyxy(xyah), rng.random(frames) < 0.7


class Oracle:
    """DeepSORT's filter by filterpy."""

    def __init__(self, xyxy):
        self.filter = KalmanFilter(dim_x=8, dim_z=4)
        self.filter.F, self.filter.H = np.eye(8) + np.eye(8, k=4), np.eye(4, 8)
        self.filter.x = np.concatenate([boxes.xyxy_to_xyah(xyxy[None])[0], np.zeros(4)])[:, None]
        self.filter.P = np.diag(self.deviations(2 / 20, 10 / 160) ** 2)

    def deviations(self, position, velocity):
        height = self.filter.x[3, 0]
        places, speeds = np.full(4, position * height), np.full(4, velocity * height)
        places[2], speeds[2] = 1e-2, 1e-5
        return np.concatenate([places, speeds])

    def predict(self, seen):
        if not seen:
            self.filter.x[6:] = 0
        self.filter.predict(Q=np.diag(self.deviations(1 / 20, 1 / 160) ** 2))

    def update(self, xyxy):
        noise = self.deviations(1 / 20, 0)[:4]
        noise[2] = 0.1
        self.filter.update(boxes.xyxy_to_xyah(xyxy[None])[0][:, None], R=np.diag(noise**2))

    def negative_log_likelihood(self, xyxy):
        noise = (self.filter.x[3, 0] / 20) ** 2
        spread = self.filter.P[np.ix_([0, 1, 3], [0, 1, 3])] + noise * np.eye(3)
        off = (boxes.xyxy_to_xyah(xyxy) - self.filter.x[:4, 0])[:, [0, 1, 3]]
        squared = np.einsum("ni,ij,nj->n", off, np.linalg.inv(spread), off)
        return 3.5 * np.log1p(squared / 4) + np.linalg.slogdet(spread / noise)[1] / 2


def test_it_is_deepsort_s_filter_of_all_tracks_at_once():
    people = [walk(seed) for seed in range(5)]
    ours = [BoxMotion(places[0]) for places, _ in people]
    theirs = [Oracle(places[0]) for places, _ in people]
    probes = walk(9)[0][:7]
    for frame in range(1, 60):
        before = np.array([seen[frame - 1] for _, seen in people])
        motion.predict(ours, before)
        for oracle, was_seen in zip(theirs, before, strict=True):
            oracle.predict(was_seen)
        np.testing.assert_allclose(
            motion.negative_log_likelihood(ours, probes), [o.negative_log_likelihood(probes) for o in theirs], rtol=1e-9
        )
        now = [i for i, (_, seen) in enumerate(people) if seen[frame]]
        motion.update([ours[i] for i in now], np.array([people[i][0][frame] for i in now]).reshape(-1, 4))
        for i in now:
            theirs[i].update(people[i][0][frame])
    states = [np.concatenate(m.mean) for m in ours]
    np.testing.assert_allclose(states, [o.filter.x[:, 0] for o in theirs], rtol=1e-9)
    np.testing.assert_allclose(motion.predictions(ours), [m.xyxy for m in ours])


def test_boxes_on_the_spot_are_likeliest():
    track = BoxMotion(np.array([0.0, 0, 40, 100]))
    near, far = motion.negative_log_likelihood([track], np.array([[0.0, 0, 40, 100], [30.0, 0, 70, 100]]))[0]
    assert near < far


@pytest.mark.parametrize("count", [0, 1])
def test_nobody_and_nothing_is_fine(count):
    tracks = [BoxMotion(np.array([0.0, 0, 40, 100]))] * count
    assert motion.negative_log_likelihood(tracks, np.zeros((0, 4))).shape == (count, 0)
    assert motion.predictions(tracks).shape == (count, 4)
    motion.predict([], np.zeros(0, dtype=bool))
    motion.update([], np.zeros((0, 4)))


def test_a_box_never_shrinks_to_nothing():
    track = BoxMotion(np.array([0.0, 0, 4, 10]))
    for size in (8, 6, 4, 2):
        motion.predict([track], np.array([True]))
        motion.update([track], np.array([[0.0, 0, size / 2, size]]))
    for _ in range(50):
        motion.predict([track], np.array([True]))
    assert (track.xyxy[2:] > track.xyxy[:2]).all()


def test_the_camera_s_motion_moves_what_is_believed():
    track, affine = BoxMotion(np.array([10.0, 20, 50, 120])), np.array([[2.0, 0, 5], [0, 2, -7]])
    spread, moved = track.spread.copy(), boxes.moved(track.xyxy[None], affine)
    motion.shift([track], affine)
    np.testing.assert_allclose([track.xyxy, moved[0]], [[25, 33, 105, 233]] * 2)
    np.testing.assert_allclose(track.spread[:, [0, 1, 3]], 4 * spread[:, [0, 1, 3]])
