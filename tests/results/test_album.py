"""The album: at most so many pictures, evenly over time, and right when identities prove wrong."""

import cv2
import numpy as np
import pytest
import supervision as sv

from readtrack.results import Album, Comparison
from readtrack.results.album import ALL, COMPARED, EACH, picture, take_pictures
from readtrack.tracking import Reassignment

IMAGE = np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8)


def people(*ids):
    return sv.Detections(np.tile([10.0, 5, 40, 55], (len(ids), 1)), tracker_id=np.array(ids))


def test_pictures_are_thinned_evenly_however_long_it_goes():
    album = Album(fps=2)
    for frame in range(5000):
        album.see(frame, IMAGE, people(1))
    frames = [one.frame for one in album.pictures()[1]]
    assert len(frames) == EACH or len(frames) > EACH // 2
    assert frames[0] < 500 and frames[-1] > 4400 and max(np.diff(frames)) <= 2 * min(np.diff(frames))


def test_many_people_share_what_may_be_shown():
    album, count = Album(fps=2), ALL // 4
    for frame in range(8):
        album.see(frame, IMAGE, people(*range(1, count + 1)))
    shown = album.pictures()
    assert set(shown) == set(range(1, count + 1)) and {len(own) for own in shown.values()} == {4}


def test_of_more_people_than_pictures_some_are_shown():
    album = Album(fps=2)
    for start in range(1, 2 * ALL, 100):
        album.see(start, IMAGE, people(*range(start, start + 100)))
    shown = album.pictures()
    assert len(shown) == ALL and {len(own) for own in shown.values()} == {1}


def test_pictures_follow_identities_that_proved_wrong():
    album = Album(fps=1)
    for frame in range(4):
        album.see(frame, IMAGE, people(1))
    box = np.array([10.0, 5, 40, 55])
    album.correct([Reassignment(frame, box, 1.0, 2, previous_id=1) for frame in (2, 3)])
    shown = album.pictures()
    assert {track: [one.frame for one in own] for track, own in shown.items()} == {1: [0, 1], 2: [2, 3]}


def test_identities_that_are_exchanged_exchange_their_pictures():
    album = Album(fps=1)
    album.see(0, IMAGE, people(1, 2))
    one, other = album.pictures()[1][0].jpeg, album.pictures()[2][0].jpeg
    box = np.array([10.0, 5, 40, 55])
    album.correct([Reassignment(0, box, 1.0, 2, previous_id=1), Reassignment(0, box, 1.0, 1, previous_id=2)])
    assert (album.pictures()[2][0].jpeg, album.pictures()[1][0].jpeg) == (one, other)


def test_decisions_get_their_pictures_and_attention():
    album = Album(fps=1)
    box = np.array([10.0, 5, 40, 55])
    album.want([Comparison(3, 1, [(3, box), (0, box), (9, box)], 0.7, np.full((2, 4, 2), 1 / 16))])
    for frame in range(5):
        album.see(frame, IMAGE, people())
    (one,) = album.comparisons
    assert sorted(one.pictures) == [0, 1] and sorted(one.overlays) == [1]
    drawn = [cv2.imdecode(np.frombuffer(jpeg, np.uint8), 1) for jpeg in (one.pictures[1].jpeg, one.overlays[1])]
    assert drawn[0].shape == drawn[1].shape and np.abs(drawn[0].astype(int) - drawn[1]).mean() > 10


def test_who_is_known_only_later_has_pictures_from_before():
    album = Album(fps=2)
    one, other = np.array([[10.0, 5, 40, 55]]), np.array([[42.0, 5, 72, 55]])
    for frame in range(3):
        album.see(frame, IMAGE, sv.Detections(np.concatenate([one, other]), tracker_id=np.array([-1, -1])))
    assert album.pictures() == {}
    album.correct([Reassignment(frame, one[0] + 1, 1.0, 7) for frame in (0, 1, 2, 3)])
    album.correct([Reassignment(1, other[0], 1.0, 8), Reassignment(2, other[0] + 500, 1.0, 8)])
    shown = {track: [each.frame for each in own] for track, own in album.pictures().items()}
    assert shown == {7: [0, 1, 2], 8: [1]}
    for frame in range(3, 40):
        album.see(frame, IMAGE, sv.Detections(one, tracker_id=np.array([-1])))
    album.correct([Reassignment(3, one[0], 1.0, 9), Reassignment(39, one[0], 1.0, 9)])
    assert [each.frame for each in album.pictures()[9]] == [39]  # what is long past is forgotten


@pytest.mark.parametrize("box", [[-50, 0, -10, 50], [np.nan, 0, 9, 9], [3, 3, 3, 3], [79.8, 0, 200, 50]])
def test_what_is_not_in_the_image_has_no_picture(box):
    assert picture(IMAGE, np.array(box, dtype=float)) is None


def test_of_decisions_as_they_come_the_most_doubtful_and_the_longest_absences_stay():
    album, attention = Album(fps=25), np.full((1, 4, 2), 1 / 8)
    for frame in range(100):
        pictures = dict(enumerate(take_pictures(frame, IMAGE, np.array([[10.0, 5, 40, 55]] * 2))))
        one = Comparison(frame, 1, [], 0.5, attention, pictures)
        album.offer(one, 0.99 - 0.004 * frame, 100 - frame)
    kept = [one.frame for one in album.comparisons]
    assert len(kept) == COMPARED and set(kept) >= set(range(84, 100)) and min(kept) == 0
    assert all(set(one.overlays) == {1} for one in album.comparisons)
    assert take_pictures(0, IMAGE, np.array([[90.0, 5, 99, 55]])) == [None]
