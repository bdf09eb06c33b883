"""The matcher: every way of judging a pair is the same judgement, and nothing is computed twice or kept for ever."""

import gc
import resource
import weakref
from dataclasses import replace

import cv2
import numpy as np
import pytest
import supervision as sv
import torch
from conftest import TINY

from readtrack.errors import InputError
from readtrack.evaluation.speed import equation_1
from readtrack.read.checkpoint import load_checkpoint, save_checkpoint
from readtrack.read.compression import compress
from readtrack.read.config import HEADS, JOINS
from readtrack.read.crops import normalise
from readtrack.read.matcher import Crop, Matcher
from readtrack.read.model import GalleryEncoding, QueryEncoding, Read

TWO_NETS = replace(TINY, backbone="resnet50", shared_encoder=False, non_local=(1, 1), join="paper", place_bias=False)


def network(config, seed=0):
    """A network whose parts all do something."""
    torch.manual_seed(seed)
    model = Read(config).eval()
    for name, parameter in model.named_parameters():
        if name == "place_bias" or name.endswith("bn.weight") and "non_local" in name:
            torch.nn.init.normal_(parameter)
        if "theta" in name and config.backbone == "resnet50":  # random ones see far too sharply
            parameter.data /= 20
    return model


@pytest.fixture(scope="module")
def two_nets():
    """A network with a video net of its own that looks across a clip's images."""
    return network(TWO_NETS)


def scene(count=4):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (200, 300, 3), dtype=np.uint8)
    corners = rng.uniform([0, 0], [200, 80], (count, 2))
    return image, sv.Detections(np.hstack([corners, corners + [40, 100]]))


def drawn(count, seed=0):
    """Crops of noise."""
    rng = np.random.default_rng(seed)
    return [Crop(rng.integers(0, 256, (64, 32, 3), dtype=np.uint8)) for _ in range(count)]


def encoded(count, channels=TINY.channels, seed=0):
    """Crops as if a network had seen them."""
    features = torch.randn(count, TINY.positions, channels, generator=torch.Generator().manual_seed(seed))
    return [Crop(None, feature) for feature in features]


def eq_1(model, query, clip):
    """The logit of one pair, everything from pixels on and as Eq. 1 and 2 are written."""
    config, order = model.config, model.config.channel_order
    q = model.encode(normalise([query.pixels], order=order))[0]  # (P, C)
    g = model.encode_videos(normalise([crop.pixels for crop in clip], order=order)[None])[0]  # (T, P, C)
    if config.head == "metric":
        return -torch.dist(q.mean(0), g.mean((0, 1)))
    phi_q, phi_g = (model.phi, model.phi) if config.shared_phi else (model.phi_query, model.phi_gallery)
    if config.head == "average":
        a = phi_g(g).mean(0)
    else:
        scores = model.theta_query(q) @ model.theta_gallery(g.flatten(0, 1)).T
        if config.place_bias:
            scores = scores + model.place_bias.repeat(1, config.clip_length)
        a = scores.softmax(1) @ phi_g(g.flatten(0, 1))
    still, q = q, phi_q(q)
    maps = {"attended": a, "query": q, "difference": (a - q).abs(), "product": a * q}
    joined = model.fc1(torch.cat([maps[part].flatten() for part in JOINS[config.join]]))
    if config.pooled_cosine:
        frames = torch.stack([frame.mean(0) / frame.mean(0).norm() for frame in g])
        joined = torch.cat([joined, 1 + torch.cosine_similarity(still.mean(0), frames.mean(0), dim=0)[None]])
    outputs = model.fc2(joined.relu())
    return outputs[0] if config.classes == 1 else outputs[1] - outputs[0]


