"""TrackletMemory: who is this? Crops are the names of people; a stub tells them apart."""

import numpy as np
import pytest
import supervision as sv

from readtrack import Matcher, TrackletMemory
from readtrack.errors import InputError
from readtrack.tracking.evidence import log_odds


class ByName:
    """A matcher of names: ``sure`` for the same, ``1 - sure`` for others; "?" is like everybody, "-" like nobody."""

    def __init__(self, sure=0.98):
        self.sure = sure

    def crops(self, source):
        return list(source)

    def log_odds(self, queries, galleries):
        like = np.array([[query == "?" or query in gallery for gallery in galleries] for query in queries])
        return log_odds(np.where(like, self.sure, 1 - self.sure))


def known(**settings):
    memory = TrackletMemory(ByName(), **settings)
    for name in ("ann", "bob", "cid"):
        memory.remember(name, [name] * 3)
    return memory


def total(answer):
    return sum(answer.probabilities.values()) + answer.nobody


def test_the_right_one_is_named_with_its_probability():
    answer = known().who(["bob"])
    assert answer.identity == "bob"
    assert answer.probability == answer.probabilities["bob"] > 0.9
    assert answer.runner_up == answer.probabilities["ann"] < 0.1
    assert list(answer.probabilities) == ["ann", "bob", "cid"]
    assert total(answer) == pytest.approx(1)


def test_the_arithmetic_is_the_tracker_s():
    odds = np.exp(log_odds(np.array([0.98, 0.02, 0.02])))
    answer = known().who(["ann"])
    np.testing.assert_allclose(list(answer.probabilities.values()), odds / (3 + odds.sum()))
    assert answer.nobody == pytest.approx(3 / (3 + odds.sum()))


def test_a_stranger_is_nobody():
    answer = known().who(["-"])
    assert answer.identity is None and answer.nobody > 0.9 and total(answer) == pytest.approx(1)


def test_who_could_be_several_is_nobody_for_sure():
    answer = known().who(["?"])
    assert answer.identity is None
    assert answer.probability == answer.runner_up == pytest.approx(0.33, abs=0.01)
    assert answer.nobody == pytest.approx(3 / (3 + 3 * 49))  # READ gives each of the three 0.98


def test_several_crops_are_averaged():
    memory = known()
    torn = memory.who(["ann", "bob"])
    assert torn.identity is None and torn.probabilities["ann"] == torn.probabilities["bob"]
    assert memory.who(["ann", "ann", "ann", "bob"]).probabilities["ann"] > torn.probabilities["ann"]


def test_only_some_may_be_asked_about():
    memory = known()
    answer = memory.who(["?"], among=["cid", "nobody knows her"])
    assert answer.identity == "cid" and list(answer.probabilities) == ["cid"]
    assert memory.who(["bob"], among=["cid", "ann"]).identity is None
    nobody = memory.who(["bob"], among=[])
    assert (nobody.identity, nobody.probability, nobody.runner_up, nobody.nobody) == (None, 0, 0, 1)


def test_nothing_known_or_shown_is_nobody():
    for answer in (TrackletMemory(ByName()).who(["ann"]), known().who([]), known(match_probability=0).who([None])):
        assert answer.identity is None and answer.nobody == 1 and total(answer) == 1


def test_the_bar_is_a_setting():
    assert known(match_probability=0.3).who(["?"]).identity == "ann"  # the first of equals
    assert known(match_probability=1).who(["ann"]).identity is None


def test_it_is_a_collection_of_identities():
    memory = known()
    assert len(memory) == 3 and "ann" in memory and "dan" not in memory and list(memory) == ["ann", "bob", "cid"]
    memory.forget("bob")
    memory.forget("bob")
    assert list(memory) == ["ann", "cid"]
    assert memory.who(["bob"]).identity is None


def test_what_shows_nothing_is_not_remembered():
    memory = known()
    memory.remember("dan", [None])
    memory.remember("eve", [])
    assert len(memory) == 3
    memory.remember(7, [None, "seven"])
    assert memory.who([None, "seven"]).identity == 7


def test_memory_is_bounded():
    memory = known(max_identities=3, gallery_size=4)
    memory.remember("ann", [f"ann{i}" for i in range(100)])
    memory.remember("dan", ["dan"])
    assert list(memory) == ["cid", "ann", "dan"]
    kept = memory._people["ann"].crops
    assert len(kept) <= 4
    assert memory.who(["bob"]).identity is None


@pytest.mark.parametrize("wrong", [{"match_probability": 1.1}, {"gallery_size": 0}, {"max_identities": 0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        TrackletMemory(ByName(), **wrong)
    with pytest.raises(InputError, match="None"):
        known().remember(None, ["x"])


def test_with_a_network(tiny_model):
    """Images, files' worth of them and described detections; the same answer each time."""
    rng = np.random.default_rng(0)
    matcher = Matcher(tiny_model, "cpu")
    memory, again = TrackletMemory(matcher), TrackletMemory(Matcher(tiny_model, "cpu"))
    image = rng.integers(0, 256, (120, 200, 3), dtype=np.uint8)
    people = matcher.describe(image, sv.Detections(np.array([[0.0, 0, 40, 100], [60, 0, 100, 100], [900, 9, 990, 99]])))
    for kept in (memory, again):
        kept.remember(1, people[:1])
        kept.remember(2, [image[:100, 60:100]])
        kept.remember(3, people[2:])
    assert list(memory) == [1, 2]
    answer = memory.who(people[:1])
    assert total(answer) == pytest.approx(1) and set(answer.probabilities) == {1, 2}
    assert again.who(people[:1]) == answer == memory.who(people[:1])
    with pytest.raises(InputError, match="image 0"):
        memory.remember(4, [np.zeros((3, 3), np.uint8)])
