"""Linking block by block: the same people as at once, however long the recording."""

from dataclasses import replace

import numpy as np
import pytest

from readtrack.linking import blocks
from readtrack.linking.blocks import link_blocks
from readtrack.linking.engine import Certain, Observations, link
from readtrack.linking.settings import LinkingConfig
from readtrack.linking.settling import settle
from readtrack.linking.similarity import Appearance


def street(people=24, pieces=6, seed=0):
    """One after another walks by, each in several pieces."""
    rng = np.random.default_rng(seed)
    rows, person = [], []
    for who in range(people):
        begin = 20 * who
        x, y = 100 + 300 * who, rng.uniform(300, 350)
        for piece in range(pieces):
            first = begin + 12 * piece
            for frame in range(first, first + 10):
                left = x + 2 * (frame - begin)
                rows.append((frame, left, y, left + 40, y + 100, len(person)))
            person.append(who)
    table = np.array(rows)
    turn = rng.permutation(len(person))  # tracklets are numbered in any order
    xyxy = table[:, 1:5]
    owner = turn[table[:, 5].astype(int)]
    answer = np.empty(len(person), np.int64)
    answer[turn] = person
    return Observations(table[:, 0].astype(int), xyxy, np.full(len(table), 0.9), owner, xyxy), answer


def looks(person, asked=None):
    """Appearance by which everybody is known; clips are four times the number of their tracklet."""
    vectors = np.random.default_rng(1).normal(size=(int(person.max()) + 1, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

    def log_odds(clips, pairs):
        who = np.array([person[clip[0]] for clip in clips])
        if asked is not None:
            asked.append(len(pairs))
        return np.where(who[pairs[:, 0]] == who[pairs[:, 1]], 6.0, -6.0)

    clips = [[tracklet] * 4 for tracklet in range(len(person))]
    return Appearance(clips, lambda clips: np.array([vectors[person[clip[0]]] for clip in clips]), log_odds)


def same(one, other):
    """Whether two partitions are the same."""
    return len(set(zip(one, other, strict=True))) == len(set(one)) == len(set(other))


@pytest.mark.parametrize("by_looks", [False, True])
def test_blocks_find_the_people_that_are_found_at_once(monkeypatch, by_looks):
    monkeypatch.setattr(blocks, "AT_ONCE", 1)
    seen, person = street()
    appearance = looks(person) if by_looks else None
    whole, found = link(seen, 25, appearance=appearance), link_blocks(seen, 25, appearance=appearance, block=20)
    assert same(whole.people, person) and same(found.people, person)
    assert np.array_equal(found.people, whole.people)  # also numbered alike
    assert np.allclose(found.probability, whole.probability)
    assert sorted(one.tracklet for one in found.links) == sorted(one.tracklet for one in whole.links)
    assert all(one.person == found.people[one.tracklet] and 0 < one.probability <= 1 for one in found.links)
    assert ((0 < found.joined) & (found.joined <= 1)).all() and (found.joined < 1).any()
    if by_looks:
        assert len(found.own.same) <= blocks.POSITIVES and len(found.own.different)
        assert all(person[i] != person[j] for i, j in found.own.different.tolist())


def test_few_tracklets_are_linked_at_once():
    seen, _ = street(people=4)
    one, other = link(seen, 25), link_blocks(seen, 25)
    assert np.array_equal(one.people, other.people) and repr(one.links) == repr(other.links)


def test_somebody_is_known_again_in_a_later_block(monkeypatch):
    monkeypatch.setattr(blocks, "AT_ONCE", 1)
    seen, person = street(people=30)
    person = np.where(person == 8, 3, person)  # who looks like the fourth, and comes 100 frames later
    found = link_blocks(seen, 25, appearance=looks(person), block=15)
    assert same(found.people, person)
    assert any(one.gap > 0.5 for one in found.links)


@pytest.mark.parametrize("block", [15, 30])
def test_who_was_seen_together_in_an_earlier_block_stays_two(monkeypatch, block):
    monkeypatch.setattr(blocks, "AT_ONCE", 1)
    seen, person = street()
    appearance = looks(np.where(np.isin(person, [4, 7, 8, 12, 13]), 3, person))  # six who look alike, two at once

    def boxes_beside_one_of_their_own(people):
        where = np.stack([people[seen.tracklets], seen.frames])
        return len(seen.frames) - len(np.unique(where, axis=1).T)

    whole, found = link(seen, 25, appearance=appearance), link_blocks(seen, 25, appearance=appearance, block=block)
    assert boxes_beside_one_of_their_own(found.people) <= boxes_beside_one_of_their_own(whole.people)


def test_what_is_certain_holds_within_blocks_and_across(monkeypatch):
    monkeypatch.setattr(blocks, "AT_ONCE", 1)
    seen, person = street()
    first = [int(np.flatnonzero(person == who)[0]) for who in range(24)]
    own = np.flatnonzero(person == 5)
    certain = Certain(np.array([[first[0], first[23]]]), np.array([[own[0], own[-1]]]))
    people = link_blocks(seen, 25, appearance=looks(person), certain=certain, block=20).people
    assert people[first[0]] == people[first[23]]
    assert people[own[0]] != people[own[-1]]


def test_pairs_are_asked_about_in_proportion_to_tracklets(monkeypatch):
    monkeypatch.setattr(blocks, "AT_ONCE", 1)
    totals = []
    for people in (24, 48):
        seen, person = street(people)
        asked = []
        link_blocks(seen, 25, appearance=looks(person, asked), block=20)
        totals.append(sum(asked))
    assert totals[1] < 2.5 * totals[0]


def test_another_tracker_s_word_counts_in_blocks_too(monkeypatch):
    monkeypatch.setattr(blocks, "AT_ONCE", 1)
    seen, person = street()
    before = np.full(len(person), -1)
    starts = np.array([seen.frames[seen.tracklets == one].min() for one in range(len(person))])
    for who in range(24):
        own = np.flatnonzero(person == who)
        own = own[np.argsort(starts[own])]
        before[own[1:]] = own[:-1]
    assert same(link_blocks(seen, 25, before=before, block=20).people, person)


def with_pictures(appearance, of_thing, things):
    """The same looks, where some tracklets show things."""

    def odds(clips):
        return np.array([of_thing if clip[0] in things else 4.0 for clip in clips])

    return replace(appearance, persons=odds)


@pytest.mark.parametrize("in_blocks", [False, True])
def test_what_shows_a_thing_is_dropped_and_stays_in_the_table(monkeypatch, in_blocks):
    monkeypatch.setattr(blocks, "AT_ONCE", 1)
    observations, person = street()
    thing = {int(k) for k in np.flatnonzero(person == 5)}
    looking = with_pictures(looks(person), -6.0, thing)
    linked = link_blocks(observations, 25, appearance=looking, block=20 if in_blocks else 300)
    number = set(linked.people[sorted(thing)].tolist())
    assert len(number) == 1 and np.isin(np.flatnonzero(linked.pictures == -6), sorted(thing)).all()
    assert set(np.flatnonzero(linked.probability < LinkingConfig.min_person).tolist()) == number
    settled = settle(observations, linked, 25)
    assert set((settled.ids[settled.dropped] - 1).tolist()) == number


def test_tracklets_without_crops_have_no_picture():
    observations, person = street(people=3, pieces=1)
    looking = with_pictures(looks(person), -6.0, set())
    bare = replace(looking, clips=[[], *looking.clips[1:]])
    linked = link(observations, 25, appearance=bare)
    assert np.isnan(linked.pictures).tolist() == [True, False, False]
    nobody = link(Observations(*(np.zeros((0, *rest), int) for rest in ((), (4,), (), (), (4,)))), 25)
    assert nobody.features.shape == (0, 3) and not len(nobody.pictures)
