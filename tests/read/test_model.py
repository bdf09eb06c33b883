"""The network against its equations, crops against odd boxes, checkpoints against strangers."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import TINY
from safetensors.torch import load_file, save_file

from readtrack.errors import InputError
from readtrack.read.checkpoint import load_checkpoint, save_checkpoint
from readtrack.read.config import JOINS, READ_R50, ReadConfig
from readtrack.read.crops import MEAN, STD, cut, normalise
from readtrack.read.encoders import NonLocal, image_encoder, video_encoder
from readtrack.read.model import Read
from readtrack.read.weights import find_weights


def features(*shape):
    return torch.randn(*shape, TINY.positions, TINY.channels, generator=torch.Generator().manual_seed(len(shape)))


def test_read_s_has_the_shape_it_claims():
    model = Read(ReadConfig())
    assert model.encode(torch.zeros(2, 3, 128, 64)).shape == (2, 32, 160)
    assert model(torch.zeros(2, 3, 128, 64), torch.zeros(3, 4, 3, 128, 64)).shape == (2, 3)
    assert 3.3e6 < sum(p.numel() for p in model.parameters()) < 3.6e6


def test_read_r50_has_the_papers_shape():
    with torch.device("meta"):
        model = Read(READ_R50)
    count = {name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()}
    assert count["fc1"] == 131_072 * 1024 + 1024
    assert count["theta_query"] == count["theta_gallery"] == 1024 * 128
    assert count["phi_query"] == count["phi_gallery"] == 1024 * 512
    assert count["encoder"] == 8_543_296  # ResNet-50 to layer3
    # A non-local block: three maps to C / 2 and one back, all with bias, and a BatchNorm.
    block = {c: 4 * c * c // 2 + 3 * c // 2 + c + 2 * c for c in (512, 1024)}
    assert count["video_encoder"] == count["encoder"] + 2 * block[512] + 3 * block[1024]
    assert model.encode(torch.zeros(2, 3, 256, 128, device="meta")).shape == (2, 128, 1024)
    assert model(torch.zeros(2, 3, 256, 128, device="meta"), torch.zeros(3, 4, 3, 256, 128, device="meta")).shape == (
        2,
        3,
    )


@pytest.mark.parametrize("join", list(JOINS))
def test_comparison_is_equation_1_written_out(join):
    torch.manual_seed(1)
    model = Read(replace(TINY, join=join)).eval()
    torch.nn.init.normal_(model.place_bias)
    queries, galleries = features(3), features(2, TINY.clip_length)
    joined = model.compare(queries, galleries)
    for n in range(3):
        for m in range(2):
            places = galleries[m].reshape(-1, TINY.channels)  # (T * P, C)
            scores = model.theta_query(queries[n]) @ model.theta_gallery(places).T
            scores = scores + torch.cat([model.place_bias] * TINY.clip_length, dim=1)
            phi_g, phi_q = (model.phi, model.phi) if join == "compare" else (model.phi_gallery, model.phi_query)
            a, q = scores.softmax(dim=1) @ phi_g(places), phi_q(queries[n])
            parts = {"paper": [a, q], "demo": [q, a], "compare": [a, q, (a - q).abs(), a * q]}[join]
            expected = model.fc1(torch.cat([part.flatten() for part in parts]))
            torch.testing.assert_close(joined[n, m], expected, atol=1e-5, rtol=1e-4)


def filled_non_local(channels):
    """A non-local block that adds something: its BatchNorm neither zero nor trivial."""
    torch.manual_seed(2)
    block = NonLocal(channels).eval()
    for values in (block.bn.weight, block.bn.bias, block.bn.running_mean):
        torch.nn.init.normal_(values)
    torch.nn.init.uniform_(block.bn.running_var, 0.5, 1.5)
    return block


def test_a_non_local_block_is_its_definition_written_out():
    block, t = filled_non_local(6), 3
    maps = torch.randn(2 * t, 6, 2, 4)
    found = block(maps, t)
    for m in range(2):
        places = [maps[m * t + f, :, y, x] for f in range(t) for y in range(2) for x in range(4)]
        for i, place in enumerate(places):
            looks = torch.stack([block.theta(place) @ block.phi(other) for other in places]).exp()
            seen = sum(look / looks.sum() * block.g(other) for look, other in zip(looks, places, strict=True))
            bn = block.bn
            added = (block.out(seen) - bn.running_mean) / (bn.running_var + bn.eps).sqrt() * bn.weight + bn.bias
            frame, y, x = m * t + i // 8, i % 8 // 4, i % 4
            torch.testing.assert_close(found[frame, :, y, x], place + added, atol=1e-5, rtol=1e-4)


def test_a_non_local_block_starts_as_the_identity():
    maps = torch.randn(4, 6, 2, 4)
    for block in (NonLocal(6), NonLocal(6).eval()):
        torch.testing.assert_close(block(maps, 2), maps, atol=0, rtol=0)


def test_frames_attend_to_each_other_across_time_and_to_no_other_clip():
    block, maps = filled_non_local(6), torch.randn(4, 6, 2, 4)
    changed = maps.clone()
    changed[1] += 1  # the second frame of the first of two clips
    difference = (block(changed, 2) - block(maps, 2)).abs().flatten(1).amax(1)
    assert (difference[:2] > 1e-3).all()
    assert (difference[2:] < 1e-6).all()
    torch.testing.assert_close(block(maps[[1, 0, 2, 3]], 2), block(maps, 2)[[1, 0, 2, 3]])


def test_only_the_released_video_stem_lets_negative_values_pass():
    released = replace(READ_R50, non_local=(0, 0), video_stem_relu=False)
    for net, clipped in ((image_encoder(released), True), (video_encoder(released), False)):
        pooled = []
        net.eval().maxpool.register_forward_pre_hook(lambda module, given, pooled=pooled: pooled.append(given[0]))
        images = torch.randn(1, 3, 32, 32)
        with torch.no_grad():
            net(images)
            stem = net.bn1(net.conv1(images))
        assert (stem < 0).any()
        torch.testing.assert_close(pooled[0], stem.relu() if clipped else stem)


@pytest.mark.parametrize("join", list(JOINS))
def test_the_average_head_compares_with_the_mean_over_frames(join):
    torch.manual_seed(3)
    model = Read(replace(TINY, head="average", join=join)).eval()
    queries, galleries = features(3), features(2, TINY.clip_length)
    joined = model.compare(queries, galleries)
    phi_g, phi_q = (model.phi, model.phi) if join == "compare" else (model.phi_gallery, model.phi_query)
    for n in range(3):
        for m in range(2):
            a, q = phi_g(sum(galleries[m]) / TINY.clip_length), phi_q(queries[n])  # (P, c)
            parts = {"paper": [a, q], "demo": [q, a], "compare": [a, q, (a - q).abs(), a * q]}[join]
            expected = model.fc1(torch.cat([part.flatten() for part in parts]))
            torch.testing.assert_close(joined[n, m], expected, atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(model.classify(joined)[n, m], model.fc2(expected.relu())[0])


def test_the_metric_head_is_the_distance_of_pooled_features():
    model = Read(replace(TINY, head="metric")).eval()
    queries, galleries = features(3), features(2, TINY.clip_length)
    logits = model.classify(model.compare(queries, galleries))
    for n in range(3):
        for m in range(2):
            still, video = queries[n].mean(0), galleries[m].reshape(-1, TINY.channels).mean(0)
            torch.testing.assert_close(logits[n, m], -torch.dist(still, video))


@pytest.mark.parametrize("backbone", ["mobilenet_v2", "resnet50"])
def test_clips_of_any_length_can_be_compared(backbone):
    config = replace(
        TINY, backbone=backbone, shared_encoder=False, non_local=(1, 1) if "resnet" in backbone else (0, 0)
    )
    torch.manual_seed(0)
    model = Read(config).eval()
    for block in (m for m in model.modules() if isinstance(m, NonLocal)):
        torch.nn.init.normal_(block.bn.weight)
    clips = torch.randn(2, 3, 3, 64, 32)  # T = 3, though the configuration says 2
    with torch.inference_mode():
        together, alone = model.encode_videos(clips), model.encode_videos(clips[1:])
        torch.testing.assert_close(together[1:], alone)
        assert model(torch.randn(1, 3, 64, 32), clips).shape == (1, 2)


def test_attention_sums_to_one_over_the_video(tiny_model):
    attention = tiny_model.attention(
        tiny_model.queries(features(3)), tiny_model.galleries(features(2, TINY.clip_length))
    )
    assert attention.shape == (2, 3, TINY.positions, TINY.clip_length * TINY.positions)
    torch.testing.assert_close(attention.sum(-1), torch.ones(2, 3, TINY.positions))


def test_every_parameter_learns(tiny_model):
    tiny_model.train()
    tiny_model(torch.randn(2, 3, 64, 32), torch.randn(2, 2, 3, 64, 32)).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in tiny_model.parameters())


@pytest.mark.parametrize("wrong", [{"join": "sum"}, {"height": 100}, {"backbone": "vit"}, {"clip_length": 0}])
def test_impossible_configurations_are_refused(wrong):
    with pytest.raises(InputError):
        ReadConfig(**wrong)


def test_crops_are_rgb_and_cut_where_the_box_is():
    image = np.zeros((100, 100, 3), np.uint8)
    image[20:60, 30:50] = (255, 0, 0)  # blue in BGR
    inside, over_the_edge = cut(image, np.array([[30, 20, 50, 60], [-20, 20, 50, 60.0]]), 64, 32)
    assert inside.shape == (64, 32, 3)
    assert (inside == (0, 0, 255)).all()
    assert over_the_edge.shape == (64, 32, 3)


def test_boxes_that_show_nothing_give_no_crop():
    image = np.zeros((100, 100, 3), np.uint8)
    hostile = [
        [np.nan, 0, 9, 9],
        [5, 5, 5, 50],
        [200, 200, 300, 300],
        [50, 50, 40, 40],
        [0, 0, np.inf, 50],
        [1, 1, 2, 9],
    ]
    assert cut(image, np.array(hostile), 64, 32) == [None] * 6


def test_normalised_pixels_are_imagenet_s():
    white = normalise(np.full((1, 2, 2, 3), 255, np.uint8))
    expected = (1 - np.array(MEAN)) / np.array(STD)
    np.testing.assert_allclose(white[0, :, 0, 0].numpy(), expected, rtol=1e-5)


def test_checkpoints_come_back_as_they_went(tiny_model, tmp_path):
    path = tmp_path / "sub" / "w.safetensors"
    tiny_model.config = replace(TINY, logit_scale=2.5)
    save_checkpoint(path, tiny_model, {"data": "none"})
    loaded, provenance = load_checkpoint(path)
    assert loaded.config == tiny_model.config
    assert provenance == {"data": "none"}
    assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), tiny_model.parameters(), strict=True))
    assert not loaded.training
    assert [p.name for p in path.parent.iterdir()] == ["w.safetensors"]


def test_weights_that_decayed_to_nothing_are_zero(tiny_model, tmp_path):
    with torch.no_grad():
        tiny_model.fc1.weight[0, :4] = torch.tensor([1e-40, -1e-13, 1e-9, 0.5])
    save_checkpoint(tmp_path / "tiny.safetensors", tiny_model, {})
    found = load_checkpoint(tmp_path / "tiny.safetensors")[0].fc1.weight[0, :4]
    assert found.tolist() == torch.tensor([0, 0, 1e-9, 0.5]).tolist()


def test_foreign_and_damaged_checkpoints_are_refused(tiny_model, tmp_path):
    good = tmp_path / "good.safetensors"
    save_checkpoint(good, tiny_model, {})
    tensors = load_file(good)
    about = {"config": {"height": 64, "width": 32, "clip_length": 2, "theta_dim": 4, "phi_dim": 6, "feature_dim": 8}}
    cases = {
        "cut": good.read_bytes()[:1000],
        "pickle": b"\x80\x04 not a safetensors file",
        "empty": b"",
    }
    for name, content in cases.items():
        (tmp_path / f"{name}.safetensors").write_bytes(content)
    save_file(tensors, tmp_path / "foreign.safetensors")
    save_file(
        {"x": torch.zeros(1)}, tmp_path / "other.safetensors", {"readtrack": json.dumps({**about, "provenance": {}})}
    )
    newer = {"config": {"future": 1}, "provenance": {}}
    save_file(tensors, tmp_path / "newer.safetensors", {"readtrack": json.dumps(newer)})
    save_file(tensors, tmp_path / "odd.safetensors", {"readtrack": "no json"})
    for name in (*cases, "foreign", "other", "newer", "odd"):
        with pytest.raises(InputError, match=name) as caught:
            load_checkpoint(tmp_path / f"{name}.safetensors")
        assert "\n" not in str(caught.value)


def test_weights_that_are_nowhere_are_named():
    with pytest.raises(InputError, match="read-xxl.*read-s"):
        find_weights("read-xxl")
    with pytest.raises(InputError, match=r"no/such\.safetensors"):
        find_weights("no/such.safetensors")
    assert find_weights("read-s").name == "read-s.safetensors"