EVERY_NETWORK = {
    **{f"{head}-{join}": replace(TINY, head=head, join=join) for head in HEADS for join in JOINS},
    "two classes": replace(TINY, classes=2),
    "bgr": replace(TINY, channel_order="bgr"),
    "two nets": TWO_NETS,
    "two nets, average": replace(TWO_NETS, head="average"),
    "two nets, small": replace(TINY, shared_encoder=False),
    "pooled cosine": replace(TINY, pooled_cosine=True),
    "average, pooled cosine": replace(TINY, head="average", pooled_cosine=True),
    "osnet": replace(TINY, backbone="osnet", pooled_cosine=True),
    "mobilenet_v2_256": replace(TINY, backbone="mobilenet_v2_256"),
}


@pytest.mark.parametrize("name", EVERY_NETWORK)
@torch.no_grad()
def test_however_pairs_are_judged_it_is_the_equation(name):
    model = network(EVERY_NETWORK[name])
    crops = drawn(7)
    queries, clips = crops[:3], [crops[3:5], crops[4:6], crops[5:7], crops[5:3:-1]]
    naive = np.array([[eq_1(model, query, clip).item() for clip in clips] for query in queries])
    matcher = Matcher(model, "cpu")
    first = matcher.logits(queries, clips)
    np.testing.assert_allclose(first, naive, atol=1e-5, rtol=1e-4)
    assert first.dtype == np.float64
    np.testing.assert_array_equal(matcher.logits(queries, clips), first)  # the clips' halves remembered
    np.testing.assert_array_equal(matcher.logits(matcher.queries(queries), matcher.galleries(clips)), first)
    pair_by_pair = Matcher(model, "cpu", memory_mb=1e-3)
    np.testing.assert_allclose(pair_by_pair.logits(queries, clips), first, atol=1e-5, rtol=1e-5)
    assert not pair_by_pair._encodings.memory.clips


@pytest.mark.parametrize(("n", "m"), [(1, 300), (300, 1), (70, 70), (33, 5)])
def test_blocks_cover_every_pair(n, m):
    matcher = Matcher(network(TINY), "cpu", memory_mb=0.1)
    crops = encoded(n + m + 1)
    queries, clips = crops[:n], [crops[n + i : n + i + 2] for i in range(m)]
    model = matcher.model
    with torch.no_grad():
        galleries = torch.stack([torch.stack([crop.features for crop in clip]) for clip in clips])
        whole = model.classify(model.compare(torch.stack([crop.features for crop in queries]), galleries))
    np.testing.assert_allclose(matcher.logits(queries, clips), whole, atol=1e-5)
    assert matcher.compared == n * m


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
    assert matcher.seconds > 0
    assert all(crop.pixels is None for crop in crops)


def test_each_crop_is_encoded_once_and_each_clip_halved_once(monkeypatch):
    matcher = Matcher(network(TINY), "cpu")
    crops = drawn(4)
    halved = []
    videos = matcher.model.galleries
    monkeypatch.setattr(matcher.model, "galleries", lambda features: halved.append(len(features)) or videos(features))
    clips = [[a, b] for a in crops for b in crops] * 2
    matcher.galleries(clips)
    assert (matcher.encoded, halved) == (4, [16])
    matcher.video_vectors(clips)
    matcher.logits(crops, clips)
    assert (matcher.encoded, halved) == (4, [16])


def test_a_video_net_wants_the_pixels_again(two_nets):
    matcher = Matcher(two_nets, "cpu")
    crops = drawn(4)
    matcher.logits(crops[:2], [crops[:2], crops[2:]])
    assert matcher.encoded == 2 + 2 * 2
    assert all(crop.pixels is not None for crop in crops)
    assert [crop.features is None for crop in crops] == [False, False, True, True]
    matcher.logits(crops[:2], [crops[:2], crops[2:]])
    matcher.video_vectors([crops[:2]])
    assert matcher.encoded == 6
    alone = matcher.model.encode_videos(normalise([crops[0].pixels] * 2)[None])
    together = matcher.model.encode_videos(normalise([crop.pixels for crop in crops[:2]])[None])
    assert (alone[0, 0] - together[0, 0]).abs().max() > 1e-3  # the images of a clip see each other


