"""What cameras tell of each other: how long people need from one to another, and where they stand on one floor."""

from dataclasses import replace

import numpy as np

from readtrack.linking import cameras
from readtrack.linking.cameras import Layout, join
from readtrack.linking.engine import Observations, link
from readtrack.linking.ground import Stand, learn_grounds
from readtrack.linking.parts import View
from readtrack.linking.travel import Travels

FLOOR = np.array([[0.9, 0.2, 30.0], [-0.1, 1.1, 12.0], [0.0002, 0.0004, 1.0]])  # from one image to the other


def stand(feet, first=0):
    feet = np.asarray(feet, dtype=np.float64)
    return Stand(first + np.arange(len(feet)), feet, np.full(len(feet), 80.0))


def seen_by_the_other(feet, noise=2.0, seed=0):
    ends = np.concatenate([feet, np.ones((len(feet), 1))], axis=1) @ FLOOR.T
    return ends[:, :2] / ends[:, 2:] + np.random.default_rng(seed).normal(0, noise, feet.shape)


def walks(count, length=60, seed=1):
    """People who stroll about in an image of 640 by 480."""
    rng = np.random.default_rng(seed)
    turns = rng.uniform(0, 2 * np.pi, (count, 1)) + np.cumsum(rng.normal(0, 0.2, (count, length)), axis=1)
    steps = 8 * np.stack([np.cos(turns), np.sin(turns)], axis=2)
    return np.clip(
        rng.uniform((100, 150), (540, 430), (count, 2))[:, None] + np.cumsum(steps, axis=1), (20, 20), (620, 460)
    )


def test_a_floor_is_learnt_though_some_are_taken_for_others():
    feet = walks(6)
    stands = [*map(stand, feet), *(stand(seen_by_the_other(own)) for own in feet)]
    camera, person = np.repeat([0, 1], 6), np.array([0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 5, 4])  # the last two are mixed up
    ground = learn_grounds(camera, stands, person, np.zeros((2, 2), dtype=bool))[0, 1]
    assert ground.same < ground.anybody / 4
    for i in range(6):
        prices = [ground.price(stands[i], stands[6 + j]) for j in range(6)]
        assert np.argmin(prices) == i and prices[i] < -3
        assert all(price > 2 for j, price in enumerate(prices) if j != i)
    assert ground.price(stands[0], stand(feet[0], first=1000)) == 0.0  # never at once


def test_cameras_that_share_no_floor_tell_nothing_by_places():
    stands = [*map(stand, walks(6)), *map(stand, walks(6, seed=2))]
    grounds = learn_grounds(np.repeat([0, 1], 6), stands, np.tile(np.arange(6), 2), np.zeros((2, 2), dtype=bool))
    assert all(abs(grounds[0, 1].price(stands[i], stands[6 + i])) < 3 for i in range(6))
    assert not learn_grounds(np.repeat([0, 1], 6), stands, np.tile(np.arange(6), 2), np.ones((2, 2), dtype=bool))
    assert not learn_grounds(np.repeat([0, 1], 6), stands, np.arange(12), np.zeros((2, 2), dtype=bool))


def test_feet_below_the_image_tell_nothing():
    boxes = np.array([[0, 0, 40, 100], [0, 0, 40, 240.0], [10, 0, 50, 100]])
    found = Stand.of(np.array([0.0, 1.0, 1.21]), boxes, boxes, (320, 240))
    assert found.moments.tolist() == [0, 6] and found.feet.tolist() == [[20, 100], [30, 100]]
    assert Stand.of(np.array([0.0, 1.0, 1.21]), boxes, boxes, None).moments.tolist() == [0, 5, 6]


def test_times_between_cameras_are_learnt_as_far_as_there_are_passages():
    none = Travels.unknown(2)
    assert none.evidence(np.array([0]), np.array([1]), np.array([9.0])).tolist() == [0]
    rng = np.random.default_rng(0)
    for count, least in ((3, 0.0), (40, 1.0)):
        leave = rng.uniform(0, 1000, count)
        arrive = leave + 20 * np.exp(rng.normal(0, 0.1, count))
        first, last = np.concatenate([leave - 10, arrive]), np.concatenate([leave, arrive + 10])
        found = Travels.learnt(np.repeat([0, 1], count), first, last, np.tile(np.arange(count), 2), 2)
        usual, odd = found.evidence(np.array([0, 1]), np.array([1, 0]), np.array([20.0, 300.0]))
        assert usual > least and odd < -least / 2 and usual > odd
        assert odd > -3  # what was learnt is never believed wholly
    assert found.count.tolist() == [[0, 40], [40, 0]]


