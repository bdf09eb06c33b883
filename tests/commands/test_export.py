"""Exported networks: the same answers on ONNX Runtime and in TorchScript, for any number of everything."""

import json
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import onnx
import pytest
import supervision as sv
import torch
from conftest import TINY

from readtrack import Matcher, ReadTracker, TrackerConfig
from readtrack.commands.export import main
from readtrack.errors import InputError
from readtrack.read import graphs as traced
from readtrack.read.checkpoint import save_checkpoint
from readtrack.read.crops import Crop
from readtrack.read.export import export
from readtrack.read.graphs import run_torchscript, write_onnx, write_torchscript
from readtrack.read.model import Read
from readtrack.read.onnx_network import KEY, OnnxNetwork, part_of
from readtrack.read.torch_network import TorchNetwork

TWO_NETS = replace(TINY, backbone="resnet50", shared_encoder=False, non_local=(1, 1), join="paper", place_bias=False)
NETWORKS = {
    "read-s": TINY,
    "demo's memory": replace(TINY, join="demo", classes=2, memory_layout="demo"),
    "paper's join, folded, two classes, bgr": replace(TINY, join="paper", rank=3, classes=2, channel_order="bgr"),
    "average": replace(TINY, head="average"),
    "metric": replace(TINY, head="metric"),
    "two nets": TWO_NETS,
}


def network(config):
    """A network whose activations are of ordinary size, and whose parts all do something."""
    torch.manual_seed(0)
    model = Read(config)
    for name, parameter in model.named_parameters():
        if name == "place_bias" or name.endswith("bn.weight") and "non_local" in name:
            torch.nn.init.normal_(parameter)
        if "theta" in name and config.backbone == "resnet50":  # random ones see far too sharply
            parameter.data /= 100
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # the mean of what it sees below
    crops = torch.randn(8, 3, config.height, config.width)
    with torch.no_grad():
        model.train()(crops, crops.unflatten(0, (4, 2)))
    return model.eval()


def pixels(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 64, 32, 3), dtype=np.uint8)


def crops(count, seed=0):
    return [Crop(one) for one in pixels(count, seed)]


@pytest.fixture(scope="module", params=NETWORKS)
def written(request, tmp_path_factory):
    """A network, and the head of what was exported of it."""
    model = network(NETWORKS[request.param])
    path = tmp_path_factory.mktemp("onnx") / "tiny.onnx"
    files = write_onnx(path, model, {"made": "here"})
    assert files[-1] == path and len(files) == (2 if model.config.shared_encoder else 3)
    return model, path


