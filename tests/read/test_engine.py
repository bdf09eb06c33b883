"""What runs shipped weights: ONNX Runtime, by a graph that is known to be of these weights."""

import subprocess
import sys

import numpy as np
import onnx
import pytest
from conftest import TINY

from readtrack.files import sha256
from readtrack.read import weights
from readtrack.read.checkpoint import load_checkpoint, save_checkpoint
from readtrack.read.crops import Crop
from readtrack.read.matcher import Matcher
from readtrack.read.model import Read
from readtrack.read.onnx_network import OnnxNetwork

SILENT = "import sys; assert 'torch' not in sys.modules, 'torch was imported'"


def crops(count, config=TINY):
    random = np.random.default_rng(count)
    return [Crop(random.integers(0, 256, (config.height, config.width, 3), dtype=np.uint8)) for _ in range(count)]


def alone(code):
    subprocess.run([sys.executable, "-c", f"{code}\n{SILENT}"], check=True, capture_output=True)


@pytest.fixture
def tiny(tiny_model, tmp_path, monkeypatch):
    """Weights called "tiny" that ship, without a graph yet."""
    monkeypatch.setattr(weights, "FOLDERS", (tmp_path,))
    save_checkpoint(tmp_path / "tiny.safetensors", tiny_model, {})
    return tmp_path


def test_shipped_weights_are_loaded_and_asked_without_torch():
    alone(
        "import numpy as np; from readtrack import Matcher; matcher = Matcher.load('read-s', 'cpu')\n"
        "image = np.zeros((200, 80, 3), np.uint8); assert matcher.similarity([image], [[image]]).shape == (1, 1)\n"
        "assert matcher.engine == 'ONNX Runtime (cpu)'"
    )


def test_tracking_with_shipped_weights_needs_no_torch(tmp_path):
    flags = ["--no-video", "--quiet", "--out", str(tmp_path / "run"), "--end", "12"]
    alone(f"from readtrack.commands.track import main; assert main({flags}) == 0")


@pytest.mark.parametrize("name", weights.shipped())
def test_the_graph_that_ships_is_of_the_weights_that_ship(name):
    file = weights.find_weights(name)
    network = OnnxNetwork(file.with_suffix(".onnx"), "cpu", digest=sha256(file))
    assert network.config == load_checkpoint(file)[0].config


@pytest.mark.parametrize("name", weights.shipped())
def test_no_graph_that_ships_holds_numbers_that_processors_are_slow_with(name):
    """Products of what weight decay leaves of dead channels are subnormal: 4 times slower in ``read-s``."""
    for part in ("", ".encoder"):
        for tensor in onnx.load(weights.find_weights(name).with_suffix(f"{part}.onnx")).graph.initializer:
            values = np.abs(onnx.numpy_helper.to_array(tensor)).astype(float)
            assert not ((values > 0) & (values < 1e-12)).any(), tensor.name


@pytest.mark.parametrize("name", weights.shipped())
def test_both_engines_answer_alike(name):
    light, heavy = Matcher.load(name, "cpu"), Matcher(load_checkpoint(name)[0], "cpu")
    assert (light.engine, heavy.engine) == ("ONNX Runtime (cpu)", "PyTorch (cpu)")
    shown = crops(12, light.config)
    answers = []
    for matcher in (light, heavy):
        fresh = [Crop(crop.pixels.copy()) for crop in shown]
        answers.append(matcher.logits(fresh[:4], [fresh[4:6], fresh[5:8], fresh[8:]]))
    np.testing.assert_allclose(*answers, atol=1e-4)


def test_attention_of_shipped_weights_needs_no_pytorch_and_is_the_same(tiny, tiny_model):
    light, heavy = Matcher.load("tiny", "cpu"), Matcher(tiny_model, "cpu")
    shown = crops(3)
    maps = [
        m.attention(Crop(shown[0].pixels.copy()), [Crop(c.pixels.copy()) for c in shown[1:]]) for m in (light, heavy)
    ]
    np.testing.assert_allclose(*maps, atol=1e-5)


def test_a_graph_is_made_once_and_anew_when_it_is_broken_or_of_other_weights(tiny, tiny_model):
    graph = tiny / "tiny.onnx"
    first = Matcher.load("tiny", "cpu").logits(crops(1), [crops(2)])
    made = graph.stat().st_mtime_ns
    Matcher.load("tiny", "cpu")
    assert graph.stat().st_mtime_ns == made
    graph.write_bytes(b"broken")
    assert Matcher.load("tiny", "cpu").logits(crops(1), [crops(2)]) == first
    other = Read(TINY).eval()
    save_checkpoint(tiny / "tiny.safetensors", other, {})
    expected = Matcher(other, "cpu").logits(crops(1), [crops(2)])
    np.testing.assert_allclose(Matcher.load("tiny", "cpu").logits(crops(1), [crops(2)]), expected, atol=1e-4)


def test_where_nothing_can_be_written_the_graph_is_kept_for_the_user(tiny, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("os.access", lambda *_: False)
    assert Matcher.load("tiny", "cpu").engine == "ONNX Runtime (cpu)"
    assert not (tiny / "tiny.onnx").exists() and len(list((tmp_path / "cache").rglob("tiny*.onnx"))) == 2


def test_where_no_graph_can_be_made_pytorch_runs(tiny, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert Matcher.load("tiny", "cpu").engine == "PyTorch (cpu)"
    assert "runs on PyTorch instead" in caplog.text


def test_other_precisions_ranks_and_weights_run_on_pytorch(tiny, tiny_model, tmp_path):
    assert onnx  # without it everything would
    assert Matcher.load("tiny", "cpu", precision="bf16").engine == "PyTorch (cpu)"
    (tmp_path / "own").mkdir()
    save_checkpoint(tmp_path / "own" / "mine.safetensors", tiny_model, {})
    assert Matcher.load(tmp_path / "own" / "mine.safetensors", "cpu").engine == "PyTorch (cpu)"