def test_memory_is_bounded_and_keeps_no_crop_alive():
    matcher = Matcher(network(TINY), "cpu", memory_mb=0.02)
    crops = encoded(40)
    expected = Matcher(matcher.model, "cpu").logits(crops[:2], [crops[i : i + 2] for i in range(38)])
    for i in range(38):
        np.testing.assert_allclose(matcher.logits(crops[:2], [crops[i : i + 2]])[:, 0], expected[:, i], atol=1e-5)
        memory = matcher._encodings.memory
        assert memory.size == sum(clip.size for clip in memory.clips.values()) <= 0.01 * 2**20
    assert 2 <= len(memory.clips) < 38
    assert crops[36].features is not None
    last = next(reversed(memory.clips))
    assert [crop() for crop in last] == crops[37:39]
    watched = weakref.ref(crops[37])
    gc.disable()  # no cycle to be collected either
    try:
        crops.clear()
        assert watched() is None
    finally:
        gc.enable()
    assert last in memory.clips
    assert matcher._encodings.memory.get(tuple(map(weakref.ref, encoded(2)))) is None


def test_what_was_asked_for_last_is_remembered():
    matcher = Matcher(network(TINY), "cpu", memory_mb=0.02)
    crops = encoded(40)
    kept = crops[:2]
    for i in range(2, 38):
        matcher.galleries([kept])
        matcher.galleries([crops[i : i + 2]])
    assert matcher._encodings.memory.get(tuple(map(weakref.ref, kept))) is not None
    assert matcher._encodings.memory.get(tuple(map(weakref.ref, crops[2:4]))) is None


def test_calibration_is_applied(tiny_model):
    plain, scaled = Matcher(tiny_model, "cpu"), Matcher(Read(replace(TINY, logit_scale=3.0, logit_offset=-1.0)), "cpu")
    scaled.model.load_state_dict(tiny_model.state_dict())
    crops = list(plain.describe(*scene())["crop"])
    logits = plain.logits(crops[:1], [crops[1:]])
    np.testing.assert_allclose(scaled.similarity(crops[:1], [crops[1:]]), 1 / (1 + np.exp(1 - 3 * logits)))


def test_class1_is_the_second_output():
    matcher = Matcher(network(replace(TINY, classes=2)), "cpu")
    crops = encoded(4)
    with torch.no_grad():
        outputs = matcher.model.classes(matcher.model.join(matcher.queries(crops[:2]), matcher.galleries([crops[2:]])))
    np.testing.assert_allclose(matcher.logits(crops[:2], [crops[2:]], class1=True), outputs[..., 1], rtol=1e-5)
    with pytest.raises(InputError, match="one output"):
        Matcher(network(TINY), "cpu").logits(crops[:2], [crops[2:]], class1=True)


def test_nobody_to_compare_is_an_empty_answer(tiny_model):
    matcher = Matcher(tiny_model, "cpu")
    crop = Crop(np.zeros((64, 32, 3), np.uint8))
    assert matcher.similarity([], [[crop]]).shape == (0, 1)
    assert matcher.similarity([crop], []).shape == (1, 0)
    assert matcher.vectors([]).shape == matcher.video_vectors([]).shape == (0, TINY.channels)
    assert len(matcher.describe(np.zeros((9, 9, 3), np.uint8), sv.Detections.empty())["crop"]) == 0
    with pytest.raises(InputError, match="without crops"):
        matcher.similarity([crop], [[]])


