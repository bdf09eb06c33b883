"""The linking engine by changed constants."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from readtrack.commands.evaluate import robust as command
from readtrack.errors import InputError
from readtrack.evaluation.robust import KEPT, changed_configs
from readtrack.evaluation.settings import RobustSettings
from readtrack.linking.settings import LinkingConfig


def test_constants_are_changed_by_so_much_and_the_first_run_by_nothing():
    usual, *changed = (asdict(config) for config in changed_configs(20, 0.2))
    assert usual == asdict(LinkingConfig()) and len(changed) == 20
    for name, value in usual.items():
        found = np.array([config[name] for config in changed])
        if name in KEPT:
            assert (found == value).all()
        elif name == "prior":
            assert 0.25 < np.abs(found - value).max() <= 0.5
        else:
            assert 0.8 * value <= found.min() < 0.9 * value and 1.1 * value < found.max() <= 1.25 * value
    assert list(changed_configs(3, 0.2)) == list(changed_configs(3, 0.2)) != list(changed_configs(3, 0.2, seed=1))


def test_the_command_prints_a_row_a_recording_and_their_mean(passing, tmp_path, capsys):
    file = tmp_path / "robust.json"
    flags = ["--source", str(passing), "--source", "street", "--weights", "none", "--runs", "3", "--report", str(file)]
    assert command.main(flags) == 0
    told = capsys.readouterr().out
    assert "constants changed by 20 %" in told and [line.split()[0] for line in told.splitlines()[2:5]] == [
        "passing",
        "street",
        "mean",
    ]
    report = json.loads(file.read_text())
    assert [len(row["IDF1"]) for row in report["rows"]] == [4, 4] and len(report["configs"]) == 4
    assert report["rows"][0]["IDF1"][0] > 0.9


@pytest.mark.parametrize(
    "wrong", [{"runs": 0}, {"change": 0.0}, {"change": 1.0}, {"change": float("nan")}, {"seed": -1}, {"source": ()}]
)
def test_impossible_experiments_are_refused(wrong):
    with pytest.raises(InputError):
        RobustSettings(**{"source": ("street",), **wrong})
