"""The linking engine: stories with hand-made boxes, and what holds of any input."""

import numpy as np
import pytest

from readtrack.errors import InputError
from readtrack.linking.engine import Certain, Observations, link
from readtrack.linking.motion import Ends, Motion, learn_motion
from readtrack.linking.partition import Evidence, Partition
from readtrack.linking.settings import LinkingConfig
from readtrack.linking.settling import settle
from readtrack.linking.similarity import PRIOR, USUAL, Appearance, level

FPS = 25.0


def walk(start, stop, x=100.0, speed=2.0, y=100.0, height=100.0):
    """Frames and boxes of somebody who walks sideways, ``speed`` pixels a frame; ``x`` is where frame 0 would be."""
    frames = np.arange(start, stop)
    left = x + speed * frames
    return frames, np.stack([left, 0 * left + y, left + 0.4 * height, 0 * left + y + height], axis=1)


def observed(*walks, confidence=0.9):
    """Tracklets in the order given."""
    frames = np.concatenate([np.zeros(0, np.int64), *(frames for frames, _ in walks)])
    xyxy = np.concatenate([np.zeros((0, 4)), *(boxes for _, boxes in walks)])
    tracklets = np.repeat(np.arange(len(walks)), [len(frames) for frames, _ in walks])
    return Observations(frames, xyxy, np.full(len(frames), confidence), tracklets, xyxy)


def wearing(*clothes, sure=4.0):
    """Appearance of tracklets by what they wear: alike are the same; None shows nothing."""
    clips = [[] if one is None else [one] * 4 for one in clothes]
    names = sorted({one for one in clothes if one is not None})

    def log_odds(given, pairs):
        return np.array([sure if given[i][0] == given[j][0] else -sure for i, j in pairs.tolist()])

    return Appearance(clips, lambda given: np.eye(max(len(names), 1))[[names.index(one[0]) for one in given]], log_odds)


def groups(linked):
    """Who is with whom, whatever the numbers."""
    return {frozenset(np.flatnonzero(linked.people == person).tolist()) for person in set(linked.people.tolist())}


def test_somebody_who_was_hidden_while_walking_on_is_one():
    linked = link(observed(walk(0, 50), walk(70, 120)), FPS)
    assert groups(linked) == {frozenset({0, 1})}
    told = linked.links[0]
    assert (told.person, told.tracklet, told.frame) == (0, 1, 70)
    assert told.gap == pytest.approx(21 / FPS) and told.probability > 0.5 and told.runner_up == 0


def certainly(same=(), different=()):
    return Certain(*(np.array(pairs, dtype=np.int64).reshape(-1, 2) for pairs in (same, different)))


def test_what_is_known_decides_and_the_rest_is_linked_around_it():
    seen = observed(walk(0, 50), walk(70, 120), walk(140, 190), walk(0, 40, x=900, y=600, height=250))
    assert groups(link(seen, FPS)) == {frozenset({0, 1, 2}), frozenset({3})}
    apart = link(seen, FPS, certain=certainly(different=[(0, 1), (2, 0)]))
    assert groups(apart) == {frozenset({0}), frozenset({1, 2}), frozenset({3})}
    joined = link(seen, FPS, certain=certainly(same=[(3, 2)]))
    assert frozenset({2, 3}) <= max(groups(joined), key=len) or frozenset({2, 3}) in groups(joined)
    assert max(one.probability for one in joined.links) == 1


def test_who_is_apart_is_never_joined_through_a_third_nor_by_what_is_the_same():
    seen = observed(walk(0, 50), walk(70, 120), walk(140, 190))
    linked = link(seen, FPS, certain=certainly(different=[(0, 2)]))
    assert not any({0, 2} <= group for group in groups(linked))
    both = link(seen, FPS, certain=certainly(same=[(0, 1), (1, 2)], different=[(0, 2)]))
    assert not any({0, 2} <= group for group in groups(both)) and len(groups(both)) == 2


def test_pairs_that_were_not_weighed_can_be_known():
    far = observed(walk(0, 50), walk(5000, 5050, x=9000, y=600))  # beyond the longest gap
    assert len(groups(link(far, FPS))) == 2
    assert len(groups(link(far, FPS, certain=certainly(same=[(1, 0)])))) == 1


def test_who_stands_far_off_is_somebody_else():
    assert len(groups(link(observed(walk(0, 50), walk(55, 100, x=900, y=600, height=250)), FPS))) == 2


def test_two_who_cross_keep_their_ways():
    one, other = walk(0, 50), walk(0, 50, x=400, speed=-2, y=110)
    later, other_later = walk(90, 140), walk(90, 140, x=400, speed=-2, y=110)
    linked = link(observed(one, other, later, other_later), FPS)
    assert groups(linked) == {frozenset({0, 2}), frozenset({1, 3})}


def test_clothes_tell_two_apart_who_turn_round_while_they_meet():
    one, other = walk(0, 50), walk(0, 50, x=400, speed=-2, y=110)
    turned, other_turned = walk(90, 140, x=400, speed=-2, y=110), walk(90, 140)
    people = observed(one, other, turned, other_turned)
    assert groups(link(people, FPS, appearance=wearing("red", "blue", "red", "blue"))) == {
        frozenset({0, 2}),
        frozenset({1, 3}),
    }