@pytest.fixture(scope="module")
def pair(written):
    """Matchers of both."""
    model, path = written
    return Matcher(model, "cpu"), Matcher.load(path, "cpu")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The files of one small network, not to be changed."""
    folder = tmp_path_factory.mktemp("exported")
    write_onnx(folder / "tiny.onnx", network(TINY), {})
    return folder


@pytest.mark.parametrize(("n", "m"), [(1, 1), (5, 3), (2, 70)])
def test_logits_and_vectors_are_the_network_s(pair, n, m):
    answers = []
    for matcher in pair:
        people = crops(n + m + 1, seed=m)
        clips = [people[n + i : n + i + 2] for i in range(m)]
        answers.append((matcher.logits(people[:n], clips), matcher.vectors(people), matcher.video_vectors(clips)))
        np.testing.assert_array_equal(matcher.logits(people[:n], clips), answers[-1][0])  # remembered
    for expected, found in zip(*answers, strict=True):
        assert found.dtype == expected.dtype and found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=1e-4 * max(1, np.abs(expected).max()))
    assert np.ptp(answers[0][0]) > 1e-3 or answers[0][0].size == 1  # pairs do differ
    assert pair[0].encoded == pair[1].encoded and pair[0].compared == pair[1].compared


def test_clips_may_be_of_another_length(written):
    model, path = written
    answers = []
    for network in (TorchNetwork(model, "cpu", clip_length=3), OnnxNetwork(path, "cpu", clip_length=3)):
        people = crops(9)
        answers.append(Matcher(network).logits(people[:2], [people[2:5], people[5:]]))
    np.testing.assert_allclose(answers[1], answers[0], atol=1e-4 * max(1, np.abs(answers[0]).max()))


def test_torchscript_answers_the_same(pair, tmp_path):
    matcher = pair[0]
    (path,) = write_torchscript(tmp_path / "tiny.torchscript", matcher.model, {"made": "here"})
    for n, m in ((1, 1), (3, 5)):
        stills, clips = pixels(n), pixels(2 * m, seed=1).reshape(m, 2, 64, 32, 3)
        expected = matcher.logits([Crop(s) for s in stills], [[Crop(c) for c in clip] for clip in clips])
        found = run_torchscript(path, torch.from_numpy(stills), torch.from_numpy(clips))
        np.testing.assert_allclose(found, expected, atol=1e-4 * max(1, np.abs(expected).max()))
    with zipfile.ZipFile(path) as content:
        (about,) = (content.read(name) for name in content.namelist() if name.endswith(f"extra/{KEY}"))
    assert json.loads(about)["config"]["feature_dim"] == TINY.feature_dim


@pytest.mark.parametrize("form", ["onnx", "torchscript"])
def test_half_is_near_and_half_as_large(form, tmp_path):
    save_checkpoint(tmp_path / "tiny.safetensors", network(TINY), {})
    sizes = []
    for precision in ("fp32", "fp16"):
        out = tmp_path / f"{precision}.{form}"
        done = export(tmp_path / "tiny.safetensors", form, out, precision)
        sizes.append(sum(file.stat().st_size for file in done.files))
        assert done.difference < (0.1 if precision == "fp16" else 1e-4)
    assert sizes[1] < 0.65 * sizes[0]
    if form == "onnx":
        assert all(Matcher.load(tmp_path / f"{name}.onnx", "cpu").precision == name for name in ("fp32", "fp16"))


def test_inputs_and_outputs_are_named_and_of_any_number(exported):
    model = onnx.load(exported / "tiny.onnx")
    onnx.checker.check_model(model)
    shapes = {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    assert shapes["queries"] == ["queries", TINY.positions, TINY.channels]
    assert shapes["videos"] == ["videos", "images", TINY.positions, TINY.channels]
    assert len(shapes["logits"]) == 2 and all(isinstance(size, str) for size in shapes["logits"])
    (pixels,) = onnx.load(exported / "tiny.encoder.onnx").graph.input
    assert [d.dim_param or d.dim_value for d in pixels.type.tensor_type.shape.dim] == ["crops", 64, 32, 3]
    facts = json.loads({p.key: p.value for p in model.metadata_props}[KEY])
    assert facts["config"]["clip_length"] == TINY.clip_length and len(facts["weights_sha256"]) == 64


def test_inference_needs_no_torch(exported):
    code = (
        "import sys, numpy as np, supervision as sv; from readtrack import Matcher, ReadTracker, TrackletMemory;"
        f"matcher = Matcher.load({str(exported / 'tiny.onnx')!r});"
        "image = np.zeros((90, 90, 3), np.uint8); seen = sv.Detections(np.array([[0.0, 0, 40, 80]]));"
        "people = matcher.describe(image, seen); print(matcher.similarity(people, [people]).shape);"
        "memory = TrackletMemory(matcher); memory.remember(1, people); memory.who(people); matcher.embed(image, seen);"
        "[ReadTracker(matcher).update(seen, image) for _ in range(5)];"
        "print({'torch', 'torchvision', 'onnx'} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split("\n")[:2] == ["(1, 1)", "set()"]


def test_a_tracker_takes_an_exported_network(exported):
    tracker = ReadTracker(exported / "tiny.onnx", TrackerConfig(delay=0, min_person=0), device="cpu", precision="fp16")
    seen = sv.Detections(np.array([[10.0, 10, 50, 100]]), confidence=np.array([0.9]))
    for _ in range(3):
        answer = tracker.update(seen, np.zeros((120, 160, 3), np.uint8))
    assert answer.tracker_id.tolist() == [1]
    assert tracker.matcher.precision == "fp32" and tracker.matcher.dtype is None  # it stays as it was exported


def test_what_an_export_cannot_do_is_said(exported, tmp_path):
    matcher, people = Matcher.load(exported / "tiny.onnx", "cpu"), crops(3)
    with pytest.raises(InputError, match="attention"):
        matcher.attention(people[0], people[1:])
    with pytest.raises(InputError, match="export it again at that rank"):
        Matcher.load(exported / "tiny.onnx", rank=2)
    with pytest.raises(InputError, match="int8"):
        Matcher.load(exported / "tiny.onnx", precision="int8")
    for device in ("cuda:7", "7", "tpu"):
        with pytest.raises(InputError, match=device):
            OnnxNetwork(exported / "tiny.onnx", device)
    write_onnx(tmp_path / "two.onnx", network(replace(TINY, classes=2)), {})
    with pytest.raises(InputError, match="class1"):
        Matcher.load(tmp_path / "two.onnx", "cpu").logits(people[:1], [people[1:]], class1=True)


def test_files_that_are_missing_broken_or_strangers_are_named(exported, tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.onnx: no such file"):
        Matcher.load("nowhere.onnx")
    head, encoder = shutil.copy(exported / "tiny.onnx", tmp_path), part_of(tmp_path / "tiny.onnx", "encoder")
    with pytest.raises(InputError, match=r"tiny\.encoder\.onnx: no such file: the encoders lie beside"):
        Matcher.load(head)
    encoder.write_bytes(b"not a network")
    with pytest.raises(InputError, match=r"tiny\.encoder\.onnx: is no model"):
        Matcher.load(head)
    other = network(replace(TINY, logit_scale=2.0))
    write_onnx(tmp_path / "other.onnx", other, {})
    shutil.copy(tmp_path / "other.encoder.onnx", encoder)
    with pytest.raises(InputError, match="another network than the head"):
        Matcher.load(head)
    model = onnx.load(exported / "tiny.onnx")
    for facts in ("", "{}", json.dumps({"precision": "fp32", "config": {"colour": 1}})):
        del model.metadata_props[:]
        model.metadata_props.add(key=KEY, value=facts)
        onnx.save(model, tmp_path / "odd.onnx")
        with pytest.raises(InputError, match=r"odd\.onnx: (no head that readtrack|written by another version.*colour)"):
            Matcher.load(tmp_path / "odd.onnx")


def test_the_command_writes_checks_and_tells(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_checkpoint(tmp_path / "tiny.safetensors", network(replace(TINY, join="paper", logit_scale=1.5)), {})
    assert main(["--weights", "tiny.safetensors"]) == 0
    said = capsys.readouterr().out
    assert "tiny.encoder.onnx" in said and "1.5 * logit" in said and "loaded again" in said
    assert sorted(p.name for p in tmp_path.glob("*.onnx*")) == ["tiny.encoder.onnx", "tiny.onnx"]
    assert main(["--weights", "tiny.safetensors"]) == 2
    assert "exists" in capsys.readouterr().err
    assert main(["--weights", "tiny.safetensors", "--overwrite", "--rank", "3"]) == 0
    assert Matcher.load("tiny.onnx", "cpu").config.rank == 3
    assert main(["--weights", "tiny.safetensors", "--format", "torchscript"]) == 0
    assert (tmp_path / "tiny.torchscript").exists()
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0 and "Matcher.load" in capsys.readouterr().out


def test_what_cannot_be_exported_is_said(tmp_path, monkeypatch):
    save_checkpoint(tmp_path / "tiny.safetensors", network(TINY), {})
    weights = str(tmp_path / "tiny.safetensors")
    with pytest.raises(InputError, match=r"must end in \.onnx"):
        export(weights, out=tmp_path / "tiny.pb")
    with pytest.raises(InputError, match="coreml"):
        export(weights, "coreml")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        export(weights, out=tmp_path / "file" / "tiny.onnx")
    wrong = lambda self, queries, videos: queries.sum((1, 2))[:, None] - videos.sum((1, 2, 3)) + 9  # noqa: E731
    monkeypatch.setattr(traced.Traceable, "compare", wrong)
    with pytest.raises(InputError, match="do not use it"):
        export(weights, out=tmp_path / "wrong.onnx")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match="pip install onnx"):
        export(weights, out=tmp_path / "without.onnx")
