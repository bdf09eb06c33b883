"""Finished tracks joined into identities: stories with painted people, links weighed by hand, holes."""

import itertools

import numpy as np
import pytest
import supervision as sv
from painted import Eyes, at, away_and_back, paint

from readtrack.errors import InputError
from readtrack.linking.association import join, marginals
from readtrack.linking.config import RelinkConfig
from readtrack.linking.interpolation import fill_holes
from readtrack.linking.trajectories import lives, relations
from readtrack.relinking import relink
from readtrack.video import Frame


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


def test_who_comes_back_is_the_same_person():
    tracks, images = film(away_and_back(), anew_after(60))
    found = relink(tracks, images, Eyes())
    assert found.identities == {1: 1, 7: 7, 40: 1}
    (link,) = found.links
    assert (link.identity, link.track, link.frame, link.gap) == (1, 40, 90, 61)
    assert 0.9 <= link.probability <= 1 and link.runner_up < 0.1 and link.odds > 3
    assert found.unseen == []


def test_a_stranger_or_somebody_unsure_stays_alone():
    tracks, images = film(away_and_back(other="cid"), anew_after(60))
    assert relink(tracks, images, Eyes()).links == []
    tracks, images = film(away_and_back(), anew_after(60))
    assert relink(tracks, images, Eyes(sure=0.85)).links == []
    assert len(relink(tracks, images, Eyes(sure=0.85), RelinkConfig(match_probability=0.8)).links) == 1


def test_nobody_is_in_two_places_nor_faster_than_people_nor_back_after_too_long():
    both = [{"ann": at(100)}] * 30 + [{"ann": at(100), "ann2": at(400)}] * 30
    tracks, images = film(both, lambda i, name: 1 if name == "ann" else 2)
    assert relink(tracks, images, Eyes()).links == []
    tracks, images = film(away_and_back(gap=2), anew_after(31))
    assert len(relink(tracks, images, Eyes(), RelinkConfig(fps=25)).links) == 1
    far = [{"ann": at(50)}] * 20 + [{}] * 2 + [{"ann": at(600)}] * 20
    tracks, images = film(far, anew_after(21))
    assert relink(tracks, images, Eyes(), RelinkConfig(fps=25)).links == []
    assert len(relink(tracks, images, Eyes(), RelinkConfig(fps=1)).links) == 1
    tracks, images = film(away_and_back(), anew_after(60))
    assert relink(tracks, images, Eyes(), RelinkConfig(fps=25, max_age=2)).links == []


def test_between_two_alike_nobody_is_chosen():
    # ann and ann2 stand side by side, then one of them comes back: either may be meant.
    frames = [{"ann": at(100), "ann2": at(400)}] * 20 + [{}] * 30 + [{"ann3": at(250)}] * 20
    tracks, images = film(frames, lambda i, name: {"ann": 1, "ann2": 2, "ann3": 3}[name])
    assert relink(tracks, images, Eyes()).links == []