def test_vectors_have_unit_length_and_a_video_s_is_the_mean(tiny_model):
    matcher = Matcher(tiny_model, "cpu")
    crops = list(matcher.describe(*scene())["crop"])
    vectors, videos = matcher.vectors(crops), matcher.video_vectors([crops[:2], crops[3:]])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(videos, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(videos[1], vectors[3], atol=1e-5)
    np.testing.assert_allclose(videos[0] @ vectors[0], videos[0] @ vectors[1], atol=1e-5)


def test_pairs_are_judged_the_same_whatever_they_come_as(tiny_model, tmp_path):
    matcher = Matcher(tiny_model, "cpu")
    image, detections = scene()
    described = matcher.describe(image, detections)
    crops = list(described["crop"])
    pictures = [np.ascontiguousarray(crop.pixels[..., ::-1]) for crop in crops]
    expected = matcher.similarity(crops, [crops[2:], crops[3:]])
    for i, picture in enumerate(pictures):
        cv2.imwrite(str(tmp_path / f"{i}.png"), picture)
    paths = [tmp_path / f"{i}.png" for i in range(4)]
    for people in (pictures, paths, described, np.stack(pictures), [crops[0], pictures[1], str(paths[2]), crops[3]]):
        np.testing.assert_allclose(matcher.similarity(people, [crops[2:], crops[3:]]), expected, atol=1e-6)
        tracklets = [list(matcher.crops(people))[2:], people[3:]]
        np.testing.assert_allclose(matcher.similarity(crops, tracklets), expected, atol=1e-6)
    np.testing.assert_allclose(matcher.similarity(paths, [paths[2:], paths[3]]), expected, atol=1e-6)
    np.testing.assert_allclose(matcher.similarity(paths[0], [described]), matcher.similarity(crops[:1], [crops]))
    np.testing.assert_allclose(matcher.vectors(paths), matcher.vectors(crops), atol=1e-6)


def test_who_shows_nothing_is_nobody_s_match(tiny_model):
    matcher = Matcher(tiny_model, "cpu")
    crops = drawn(4)
    expected = matcher.similarity(crops[:2], [crops[2:]])
    found = matcher.similarity([crops[0], None, crops[1]], [[None, crops[2], crops[3], None]])
    np.testing.assert_array_equal(found, np.insert(expected, 1, 0, axis=0))
    assert matcher.similarity([None], [[crops[0]]]).tolist() == [[0]]
    assert matcher.similarity([None], []).shape == (1, 0)
    with pytest.raises(InputError, match="crop 1 shows nothing"):
        matcher.vectors([crops[0], None])
    with pytest.raises(InputError, match="tracklet 1 .*without crops"):
        matcher.similarity(crops[:1], [crops[1:], [None]])


def test_errors_count_tracklets_over_all_blocks(tiny_model):
    matcher = Matcher(tiny_model, "cpu", memory_mb=0.02)
    crops = drawn(2)
    with pytest.raises(InputError, match="tracklet 70, image 0"):
        matcher.similarity(crops, [crops] * 70 + [[np.zeros((4, 4), np.uint8)]])


def test_one_vector_per_box_whatever_the_boxes(tiny_model):
    matcher = Matcher(tiny_model, "cpu")
    image, detections = scene()
    odd = np.array([[5, 5, 5.5, 5.5], [-90, -90, -10, -10], [np.nan] * 4, [9, 9, 4, 4], [290, 190, 999, 999]])
    vectors, shown = matcher.embed(image, np.concatenate([odd[:3], detections.xyxy, odd[3:]]))
    assert vectors.dtype == np.float32 and vectors.shape == (9, matcher.dimension)
    assert shown.tolist() == [False] * 3 + [True] * 4 + [False, True]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert len(np.unique(vectors[~shown], axis=0)) == 1
    described = matcher.describe(image, detections)
    np.testing.assert_allclose(vectors[3:7], matcher.vectors(described), atol=1e-6)
    encoded = matcher.encoded
    np.testing.assert_allclose(matcher.embed(image, described)[0], vectors[3:7], atol=1e-6)
    assert matcher.encoded == encoded  # crops that were cut already serve
    np.testing.assert_allclose(matcher.embed(image, detections)[0], vectors[3:7], atol=1e-6)


def test_nobody_and_nothing_can_be_embedded_and_nonsense_cannot(tiny_model):
    matcher = Matcher(tiny_model, "cpu")
    image, detections = scene(2)
    for nobody in (np.zeros((0, 4)), [], sv.Detections.empty()):
        vectors, shown = matcher.embed(image, nobody)
        assert vectors.shape == (0, matcher.dimension) and shown.shape == (0,)
    vectors, shown = matcher.embed(np.zeros((0, 0, 3), np.uint8), detections)
    assert not shown.any() and np.isfinite(vectors).all() and vectors.any(axis=1).all()
    with pytest.raises(InputError, match="boxes given as"):
        matcher.embed(image, np.zeros((2, 6)))
    for wrong in (image[..., 0], image.astype(np.float32), None):
        with pytest.raises(InputError, match="expected .* uint8"):
            matcher.embed(wrong, detections)


def test_a_crop_that_means_nothing_is_flagged(tiny_model, monkeypatch):
    matcher = Matcher(tiny_model, "cpu")
    nothing = np.zeros((1, matcher.dimension), np.float32)
    for vector in (nothing, nothing * np.nan):
        monkeypatch.setattr(matcher.network, "pool", lambda features, vector=vector: vector.repeat(len(features), 0))
        vectors, shown = matcher.embed(*scene(3))
        assert not shown.any()
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1)