def view(*people):
    """Tracklets that stand still: (first frame, last frame, name)."""
    frames = [np.arange(first, last) for first, last, _ in people]
    owner = np.repeat(np.arange(len(people)), [len(own) for own in frames])
    xyxy = np.array([[100.0 * k, 50, 100.0 * k + 40, 150] for k in range(len(people))])[owner]
    seen = Observations(np.concatenate(frames), xyxy, np.full(len(owner), 0.9), owner, xyxy)
    return View(seen, link(seen, 25.0), [[name] * 4 for *_, name in people], 25.0)


class Names:
    """A judge who can read."""

    def vectors(self, clips):
        return np.array([[1.0, 0.0] if clip[0] == "ann" else [0.0, 1.0] for clip in clips])

    def log_odds(self, clips, pairs):
        return np.array([4.0 if clips[i][0] == clips[j][0] else -4.0 for i, j in pairs])


def test_people_are_joined_over_cameras_and_counted_as_they_come():
    views = [view((0, 50, "ann"), (10, 60, "bob")), view((100, 150, "bob"), (120, 160, "ann"))]
    found = join(views, Layout.unknown(2), Names())
    assert [own.tolist() for own in found.people] == [[0, 1], [1, 0]]
    assert {(one.camera, one.tracklet, one.earlier) for one in found.links} == {(1, 0, 0), (1, 1, 0)}
    assert all(0.5 < one.probability <= 1 for one in found.links)
    alone = join(views, Layout.unknown(2), None)
    assert sorted(np.concatenate(alone.people).tolist()) == [0, 1, 2, 3]


def test_cameras_without_anybody_are_cameras_too():
    nobody = np.zeros(0, np.int64)
    empty = Observations(nobody, np.zeros((0, 4)), np.zeros(0), nobody, np.zeros((0, 4)))
    nothing = View(empty, link(empty, 25.0), [], 25.0)
    found = join([nothing, view((0, 50, "ann")), nothing], Layout.unknown(3), Names())
    assert [own.tolist() for own in found.people] == [[], [0], []]
    assert [own.tolist() for own in join([nothing], Layout.unknown(1), Names()).people] == [[]]


def test_of_too_many_people_those_seen_longest_are_known_elsewhere(monkeypatch, caplog):
    monkeypatch.setattr(cameras, "MOST", 2)
    views = [view((0, 50, "ann"), (10, 40, "bob")), view((100, 150, "ann"), (120, 150, "bob"))]
    with caplog.at_level("WARNING", "readtrack"):
        found = join(views, Layout.unknown(2), Names())
    assert [own.tolist() for own in found.people] == [[0, 1], [0, 2]]
    assert "2 of them may" in caplog.text


def test_a_camera_s_doubts_are_decided_with_what_the_others_saw():
    """Bob comes back where ann went; what one camera doubts the other one knows."""
    seen = view((0, 50, "ann"), (80, 130, "bob"))
    doubtful = replace(seen.linked, people=np.array([0, 0]), joined=np.array([1.0, 0.5]))
    doubtful = replace(doubtful, probability=doubtful.probability[:1], features=doubtful.features[:1])
    other = view((0, 60, "ann"), (70, 140, "bob"))
    found = join([replace(seen, linked=doubtful), other], Layout.unknown(2), Names())
    assert [own.tolist() for own in found.people] == [[0, 1], [0, 1]]
    sure = replace(doubtful, joined=np.ones(2))
    found = join([replace(seen, linked=sure), other], Layout.unknown(2), Names())
    assert found.people[0].tolist() == [0, 0]
    assert join([replace(seen, linked=doubtful)], Layout.unknown(1), None).people[0].tolist() == [0, 0]
    unseen = replace(seen, linked=doubtful, clips=[seen.clips[0], []])  # nothing tells what it is but this camera
    assert join([unseen, other], Layout.unknown(2), Names()).people[0].tolist() == [0, 0]
