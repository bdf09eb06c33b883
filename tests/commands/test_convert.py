"""The authors' released weights: the same answers as their network written out here, and strangers refused."""

import copy
import hashlib
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from readtrack.__main__ import COMMANDS
from readtrack.commands import convert
from readtrack.errors import InputError
from readtrack.read import released as released_weights
from readtrack.read.checkpoint import load_checkpoint
from readtrack.read.released import TERMS, convert_released

H, W, T, PLACES = 64, 32, 2, 8  # a small release: ResNet-50 itself cannot be made narrower
THETA, PHI, FEATURE = 8, 16, 24
SIZES = {"height": H, "width": W, "clip_length": T}
FLAGS = ["--height", str(H), "--width", str(W), "--clip-length", str(T)]
STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2))  # inner width, blocks and stride of layer1 to layer3
QUERY, FRAMES = "query_encoder.", "memory_encoder.features.backbone."
FC1 = "feature_layer.fc.weight"


def resnet(number, norm, prefix, layers):
    """ResNet-50 to layer3 under torchvision's names but for those of the layers."""
    tensors = {}

    def add(name, bn, out, inner, size):
        tensors[f"{prefix}{name}.weight"] = number(out, inner, size, size)
        tensors.update({f"{prefix}{bn}.{what}": value for what, value in norm(out).items()})

    add("conv1", "bn1", 64, 3, 7)
    channels = 64
    for layer, (width, blocks, _) in zip(layers, STAGES, strict=True):
        for k in range(blocks):
            at = f"{layer}.{k}."
            add(f"{at}conv1", f"{at}bn1", width, channels, 1)
            add(f"{at}conv2", f"{at}bn2", width, width, 3)
            add(f"{at}conv3", f"{at}bn3", 4 * width, width, 1)
            if k == 0:
                add(f"{at}downsample.0", f"{at}downsample.1", 4 * width, channels, 1)
            channels = 4 * width
    return tensors