def test_video_vectors_come_from_the_video_net(two_nets):
    matcher = Matcher(two_nets, "cpu")
    crops = drawn(2)
    with torch.no_grad():
        frames = two_nets.encode_videos(normalise([crop.pixels for crop in crops])[None])[0].mean(1)
    frames /= frames.norm(dim=1, keepdim=True)
    np.testing.assert_allclose(matcher.video_vectors([crops])[0], frames.sum(0) / frames.sum(0).norm(), atol=1e-5)


@torch.no_grad()
def test_attention_is_a_softmax_over_the_video_averaged_over_the_query(tiny_model):
    matcher = Matcher(tiny_model, "cpu")
    query, *clip = encoded(3)
    found = matcher.attention(query, clip)
    assert found.shape == (2, 4, 2)
    assert found.sum() == pytest.approx(1, abs=1e-12)
    keys = tiny_model.theta_gallery(torch.cat([crop.features for crop in clip]))
    expected = np.zeros(2 * TINY.positions)
    for place, look in enumerate(tiny_model.theta_query(query.features)):
        weights = np.exp((keys @ look).numpy() + np.tile(tiny_model.place_bias[place].numpy(), 2))
        expected += weights / weights.sum() / TINY.positions
    np.testing.assert_allclose(found.ravel(), expected, atol=1e-6)


@pytest.mark.parametrize("head", ["average", "metric"])
def test_heads_without_attention_show_none(head):
    with pytest.raises(InputError, match=head):
        Matcher(network(replace(TINY, head=head)), "cpu").attention(encoded(1)[0], encoded(2))


def test_bf16_is_close_and_does_not_tie():
    crops = encoded(30)
    queries, clips = crops[:10], [crops[i : i + 2] for i in range(10, 29)]
    wide = Matcher(network(TINY), "cpu").logits(queries, clips)
    for crop in crops:
        crop.features = crop.features.bfloat16()
    found = Matcher(network(TINY), "cpu", precision="bf16").logits(queries, clips)
    np.testing.assert_allclose(found, wide, atol=0.05 * wide.std())
    assert found.dtype == np.float64
    assert len(np.unique(found)) > 0.9 * found.size  # fc2 stays wide


def test_both_nets_run_in_bf16(two_nets):
    crops, again = drawn(5), drawn(5)
    wide = Matcher(two_nets, "cpu").logits(crops[:2], [crops[2:4], crops[3:]])
    narrow = Matcher(network(TWO_NETS), "cpu", precision="bf16")
    np.testing.assert_allclose(narrow.logits(again[:2], [again[2:4], again[3:]]), wide, atol=0.1)
    assert again[0].features.dtype == torch.bfloat16


def test_fp16_on_a_cpu_is_fp32_and_other_precisions_are_refused(tiny_model):
    assert Matcher(tiny_model, "cpu", precision="fp16").precision == "fp32"
    with pytest.raises(InputError, match="int8"):
        Matcher(tiny_model, "cpu", precision="int8")


