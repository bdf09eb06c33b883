"""Searches in galleries: how often they are right, and how long they take."""

import json

import numpy as np
import pytest

from readtrack.commands import evaluate
from readtrack.commands.bench import main as bench
from readtrack.errors import InputError
from readtrack.evaluation import openset
from readtrack.evaluation.searching import evaluate_searching
from readtrack.evaluation.settings import OpenSetSettings
from readtrack.read.checkpoint import save_checkpoint


@pytest.fixture
def weights(tmp_path, tiny_model):
    save_checkpoint(tmp_path / "tiny.safetensors", tiny_model, {})
    return str(tmp_path / "tiny.safetensors")


def test_the_command_prints_a_row_for_each_number_of_crops(mini_market, weights, tmp_path, capsys):
    flags = ["openset", "--root", str(mini_market), "--weights", weights, "--device", "cpu", "--splits", "2"]
    assert evaluate.main([*flags, "--compared", "3", "--shortlist", "2", "--report", str(tmp_path / "o.json")]) == 0
    told = capsys.readouterr().out
    assert "at 1 % false alarms" in told and "of 3 searches" in told
    found = json.loads((tmp_path / "o.json").read_text())
    assert [row["crops"] for row in found["rows"]] == [1, 4]
    for row in found["rows"]:
        assert row["known"] and row["unknown"] and row["identified"]["0.01"] <= row["identified"]["0.1"] <= row["rank1"]
    assert found["agreement"]["searches"] == 3
    linked = found["linkage"]
    assert linked["tracklets"] >= linked["found"] and 0 <= linked["recall"] <= 1 and "linked over cameras" in told


def test_a_shortlist_of_all_agrees_with_itself(mini_market, weights):
    found = openset.evaluate_openset(
        OpenSetSettings(mini_market, weights=weights, device="cpu", crops=(1,), splits=1, shortlist=1000, compared=5)
    )
    assert found.agreement.same == 1 and found.agreement.rank1 == found.agreement.rank1_exhaustive


def test_bad_settings_are_told(tmp_path):
    for wrong, part in ({"crops": (0,)}, "crops"), ({"splits": 0}, "splits"), ({"shortlist": 0}, "shortlist"):
        with pytest.raises(InputError, match=part):
            OpenSetSettings(tmp_path, **wrong)


def test_searches_are_timed(weights, capsys):
    told = []
    (found,) = evaluate_searching([20], 3, weights, "cpu", progress=lambda *now: told.append(now))
    assert found.tracklets == 20 and found.megabytes > 0 and set(found.wall) == {1, 4}
    assert np.isfinite([*found.wall.values(), *found.processor.values()]).all() and told[-1] == (6, 6)
    with pytest.raises(InputError, match="at least 1"):
        evaluate_searching([0], 3, weights, "cpu")
    flags = ["gallery", "--tracklets", "5", "--searches", "2", "--weights", weights, "--device", "cpu"]
    assert bench(flags) == 0 and "MB on" in capsys.readouterr().out
