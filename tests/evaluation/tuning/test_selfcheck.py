"""A recording's own pairs: what they tell, and what follows of it."""

import numpy as np
import pytest
from filmed import film
from painted import ByColour, Eyes, at

from readtrack.evaluation.tuning.gathered import Gathered
from readtrack.evaluation.tuning.selfcheck import check, of_pairs
from readtrack.linking.similarity import NO_PAIRS, OwnPairs
from readtrack.offline import OfflineTracker
from readtrack.tracking import TrackerConfig

CONFIG = TrackerConfig()


def pairs(same, different):
    same, different = np.asarray(same, float), np.asarray(different, float)
    numbers = np.arange(len(same)), np.zeros((len(different), 2), np.int64)
    return OwnPairs(numbers[1], numbers[0], different, same, different, same)


def told(same, different, people=10):
    own = pairs(same, different)
    return of_pairs("hall", own, np.full(len(own.same), 0.7), people, CONFIG)


def test_people_who_are_told_apart_may_be_away_for_long():
    found = told([8.0] * 40, [-8.0] * 40)
    assert (found.verdict, found.auc, found.true_over, found.wrong_over) == ("clear", 1, 1, 0)
    assert found.settings == {"max_age": 300.0}
    assert [(one.low, one.high, one.pairs) for one in found.halves] == [(0.5, 1.0, 40)]
    needed = np.log1p(60) / CONFIG.appearance_weight
    shorter = told([needed + 0.1] * 40, [-8.0] * 40)
    assert shorter.settings == {"max_age": 60.0}
    assert [one.true for one in shorter.away] == [1, 1, 1, 1, 1, 1, 0, 0]


def test_people_who_look_alike_may_not():
    rng = np.random.default_rng(0)
    found = told(rng.normal(0, 2, 60), rng.normal(0, 2, 60))
    assert found.verdict == "alike" and found.settings == {"max_age": 10.0}
    assert found.auc_low < 0.6 and found.away[0].mistaken > 3
    crowd = told([2.0] * 60, [3.0] * 5 + [-3.0] * 55, people=200)  # told apart, but of so many somebody fits always
    assert crowd.auc > 0.9 and crowd.verdict == "alike"


def test_of_too_few_pairs_nothing_follows():
    assert told([8.0] * 19, [-8.0] * 40).verdict == "too few" and told([8.0] * 19, [-8.0] * 40).settings == {}
    nothing = of_pairs("hall", NO_PAIRS, np.zeros(0), 0, CONFIG)
    assert nothing.verdict == "too few" and np.isnan(nothing.auc) and nothing.halves == []


def story():
    """Two cross twice, so that their tracks are cut; somebody watches."""
    walk = [{"ann": at(60 + 3 * i), "bob": at(360 - 3 * i), "cid": at(560)} for i in range(100)]
    return film(walk + walk[::-1])


def test_a_recording_is_looked_at_once_and_linked_as_the_tracker_would():
    recording, eyes = story(), Eyes()
    gathered = Gathered("story", 25, recording.frames, lambda f: recording.detections(f.index), eyes, (0.3, 0.5))
    alone_eyes = Eyes()
    alone = OfflineTracker(alone_eyes, 25)
    for frame in recording.frames:
        alone.update(recording.detections(frame.index), frame.image)
    people, linked = alone.finish_people()
    mine, again = gathered.link(CONFIG), gathered.link(CONFIG)
    for found in (mine, again):
        assert np.array_equal(found[0].people, linked.people) and np.array_equal(found[1].xyxy, people.xyxy)
    truth = {index: recording.truth(index) for index in gathered.indices}
    assert gathered.count(people, truth).IDF1 > 0.95
    half = gathered.count(people, truth, slice(None, 100))
    assert half.IDTP + half.IDFN == 300


def test_pairs_of_a_recording_are_its_halves_and_who_is_seen_at_once():
    recording = story()
    gathered = Gathered("story", 25, recording.frames, lambda f: recording.detections(f.index), ByColour())
    found = check(gathered, CONFIG)
    assert found.people == 3 and found.same > 2 and found.different > 0
    assert found.auc == 1 and found.true_over == 1 and found.wrong_over == 0
    assert sum(one.pairs for one in found.halves) == found.same
    blind = Gathered("story", 25, recording.frames, lambda f: recording.detections(f.index), None)
    assert check(blind, CONFIG).verdict == "too few"


def test_the_engine_notes_which_tracklets_its_pairs_are_of():
    recording = story()
    gathered = Gathered("story", 25, recording.frames, lambda f: recording.detections(f.index), ByColour())
    own = gathered.link(CONFIG)[0].own
    for one, other in own.different.tolist():
        ends = [gathered.crop_times(0.5, tracklet) for tracklet in (one, other)]
        assert ends[0][0] <= ends[1][-1] and ends[1][0] <= ends[0][-1]  # seen at once
    assert all(len(gathered.crop_times(0.5, tracklet)) == 4 for tracklet in own.same.tolist())
    assert own.said_of_same.min() > 0 > own.said_of_different.max() == pytest.approx(own.said_of_different.min())
