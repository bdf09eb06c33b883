"""Where identity is lost, on a hand-made sequence without pixels."""

import json

import pytest

from readtrack.commands.evaluate import loss as command
from readtrack.evaluation.loss import evaluate_loss
from readtrack.evaluation.settings import RecordingSettings


def test_each_step_brings_something_and_the_truth_in_its_place_the_rest(passing):
    row = evaluate_loss(RecordingSettings((str(passing),), weights="none")).rows[0]
    steps = {step.name: step for step in row.steps}
    assert row.purity == 1 and row.length > 0.5
    assert steps["tracklets"].IDF1 < steps["+ links"].IDF1 < steps["+ gaps filled"].IDF1
    assert steps["both"].IDF1 == pytest.approx(1, abs=0.01) and steps["both"].IDSW == 0
    assert steps["true links"].IDF1 <= steps["both"].IDF1


def test_the_command_prints_a_ladder_and_writes_it(passing, tmp_path, capsys):
    file = tmp_path / "loss.json"
    assert command.main(["--source", str(passing), "--weights", "none", "--report", str(file)]) == 0
    told = capsys.readouterr().out
    assert "+ false people dropped" in told and "purity 100.0 %" in told
    assert json.loads(file.read_text())["rows"][0]["source"] == "passing"