def test_somebody_comes_back_elsewhere_after_a_while_only_if_they_look_alike():
    people = observed(walk(0, 100), walk(0, 100, x=600, speed=0), walk(300, 400, x=-200, y=180))
    for clothes, alone in ((("red", "blue", "red"), 1), (("red", "blue", "blue"), 0), (("red", "blue", "green"), None)):
        found = groups(link(people, FPS, appearance=wearing(*clothes, sure=8.0)))
        assert found == (
            {frozenset({0}), frozenset({1}), frozenset({2})}
            if alone is None
            else {frozenset({alone}), frozenset({0, 1, 2} - {alone})}
        )


def test_being_seen_together_is_a_price_and_no_wall():
    doubled = walk(0, 50), walk(48, 100)  # for two frames both boxes are on one person
    assert groups(link(observed(*doubled), FPS)) == {frozenset({0, 1})}
    beside = walk(0, 100), walk(0, 100, x=200)
    assert len(groups(link(observed(*beside), FPS, appearance=wearing("red", "red", sure=9.0)))) == 2


def test_a_rival_makes_a_link_less_sure():
    alone = link(observed(walk(0, 50), walk(60, 100)), FPS).links[0]
    rival = link(observed(walk(0, 50), walk(60, 100), walk(60, 100, x=104)), FPS).links[0]
    assert rival.runner_up > 0.1 > alone.runner_up
    assert rival.probability < alone.probability
    assert rival.probability + rival.runner_up <= 1


def test_nobody_and_one():
    linked = link(observed(), FPS)
    assert not len(linked.people) and not linked.links
    assert not len(settle(observed(), linked, FPS).frames)
    linked = link(observed(walk(3, 4)), FPS, appearance=wearing(None))
    assert linked.people.tolist() == [0]


def test_tracklets_without_crops_go_by_motion():
    people = observed(walk(0, 50), walk(55, 100), walk(0, 100, x=600, speed=0))
    assert groups(link(people, FPS, appearance=wearing("red", None, "blue"))) == {frozenset({0, 1}), frozenset({2})}


def crowd(seed=0, people=12, length=300):
    rng = np.random.default_rng(seed)
    walks, clothes = [], []
    for person in range(people):
        frame = int(rng.integers(0, 60))
        x, y, speed = rng.uniform(0, 1500), rng.uniform(100, 600), rng.normal(0, 2)
        while frame < length:
            stop = frame + int(rng.integers(5, 60))
            walks.append(walk(frame, stop, x, speed, y, 80 + y / 4))
            clothes.append(str(person))
            frame = stop + int(rng.integers(2, 40))
    return walks, clothes


@pytest.mark.parametrize("dressed", [False, True])
def test_the_order_of_input_does_not_matter_and_the_same_gives_the_same(dressed):
    walks, clothes = crowd()
    rng = np.random.default_rng(1)
    mixed = rng.permutation(len(walks))
    people, again = observed(*walks), observed(*(walks[k] for k in mixed.tolist()))
    rows = rng.permutation(len(again.frames))
    again = Observations(*(values[rows] for values in vars(again).values() if values is not None))
    looks = wearing(*clothes) if dressed else None
    looks_again = wearing(*(clothes[k] for k in mixed.tolist())) if dressed else None
    one, other = link(people, FPS, appearance=looks), link(again, FPS, appearance=looks_again)
    assert groups(one) == {frozenset(mixed[list(group)].tolist()) for group in groups(other)}
    assert [told.probability for told in one.links] == pytest.approx([told.probability for told in other.links])
    assert np.array_equal(one.people, link(people, FPS, appearance=looks).people)


