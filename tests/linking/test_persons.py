"""False people: told by ranks of confidence, steadiness and pictures, whatever the detector's scale."""

import numpy as np
import pytest

from readtrack.linking import persons
from readtrack.linking.settings import LinkingConfig

UNKNOWN = np.nan


def seen(*people):
    """Boxes of people (first frame, last, step, confidence, log odds of pictures), as ``features`` wants them."""
    rows = [
        (k, frame, confidence, picture)
        for k, (first, last, step, confidence, picture) in enumerate(people)
        for frame in range(first, last, step)
    ]
    who, frames, confidence, pictures = np.array(rows).T
    return who.astype(int), frames.astype(int), confidence, pictures


def test_the_scale_of_confidence_means_nothing():
    people = seen((0, 50, 1, 0.9, 2.0), (0, 50, 1, 0.6, 2.0), (0, 50, 3, 0.3, 2.0))
    plain, other = persons.features(*people), persons.features(*people[:2], 40 * people[2] ** 3 - 7, people[3])
    assert np.array_equal(plain, other)
    assert np.all(np.diff(persons.probability(plain)) < 0)  # the weaker and the less steadily seen the less likely


@pytest.mark.parametrize(("picture", "likely"), [(6.0, True), (-6.0, False)])
def test_a_picture_decides_where_boxes_leave_doubt(picture, likely):
    people = seen((0, 50, 1, 0.9, 3.0), (0, 50, 2, 0.5, picture))
    found = persons.features(*people)
    assert (persons.probability(found)[1] > 0.5) == likely
    if not likely:
        assert persons.reasons(found)[1] == "picture"


def test_one_sure_crop_is_no_surer_than_log_odds_go():
    one, most = (persons.features(*seen((0, 9, 1, 0.5, odds))) for odds in (1e9, persons.SUREST))
    assert np.array_equal(one, most)


def test_without_pictures_boxes_alone_tell():
    who, frames, confidence, pictures = seen((0, 50, 1, 0.9, UNKNOWN), (0, 50, 4, 0.2, UNKNOWN), (0, 9, 1, 0.5, 1.0))
    found = persons.features(who, frames, confidence, pictures)
    assert np.isnan(found[:, 2]).tolist() == [True, True, False]
    told = persons.probability(found)
    assert np.isfinite(told).all() and told[0] > 0.5 > told[1]
    assert persons.reasons(found)[1] != "picture"
    pictures[np.flatnonzero(who == 0)[5:]] = 5.0  # of some of a person's tracklets pictures are known
    assert persons.features(who, frames, confidence, pictures)[0, 2] == 5


def test_where_all_are_alike_to_the_detector_nobody_is_dropped():
    people = seen(*[(0, 90, 2, 1.0, UNKNOWN)] * 4)
    assert (persons.probability(persons.features(*people)) > LinkingConfig.min_person).all()


def test_the_weaker_one_of_two_stays():
    people = seen((0, 50, 1, 0.9, UNKNOWN), (0, 48, 1, 0.6, UNKNOWN))
    few = persons.probability(persons.features(*people))
    crowd = persons.probability(persons.features(*seen(*[(0, 50, 1, 0.9, UNKNOWN)] * 40, (0, 48, 1, 0.6, UNKNOWN))))
    assert few[1] > LinkingConfig.min_person and crowd[-1] < few[1]


def test_where_everybody_looks_like_a_thing_the_camera_is_of_another_kind():
    usual = [(0, 50, 1, 0.9, 4.0), (0, 50, 1, 0.8, 3.5), (0, 50, 1, 0.7, 3.0), (0, 50, 1, 0.6, -5.0)]
    strange = [(*one[:4], one[4] - 9) for one in usual]
    told, other = (persons.probability(persons.features(*seen(*people))) for people in (usual, strange))
    assert (told > LinkingConfig.min_person).tolist() == [True, True, True, False]
    assert (other[:3] > LinkingConfig.min_person).all()