def test_many_pieces_become_one_and_a_union_stays_without_two_places():
    # Pieces 1, 2, 3 follow each other; 4 is there with 2 and so cannot join them, though it looks the same.
    frames = [{"ann": at(300)}] * 15 + [{"ann": at(300), "ann2": at(500)}] * 15 + [{"ann": at(300)}] * 15
    tracks, images = film(frames, lambda i, name: 4 if name == "ann2" else 1 + i // 15)
    found = relink(tracks, images, Eyes(0.999))
    assert len({found.identities[2], found.identities[4]}) == 2
    pieces = [{"ann": at(300)}] * 45
    tracks, images = film(pieces, lambda i, name: 1 + i // 9)
    assert set(relink(tracks, images, Eyes()).identities.values()) == {1}


def test_a_piece_in_another_ones_hole_is_joined():
    frames = [{"ann": at(300)}] * 60
    tracks, images = film(frames, lambda i, name: 2 if 20 <= i < 40 else 1)
    (link,) = relink(tracks, images, Eyes()).links
    assert (link.identity, link.track, link.gap) == (1, 2, 1)


def test_crops_are_clear_and_few():
    # cid is behind ann, half covered, at all times; dan is cut off by the edge. Neither has a clear crop.
    places = {"cid": at(310, 290), "ann": at(300), "dan": at(5), "bob": at(500)}
    tracks, images = film([places] * 50, lambda i, name: ["ann", "bob", "cid", "dan"].index(name))
    eyes = Eyes()
    found = relink(tracks, images, eyes, RelinkConfig(gallery_size=4))
    assert sorted(found.unseen) == [2, 3]
    assert eyes.encoded <= 8 and found.links == []


def test_a_box_off_the_image_or_not_finite_is_no_crop():
    tracks, images = film([{"ann": at(300)}] * 9, lambda i, name: 1)
    tracks[4].xyxy = np.array([[900.0, 900, 950, 990]])
    tracks[5].xyxy = np.array([[0.0, 0, 0, 0]])
    assert relink(tracks, images, Eyes()).identities == {1: 1}


def test_what_cannot_be_used_is_refused():
    tracks, images = film([{"ann": at(300)}] * 9, lambda i, name: 1)
    with pytest.raises(InputError, match="go on to frame 9, the video to 5"):
        relink(tracks, images[:5], Eyes())
    with pytest.raises(InputError, match="no pixels"):
        relink(tracks, [Frame(i, None) for i in range(9)], Eyes())
    twice = {3: sv.Detections(np.array([at(1), at(2)]), tracker_id=np.array([5, 5]))}
    with pytest.raises(InputError, match="twice in frame 3"):
        relink(twice, images, Eyes())
    assert relink({}, images, Eyes()).identities == {}
    for wrong in (
        {"match_probability": 1.5},
        {"fps": 0},
        {"max_age": -1},
        {"max_age": float("nan")},
        {"gallery_size": 0},
    ):
        with pytest.raises(InputError, match=next(iter(wrong))):
            RelinkConfig(**wrong)


def test_relations_are_symmetric_and_hold_where_lives_interleave():
    def seen(x):
        return sv.Detections(np.array([at(x)]), tracker_id=np.array([1]))

    tracks = {0: seen(100), 1: seen(100), 10: seen(100), 11: seen(100)}
    other = seen(104)
    other.tracker_id = np.array([2])
    tracks[5] = other
    conflict, apart = relations(lives(tracks), RelinkConfig(fps=25))
    assert conflict.tolist() == [[True, False], [False, True]]
    assert apart[0, 1] == apart[1, 0] == 4
    tracks[5] = sv.Detections(np.array([at(620)]), tracker_id=np.array([2]))  # there and back in ten frames
    assert relations(lives(tracks), RelinkConfig(fps=25))[0].all()


def all_ways(odds):
    """Probability of each link (N, M) by trying every way to give rows and columns one link at most."""
    rows, columns = odds.shape
    total, share = 0.0, np.zeros(odds.shape)
    for way in itertools.product(range(-1, columns), repeat=rows):
        used = [j for j in way if j >= 0]
        if len(set(used)) == len(used):
            weight = float(np.exp(sum(odds[i, j] for i, j in enumerate(way) if j >= 0)))
            total += weight
            for i, j in enumerate(way):
                if j >= 0:
                    share[i, j] += weight
    return share / total


def between(odds):
    """Marginals (N, M) of N people seen at once who come back as M, also seen at once."""
    rows, columns = odds.shape
    whole = np.full((rows + columns, rows + columns), -np.inf)
    whole[:rows, rows:], whole[rows:, :rows] = odds, odds.T
    return marginals(whole, np.isinf(whole))[:rows, rows:]


def test_marginals_are_those_of_all_ways():
    chain = np.array([[2.0, 1.0, -np.inf], [-np.inf, 3.0, 0.5]])  # no circle: exact
    assert between(chain) == pytest.approx(all_ways(chain), abs=1e-5)
    rng = np.random.default_rng(0)
    for _ in range(20):
        odds = rng.normal(0, 3, (4, 4))
        assert np.abs(between(odds) - all_ways(odds)).max() < 0.12
    assert between(np.array([[1.3]])) == pytest.approx(1 / (1 + np.exp(-1.3)))
    assert marginals(np.zeros((0, 0)), np.zeros((0, 0), dtype=bool)).shape == (0, 0)
    # X is X' though Y' resembles X as well, since Y is Y' for sure.
    assert between(np.array([[6.0, 5.0], [0.0, 6.0]]))[0, 0] > 0.95


def test_who_are_likely_one_person_do_not_compete():
    odds = np.full((6, 6), 4.0)
    np.fill_diagonal(odds, -np.inf)
    nobody = np.eye(6, dtype=bool)
    assert marginals(odds, nobody)[0, 1] > 0.95
    unlike = odds.copy()
    unlike[0, 2:], unlike[2:, 0] = -6.0, -6.0  # 1 resembles 0 and the others, who do not resemble 0
    assert marginals(unlike, nobody)[0, 1] < 0.6


def test_a_resemblance_to_one_part_is_not_enough():
    # 0 and 1 are one, 2 resembles 1 and is unlike 0: it comes in only where nothing speaks against it.
    odds = np.array([[np.nan, 7, -8], [7, np.nan, 4], [-8, 4, np.nan]])
    free, apart = np.eye(3, dtype=bool), np.full((3, 3), 5)
    assert [(made.first, made.second) for made in join(odds, free, apart, 100, 0.9)] == [(0, 1)]
    odds[0, 2] = odds[2, 0] = 6
    assert [(made.first, made.second) for made in join(odds, free, apart, 100, 0.9)] == [(0, 1), (0, 2)]
    odds[0, 2] = odds[2, 0] = np.nan
    assert len(list(join(odds, free, apart, 100, 0.9))) == 2


def test_unions_keep_what_their_parts_rule_out():
    odds = np.full((3, 3), 5.0)
    conflict, apart = np.eye(3, dtype=bool), np.full((3, 3), 5)
    conflict[0, 2] = conflict[2, 0] = True
    odds[0, 1] = odds[1, 0] = 9.0
    assert [(made.first, made.second) for made in join(odds, conflict, apart, 100, 0.9)] == [(0, 1)]
    assert list(join(odds, conflict, apart, 4, 0.9)) == []


def row(frame, identity, left, confidence=1.0):
    return [frame, identity, left, 10, 20, 40, confidence, 5, 5]


def test_short_holes_are_filled_on_a_straight_line():
    rows = np.array([row(5, 1, 140, 0.5), row(1, 1, 100), row(2, 2, 0), row(9, 2, 70), row(6, 1, 150)], dtype=float)
    filled = fill_holes(rows, 3)
    assert filled[:, :3].tolist() == [[2, 1, 110], [3, 1, 120], [4, 1, 130]]
    assert filled[:, 6:].tolist() == [[0.5, -1, -1]] * 3
    assert len(fill_holes(rows, 2)) == 0
    assert len(fill_holes(rows, 6)) == 9
    assert fill_holes(np.empty((0, 9)), 5).shape == (0, 9)
