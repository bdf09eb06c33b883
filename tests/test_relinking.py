"""Another tracker's ids repaired: stories over frames. The host's ids are given by hand."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from painted import ByColour, at, away_and_back, paint

from readtrack import TrackerConfig
from readtrack.errors import InputError
from readtrack.relinking import Relinker


def play(relinker, frames, hosts):
    """Feed frames (name -> box) under the host's ids (name -> id, of a frame); ids by name, one for each frame."""
    told = {}
    for index, places in enumerate(frames):
        image, people = paint(places)
        answer = relinker.update(people.xyxy, [hosts(index, name) for name in places], image, people.confidence)
        assert len(set(answer.tolist())) == len(answer)
        for name, number in zip(places, answer.tolist(), strict=True):
            told.setdefault(name, []).append(number)
    return told


def anew_after(frame):
    """A host that knows bob as 7, and everybody else under a new id from that frame on."""
    return lambda index, name: 7 if name == "bob" else 40 + (index >= frame)


def test_ids_come_at_once_and_stay_while_the_host_is_right():
    frames = [{"ann": at(100 + 3 * i), "bob": at(500)} for i in range(40)]
    assert play(Relinker(ByColour()), frames, anew_after(99)) == {"ann": [1] * 40, "bob": [2] * 40}


def test_who_comes_back_under_a_new_id_gets_the_old_one():
    relinker, seen = Relinker(ByColour(0.85)), []  # sure at the third look
    for index, places in enumerate(away_and_back()):
        image, people = paint(places)
        relinker.update(people.xyxy, [anew_after(60)(index, name) for name in places], image)
        seen += [(index, relinker.renamed, relinker.merged, a) for a in relinker.associations]
    assert len(seen) == 1
    index, renamed, merged, decision = seen[0]
    assert index == 90 and renamed == merged == {}
    assert (decision.track, decision.reason, decision.gap) == (1, "reidentified", 61)
    told = play(Relinker(ByColour(0.85)), away_and_back(), anew_after(60))
    assert told["ann"] == [1] * 70 and told["bob"] == [2] * 130


def test_whom_one_look_shows_beyond_doubt_never_has_another_id():
    told = play(Relinker(ByColour()), away_and_back(), anew_after(60))
    assert set(told["ann"]) == {1} and set(told["bob"]) == {2}


def test_a_stranger_keeps_the_new_id():
    told = play(Relinker(ByColour()), away_and_back(other="cid"), anew_after(60))
    assert (set(told["ann"]), set(told["cid"])) == ({1}, {3})


def test_a_host_s_own_reidentification_is_checked():
    # The host says that cid is ann, who went away; READ says no.
    told = play(Relinker(ByColour()), away_and_back(other="cid"), anew_after(999))
    assert not {1, 2} & set(told["cid"])
    assert set(play(Relinker(ByColour()), away_and_back(), anew_after(999))["ann"]) == {1}


def test_ids_that_the_host_swapped_are_swapped_back():
    cross, relinker = (
        [{"ann": at(150 + 5 * i, 302), "bob": at(450 - 5 * i, 300)} for i in range(60)],
        Relinker(ByColour()),
    )
    told = play(relinker, cross, lambda i, name: (name == "bob") != (i >= 30))
    assert told["ann"][:30] == [1] * 30 and told["ann"][-10:] == [1] * 10
    assert told["bob"][:30] == [2] * 30 and told["bob"][-10:] == [2] * 10
    assert not relinker.merged


def test_nobody_is_in_two_places_however_alike():
    frames = [{"ann": at(100)}] * 30 + [{"ann": at(100), "ann2": at(400)}] * 40
    told = play(Relinker(ByColour()), frames, lambda i, name: name)
    assert set(told["ann"]) == {1} and 1 not in told["ann2"] and len(set(told["ann2"][10:])) == 1


def test_nobody_comes_back_after_too_long():
    late = play(Relinker(ByColour(), TrackerConfig(max_age=2)), away_and_back(), anew_after(60))
    assert late["ann"][-1] == 3


