"""Tracklets: they go on where there is no doubt, and end where there is."""

import numpy as np
import pytest

from readtrack.tracking.tracklets import Tracklets


def follow(people, fps=25.0, confidence=0.9, affines=None):
    """Numbers of the tracklets of boxes, frame by frame; ``people`` is a list of lists of boxes."""
    tracklets = Tracklets(fps)
    answer = []
    for frame, found in enumerate(people):
        xyxy = np.array(found, dtype=float).reshape(-1, 4)
        affine = None if affines is None else affines[frame]
        answer.append(tracklets.update(frame / fps, xyxy, np.full(len(xyxy), confidence), affine).tolist())
    return answer


def person(x, y=100.0, height=100.0):
    return [x, y, x + 0.4 * height, y + height]


@pytest.mark.parametrize("fps", [25, 10, 5])
def test_somebody_who_walks_is_one_tracklet_at_any_frame_rate(fps):
    walk = [[person(100 + 120 * frame / fps)] for frame in range(int(4 * fps))]  # 1.2 heights a second
    assert follow(walk, fps) == [[0]] * len(walk)


def test_one_frame_may_be_missed_but_no_second():
    walk = [[person(2.0 * frame)] for frame in range(30)]
    walk[10] = []
    assert {number for row in follow(walk) for number in row} == {0}
    walk[11:14] = [[]] * 3
    assert {number for row in follow(walk) for number in row} == {0, 1}


def test_both_end_where_two_people_cross():
    frames = 60
    left = [person(100 + 3.0 * frame) for frame in range(frames)]
    right = [person(280 - 3.0 * frame, 104) for frame in range(frames)]
    numbers = follow(list(zip(left, right, strict=True)))
    assert numbers[0] == [0, 1]
    assert not {0, 1} & set(numbers[-1])
    for tracklet in {number for row in numbers for number in row}:
        columns = {row.index(tracklet) for row in numbers if tracklet in row}
        assert len(columns) == 1  # nobody's tracklet goes on with the other


def test_a_jump_in_height_ends_it():
    numbers = follow([[person(100)]] * 5 + [[person(90, 70, 150)]] * 5)
    assert numbers[4] == [0] and numbers[5] == [1]


def test_weak_boxes_continue_and_never_begin():
    tracklets = Tracklets(25)
    box = np.array([person(100)])
    assert tracklets.update(0 / 25, box, np.array([0.4])).tolist() == [-1]
    assert tracklets.update(1 / 25, box, np.array([0.9])).tolist() == [0]
    assert tracklets.update(2 / 25, box, np.array([0.4])).tolist() == [0]
    assert tracklets.update(3 / 25, box, np.array([0.1])).tolist() == [-1]


def test_second_boxes_of_a_person_and_broken_ones_belong_to_nobody():
    tracklets = Tracklets(25)
    found = np.array([person(100), person(102), [np.nan] * 4, [5, 5, 5, 5], person(300)])
    assert tracklets.update(0 / 25, found, np.array([0.8, 0.9, 0.9, 0.9, 0.7])).tolist() == [-1, 0, -1, -1, 1]
    assert tracklets.update(1 / 25, np.zeros((0, 4)), np.zeros(0)).tolist() == []


def test_the_order_of_boxes_does_not_matter():
    rng = np.random.default_rng(3)
    one, other = Tracklets(25), Tracklets(25)
    groups: list[dict[int, list]] = [{}, {}]
    for frame in range(40):
        found = np.array([person(60.0 * k + 2 * frame * (-1) ** k, 100 + k) for k in range(8)])
        confidence = 0.5 + 0.05 * np.arange(8)
        mixed = rng.permutation(8)
        first = one.update(frame / 25, found, confidence)
        second = other.update(frame / 25, found[mixed], confidence[mixed])
        for group, numbers, who in ((groups[0], first, range(8)), (groups[1], second, mixed)):
            for number, k in zip(numbers.tolist(), who, strict=True):
                if number >= 0:
                    group.setdefault(number, []).append((frame, int(k)))
    assert sorted(groups[0].values()) == sorted(groups[1].values())


def test_a_camera_that_turns_is_made_up_for():
    affine = np.array([[1.0, 0, 45], [0, 1, 0]])
    standing = [[person(100 + 45.0 * frame)] for frame in range(10)]
    assert len({number for row in follow(standing, fps=25, affines=[None] + [affine] * 9) for number in row}) == 1
    jumping = [[person(100 + 45.0 * frame * (-1) ** frame)] for frame in range(10)]
    assert len({number for row in follow(jumping) for number in row}) > 1


def test_the_rate_is_measured_by_the_frames_that_come():
    told_wrongly = Tracklets(fps=30.0)
    standing = np.array([[10.0, 10.0, 50.0, 110.0]])
    found = [told_wrongly.update(frame / 3, standing, np.array([0.9])).tolist() for frame in range(9)]
    assert found == [[0]] * 9
    assert told_wrongly.update(20.0, standing, np.array([0.9])).tolist() == [1]
