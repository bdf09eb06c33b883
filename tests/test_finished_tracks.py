"""Finished tracks of another tracker made people: stories with painted people."""

import numpy as np
import pytest
import supervision as sv
from painted import Eyes, at, away_and_back, paint

from readtrack.errors import InputError
from readtrack.linking.settings import LinkingConfig
from readtrack.linking.settling import apart
from readtrack.relinking import relink
from readtrack.video import Frame

FPS = 25.0


def film(frames, ids):
    """Frames (name -> box) as tracks under ids(frame, name), None leaving a box out, and images."""
    tracks, images = {}, []
    for index, places in enumerate(frames):
        image, people = paint(places)
        images.append(Frame(index, image))
        names = {row: ids(index, name) for row, name in enumerate(places)}
        rows = [row for row, number in names.items() if number is not None]
        if rows:
            people = people[np.array(rows)]
            people.tracker_id = np.array([names[row] for row in rows])
            tracks[index] = people
    return tracks, images


def anew_after(frame, other=40):
    """Bob is 7; everybody else is 1 before that frame and ``other`` from it on."""
    return lambda index, name: 7 if name == "bob" else 1 if index < frame else other


def people(found, tracks):
    """Who had each id: the new ids of each old one."""
    told = {}
    for frame, of_frame in tracks.items():
        for track in of_frame.tracker_id.tolist():
            told.setdefault(track, set()).add(found.ids[frame, track])
    return told


def test_who_comes_back_is_the_same_person():
    tracks, images = film(away_and_back(), anew_after(60))
    found = relink(tracks, images, Eyes(), FPS)
    assert people(found, tracks) == {1: {1}, 7: {7}, 40: {1}}
    (link,) = found.links
    assert (link.identity, link.track, link.frame, link.gap) == (1, 40, 90, 61)
    assert 0.8 <= link.probability <= 1 and link.runner_up < 0.2 and link.odds > 3
    assert (found.tracks, found.people, found.parted, found.unseen) == (3, 2, [], [])


def test_a_stranger_stays_alone_and_nobody_is_back_after_too_long():
    tracks, images = film(away_and_back(other="cid"), anew_after(60))
    assert relink(tracks, images, Eyes(), FPS).links == []
    tracks, images = film(away_and_back(), anew_after(60))
    assert relink(tracks, images, Eyes(), FPS, LinkingConfig(max_gap=2)).links == []


def test_two_who_were_given_one_id_come_apart():
    frames = [{"ann": at(100 + 2 * i)} for i in range(40)] + [{"cid": at(500 - 2 * i)} for i in range(40)]
    tracks, images = film(frames, lambda i, name: 3)
    found = relink(tracks, images, Eyes(), FPS)
    assert {found.ids[frame, 3] for frame in range(40)} == {3}
    assert {found.ids[frame, 3] for frame in range(40, 80)} == {4}
    assert found.parted == [3] and found.people == 2 and found.links == []


def test_ids_that_were_swapped_are_swapped_back():
    frames = [{"ann": at(150 + 5 * i, 302), "bob": at(450 - 5 * i, 300)} for i in range(60)]
    tracks, images = film(frames, lambda i, name: 1 + ((name == "bob") != (i >= 30)))
    found = relink(tracks, images, Eyes(), FPS)
    assert all(found.ids[i, 1] == 1 and found.ids[i, 2] == 2 for i in range(20))
    assert all(found.ids[i, 1] == 2 and found.ids[i, 2] == 1 for i in range(40, 60))


