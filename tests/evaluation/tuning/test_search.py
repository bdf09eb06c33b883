"""Settings tried against a truth: what is found where there is something to find, and what luck is called."""

import builtins

import numpy as np
import pytest

from readtrack.errors import InputError
from readtrack.evaluation.tuning.search import Part, Search, halves, tune
from readtrack.metrics.tracking import IdentityCounts
from readtrack.tracking import TrackerConfig

pytest.importorskip("optuna", reason="Optuna is not installed: pip install 'readtrack[tune]'")


class World:
    """A recording in which ``quality`` says how many of 1,000 boxes settings get right."""

    fps = 25.0
    indices = range(100)

    def __init__(self, quality):
        self.quality, self.linked = quality, 0

    def link(self, config):
        self.linked += 1
        return None, config

    def count(self, config, truth, part=None):
        right = int(self.quality(config, part))
        return IdentityCounts(right, 1000 - right, 1000 - right)


def parts(*qualities):
    return [Part(f"world {k}", World(quality), {}) for k, quality in enumerate(qualities)]


def test_what_helps_everywhere_is_found_and_lasts():
    worlds = parts(*[lambda config, _: 700 + 100 * (config.prior == -1.0)] * 4)
    found = tune(Search(worlds, crops=True), trials=30, folds=4)
    assert found.settings["prior"] == -1.0
    assert found.gain == pytest.approx(0.1) and found.lasting == pytest.approx(0.1)
    assert found.low == found.high == pytest.approx(0.1)
    assert found.default == pytest.approx(0.7) and [one.held_out for one in found.parts] == [0.8] * 4
    assert min(found.neighbours) == pytest.approx(0.7)


def test_what_differs_from_recording_to_recording_is_luck():
    def noise(seed):
        known = {}
        rng = np.random.default_rng(seed)
        return lambda config, _: (
            700 if config == TrackerConfig(fps=25) else known.setdefault(config, rng.normal(700, 20))
        )

    found = tune(Search(parts(*map(noise, range(6))), crops=True), trials=30, folds=3)
    assert found.gain >= 0 and found.lasting < 0.005 and found.low < 0


def test_defaults_stay_where_nothing_is_better():
    found = tune(Search(parts(*[lambda config, _: 700] * 2), crops=False), trials=10, folds=5)
    assert found.settings == {} and found.gain == found.lasting == 0 and found.low is None


def test_each_choice_is_tried_once_on_each_recording():
    worlds = parts(lambda config, _: 700 + 10 * config.min_person, lambda config, _: 700)
    search = Search(worlds, crops=False)
    choice = search.best([0, 1], 20)
    tried = [part.recording.linked for part in worlds]
    search.score(choice, [0, 1])
    assert [part.recording.linked for part in worlds] == tried and max(tried) <= 20
    assert search.settings(choice)["min_person"] == 0.65
    assert set(search.space) == {"start_confidence", "min_person", "prior", "gap_penalty"}


def test_halves_share_a_recording_and_are_scored_apart():
    world = World(lambda config, part: 600 if part == slice(None, 50) else 800)
    both = halves("world", world, {})
    search = Search(both, crops=False)
    assert [search.count(search.usual, part).IDF1 for part in (0, 1)] == [0.6, 0.8] and world.linked == 1
    found = tune(search, trials=5, folds=1)
    assert found.held_out is None and found.lasting == 0


def test_weak_boxes_follow_the_confidence_that_begins_a_tracklet():
    search = Search(parts(lambda config, _: 700), crops=False)
    assert search.settings((0, *search.usual[1:])) == {"start_confidence": 0.3, "low_confidence": 0.18}


def test_without_optuna_one_is_told_how_to_get_it(monkeypatch):
    real = builtins.__import__

    def missing(name, *args):
        if name == "optuna":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(InputError, match=r"pip install 'readtrack\[tune\]'"):
        tune(Search(parts(lambda config, _: 700), crops=False), 1, 1)