def test_a_matcher_leaves_its_network_as_it_was(tiny_model):
    before = {name: tensor.clone() for name, tensor in tiny_model.state_dict().items()}
    tiny_model.train().requires_grad_(True)
    matcher = Matcher(tiny_model, "cpu", precision="bf16")
    matcher.logits(drawn(1), [drawn(2)])
    assert tiny_model.training and all(p.requires_grad for p in tiny_model.parameters())
    after = tiny_model.state_dict()
    assert all(after[name].dtype == tensor.dtype and after[name].equal(tensor) for name, tensor in before.items())
    assert not matcher.model.training


def test_a_matcher_is_taken_as_it_is_and_weights_are_loaded(tiny_model, tmp_path):
    matcher = Matcher(tiny_model, "cpu")
    assert Matcher.of(matcher) is matcher
    save_checkpoint(tmp_path / "tiny.safetensors", tiny_model, {}, replace(TINY, logit_scale=2.0))
    assert Matcher.of(tmp_path / "tiny.safetensors", "cpu").config == replace(TINY, logit_scale=2.0)
    assert Matcher.load(tmp_path / "tiny.safetensors", "cpu", clip_length=3).clip_length == 3
    with pytest.raises(InputError, match="weights None"):
        Matcher.of(None)


def test_log_odds_are_the_calibrated_logits():
    config = replace(TINY, logit_scale=3.0, logit_offset=-1.0)
    matcher = Matcher(network(config), "cpu")
    crops = drawn(3)
    odds = matcher.log_odds([*crops, None], [crops[:2], crops])
    np.testing.assert_allclose(odds[:3], 3 * matcher.logits(crops, [crops[:2], crops]) - 1, atol=1e-6)
    assert (odds[3] == -np.inf).all()
    similarity = matcher.similarity([*crops, None], [crops[:2], crops])
    np.testing.assert_allclose(similarity, 1 / (1 + np.exp(-odds)), atol=1e-12)


def test_a_device_that_is_not_there_is_named(tiny_model):
    with pytest.raises(InputError, match="cuda:7"):
        Matcher(tiny_model, "cuda:7")


def test_bgr_networks_get_swapped_channels_and_the_same_mean():
    crop = np.random.default_rng(0).integers(0, 256, (1, 4, 2, 3), dtype=np.uint8)
    assert torch.equal(normalise(crop, order="bgr"), normalise(crop[..., ::-1].copy()))


def test_a_benchmark_s_worth_of_pairs_takes_bounded_memory():
    """A tenth of MARS: 198 queries x 11,310 videos. All scores at once would be 1.1 GB, all features 140 MB."""
    matcher = Matcher(network(TINY), "cpu", memory_mb=16)
    stills = matcher.queries(encoded(198))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    columns = 0
    for block in range(0, 11_310, 1_131):
        features = torch.randn(1_131, 2, TINY.positions, TINY.channels, generator=torch.Generator().manual_seed(block))
        with torch.inference_mode():
            columns += matcher.logits(stills, matcher.model.galleries(features)).shape[1]
    assert columns == 11_310
    assert matcher.compared == 198 * 11_310
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150 * 1024  # KiB


def folded_pair(rank, samples=False):
    """F of a paper's network, and of the same folded."""
    model = network(replace(TINY, join="paper", phi_dim=16))
    torch.manual_seed(3)
    channels = TINY.channels
    galleries = torch.randn(20, 2, TINY.positions, channels) @ torch.diag(torch.linspace(0, 1, channels) ** 3) + 0.3
    queries = torch.randn(20, TINY.positions, channels)
    folded = compress(model, rank, galleries if samples else None)
    assert folded.config == replace(model.config, rank=rank)
    with torch.no_grad():
        return [net.compare(queries, galleries).double() for net in (model, folded)]


@pytest.mark.parametrize("samples", [False, True])
def test_folding_is_exact_at_full_rank_and_loses_less_the_more_it_keeps(samples):
    exact, same = folded_pair(16, samples)
    torch.testing.assert_close(same, exact, atol=1e-5, rtol=1e-4)
    losses = [(folded_pair(rank, samples)[1] - exact).square().mean().item() for rank in (1, 4, 8, 12, 15, 16)]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] > 100 * losses[-1]


