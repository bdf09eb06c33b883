"""The bench: its floor is the paper's arithmetic, its slow way the same network, its command runs and teaches."""

from dataclasses import replace

import pytest
import torch
from conftest import TINY

from readtrack.commands.bench import main
from readtrack.evaluation import speed as bench
from readtrack.evaluation.speed import equation_1, multiply_adds
from readtrack.read.checkpoint import save_checkpoint
from readtrack.read.config import READ_R50, READ_S
from readtrack.read.model import Read


def test_the_floor_is_the_paper_s_arithmetic():
    parts = multiply_adds(READ_R50)
    assert [round(count / 1e6, 1) for count in parts.values()] == [8.4, 33.6, 67.1, 67.1]
    folded = multiply_adds(replace(READ_R50, rank=128))
    assert round((sum(folded.values()) - folded["fc1 query"]) / 1e6) == 34
    assert multiply_adds(READ_S)["fc1 attended"] == 3 * 32 * 64 * 256


@pytest.mark.parametrize("join", ["paper", "demo", "compare"])
@torch.no_grad()
def test_the_slow_way_is_the_same_network(join):
    torch.manual_seed(0)
    model = Read(replace(TINY, join=join)).eval()
    torch.nn.init.normal_(model.place_bias)
    queries, videos = torch.randn(3, TINY.positions, TINY.channels), torch.randn(3, 2, TINY.positions, TINY.channels)
    phi_q, phi_g = (model.phi, model.phi) if join == "compare" else (model.phi_query, model.phi_gallery)
    places = videos.flatten(1, 2)
    slow = equation_1(model, (model.theta_query(queries), phi_q(queries)), (model.theta_gallery(places), phi_g(places)))
    torch.testing.assert_close(slow, model.classify(model.compare(queries, videos)).diagonal(), atol=1e-5, rtol=1e-4)


@pytest.fixture
def tiny_tables(monkeypatch):
    """Tables small enough for the tests, one of them too long for its budget."""
    monkeypatch.setattr(bench, "TABLE_4", {"short": (3, 5), "long": (2_000, 100_000)})
    monkeypatch.setattr(bench, "PEAK_SIZE", {"cpu": 256})


@pytest.mark.parametrize("join", ["paper", "compare"])
def test_the_command_prints_its_tables(join, tiny_tables, tmp_path, capsys):
    torch.manual_seed(0)
    save_checkpoint(tmp_path / "tiny.safetensors", Read(replace(TINY, join=join)), {})
    command = ["--weights", str(tmp_path / "tiny.safetensors"), "--device", "cpu", "--ranks", "2", "--seconds", "0.05"]
    assert main([*command, "--quick"]) == 0
    told = capsys.readouterr().out
    for word in ("floor", "Eq. 1", "hoisted", "GFLOP/s", "est.", "MB"):
        assert word in told
    assert ("rank 2" in told) == (join == "paper")
    assert ("cannot be compressed" in " ".join(told.split())) == (join == "compare")


def test_what_cannot_be_measured_is_told_in_a_line(tmp_path, capsys):
    save_checkpoint(tmp_path / "metric.safetensors", Read(replace(TINY, head="metric")), {})
    assert main(["--weights", str(tmp_path / "metric.safetensors"), "--device", "cpu"]) == 2
    assert main(["--weights", "nowhere.safetensors"]) == 2
    assert [line.split(":")[0] for line in capsys.readouterr().err.splitlines()] == ["error", "error"]


def test_help_teaches(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    for flag in ("--network", "--weights", "--device", "--precision", "--ranks", "--seconds", "--quick", "examples"):
        assert flag in told


def test_short_matchings_are_run_whole_and_long_ones_say_so(tmp_path, monkeypatch):
    torch.manual_seed(0)
    save_checkpoint(tmp_path / "tiny.safetensors", Read(TINY), {})
    clock = iter(range(1_000_000))  # every look at it is a second later
    with torch.inference_mode():
        measured = bench.Bench(weights=tmp_path / "tiny.safetensors", device="cpu", seconds=20)
        monkeypatch.setattr(bench.time, "perf_counter", lambda: float(next(clock)))
        before = measured.matcher.compared
        seconds, share = measured.match(measured.matcher, 150, 33)
        assert share == 1
        assert measured.matcher.compared - before == 150 * 33 + 128 * 16  # once to warm up
        assert measured.match(measured.matcher, 2_000, 100_000)[1] < 1
        assert seconds > 0