def test_nobody_is_in_two_places():
    both = [{"ann": at(100)}] * 30 + [{"ann": at(100), "ann2": at(400)}] * 30
    tracks, images = film(both, lambda i, name: 1 if name == "ann" else 2)
    assert relink(tracks, images, Eyes(), FPS).links == []
    pieces = [{"ann": at(300)}] * 45
    tracks, images = film(pieces, lambda i, name: 1 + i // 9)
    assert relink(tracks, images, Eyes(), FPS).people == 1


def test_a_piece_in_another_ones_hole_is_joined():
    tracks, images = film([{"ann": at(300)}] * 60, lambda i, name: 2 if 20 <= i < 40 else 1)
    found = relink(tracks, images, Eyes(), FPS)
    assert set(found.ids.values()) == {1} and found.people == 1


def test_boxes_alone_need_no_pixels():
    frames = [{"ann": at(100 + 3 * i)} for i in range(60)]
    tracks, _ = film(frames, lambda i, name: None if 25 <= i < 35 else 1 + i // 30)
    found = relink(tracks, [Frame(i, None) for i in range(60)], None, FPS)
    assert set(found.ids.values()) == {1} and found.links[0].odds is None
    assert found.unseen == [1, 2]


def test_boxes_off_the_image_or_without_size_keep_an_id():
    tracks, images = film([{"ann": at(300)}] * 9, lambda i, name: 1)
    tracks[4].xyxy = np.array([[900.0, 900, 950, 990]])
    tracks[5].xyxy = np.array([[0.0, 0, 0, 0]])
    tracks[6].xyxy = np.array([[np.nan, 0, 9, 9]])
    found = relink(tracks, images, Eyes(), FPS)
    assert set(found.ids) == {(frame, 1) for frame in range(9)} and found.ids[5, 1] == found.ids[6, 1] == 1


@pytest.mark.parametrize("seed", range(5))
def test_whatever_a_tracker_says_no_id_is_twice_in_a_frame(seed):
    rng = np.random.default_rng(seed)
    tracks, images = {}, []
    for index in range(50):
        ids = rng.choice(6, rng.integers(0, 5), replace=False)
        image, found = paint({f"ann{i}": at(60 + 90 * k + rng.normal(0, 30)) for i, k in enumerate(ids)})
        found.tracker_id = ids
        images.append(Frame(index, image))
        tracks[index] = found
    found = relink(tracks, images, Eyes(), FPS)
    assert len(found.ids) == sum(map(len, tracks.values()))
    told = [(frame, number) for (frame, _), number in found.ids.items()]
    assert len(set(told)) == len(told)


def test_frames_that_the_video_leaves_out_have_no_pixels():
    tracks, images = film([{"ann": at(300)}] * 30, lambda i, name: 1)
    found = relink(tracks, images[::3] + images[-1:], Eyes(), FPS)
    assert set(found.ids.values()) == {1} and len(found.ids) == 30


def test_what_cannot_be_used_is_refused():
    tracks, images = film([{"ann": at(300)}] * 9, lambda i, name: 1)
    with pytest.raises(InputError, match="go on to frame 9, the video to 5"):
        relink(tracks, images[:5], Eyes(), FPS)
    with pytest.raises(InputError, match="no pixels"):
        relink(tracks, [Frame(i, None) for i in range(9)], Eyes(), FPS)
    with pytest.raises(InputError, match="fps"):
        relink(tracks, images, Eyes(), 0)
    twice = {3: sv.Detections(np.array([at(1), at(2)]), tracker_id=np.array([5, 5]))}
    with pytest.raises(InputError, match="twice in frame 3"):
        relink(twice, images, Eyes(), FPS)
    nobody = relink({}, images, Eyes(), FPS)
    assert nobody.ids == {} and nobody.people == 0
    unnamed = {3: sv.Detections(np.array([at(1)]), tracker_id=np.array([-1]))}
    assert relink(unnamed, images, Eyes(), FPS).ids == {}


def test_of_two_in_a_frame_the_shorter_is_somebody_else():
    frames, tracklets = np.array([0, 1, 2, 2, 3, 5]), np.array([0, 0, 0, 1, 1, 2])
    assert apart(np.array([0, 0, 0]), frames, tracklets).tolist() == [0, 1, 0]
    assert apart(np.array([0, 1, 0]), frames, tracklets).tolist() == [0, 1, 0]
