"""One level for all scenes: the fit, and the command."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import TINY

from readtrack import boxes
from readtrack.commands import calibrate
from readtrack.errors import InputError
from readtrack.evaluation.person_head import COVERED, WINDOWS, windows
from readtrack.metrics.calibration import fit_sigmoid
from readtrack.read.checkpoint import load_checkpoint, save_checkpoint
from readtrack.read.graphs import write_onnx
from readtrack.read.matcher import Matcher
from readtrack.read.model import Read


def test_scenes_weigh_the_same_whatever_their_size():
    rng = np.random.default_rng(0)

    def scene(level, count):
        same = rng.random(count) < 0.3
        return np.where(same, level + 2.0, level - 2.0) + rng.normal(size=count), same

    small, large = scene(1.0, 2_000), scene(-1.0, 40_000)
    logits, same = (np.concatenate(both) for both in zip(small, large, strict=True))
    group = np.repeat([0, 1], [2_000, 40_000])
    scale, offset = fit_sigmoid(logits, same, 0.5, group)
    assert -offset / scale == pytest.approx(0, abs=0.1)  # halfway between both levels
    scale, offset = fit_sigmoid(logits, same, 0.5)
    assert -offset / scale == pytest.approx(-1, abs=0.2)


def test_weights_are_calibrated_on_recordings(tmp_path, capsys):
    torch.manual_seed(0)
    file, out = tmp_path / "tiny.safetensors", tmp_path / "out.safetensors"
    save_checkpoint(file, Read(TINY), {"recipe": {}})
    command = ["--weights", str(file), "--source", "street:20", "--gap", "1", "--every", "25", "--device", "cpu"]
    assert calibrate.main([*command, "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "true pairs" in told and "probability = 1 / (1 + exp(-(" in told
    before, (after, about) = load_checkpoint(file)[0], load_checkpoint(out)
    assert all(torch.equal(value, before.state_dict()[name]) for name, value in after.state_dict().items())
    assert (after.config.logit_scale, after.config.logit_offset) != (1.0, 0.0)
    assert len(about["calibrated"]["recordings"]) == 1
    assert calibrate.main([*command, "--out", str(file)]) == 2
    assert "tiny.safetensors" in capsys.readouterr().err
    assert calibrate.main([*command[:4], "--gap", "500", "--out", str(out)]) == 2
    assert "longer recordings" in capsys.readouterr().err


def test_what_tells_people_from_things_is_fitted_and_kept(tmp_path, capsys):
    torch.manual_seed(0)
    file, out = tmp_path / "tiny.safetensors", tmp_path / "out.safetensors"
    save_checkpoint(file, Read(TINY), {"recipe": {}})
    command = ["--weights", str(file), "--source", "street:20", "--source", "street:21", "--device", "cpu"]
    assert calibrate.main([*command, "--persons", "--out", str(out)]) == 0
    assert "AUC by the rest" in capsys.readouterr().out
    model, about = load_checkpoint(out)
    assert len(model.config.persons) == TINY.channels + 1 and about["persons"]["recordings"] == [
        "street:20",
        "street:21",
    ]
    assert replace(model.config, persons=()) == TINY
    matcher, bare = Matcher(model, "cpu"), Matcher(Read(TINY), "cpu")
    vectors = np.eye(TINY.channels)[:3]
    assert matcher.person_log_odds(vectors) == pytest.approx(
        np.array(model.config.persons[:3]) + model.config.persons[-1]
    )
    assert np.isnan(bare.person_log_odds(vectors)).all()
    write_onnx(tmp_path / "out.onnx", model, {})
    assert Matcher.load(tmp_path / "out.onnx", "cpu").config.persons == model.config.persons
    assert calibrate.main([*command, "--detector", "yolox.onnx", "--out", str(out)]) == 2
    assert "give it with persons" in capsys.readouterr().err
    assert calibrate.main([*command, "--persons", "--gap", "1", "--out", str(out)]) == 2
    assert "by source, weights, device and detector alone" in capsys.readouterr().err
    with pytest.raises(InputError, match="persons has 3 numbers"):
        replace(TINY, persons=(1.0, 2.0, 3.0))


def test_background_windows_show_nobody():
    marked = np.array([[100.0, 100, 200, 400], [300, 50, 420, 470]])
    found = windows(np.zeros((480, 640, 3), np.uint8), marked, np.random.default_rng(0))
    assert 0 < len(found) <= WINDOWS
    assert (found[:, :2] >= 0).all() and (found[:, 2:] <= (640, 480)).all()
    assert (boxes.intersection(found, marked).max(axis=1) <= COVERED * boxes.area(found)).all()