def test_folding_to_what_videos_really_show_loses_less():
    losses = []
    for samples in (False, True):
        exact, folded = folded_pair(8, samples)
        losses.append((folded - exact).square().mean().item())
    assert losses[1] < losses[0] / 2


def test_a_folded_network_is_an_ordinary_one(tmp_path):
    model = network(replace(TINY, join="demo", phi_dim=16, classes=2))
    folded = compress(model, 4)
    assert sum(p.numel() for p in folded.parameters()) < sum(p.numel() for p in model.parameters())
    assert not {p.data_ptr() for p in model.parameters()} & {p.data_ptr() for p in folded.parameters()}
    save_checkpoint(tmp_path / "folded.safetensors", folded, {})
    loaded = load_checkpoint(tmp_path / "folded.safetensors")[0]
    save_checkpoint(tmp_path / "whole.safetensors", model, {})
    crops = encoded(6)
    answers = [
        matcher.logits(crops[:3], [crops[3:], crops[4:]])
        for matcher in (
            Matcher(folded, "cpu"),
            Matcher(loaded, "cpu"),
            Matcher.load(tmp_path / "whole.safetensors", "cpu", rank=4),
        )
    ]
    np.testing.assert_array_equal(answers[1], answers[0])
    np.testing.assert_array_equal(answers[2], answers[0])
    assert compress(folded, 2).config.rank == 2
    with pytest.raises(InputError, match="1 to 4 channels"):
        compress(folded, 5)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"join": "compare"}, "comparing join"),
        ({"head": "average"}, "averaging head"),
        ({"head": "metric"}, "metric head"),
    ],
)
def test_what_cannot_be_folded_says_why(change, why):
    with pytest.raises(InputError, match=why):
        compress(network(replace(TINY, **{"join": "paper", **change})), 2)


def test_halves_can_be_taken_apart():
    matcher = Matcher(network(TINY), "cpu")
    crops = encoded(5)
    stills, videos = matcher.queries(crops), matcher.galleries([crops[:2], crops[2:4], crops[3:]])
    assert isinstance(stills[1:3], QueryEncoding) and isinstance(videos[:2], GalleryEncoding)
    np.testing.assert_allclose(
        matcher.logits(stills[1:3], videos[:2]), matcher.logits(stills, videos)[1:3, :2], atol=1e-5
    )


def test_the_demo_s_memory_mixes_frames_and_channels():
    model = network(replace(TINY, join="demo", memory_layout="demo", clip_length=3))
    features = torch.randn(2, 3, TINY.positions, TINY.channels)
    with torch.no_grad():
        made = model.galleries(features)
        phi = model.phi_gallery(features)  # (M, T, P, c)
    for video, frames in zip(made.phi, phi, strict=True):
        lying = [frames[t, p, c].item() for t in range(3) for c in range(TINY.phi_dim) for p in range(TINY.positions)]
        read = [[lying[c * 3 * TINY.positions + i] for c in range(TINY.phi_dim)] for i in range(3 * TINY.positions)]
        assert video.tolist() == read
    matcher, crops = Matcher(model, "cpu"), drawn(4)
    naive = equation_1(
        model,
        (model.theta_query(crops_of(matcher, crops[:1])), model.phi_query(crops_of(matcher, crops[:1]))),
        tuple(model.memory(of(crops_of(matcher, crops[1:])[None])) for of in (model.theta_gallery, model.phi_gallery)),
    )
    np.testing.assert_allclose(matcher.logits(crops[:1], [crops[1:]])[0], naive.detach().numpy(), atol=1e-5)
    with pytest.raises(InputError, match="mixes frames"):
        matcher.attention(crops[0], crops[1:])
    with pytest.raises(InputError, match="mixes frames"):
        compress(model, 2)
    with pytest.raises(InputError, match="needs the attention head"):
        replace(TINY, head="average", join="paper", memory_layout="demo")


def crops_of(matcher, crops):
    """Feature maps (N, P, C)."""
    matcher.encode(crops)
    return torch.stack([crop.features for crop in crops])
