"""The network against its equations, checkpoints against strangers, the matcher against odd boxes."""

import json
from dataclasses import replace

import numpy as np
import pytest
import supervision as sv
import torch
from conftest import TINY
from safetensors.torch import load_file, save_file

from readtrack.errors import InputError
from readtrack.read import losses
from readtrack.read.checkpoint import find_weights, load_checkpoint, save_checkpoint
from readtrack.read.crops import MEAN, STD, cut, normalise
from readtrack.read.matcher import Crop, Matcher
from readtrack.read.config import JOINS, READ_R50, ReadConfig
from readtrack.read.model import Read


def features(*shape):
    return torch.randn(*shape, TINY.places, TINY.channels, generator=torch.Generator().manual_seed(len(shape)))


def test_read_s_has_the_shape_it_claims():
    model = Read(ReadConfig())
    assert model.encode(torch.zeros(2, 3, 128, 64)).shape == (2, 32, 96)
    assert model(torch.zeros(2, 3, 128, 64), torch.zeros(3, 4, 3, 128, 64)).shape == (2, 3)
    assert 2.5e6 < sum(p.numel() for p in model.parameters()) < 2.8e6


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


def test_attention_sums_to_one_over_the_video(tiny_model):
    attention = tiny_model.attention(tiny_model.stills(features(3)), tiny_model.videos(features(2, TINY.clip_length)))
    assert attention.shape == (2, 3, TINY.places, TINY.clip_length * TINY.places)
    torch.testing.assert_close(attention.sum(-1), torch.ones(2, 3, TINY.places))


def test_every_parameter_learns(tiny_model):
    tiny_model.train()
    tiny_model(torch.randn(2, 3, 64, 32), torch.randn(2, 2, 3, 64, 32)).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in tiny_model.parameters())


@pytest.mark.parametrize("wrong", [{"join": "sum"}, {"height": 100}, {"backbone": "vit"}, {"clip_length": 0}])
def test_impossible_configurations_are_refused(wrong):
    with pytest.raises(InputError):
        ReadConfig(**wrong)


def test_discriminator_loss_is_equation_5():
    logits = torch.tensor([[2.0, -1.0], [0.0, 1.0]])
    same = torch.eye(2, dtype=torch.bool)
    p = torch.sigmoid(logits)
    expected = -(p[0, 0].log() + p[1, 1].log()) / 2 - ((1 - p[0, 1]).log() + (1 - p[1, 0]).log()) / 2
    torch.testing.assert_close(losses.discriminator_loss(logits, same), expected)


def test_reciprocal_triplet_loss_is_equation_6():
    joined = torch.randn(6, 2, 5, generator=torch.Generator().manual_seed(0))
    pids = torch.tensor([0, 0, 1, 1, 2, 2])
    total = 0.0
    for j in range(2):
        for k in range(6):
            d = [torch.dist(joined[i, j], joined[k, j]).item() for i in range(6)]
            furthest = max(d[i] for i in range(6) if pids[i] == pids[k] and i != k)
            nearest = min(d[i] for i in range(6) if pids[i] != pids[k])
            total += max(0.0, 0.3 + furthest - nearest)
    assert losses.reciprocal_triplet_loss(joined, pids).item() == pytest.approx(total / 12, abs=1e-5)


def test_listwise_loss_prefers_the_diagonal():
    assert losses.listwise_loss(10 * torch.eye(4)) < 0.01 < losses.listwise_loss(torch.zeros(4, 4))


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


def scene(count=4):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (200, 300, 3), dtype=np.uint8)
    corners = rng.uniform([0, 0], [200, 80], (count, 2))
    return image, sv.Detections(np.hstack([corners, corners + [40, 100]]))


def test_similarity_is_a_probability_per_pair_and_encodes_once(tiny_model):
    matcher = Matcher(tiny_model, "cpu")
    crops = list(matcher.describe(*scene())["crop"])
    first = matcher.similarity(crops[:2], [crops[2:], crops[3:]])
    assert first.shape == (2, 2)
    assert ((first > 0) & (first < 1)).all()
    assert matcher.encoded == 4
    np.testing.assert_array_equal(matcher.similarity(crops[:2], [crops[2:], crops[3:]]), first)
    assert matcher.encoded == 4
    assert matcher.compared == 8
    assert all(crop.pixels is None for crop in crops)


def test_blocks_give_what_single_pairs_give(tiny_model):
    matcher = Matcher(tiny_model, "cpu")
    crops = list(matcher.describe(*scene(40))["crop"])
    queries, galleries = crops[:5], [crops[i : i + 3] for i in range(37)]
    whole = matcher.similarity(queries, galleries)
    single = [[matcher.similarity([q], [g])[0, 0] for g in galleries] for q in queries]
    np.testing.assert_allclose(whole, single, atol=1e-5)


def test_calibration_is_applied(tiny_model):
    plain, scaled = Matcher(tiny_model, "cpu"), Matcher(Read(replace(TINY, logit_scale=3.0, logit_offset=-1.0)), "cpu")
    scaled.model.load_state_dict(tiny_model.state_dict())
    crops = list(plain.describe(*scene())["crop"])
    logits = plain.logits(crops[:1], [crops[1:]])
    np.testing.assert_allclose(scaled.similarity(crops[:1], [crops[1:]]), 1 / (1 + np.exp(1 - 3 * logits)))


def test_nobody_to_compare_is_an_empty_answer(tiny_model):
    matcher = Matcher(tiny_model, "cpu")
    crop = Crop(np.zeros((64, 32, 3), np.uint8))
    assert matcher.similarity([], [[crop]]).shape == (0, 1)
    assert matcher.similarity([crop], []).shape == (1, 0)
    assert matcher.vectors([]).shape == (0, 96)
    assert len(matcher.describe(np.zeros((9, 9, 3), np.uint8), sv.Detections.empty())["crop"]) == 0


def test_vectors_have_unit_length(tiny_model):
    matcher = Matcher(tiny_model, "cpu")
    vectors = matcher.vectors(list(matcher.describe(*scene())["crop"]))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_device_that_is_not_there_is_named(tiny_model):
    with pytest.raises(InputError, match="cuda:7"):
        Matcher(tiny_model, "cuda:7")