@pytest.mark.parametrize("fps", [25, 10, 5])
def test_a_crowd_whose_clothes_are_told_apart_is_found_at_any_frame_rate(fps):
    walks, clothes = crowd(seed=5)
    thinned = []
    for frames, xyxy in walks:
        kept = frames % round(25 / fps) == 0
        thinned.append((frames[kept] // round(25 / fps), xyxy[kept]))
    kept = [k for k, (frames, _) in enumerate(thinned) if len(frames)]
    linked = link(observed(*(thinned[k] for k in kept)), fps, appearance=wearing(*(clothes[k] for k in kept)))
    people = {}
    for place, k in enumerate(kept):
        people.setdefault(clothes[k], set()).add(int(linked.people[place]))
    assert sum(len(found) for found in people.values()) <= 1.25 * len(people)  # hardly anybody is split
    assert len(set.union(*people.values())) == sum(len(found) for found in people.values())  # nobody is mixed


def test_gaps_are_filled_and_marked_and_boxes_lie_on_the_way():
    linked = link(observed(walk(0, 50), walk(60, 100)), FPS, config := LinkingConfig(min_person=0))
    found = settle(observed(walk(0, 50), walk(60, 100)), linked, FPS, config)
    assert found.frames.tolist() == list(range(100)) and set(found.ids.tolist()) == {1}
    assert np.flatnonzero(found.filled).tolist() == list(range(50, 60))
    assert np.abs(found.xyxy - walk(0, 100)[1]).max() < 1e-6  # a straight way stays one
    none = settle(observed(walk(0, 50), walk(60, 100)), linked, FPS, LinkingConfig(fill_gap=0, min_person=0))
    assert len(none.frames) == 90 and not none.filled.any()


def test_boxes_are_averaged_over_time():
    frames, xyxy = walk(0, 100)
    noisy = xyxy + np.random.default_rng(0).normal(0, 3, xyxy.shape)
    people = observed((frames, noisy))
    smooth, raw = (settle(people, link(people, FPS), FPS, LinkingConfig(smoothing=s, min_person=0)) for s in (0.12, 0))
    assert np.array_equal(raw.xyxy, noisy)
    assert np.abs(smooth.xyxy - xyxy).mean() < 0.6 * np.abs(noisy - xyxy).mean()


def test_nobody_has_two_boxes_in_a_frame():
    people = observed(walk(0, 50), walk(48, 100))
    found = settle(people, link(people, FPS), FPS, LinkingConfig(min_person=0))
    assert found.frames.tolist() == list(range(100))


def test_where_the_camera_moves_boxes_come_back_into_their_frames():
    frames, steady = walk(0, 50)
    camera = np.tile(np.eye(3)[:2], (60, 1, 1))
    camera[:, 0, 2] = -7.0 * np.arange(60)
    shown = steady.copy()
    shown[:, [0, 2]] += 7.0 * frames[:, None]
    people = Observations(frames, shown, np.full(50, 0.9), np.zeros(50, np.int64), steady)
    found = settle(people, link(people, FPS), FPS, LinkingConfig(min_person=0), camera)
    assert np.abs(found.xyxy - shown).max() < 1e-6


def test_motion_learns_how_steady_people_are():
    rng = np.random.default_rng(0)
    scales = []
    for noise in (0.3, 6.0):
        walks = [walk(0, 100, x=100.0 * k, speed=rng.normal(0, 1)) for k in range(20)]
        people = observed(*((frames, xyxy + rng.normal(0, noise, xyxy.shape)) for frames, xyxy in walks))
        starts = np.arange(0, 2001, 100)
        ends = Ends.of(people.frames / FPS, people.steady, starts)
        scales.append(learn_motion(people.frames / FPS, people.steady, starts, ends).place)
    assert (scales[0] < scales[1]).all()


def test_motion_says_less_the_longer_the_gap():
    scale = Motion(np.array([0.06, 0.05, 0.06]), np.array([0.6, 0.2, 0.12]), np.array([2.5, 0.6, 0.35]))
    told = []
    for gap in (5, 25, 100, 1000):
        people = observed(walk(0, 50, speed=0), walk(50 + gap, 100 + gap, speed=0))
        ends = Ends.of(people.frames / FPS, people.steady, np.array([0, 50, 100]))
        told.append(float(scale.evidence(ends, np.array([0]), np.array([1]))[0]))
    assert told == sorted(told, reverse=True) and told[-1] >= 0


def test_people_seen_at_once_set_the_level_of_what_a_judge_says():
    assert level(np.zeros(0)) == pytest.approx(PRIOR)  # nothing is known: the judge is believed
    assert level(np.full(300, USUAL)) == pytest.approx(PRIOR)
    lenient, strict = level(np.full(300, USUAL + 4)), level(np.full(300, USUAL - 4))
    assert lenient < PRIOR - 3.5 and strict > PRIOR + 3.5
    assert PRIOR > level(np.full(3, USUAL + 4)) > PRIOR - 0.5  # of few, little is believed


def test_many_pairs_tell_more_than_one_of_the_same_mean():
    config, nothing = LinkingConfig(prior=0.0), np.full((2, 3), np.inf)
    weight = np.array([1.0, 4.0, 1e6])
    many = Evidence(np.arange(3), np.arange(3) + 3, 2 * weight, weight, np.zeros(3), nothing, np.zeros((2, 3)))
    one, four, all_of_them = many.gain(config) / config.appearance_weight
    assert one == pytest.approx(2.0)
    assert one < four < all_of_them < 6.0  # pairs of the same two people err alike in part


def test_average_linkage_weighs_whole_people():
    """Two who are surely one, and a third who resembles one of them only."""
    first, second, odds = np.array([0, 0, 1]), np.array([1, 2, 2]), np.array([9.0, 3.0, -8.0])
    nothing = np.full((2, 3), np.inf)
    evidence = Evidence(first, second, odds, np.ones(3), np.zeros(3), nothing, np.zeros((2, 3)))
    found = Partition(3, evidence, LinkingConfig(prior=0.0))
    assert found.person.tolist() == [0, 0, 2]


@pytest.mark.parametrize("wrong", [{"max_gap": -1.0}, {"min_person": 1.5}, {"prior": float("nan")}])
def test_settings_are_checked(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        LinkingConfig(**wrong)
