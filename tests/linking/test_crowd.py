"""Crowds: which pairs are weighed, partition in rounds, and live linking that is bounded however many there are."""

import numpy as np
import pytest

from readtrack.evaluation.crowd import crowd
from readtrack.linking.engine import Observations, link
from readtrack.linking.live import CROWD_INTERVAL, LivePeople
from readtrack.linking.motion import Ends, learn_motion
from readtrack.linking.pairs import PARTY, Seen, pairs_in_reach, pairs_in_time, parties, weigh
from readtrack.linking.settings import LinkingConfig
from readtrack.readtracker import ReadTracker
from readtrack.tracking import TrackerConfig
from readtrack.tracking.tracklets import Tracklets

FPS = 25.0


@pytest.fixture(scope="module")
def seen():
    """Tracklets of a small crowd, by tracklet and frame, and their motion."""
    tracklets, rows = Tracklets(FPS), []
    for frame, found in enumerate(crowd(40, 60)):
        numbers = tracklets.update(frame / FPS, found.xyxy.astype(float), found.confidence)
        rows += [(number, frame, *box) for number, box in zip(numbers, found.xyxy, strict=True) if number >= 0]
    table = np.array(sorted(rows))
    owner, frames, xyxy = table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2:]
    starts = np.searchsorted(owner, np.arange(owner[-1] + 2))
    ends = Ends.of(frames / FPS, xyxy, starts)
    return Seen(frames, xyxy, owner, ends, np.zeros(owner[-1] + 1, bool)), learn_motion(
        frames / FPS, xyxy, starts, ends
    )


def test_pairs_are_told_how_often_they_were_seen_together(seen):
    seen, motion = seen
    first, second = pairs_in_time(seen, LinkingConfig())
    known = weigh(seen, first, second, motion, LinkingConfig())
    frames = [set(seen.frames[seen.owner == k].tolist()) for k in range(seen.count)]
    shared = [len(frames[i] & frames[j]) for i, j in zip(first.tolist(), second.tolist(), strict=True)]
    assert known.shared.tolist() == shared
    assert max(shared) > 50 and min(shared) == 0


def test_pairs_in_reach_are_whoever_motion_can_join_and_whoever_hangs_together_by_them(seen):
    seen, motion = seen
    config = LinkingConfig()
    everybody = weigh(seen, *pairs_in_time(seen, config), motion, config).pairs
    able = everybody.gain(config) > 0
    near = pairs_in_reach(seen, motion, config)
    chosen = set(zip(*(side.tolist() for side in near), strict=True))
    assert set(zip(everybody.first[able].tolist(), everybody.second[able].tolist(), strict=True)) <= chosen
    assert len(chosen) < len(everybody.first) / 4
    assert (np.diff(near[0] * seen.count + near[1]) > 0).all()


def test_parties_have_a_largest_size_and_the_weakest_pairs_give_way():
    count = 10 * PARTY
    first = np.arange(count - 1)
    gain = np.where(first % 50 == 49, 0.1, 2.0)
    component = parties(count, first, first + 1, gain)
    assert np.bincount(component).max() == 50
    assert len(np.unique(parties(count, first, first + 1, np.ones(count - 1)))) == count
    assert len(np.unique(parties(5, np.array([0, 2]), np.array([1, 3]), np.array([1.0, -1.0])))) == 4
    assert parties(3, np.zeros(0, int), np.zeros(0, int), np.zeros(0)).tolist() == [0, 1, 2]


@pytest.mark.parametrize("together", [False, True])
def test_in_rounds_the_same_people_come_out(together):
    """Eight people far apart, each in three pieces, of whom a second one may be beside the first."""
    rows = []
    for person in range(8):
        for piece in range(3):
            for frame in range(20 * piece, 20 * piece + 17):
                left = 500.0 * person + 2 * frame
                rows.append((frame, 3 * person + piece, left, 0, left + 40, 100))
                if together:
                    rows.append((frame, 24 + 3 * person + piece, left + 60, 0, left + 100, 100))
    table = np.array(rows)
    frames, tracklets, xyxy = table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2:]
    given = Observations(frames, xyxy, np.full(len(rows), 0.9), tracklets, xyxy)
    usual, rounds = (link(given, FPS, crowd=crowd) for crowd in (False, True))
    assert rounds.people.tolist() == usual.people.tolist()
    assert len(set(rounds.people.tolist())) == 8 * (1 + together)
    assert np.allclose(rounds.joined, usual.joined, atol=0.15)
    assert len(rounds.links) == len(usual.links)


def test_a_crowd_keeps_its_ids_and_is_linked_once_a_second():
    people = LivePeople(LinkingConfig(min_person=0), FPS, most=10)
    linked, ids = [], []
    for frame in range(350):
        left = np.arange(80) * 200.0 + frame
        xyxy = np.stack([left, np.zeros(80), left + 40, np.full(80, 100.0)], axis=1)
        people.add(frame, frame / FPS, xyxy, np.full(80, 0.9), np.arange(80))
        if people.due:
            people.link(lambda units: None)
            linked.append(frame / FPS)
        ids.append(people.ids.copy())
    assert np.diff(linked).min() >= CROWD_INTERVAL - 1e-6
    assert (ids[int(2 * FPS)] > 0).all()
    assert (np.stack(ids[int(2 * FPS) :]) == ids[-1]).all()  # though only ten who are away would be remembered
    assert len(set(ids[-1].tolist())) == 80


def test_without_patience_a_crowd_has_its_ids_at_once():
    tracker = ReadTracker(None, TrackerConfig(delay=0, min_person=0))
    for found in crowd(70, 10):
        assert (tracker.update(found).tracker_id != 0).all()
    assert (tracker.update(found).tracker_id > 0).mean() > 0.9