def released(number, norm):
    """The release under its own names; ``number(*shape)`` makes weights, ``norm(channels)`` a BatchNorm's tensors."""

    def linear(name, out, inner, *kernel):
        return {f"{name}.weight": number(out, inner, *kernel), f"{name}.bias": number(out)}

    network = resnet(number, norm, QUERY, ("res2", "res3", "res4"))
    network |= linear("feature_layer.fc", FEATURE, 2 * PHI * PLACES) | linear("classifier.fc", 2, FEATURE)
    memory = resnet(number, norm, FRAMES, ("layer1", "layer2", "layer3"))
    for name, c in (("NL_2.0", 512), ("NL_2.1", 512), ("NL_3.0", 1024), ("NL_3.1", 1024), ("NL_3.2", 1024)):
        at = f"{FRAMES}{name}."
        for part in ("g", "theta", "phi"):
            memory |= linear(at + part, c // 2, c, 1, 1, 1)
        memory |= linear(f"{at}W.0", c, c // 2, 1, 1, 1)
        memory |= {f"{at}W.1.{what}": value for what, value in norm(c).items()}
    for tensors, at in ((network, QUERY), (memory, "memory_encoder.")):
        tensors[f"{at}bottleneck_key.weight"] = number(THETA, 1024, 1, 1)
        tensors[f"{at}bottleneck_value.weight"] = number(PHI, 1024, 1, 1)
    return {"memory_encoder": memory, "memory_network": network, "epoch": 199, "iter": 51_800}


def small_numbers():
    """A release of random numbers that keep all sizes near 1 and the attention's softmax soft."""
    generator = torch.Generator().manual_seed(0)

    def number(*shape):
        fan_in = max(1, torch.Size(shape[1:]).numel()) if len(shape) > 1 else 100
        return torch.randn(shape, generator=generator) / fan_in**0.5

    def norm(c):
        scale, mean, variance = (torch.rand(c, generator=generator) for _ in range(3))
        tensors = {"weight": 0.5 + scale, "bias": mean - 0.5, "running_mean": mean - 0.5, "running_var": 0.5 + variance}
        return tensors | {"num_batches_tracked": torch.tensor(7)}

    content = released(number, norm)
    for tensors in (content["memory_encoder"], content["memory_network"]):
        for name, value in tensors.items():
            if any(part in name for part in (".theta.", ".phi.", "bottleneck_key")):
                value *= 0.3
    return content


def hollow():
    """A release of zeros that takes no room on the disk: enough for all that is refused by name or shape."""

    def zeros(*shape):
        return torch.zeros(()).expand(shape)

    return released(
        zeros, lambda c: dict.fromkeys(("weight", "bias", "running_mean", "running_var"), torch.zeros(()).expand(c))
    )


def batchnorm(maps, tensors, name):
    mean, variance, weight, bias = (tensors[f"{name}.{x}"] for x in ("running_mean", "running_var", "weight", "bias"))
    return functional.batch_norm(maps, mean, variance, weight, bias)


def attend_within(clips, tensors, at):
    """A non-local block as 1x1x1 convolutions on (M, C, T, h, w)."""

    def conv(maps, name):
        return functional.conv3d(maps, tensors[f"{at}{name}.weight"], tensors[f"{at}{name}.bias"])

    theta, phi, g = (conv(clips, name).flatten(2) for name in ("theta", "phi", "g"))  # (M, C / 2, T * P)
    looks = torch.einsum("mci,mcj->mij", theta, phi).softmax(2)
    seen = torch.einsum("mij,mcj->mci", looks, g).reshape(len(clips), -1, *clips.shape[2:])
    return clips + batchnorm(conv(seen, "W.0"), tensors, f"{at}W.1")


def encode(images, tensors, at, layers, stem_relu):
    """ResNet-50 to layer3 on (B, 3, H, W); in the video net, non-local blocks after the last blocks of two layers."""

    def conv(maps, name, bn, stride=1, padding=0):
        return batchnorm(
            functional.conv2d(maps, tensors[f"{at}{name}.weight"], None, stride, padding), tensors, at + bn
        )

    maps = conv(images, "conv1", "bn1", 2, 3)
    maps = functional.max_pool2d(maps.relu() if stem_relu else maps, 3, 2, 1)
    for layer, (_, blocks, stride), lists, first in zip(layers, STAGES, ("", "NL_2", "NL_3"), (9, 2, 3), strict=True):
        for k in range(blocks):
            name, step = f"{layer}.{k}.", stride if k == 0 else 1
            inner = conv(maps, f"{name}conv1", f"{name}bn1").relu()
            inner = conv(inner, f"{name}conv2", f"{name}bn2", step, 1).relu()
            short = conv(maps, f"{name}downsample.0", f"{name}downsample.1", step) if k == 0 else maps
            maps = (conv(inner, f"{name}conv3", f"{name}bn3") + short).relu()
            if f"{at}{lists}.0.g.weight" in tensors and k >= first:
                clips = maps.unflatten(0, (-1, T)).transpose(1, 2)
                clips = attend_within(clips, tensors, f"{at}{lists}.{k - first}.")
                maps = clips.transpose(1, 2).flatten(0, 1)
    return maps


def release_answers(content, image, clip):
    """Both class logits of one still (3, H, W) with one clip (T, 3, H, W), pair by pair on channel-first maps."""
    network, memory = content["memory_network"], content["memory_encoder"]
    still = encode(image[None], network, QUERY, ("res2", "res3", "res4"), True)  # (1, 1024, h, w)
    frames = encode(clip, memory, FRAMES, ("layer1", "layer2", "layer3"), False)  # (T, 1024, h, w)
    theta_q, phi_q = (functional.conv2d(still, network[f"{QUERY}bottleneck_{x}.weight"]) for x in ("key", "value"))
    theta_g, phi_g = (
        functional.conv2d(frames, memory[f"memory_encoder.bottleneck_{x}.weight"]).contiguous().view(c, -1)
        for x, c in (("key", THETA), ("value", PHI))
    )  # (c, T * P), as (T, c, P) lies: their network mixes frames and channels
    looks = (theta_q[0].flatten(1).T @ theta_g).softmax(1)  # (P, T * P)
    attended = (phi_g @ looks.T).view_as(phi_q)  # (1, c, h, w)
    joined = torch.cat([phi_q, attended], dim=1).view(1, -1)
    feature = functional.linear(joined, network[FC1], network["feature_layer.fc.bias"]).relu()
    return functional.linear(feature, network["classifier.fc.weight"], network["classifier.fc.bias"])[0]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Hundreds of small tensors: threads would only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def content():
    return small_numbers()


@pytest.fixture(scope="module")
def tar(content, tmp_path_factory):
    """As saved from several GPUs: 'module.' before every name."""
    path = tmp_path_factory.mktemp("release") / "mars.tar"
    named = {
        part: {f"module.{name}": value for name, value in tensors.items()} if isinstance(tensors, dict) else tensors
        for part, tensors in content.items()
    }
    torch.save(named, path)
    return path


@pytest.fixture(scope="module")
def converted(tar):
    return convert_released(tar, **SIZES)


@pytest.fixture
def released_tiny(tiny_model, monkeypatch):
    """A command for which every source is the tiny network: for what goes wrong after the conversion."""
    monkeypatch.setattr(released_weights, "convert_released", lambda source, **sizes: (tiny_model, {}))


@pytest.fixture
def refuse(tmp_path):
    """Save a changed release and return the line with which it is refused."""

    def refused(change, **sizes):
        content, path = hollow(), tmp_path / "changed.tar"
        torch.save(change(content) or content, path)
        with pytest.raises(InputError, match="changed.tar") as caught:
            convert_released(path, **{**SIZES, **sizes})
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return refused


def test_the_converted_network_answers_as_the_release_written_out(content, converted):
    generator = torch.Generator().manual_seed(1)
    images, clips = (torch.randn(shape, generator=generator) for shape in ((3, 3, H, W), (2, T, 3, H, W)))
    model, _ = converted
    with torch.no_grad():
        expected = torch.stack([torch.stack([release_answers(content, i, c) for c in clips]) for i in images])
        found = model.classes(model.compare(model.encode(images), model.encode_videos(clips)))
        same = model(images, clips).sigmoid()
    assert expected.std() > 0.01  # the pairs differ, so agreement says something
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(same, expected.softmax(-1)[..., 1], atol=1e-4, rtol=1e-4)


def test_what_the_release_means_is_in_its_configuration(converted, tar):
    model, provenance = converted
    config = model.config
    assert (config.theta_dim, config.phi_dim, config.feature_dim) == (THETA, PHI, FEATURE)
    assert (config.join, config.classes, config.channel_order, config.clip_length) == ("demo", 2, "bgr", T)
    assert config.memory_layout == "demo"
    assert not config.video_stem_relu
    assert config.feature_after_relu
    assert not model.training
    assert provenance == {
        "source": "mars.tar",
        "source_sha256": hashlib.sha256(tar.read_bytes()).hexdigest(),
        "epoch": 199,
        "iter": 51_800,
        "channel_order": "bgr",
        "left_out": [],
        "terms": TERMS,
    }


def test_kernels_prefixes_and_counters_may_vary(content, converted, tmp_path):
    changed = copy.copy(content) | {"optimizer": {"state": {}}}
    for part in ("memory_encoder", "memory_network"):
        tensors = {}
        for place, (name, value) in enumerate(content[part].items()):
            if "bottleneck" in name:
                value = value[..., 0, 0]
            elif ".W.0.weight" in name:
                value = value[..., 0]
            if not name.endswith("num_batches_tracked"):
                tensors[name if place % 2 else f"module.{name}"] = value
        changed[part] = tensors
    torch.save(changed, tmp_path / "varied.tar")
    varied, provenance = convert_released(tmp_path / "varied.tar", **SIZES)
    assert provenance["left_out"] == ["optimizer"]
    assert all(torch.equal(a, b) for a, b in zip(varied.parameters(), converted[0].parameters(), strict=True))


class Stranger:
    """What a pickle must not bring along."""


def test_other_files_are_refused(tmp_path, refuse):
    path = tmp_path / "other.tar"
    for bad in (b"", b"no pickle", b"PK\x03\x04 broken", b"\x80\x04."):
        path.write_bytes(bad)
        with pytest.raises(InputError, match="other.tar: not a PyTorch checkpoint"):
            convert_released(path)
    for missing in (tmp_path / "none.tar", tmp_path):
        with pytest.raises(InputError, match=r"cannot be read \(.+\)"):
            convert_released(missing)
    assert "test_convert.Stranger, and only tensors and numbers" in refuse(
        lambda content: content | {"code": Stranger()}
    )
    assert "was expected" in refuse(lambda content: {"state_dict": {}})
    assert "was expected" in refuse(lambda content: [1, 2])
    assert "memory_network should be a dict" in refuse(lambda content: content | {"memory_network": torch.zeros(1)})
    assert "epoch should be a whole number" in refuse(lambda content: content | {"epoch": "last"})


def test_tensors_that_do_not_belong_are_named(refuse):
    def add(content):
        content["memory_network"].update({f"module.extra{k}": torch.zeros(1) for k in range(5)})

    def lose(content):
        del content["memory_encoder"][f"{FRAMES}NL_3.2.W.1.weight"]

    def swap(content):  # in the wrong dictionary
        content["memory_network"]["memory_encoder.bottleneck_key.weight"] = content["memory_encoder"].pop(
            "memory_encoder.bottleneck_key.weight"
        )

    def double(content):
        content["memory_network"][f"module.{FC1}"] = content["memory_network"][FC1]

    extra = "memory_network/extra"
    assert f"unknown {extra}0, {extra}1, {extra}2, ... (5 in all)" in refuse(add)
    assert refuse(lose).endswith(f"lacks memory_encoder/{FRAMES}NL_3.2.W.1.weight")
    name = "memory_encoder.bottleneck_key.weight"
    assert f"lacks memory_encoder/{name}; unknown memory_network/{name}" in refuse(swap)
    assert "twice" in refuse(double)


@pytest.mark.parametrize(
    ("part", "name", "value", "said"),
    [
        ("network", "classifier.fc.weight", torch.zeros(1, FEATURE), r"should be (2, 24), is (1, 24)"),
        ("network", f"{QUERY}conv1.weight", torch.zeros(64, 3, 7), "should be (64, 3, 7, 7), is (64, 3, 7)"),
        ("encoder", "memory_encoder.bottleneck_key.weight", torch.zeros(THETA, 1024, 3, 1), "is (8, 1024, 3, 1)"),
        ("network", FC1, torch.zeros(FEATURE, 100), "fc1 sees 100 numbers, crops of 64x32 pixels make 256"),
        ("network", FC1, torch.tensor(0.0), "fc1 sees 1 numbers"),
        ("network", "classifier.fc.bias", torch.tensor([0.0, torch.nan]), "holds values that are not finite"),
        ("network", "classifier.fc.bias", torch.tensor([0.0, 1e300], dtype=torch.float64), "not finite"),
        ("network", "classifier.fc.bias", torch.tensor([0, 1]), "should be a dense tensor of floating-point"),
        ("network", "classifier.fc.bias", [0.0, 1.0], "should be a dense tensor of floating-point"),
        ("network", f"{QUERY}bottleneck_value.weight", torch.zeros(0, 1024, 1, 1), "must be at least 1"),
    ],
)
def test_wrong_shapes_and_values_are_named(refuse, part, name, value, said):
    def change(content):
        content[f"memory_{part}"][name] = value

    assert said in refuse(change)


def test_another_crop_size_is_told(refuse):
    assert "crops of 256x128 pixels make 4096" in refuse(lambda content: None, height=256, width=128)
    assert "multiples of 16" in refuse(lambda content: None, height=65)


def test_the_command_writes_a_file_that_loads(tar, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert convert.main([str(tar), *FLAGS]) == 0
    told = capsys.readouterr().out
    assert hashlib.sha256(tar.read_bytes()).hexdigest() in told
    assert "T = 2" in told
    assert "64x32" in told
    model, provenance = load_checkpoint("read-r50-mars.safetensors")
    assert provenance["data"] == "MARS"
    assert provenance["source"] == "mars.tar"
    assert model.config.join == "demo"
    before = Path("read-r50-mars.safetensors").stat()
    assert convert.main([str(tar), *FLAGS]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert Path("read-r50-mars.safetensors").stat() == before
    assert [file.name for file in tmp_path.iterdir()] == ["read-r50-mars.safetensors"]


def test_the_command_says_in_one_line_what_is_wrong(tmp_path, capsys, monkeypatch):
    file = tmp_path / "file"
    file.write_bytes(b"no pickle")
    for flags in (["--out", str(tmp_path / "a")], ["--out", str(file), "--overwrite"]):
        assert convert.main([str(file), *flags]) == 2
        told = capsys.readouterr().err
        assert told.startswith("error: ")
        assert told.count("\n") == 1
    assert file.read_bytes() == b"no pickle"

    def interrupt(**settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(released_weights, "convert", interrupt)
    assert convert.main([str(file)]) == 130


def test_where_nothing_can_be_written_nothing_is_left(released_tiny, tmp_path, capsys):
    (tmp_path / "file").touch()
    (tmp_path / "folder.safetensors").mkdir()
    for out in ("file/a.safetensors", "folder.safetensors"):
        assert convert.main(["any.tar", "--out", str(tmp_path / out), "--overwrite"]) == 2
        told = capsys.readouterr().err
        assert f"{out}: cannot be written" in told
        assert told.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.safetensors"]


def test_a_file_that_comes_back_different_is_not_trusted(released_tiny, tmp_path, capsys, monkeypatch):
    def spoilt(path):
        model, provenance = load_checkpoint(path)
        model.fc2.bias.data += 1
        return model, provenance

    monkeypatch.setattr(released_weights, "load_checkpoint", spoilt)
    assert convert.main(["any.tar", "--out", str(tmp_path / "a.safetensors")]) == 2
    assert "do not use it" in capsys.readouterr().err


def test_a_network_that_answers_nothing_finite_is_not_written(released_tiny, tiny_model, tmp_path, capsys):
    tiny_model.fc2.bias.data += torch.inf
    assert convert.main(["any.tar", "--out", str(tmp_path / "a.safetensors")]) == 2
    assert "not finite" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_command_is_found_and_teaches(capsys):
    with pytest.raises(SystemExit) as left:
        convert.main(["--help"])
    assert left.value.code == 0
    told = capsys.readouterr().out
    assert all(word in told for word in ("readtrack convert released.tar", "--trained-on", "no commercial use"))
    assert "convert" in COMMANDS
