"""Two stages of one training to one network."""

from dataclasses import replace

import pytest
import torch
from conftest import TINY

from readtrack.commands import average
from readtrack.read.checkpoint import load_checkpoint, save_checkpoint
from readtrack.read.model import Read


@pytest.fixture
def stages(tmp_path):
    """Two files of one shape, and their networks."""
    networks = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        networks.append(Read(TINY))
        save_checkpoint(tmp_path / f"{seed}.safetensors", networks[-1], {"recipe": {"seed": seed}})
    return tmp_path / "0.safetensors", tmp_path / "1.safetensors", networks


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_weights_are_averaged_and_calibrated(stages, share, tiny_market, tmp_path, capsys):
    first, second, (one, other) = stages
    out = tmp_path / "out.safetensors"
    command = [str(first), str(second), "--root", str(tiny_market), "--share", str(share), "--out", str(out)]
    assert average.main(command) == 0
    assert "top-1" in capsys.readouterr().out
    model, about = load_checkpoint(out)
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            mean = (1 - share) * one.state_dict()[name] + share * other.state_dict()[name]
            assert torch.allclose(value, mean, atol=1e-6), name
    assert (model.config.logit_scale, model.config.logit_offset) != (1.0, 0.0)
    assert about["averaged"] == {"share": share} and about["recipe"] == {"seed": 1} and "validation" in about


def test_what_cannot_be_averaged_is_refused(stages, tiny_market, tmp_path, capsys):
    first, second, _ = stages
    other = tmp_path / "other.safetensors"
    save_checkpoint(other, Read(replace(TINY, feature_dim=4)), {})
    for command in ([first, other], [first, second, "--share", "2"], [first, tmp_path / "none.safetensors"]):
        words = [str(word) for word in command]
        assert average.main([*words, "--root", str(tiny_market), "--out", str(tmp_path / "out.safetensors")]) == 2
        assert capsys.readouterr().err.startswith("error: ")
    assert not (tmp_path / "out.safetensors").exists()
    (tmp_path / "taken").mkdir()
    assert average.main([str(first), str(second), "--root", str(tiny_market), "--out", str(tmp_path / "taken")]) == 2
    assert "is a folder" in capsys.readouterr().err