def test_an_id_that_the_host_uses_again_for_somebody_else_does_not_confuse():
    # ann comes back as 41 and is recognised; then the host's 40 appears again beside her.
    frames = [*away_and_back(), *[{"ann": at(380), "cid": at(120), "bob": at(560)}] * 30]
    told = play(Relinker(ByColour(0.85)), frames, lambda i, name: 40 if name == "cid" else anew_after(60)(i, name))
    assert told["ann"][-1] == 1 and not {1, 2} & set(told["cid"])


def test_reset_counts_from_one_again_and_instances_share_nothing():
    one, other = Relinker(ByColour()), Relinker(ByColour())
    expected = play(one, away_and_back(), anew_after(60))
    assert play(other, away_and_back(), anew_after(60)) == expected
    one.reset()
    assert play(one, away_and_back(), anew_after(60)) == expected


def test_hostile_boxes_images_and_ids():
    relinker = Relinker(ByColour())
    image, _ = paint({})
    odd = np.array([[np.nan] * 4, [0, 0, np.inf, 9], [50, 50, 10, 10], [900, 900, 950, 990], at(100), at(300)])
    for shown in (image, None, np.zeros((0, 0, 3), np.uint8), image):
        assert relinker.update(odd, ["a", "b", "c", 3.0, "ann", -1], shown).tolist() == [3, 4, 5, 1, 2, -1]
    assert relinker.update(np.zeros((0, 4)), [], image).tolist() == []
    assert relinker.update([], [], None).tolist() == relinker.update(np.zeros((0, 4)), None, image).tolist() == []
    assert relinker.update(odd[:2], [np.int64(-1), np.float32(-1)], image).tolist() == [-1, -1]
    weak = relinker.update(odd[4:5], ["weak"], image, np.array([0.01]))
    assert relinker.update(odd[4:5], ["weak"], image, np.array([0.02])) == weak == [2]  # where ann was, of her colour
    for wrong, says in (
        ((odd[:2], [1, 1], image), "twice"),
        ((odd[:2], [1], image), "2 boxes, 1 ids"),
        ((odd[:2], [1, float("nan")], image), "not a number"),
        ((odd[:2], [1, 2], image, np.ones(3)), "confidence"),
    ):
        with pytest.raises(InputError, match=says):
            relinker.update(*wrong)


def test_wrong_weights_and_wrong_images_are_told():
    with pytest.raises(InputError, match="nowhere"):
        Relinker("nowhere")


def test_a_real_matcher_refuses_wrong_images(tiny_model):
    from readtrack import Matcher

    with pytest.raises(InputError, match="uint8"):
        Relinker(Matcher(tiny_model, "cpu")).update(np.array([at(100)]), [1], np.zeros((9, 9), np.uint8))


def test_memory_is_bounded():
    relinker, sizes = Relinker(ByColour(), TrackerConfig(max_lost=5, max_age=4)), []
    for person in range(60):
        for _ in range(4):
            image, people = paint({f"ann{person}": at(40 + 9 * person), "bob": at(620)})
            relinker.update(people.xyxy, [f"host{person}", "bob"], image)
        sizes.append(len(pickle.dumps(relinker)))
    assert max(sizes[40:]) < 1.1 * max(sizes[:40])


@given(st.integers(0, 10_000))
@settings(max_examples=8)
def test_whatever_host_and_read_say_no_id_is_twice_in_a_frame(seed):
    rng = np.random.default_rng(seed)

    class ByChance(ByColour):
        def similarity(self, queries, galleries):
            return rng.uniform(0, 1, (len(queries), len(galleries))) ** 0.2

    relinker, rows, merged = Relinker(ByChance(), TrackerConfig(correction=0.4)), [], {}
    for index in range(60):
        hosts = rng.choice(9, rng.integers(0, 6), replace=False)
        image, people = paint({f"ann{i}": at(60 + 55 * k + rng.normal(0, 20)) for i, k in enumerate(hosts)})
        answer = relinker.update(people.xyxy, hosts, image)
        assert len(answer) == len(hosts) and (answer > 0).all()
        rows += [(index, number) for number in answer.tolist()]
        merged |= relinker.merged
    assert len(set(rows)) == len(rows)
    final = [(index, proved(number, merged)) for index, number in rows]
    assert len(set(final)) == len(final)


def proved(number, merged):
    """What an id proved to be in the end."""
    while number in merged:
        number = merged[number]
    return number
