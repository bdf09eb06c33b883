"""Training: recipes, batches that repeat, exact resumption, several processes, and everything that can go wrong."""

import csv
import errno
import os
import shutil
import signal
import subprocess
import sys
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path
from urllib.error import URLError

import numpy as np
import onnx
import pytest
import safetensors.torch
import torch
from conftest import TINY

from readtrack.commands import evaluate, train
from readtrack.datasets import read_dataset
from readtrack.datasets.clips import ImageCache
from readtrack.datasets.market import read_market
from readtrack.datasets.tracklets import Tracklet
from readtrack.errors import InputError
from readtrack.read.checkpoint import load_checkpoint, save_checkpoint
from readtrack.read.config import READ_R50
from readtrack.read.losses import likeness_loss, map_loss
from readtrack.read.model import Read
from readtrack.read.vectors import VectorNetwork
from readtrack.training import loop, processes, recipes, state
from readtrack.training.augmentation import Camera, augment, erase
from readtrack.training.batches import Batches
from readtrack.training.config import LOSSES, RunConfig, TrainConfig, learning_rate
from readtrack.training.initial import initialise
from readtrack.training.learner import Learner
from readtrack.training.log import Log
from readtrack.training.recipes import MARS, PAPER, RECIPES

SMALL = TrainConfig(model=TINY, pairs=8, hard_group=2, steps=6, validate_every=3, learning_rate=2e-3)
SMALL_R50 = replace(READ_R50, height=64, width=32, clip_length=2, theta_dim=4, phi_dim=6, feature_dim=8)


def tracklets_of(*counts):
    """People with so many tracklets each, of three images that do not exist."""
    return [
        Tracklet(tuple(f"{pid}_{camid}_{k}" for k in range(3)), pid, camid)
        for pid, count in enumerate(counts)
        for camid in range(count)
    ]


def plans(tracklets, config, batches=100):
    drawn = Batches(tracklets, ImageCache(64, 32), config)
    return [drawn.plan(step) for step in range(batches)]


# Recipes


def test_every_row_of_the_papers_tables_is_a_recipe(capsys):
    assert {name for name in RECIPES if name.startswith("paper-")} == set(PAPER)
    assert train.main(["--list-recipes"]) == 0
    lines = {line.split(" | ")[0]: line for line in capsys.readouterr().out.splitlines()}
    assert list(lines)[1:] == list(RECIPES)
    assert lines["paper-mars-no-triplet"].endswith("mars | reciprocal_triplet=0.0 | 80.3 / 90.2 / 93.1 / 68.6")
    assert "model.clip_length=8 | 85.9 / 94.4 / - / 82.7" in lines["paper-duke-t8"]


def test_recipes_are_what_they_are_called():
    for name, config in RECIPES.items():
        family = "market" if name.startswith(("read-s", "read-m")) else name.split("-")[1]
        assert config.dataset == family
        assert config.pairs == 32
    assert (MARS.learning_rate, MARS.weight_decay, MARS.margin, MARS.query_images) == (1e-4, 5e-4, 0.3, 4)
    assert MARS.loss_weights == {"discriminator": 1, "reciprocal_triplet": 1}
    assert RECIPES["read-s"].loss_weights == dict(zip(LOSSES[:6], (1, 0.5, 0.5, 0.5, 0.5, 1), strict=True))
    read_s = RECIPES["read-s"]
    assert (read_s.steps, read_s.learning_rate, read_s.query_images, read_s.clip_gradient) == (2000, 7e-4, 2, 5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"pairs": 1},
        {"flip": 1.5},
        {"schedule": "cosine"},
        {"epochs": 3},
        {"steps": 0},
        {"samples_per_person": ()},
        {"schedule": "steps"},
        {"seed": -1},
        {"learning_rate": float("nan")},
        {"discriminator": 0, "listwise": 0},
        {"model": replace(TINY, head="metric")},
        {"freeze_encoder": True},
    ],
    ids=str,
)
def test_impossible_trainings_are_refused(wrong):
    with pytest.raises(InputError):
        TrainConfig(**wrong)


@pytest.mark.parametrize("steps", [6, 20, 1400])
def test_one_cycle_is_torch_s(steps):
    config = TrainConfig(steps=steps)
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])
    if steps != 20:  # torch divides by zero there
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, config.learning_rate, total_steps=steps, pct_start=0.05, cycle_momentum=False
        )
        for step in range(steps):
            assert learning_rate(config, step, 1) == pytest.approx(schedule.get_last_lr()[0], rel=1e-6, abs=1e-12)
            optimizer.step()
            if step + 1 < steps:
                schedule.step()
    assert max(learning_rate(config, step, 1) for step in range(steps)) <= config.learning_rate


def test_milestones_divide_by_ten_and_end_at_1e_6():
    rates = [learning_rate(MARS, epoch * 260 + place, 260) for epoch, place in ((0, 0), (59, 259), (60, 0), (180, 0))]
    assert rates == pytest.approx([1e-4, 1e-4, 1e-5, 1e-6])
    assert learning_rate(replace(MARS, learning_rate=1e-5), 200 * 260, 260) == 1e-6
    assert MARS.total_steps(260) == 220 * 260
    assert MARS.validates_after(2600, 260) and not MARS.validates_after(260, 260)


# Batches


def test_pairs_show_one_person_in_two_tracklets_where_there_are_two():
    for plan in plans(tracklets_of(*[1, 2, 5, 3] * 10), TrainConfig(pairs=8, samples_per_person=(2,))):
        for pair in plan:
            assert pair.query.pid == pair.gallery.pid == pair.label
            assert (pair.query == pair.gallery) == (pair.label % 4 == 0)
        galleries = Counter(pair.gallery for pair in plan)
        assert max(galleries.values()) == 1


def test_everybody_comes_once_a_round():
    tracklets = tracklets_of(*[3] * 40)
    seen = [pair.label for plan in plans(tracklets, TrainConfig(pairs=8), 10) for pair in plan]
    assert set(Counter(seen[:40]).values()) == set(Counter(seen[40:]).values()) == {1}


def test_batches_of_people_who_look_alike():
    """Twenty people stand in a ring; neighbours look alike."""
    batches = Batches(tracklets_of(*[2] * 20), ImageCache(64, 32), TrainConfig(pairs=6, hard_group=3))
    angle = np.arange(20) * 2 * np.pi / 20
    batches.identity_centres = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    for step in range(20):
        labels = [pair.label for pair in batches.plan(step)]
        assert len(set(labels)) == 6
        one, two = labels[:3], labels[3:]
        assert sorted((label - one[0]) % 20 for label in one) == [0, 1, 19]
        assert two[0] not in one and {(label - two[0]) % 20 for label in two} <= {0, *range(1, 5), *range(16, 20)}
    leaders = [batches.plan(step)[place].label for step in range(3) for place in (0, 3)]
    assert len(set(leaders)) == 6


def test_part_of_a_batch_stands_in_one_recording():
    stills = tracklets_of(*[2] * 20)
    filmed = [
        replace(tracklet, pid=tracklet.pid + 20, scene="one" if tracklet.pid < 5 else "other")
        for tracklet in tracklets_of(*[2] * 9)
    ]
    alone = [Tracklet(("a", "b"), 29, 0, "lonely")]
    config = TrainConfig(pairs=12, scene_share=0.5)
    seen = set()
    for plan in plans(stills + filmed + alone, config, 60):
        labels = [pair.label for pair in plan]
        together = {label for label in labels if label >= 20}
        assert len(set(labels)) == 12
        assert together <= set(range(20, 25)) or together <= set(range(25, 29))
        assert len(together) == (5 if 20 <= min(together) < 25 else 4)
        assert all(pair.query is not pair.gallery for pair in plan)
        seen |= set(labels)
    assert seen == set(range(29))  # who was alone in a recording is nobody's neighbour
    assert {pair.label for plan in plans(filmed, replace(config, pairs=6), 60) for pair in plan} == set(range(9))


def average_people(name, tracklets):
    return np.mean([len({pair.label for pair in plan}) for plan in plans(tracklets, RECIPES[name], 200)])


def test_average_identities_are_those_of_table_1():
    mars = tracklets_of(*[13] * 625)
    assert average_people("paper-mars", mars) == 32
    assert average_people("paper-mars-avgid16", mars) == 16
    assert average_people("paper-mars-avgid13.8", mars) == pytest.approx(13.8, abs=0.2)
    # A spread that has DukeMTMC-VideoReID's 702 people and 2,196 tracklets: 2.4 pairs a person where 4 are wanted.
    counts = [1] * 150 + [2] * 260 + [3] * 150 + [4] * 60 + [10] * 66 + [11] * 16
    assert (len(counts), sum(counts)) == (702, 2196)
    duke = tracklets_of(*counts)
    assert average_people("paper-duke-avgid16", duke) > 16
    assert average_people("paper-duke-avgid13.3", duke) == pytest.approx(13.3, abs=0.5)
    for plan in plans(duke, RECIPES["paper-duke-avgid13.3"], 50):
        assert all(most <= min(4, counts[label]) for label, most in Counter(pair.label for pair in plan).items())


@pytest.mark.parametrize(
    ("name", "positives", "negatives"),
    [
        ("paper-duke", 4, 124),
        ("paper-duke-avgid16", 8, 120),
        ("paper-duke-single-query", 1, 31),
        ("paper-duke-single-query-avgid16", 2, 30),
    ],
)
def test_positives_and_negatives_are_those_of_table_3c(name, positives, negatives):
    """|P_q| counts the query itself."""
    for plan in plans(tracklets_of(*[3] * 100), RECIPES[name], 5):
        queries = torch.tensor([pair.label for pair in plan]).repeat_interleave(RECIPES[name].query_images)
        same = (queries[:, None] == queries).sum(1)
        assert set(same.tolist()) == {positives}
        assert set((len(queries) - same).tolist()) == {negatives}


def test_a_batch_depends_on_seed_and_step_alone(tiny_market):
    train_set, config = read_market(tiny_market).train, replace(SMALL, samples_per_person=(1, 2))

    def batch(step, seed=0, process=0, processes=1):
        batches = Batches(train_set, ImageCache(64, 32), replace(config, seed=seed), process, processes)
        return batches[step]

    running = Batches(train_set, ImageCache(64, 32, limit_mb=0.1), config)
    for step in range(5):
        kept = running[step]
    assert kept.queries.shape == kept.galleries.shape == (8, 2, 64, 32, 3)
    for side in ("queries", "galleries", "labels"):
        assert torch.equal(getattr(batch(4), side), getattr(kept, side))
    assert not torch.equal(batch(4).queries, batch(3).queries)
    assert not torch.equal(batch(4).queries, batch(4, seed=1).queries)
    halves = [batch(4, process=process, processes=2) for process in (0, 1)]
    assert torch.equal(torch.cat([half.queries for half in halves]), kept.queries)
    assert torch.equal(torch.cat([half.galleries for half in halves]), kept.galleries)
    assert [half.start for half in halves] == [0, 4]
    assert all(torch.equal(half.labels, kept.labels) for half in halves)


def test_batches_that_cannot_be_filled_or_shared_are_refused(tiny_market):
    tracklets, images = read_market(tiny_market).train, ImageCache(64, 32)
    with pytest.raises(InputError, match=r"11 pairs, but its people \(10\) make 10"):
        Batches(tracklets, images, replace(SMALL, pairs=11))
    Batches(tracklets, images, replace(SMALL, pairs=20, samples_per_person=(4,)))
    with pytest.raises(InputError, match="evenly by 3 processes"):
        Batches(tracklets, images, SMALL, 0, 3)


def test_a_full_cache_reads_again(tiny_market):
    paths = [path for tracklet in read_market(tiny_market).train for path in tracklet.paths]
    cache = ImageCache(64, 32, limit_mb=3 * 64 * 32 * 3 / 1e6)
    images = [cache[path] for path in paths[:5]]
    assert [cache[path] is image for path, image in zip(paths, images, strict=False)] == [True] * 3 + [False] * 2
    assert all(np.array_equal(cache[path], image) for path, image in zip(paths, images, strict=False))


def test_a_clip_is_mirrored_as_a_whole():
    images = [np.arange(6 * 4 * 3, dtype=np.uint8).reshape(6, 4, 3) + k for k in range(3)]
    config = replace(SMALL, augmentation="none", flip=0.5)
    seen = set()
    for seed in range(20):
        clip = augment(images, config, np.random.default_rng(seed), lambda: images[0])
        mirrored = np.array_equal(clip, np.stack(images)[:, :, ::-1])
        assert mirrored or np.array_equal(clip, np.stack(images))
        seen.add(mirrored)
    assert seen == {True, False}


def test_a_camera_changes_everything_in_the_same_way():
    rng = np.random.default_rng(3)
    cameras = [Camera.draw(rng) for _ in range(200)]
    assert 60 < sum(camera is None for camera in cameras) < 100
    image = rng.integers(0, 256, (8, 4, 3), dtype=np.uint8)
    shown = [camera.show(image) for camera in cameras if camera is not None]
    assert all(view.shape == image.shape and view.dtype == np.uint8 for view in shown)
    assert len({view.tobytes() for view in shown}) == len(shown)
    assert any(
        np.ptp(camera.show(image) / camera.curves.max((0, 1)), axis=2).max() < 0.1 for camera in cameras if camera
    )
    plain = Camera(1.0, np.arange(256, dtype=np.uint8).repeat(3).reshape(256, 1, 3))
    assert np.abs(plain.show(image).astype(int) - image).max() <= 1


def test_a_batch_is_seen_by_one_camera(mini_market):
    train_set = read_market(mini_market).train
    config, images = replace(SMALL, augmentation="world"), ImageCache(64, 32)
    seen = Batches(train_set, images, config)
    usual = Batches(train_set, images, replace(config, augmentation="street"))
    cameras = {step: Camera.draw(np.random.default_rng([config.seed, step])) for step in range(6)}
    assert None in cameras.values() and len([camera for camera in cameras.values() if camera]) > 1
    for step, camera in cameras.items():
        expected = usual[step].galleries.numpy()
        if camera is not None:
            expected = np.stack([[camera.show(image) for image in clip] for clip in expected])
        assert (seen[step].galleries.numpy() == expected).all()


def test_reid_augmentation_shifts_clips_and_erases_from_images():
    images = [np.full((64, 32, 3), 200, np.uint8)] * 4
    rng, config = np.random.default_rng(0), replace(SMALL, augmentation="reid", erase=0.0, pad=5)
    clips = [augment(images, config, rng, lambda: images[0]) for _ in range(20)]
    assert all((clip == clip[0]).all() for clip in clips)
    assert {int((clip[0, :, :, 0] == 0).any(1).all()) for clip in clips} == {0, 1}  # moved sideways or not
    for _ in range(50):
        image = np.full((64, 32, 3), 200, np.uint8)
        erase(image, rng)
        assert 0.01 < (image != 200).any(-1).mean() < 0.45
    assert (images[0] == 200).all()


# The command


def run(root, out, *flags):
    return train.main(["--root", str(root), "--out", str(out), "--init", "random", "--device", "cpu", *map(str, flags)])


def rows(path, without=()):
    return [
        {name: value for name, value in row.items() if name not in without}
        for row in csv.DictReader(path.read_text().splitlines())
    ]


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setitem(recipes.RECIPES, "read-s", SMALL)


@pytest.fixture(scope="module")
def finished(mini_market, tmp_path_factory):
    """A training that nothing interrupted."""
    out = tmp_path_factory.mktemp("finished") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(recipes.RECIPES, "read-s", SMALL)
        assert run(mini_market, out) == 0
    return out


@pytest.fixture
def straight(finished, small, tmp_path):
    """A copy of it, to be spoilt."""
    return Path(shutil.copytree(finished, tmp_path / "straight"))


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Small networks are faster so, and beside other processes by far."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def smaller(root, tmp_path, pattern):
    """A copy of a data set without some of its images."""
    ignored = shutil.ignore_patterns(pattern)
    return shutil.copytree(root, tmp_path / "smaller", ignore=ignored)


def test_training_leaves_weights_that_score(straight, mini_market, capsys):
    told = rows(straight / "log.csv")
    assert [row["step"] for row in told] == [str(i) for i in range(1, 7)]
    assert float(told[-1]["identity"]) < float(told[0]["identity"])
    assert [row["step"] for row in rows(straight / "scores.csv")] == ["3", "6"]
    assert list((straight / "tensorboard").glob("events*"))
    model, provenance = load_checkpoint(straight / "best.safetensors")
    assert replace(model.config, logit_scale=1.0, logit_offset=0.0) == TINY
    assert provenance["recipe"]["steps"] == 6
    assert evaluate.main(["reid", "--root", str(mini_market), "--weights", str(straight / "best.safetensors")]) == 0
    # It is not written over by mistake.
    assert run(mini_market, straight) == 2
    assert "resume it, or overwrite it (--resume)" in capsys.readouterr().err


def test_ctrl_c_keeps_the_step_and_going_on_changes_nothing(straight, mini_market, tmp_path, monkeypatch, capsys):
    out, noted, scored = tmp_path / "out", Log.step, loop.read_logits

    def step(self, number, *rest):
        noted(self, number, *rest)
        if number == 2:
            os.kill(os.getpid(), signal.SIGINT)

    def validation(*args, **options):
        os.kill(os.getpid(), signal.SIGTERM)
        return scored(*args, **options)

    monkeypatch.setattr(Log, "step", step)
    assert run(mini_market, out, "--resume") == 130
    assert f"--resume goes on from {out}/last.pt" in capsys.readouterr().err
    assert [row["step"] for row in rows(out / "log.csv")] == ["1", "2"]
    monkeypatch.setattr(loop, "read_logits", validation)
    assert run(mini_market, out, "--resume") == 130
    assert rows(out / "scores.csv") == []
    with open(out / "log.csv", "a") as file:
        file.write("4,1,1,1,1,1,1,1,1\n5,1,")  # as after a crash
    monkeypatch.setattr(loop, "read_logits", scored)
    assert run(mini_market, out, "--resume") == 0
    assert rows(out / "log.csv", ["seconds"]) == rows(straight / "log.csv", ["seconds"])
    assert rows(out / "scores.csv") == rows(straight / "scores.csv")
    for name in ("best.safetensors", "last.safetensors"):
        one, other = (load_checkpoint(folder / name)[0].state_dict() for folder in (straight, out))
        assert all(torch.equal(one[key], other[key]) for key in one)
    kept = torch.load(out / "last.pt", weights_only=True)["learner"]
    assert all(torch.equal(kept[f"model.{key}"], other[key]) for key in other)
    assert load_checkpoint(out / "last.safetensors")[1]["step"] == 6


def test_only_the_same_training_is_gone_on_with(straight, mini_market, tmp_path, capsys):
    def refusal(*flags):
        assert run(mini_market, straight, "--resume", *flags) == 2
        return capsys.readouterr().err.splitlines()[-1]

    assert "learning_rate was 0.002, is 0.001" in refusal("--learning-rate", 0.001)
    assert "steps was 6, is 7" in refusal("--steps", 7)
    told = refusal("--root", smaller(mini_market, tmp_path, "0002_*"))
    assert "other data: bounding_box_train/0002_" in told and "is gone, as are" in told
    for content in (b"", b"no pickle", b"PK\x03\x04"):
        (straight / "last.pt").write_bytes(content)
        assert "last.pt: cannot be gone on from" in refusal()
    torch.save({"model": torch.zeros(2)}, straight / "last.pt")
    assert "last.pt: cannot be gone on from" in refusal()


def test_a_full_disk_is_told_in_one_line_and_spoils_nothing(straight, mini_market, monkeypatch, capsys):
    before = {name: (straight / name).read_bytes() for name in ("last.pt", "best.safetensors")}
    kept = torch.load(straight / "last.pt", weights_only=True)
    torch.save({**kept, "done": 5, "validated": 3, "best": -1.0}, straight / "last.pt")
    before["last.pt"] = (straight / "last.pt").read_bytes()

    def full(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    for module, name in ((safetensors.torch, "save_file"), (state.torch, "save")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, full)
            assert run(mini_market, straight, "--resume") == 2
        error = capsys.readouterr().err.splitlines()[-1]
        assert error.startswith("error: ") and "No space left on device" in error
        assert (straight / "last.pt").read_bytes() == before["last.pt"]
        assert not list(straight.glob("*.partial"))
        if name == "save_file":
            assert (straight / "best.safetensors").read_bytes() == before["best.safetensors"]


def test_what_cannot_be_used_ends_with_status_2(small, mini_market, tmp_path, monkeypatch, capsys):
    def refusal(*flags, root=mini_market, out=tmp_path / "out"):
        assert run(root, out, *flags) == 2
        return capsys.readouterr().err.splitlines()[-1]

    assert refusal(root=tmp_path / "none").startswith("error: ")
    assert "no.pt: no such file" in refusal("--init", "no.pt")
    assert "use fewer (--pairs)" in refusal("--pairs", 99)
    assert "-1 steps" in refusal("--steps", -1)
    (tmp_path / "file").touch()
    assert "cannot be written" in refusal(out=tmp_path / "file" / "out")
    assert "1 x cuda cannot be used" in refusal("--device", "cuda") or torch.cuda.is_available()
    for gone in ("torch.utils.tensorboard", "lightning_fabric"):
        monkeypatch.setitem(sys.modules, gone, None)
        assert "pip install 'readtrack[train]'" in refusal()


def test_a_loss_that_is_no_number_ends_the_training(small, mini_market, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(loop, "learning_rate", lambda *args: 1e30)
    assert run(mini_market, tmp_path / "out") == 2
    assert "step 2: the loss is nan" in capsys.readouterr().err


def test_a_data_set_that_cannot_be_scored_is_refused_at_once(small, mini_market, tmp_path, capsys):
    assert run(smaller(mini_market, tmp_path, "*_c[23]*"), tmp_path / "out") == 2
    assert "no validation query has a true match" in capsys.readouterr().err


def test_loading_processes_change_nothing(small, straight, mini_market, tmp_path):
    out = tmp_path / "out"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*fork.*", DeprecationWarning)
        assert run(mini_market, out, "--workers", 1, "--steps", 6) == 0
    assert rows(out / "log.csv", ["seconds"]) == rows(straight / "log.csv", ["seconds"])


def test_the_papers_recipe_runs_on_a_small_mars(mini_mars, tmp_path, monkeypatch):
    config = replace(MARS, model=SMALL_R50, pairs=4, query_images=2)
    monkeypatch.setitem(recipes.RECIPES, "paper-mars", config)
    assert run(mini_mars, tmp_path / "out", "--recipe", "paper-mars", "--epochs", 1) == 0
    told = rows(tmp_path / "out" / "log.csv")
    assert len(told) == 6
    assert set(told[0]) == {"step", "loss", "discriminator", "reciprocal_triplet", "learning_rate", "seconds"}
    scores = rows(tmp_path / "out" / "scores.csv")
    assert 0 <= float(scores[-1]["read_map_trapezoid"]) <= 1
    assert load_checkpoint(tmp_path / "out" / "best.safetensors")[0].config.non_local == (2, 3)


# First weights


def backbone(net, path):
    torch.manual_seed(1)
    state = getattr(__import__("torchvision.models").models, net)(weights=None).state_dict()
    torch.save(state, path)
    return state


def test_both_encoders_get_the_backbone_s_weights(tmp_path):
    state = backbone("resnet50", tmp_path / "r50.pt")
    model = Read(SMALL_R50)
    assert initialise(model, str(tmp_path / "r50.pt")) == "ImageNet"
    for encoder in (model.encoder, model.video_encoder):
        found = encoder.state_dict()
        assert all(torch.equal(found[name], value) for name, value in state.items() if name in found)
    assert not model.video_encoder.non_local2[0].bn.weight.any()
    small = Read(TINY)
    state = backbone("mobilenet_v2", tmp_path / "m.pt")
    initialise(small, str(tmp_path / "m.pt"))
    assert torch.equal(small.encoder[13].conv[2].weight, state["features.13.conv.2.weight"])
    with pytest.raises(InputError, match=r"r50\.pt: .* should be"):
        initialise(Read(TINY), str(tmp_path / "r50.pt"))
    with pytest.raises(InputError, match=r"m\.pt: has no conv1\.weight"):
        initialise(model, str(tmp_path / "m.pt"))


def test_a_checkpoint_of_the_same_network_is_taken_over(tmp_path, tiny_model):
    path = str(tmp_path / "w.safetensors")
    save_checkpoint(Path(path), tiny_model, {})
    model = Read(replace(TINY, clip_length=4))
    assert initialise(model, path) == path
    assert torch.equal(model.fc1.weight, tiny_model.fc1.weight)
    with pytest.raises(InputError, match="join compare instead of paper"):
        initialise(Read(replace(TINY, join="paper")), path)


def test_an_encoder_cut_elsewhere_gives_the_layers_that_both_have(tmp_path, tiny_model):
    path = str(tmp_path / "w.safetensors")
    save_checkpoint(Path(path), tiny_model, {})
    model = Read(replace(TINY, backbone="mobilenet_v2_256", pooled_cosine=True))
    before = model.phi.weight.clone()
    assert initialise(model, path) == f"the encoder of {path}"
    given, found = tiny_model.encoder.state_dict(), model.encoder.state_dict()
    assert all(torch.equal(found[name], value) for name, value in given.items())
    assert torch.equal(model.phi.weight, before)


def test_a_network_with_the_cosine_begins_with_what_it_says():
    torch.manual_seed(0)
    model = Read(replace(TINY, pooled_cosine=True)).eval()
    with torch.no_grad():
        model.fc2.weight[:, :-1] = 0
        maps = torch.randn(3, TINY.positions, TINY.channels)
        logits = model.classify(model.compare(maps, maps[:, None].expand(-1, TINY.clip_length, -1, -1)))
        cosine = model.pool(maps) @ model.pool(maps).T
    assert torch.allclose(logits, 12 * (cosine - 0.5), atol=1e-4)


def test_weights_that_cannot_be_had_are_told_in_one_line(tmp_path, monkeypatch):
    def unreachable(*args, **options):
        raise URLError("no route to host")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", unreachable)
    with pytest.raises(InputError, match=r"cannot be downloaded .*no route.* pass the file"):
        initialise(Read(TINY), "imagenet")
    for content in (b"", b"junk"):
        (tmp_path / "bad.pt").write_bytes(content)
        with pytest.raises(InputError, match=r"bad\.pt: not a file of tensors") as caught:
            initialise(Read(TINY), str(tmp_path / "bad.pt"))
        assert "\n" not in str(caught.value)


# The forward pass


def test_a_frozen_encoder_stays_as_it_was_given():
    config = replace(SMALL, freeze_encoder=True, hard_group=1, identity=0.0, triplet=0.0)
    torch.manual_seed(0)
    learner = Learner(config, Read(TINY), 2).train()
    before = {name: value.clone() for name, value in learner.model.encoder.state_dict().items()}
    crops = torch.randn(2, 4, 3, 64, 32)
    parts = learner(crops[:, :2], crops[:, 2:], torch.tensor([0, 1]))
    torch.stack(list(parts.values())).sum().backward()
    learning = {name for name, parameter in learner.named_parameters() if parameter.grad is not None}
    assert learning == {f"model.{name}" for name, _ in Read(TINY).named_parameters() if not name.startswith("encoder")}
    assert all(torch.equal(value, before[name]) for name, value in learner.model.encoder.state_dict().items())


def test_frozen_batchnorm_keeps_its_weights():
    frozen = Learner(replace(SMALL, freeze_batchnorm="affine"), Read(TINY), 10)
    fixed = [name for name, parameter in frozen.named_parameters() if not parameter.requires_grad]
    norms = [part for part in frozen.model.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    assert len(fixed) == 2 * len(norms)
    assert all(parameter.requires_grad for parameter in Learner(SMALL, Read(TINY), 10).parameters())


@pytest.mark.parametrize("head", ["attention", "average", "metric"])
def test_everything_that_learns_gets_a_gradient(head):
    """What gets none makes torch's data parallel processes wait for it."""
    pairwise = {"discriminator": 0.0, "reciprocal_triplet": 0.0, "listwise": 0.0} if head == "metric" else {}
    config = replace(SMALL, model=replace(SMALL_R50, head=head), pairs=2, **pairwise)
    learner = Learner(config, Read(config.model), 3)
    parts = learner(torch.randn(2, 2, 3, 64, 32), torch.randn(2, 2, 3, 64, 32), torch.tensor([0, 2]))
    assert list(parts) == list(config.loss_weights)
    sum(parts.values()).backward()
    assert all(parameter.grad is not None for parameter in learner.parameters())


def test_f_is_taken_before_or_after_the_relu():
    clips, labels = torch.randn(2, 2, 3, 64, 32), torch.tensor([0, 1])
    values = []
    for after in (False, True):
        torch.manual_seed(0)
        config = replace(SMALL, model=replace(TINY, feature_after_relu=after))
        values.append(
            {name: value.item() for name, value in Learner(config, Read(config.model), 2)(clips, clips, labels).items()}
        )
    assert values[0]["discriminator"] == values[1]["discriminator"]
    assert values[0]["reciprocal_triplet"] != values[1]["reciprocal_triplet"]


# A teacher


@pytest.fixture
def colours(tmp_path):
    """A re-ID network whose vector is a crop's mean colour."""
    helper = onnx.helper
    crops, vectors = (
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in (("crops", ["batch", 3, 32, 16]), ("vectors", ["batch", 3]))
    )
    nodes = [
        helper.make_node("GlobalAveragePool", ["crops"], ["means"]),
        helper.make_node("Flatten", ["means"], ["vectors"]),
    ]
    graph = helper.make_graph(nodes, "colours", [crops], [vectors])
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "colours.onnx")
    return tmp_path / "colours.onnx"


def test_a_teacher_s_vectors_are_learnt(small, mini_market, tmp_path, colours, monkeypatch, capsys):
    monkeypatch.setitem(recipes.RECIPES, "read-s", replace(SMALL, teacher=1.0, steps=12, validate_every=12))
    assert run(mini_market, tmp_path / "out") == 2
    assert "(--teacher)" in capsys.readouterr().err
    assert run(mini_market, tmp_path / "out", "--teacher", tmp_path / "nobody.onnx") == 2
    assert "nobody.onnx: no such file" in capsys.readouterr().err
    assert run(mini_market, tmp_path / "out", "--teacher", colours) == 0
    told = [float(row["teacher"]) for row in rows(tmp_path / "out" / "log.csv")]
    assert 0 < min(told[-3:]) < 0.75 * told[0] < 1.5  # single batches are noisy


def test_a_teacher_sees_whole_crops(tiny_market, colours):
    train_set, images = read_market(tiny_market).train, ImageCache(64, 32)
    paths = [path for tracklet in train_set for path in tracklet.paths]
    vectors = VectorNetwork(colours).vectors([images[path] for path in paths])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1)
    # People of one colour each: the vectors of each stand together.
    assert vectors[0] @ vectors[1] > 0.99
    embeddings = dict(zip(paths, vectors, strict=True))
    batch = Batches(train_set, images, replace(SMALL, augmentation="street"), lessons=embeddings)[0]
    assert batch.lessons.shape == (8, 4, 3)
    known = {tuple(vector) for vector in vectors}
    assert all(tuple(vector) in known for vector in batch.lessons.flatten(0, 1).numpy())


def test_a_read_teaches_its_maps_which_are_made_once(small, mini_market, tmp_path, monkeypatch, capsys):
    taught = {"teacher": 1.0, "teacher_likeness": 0.5, "teacher_maps": 1.0, "identity": 0.0, "triplet": 0.0}
    monkeypatch.setitem(recipes.RECIPES, "read-s", replace(SMALL, **taught, steps=12, validate_every=12))
    save_checkpoint(tmp_path / "other.safetensors", Read(replace(TINY, height=32)), {})
    assert run(mini_market, tmp_path / "out", "--teacher", tmp_path / "other.safetensors") == 2
    assert "makes maps of 4 positions of 96 channels, the pupil of 8 of 96" in capsys.readouterr().err
    torch.manual_seed(1)
    teacher = Read(TINY).train()
    for _ in range(20):  # BatchNorm finds its numbers
        teacher.encode(torch.randn(8, 3, TINY.height, TINY.width))
    save_checkpoint(tmp_path / "teacher.safetensors", teacher, {})
    flags = ("--teacher", tmp_path / "teacher.safetensors", "--cache", tmp_path / "kept")
    assert run(mini_market, tmp_path / "out", *flags) == 0
    told = rows(tmp_path / "out" / "log.csv")
    for name in ("teacher", "teacher_maps"):
        assert 0 < float(told[-1][name]) < float(told[0][name])
    (kept,) = (tmp_path / "kept").glob("teacher-*.npy")
    written = kept.stat().st_mtime_ns
    assert run(mini_market, tmp_path / "again", *flags) == 0
    assert kept.stat().st_mtime_ns == written
    assert [row["loss"] for row in rows(tmp_path / "again" / "log.csv")] == [row["loss"] for row in told]


def test_mirrored_maps_teach_the_same():
    maps, wanted = torch.randn(3, 8, 5), torch.randn(3, 8, 5)
    mirrored = maps.unflatten(1, (4, 2)).flip(2).flatten(1, 2)
    assert map_loss(mirrored, wanted, 2) == pytest.approx(map_loss(maps, wanted, 2).item())
    assert map_loss(wanted.unflatten(1, (4, 2)).flip(2).flatten(1, 2), wanted, 2) == pytest.approx(0)
    assert map_loss(maps, wanted, 2) > 0.1


def test_likenesses_are_those_of_the_teacher_where_nothing_is_lost():
    vectors = torch.nn.functional.normalize(torch.randn(6, 4), dim=1)
    turned = vectors @ torch.linalg.qr(torch.randn(4, 4))[0]
    assert likeness_loss(turned, vectors) == pytest.approx(0, abs=1e-5)
    assert likeness_loss(vectors[torch.randperm(6, generator=torch.Generator().manual_seed(0))], vectors) > 0.01


def test_people_of_more_data_sets_are_trained_on(small, mini_market, mini_cuhk01, tmp_path, capsys):
    assert run(mini_market, tmp_path / "out", "--also", f"cuhk01={mini_cuhk01}") == 0
    assert "Market-1501 (stills) and CUHK01 (stills): " in capsys.readouterr().out
    alone, other = read_dataset("market", mini_market), read_dataset("cuhk01", mini_cuhk01)
    both = read_dataset("market", mini_market, also=[f"cuhk01={mini_cuhk01}"])
    assert (both.query, both.gallery) == (alone.query, alone.gallery)
    assert [t.paths for t in both.train] == [t.paths for t in (*alone.train, *other.train)]
    people = {t.pid for t in both.train[len(alone.train) :]}
    assert len(people) == len({t.pid for t in other.train})
    assert not people & {t.pid for t in (*alone.train, *alone.gallery)}
    again = ("--also", f"cuhk01={mini_cuhk01}")
    assert run(mini_market, tmp_path / "twice", *again, *again) == 0
    assert "Market-1501 (stills) and CUHK01 (stills) and CUHK01 (stills): " in capsys.readouterr().out
    assert run(mini_market, tmp_path / "other", "--also", "cuhk01") == 2
    assert "cuhk01: give the data set and its folder" in capsys.readouterr().err


@pytest.mark.parametrize(("shape", "told"), [([1, 3, "h", "w"], "of fixed size"), ([1, 4, 8, 8], "expected crops")])
def test_networks_of_other_inputs_are_no_teachers(colours, shape, told):
    model = onnx.load(colours)
    model.graph.input[0].CopyFrom(onnx.helper.make_tensor_value_info("crops", onnx.TensorProto.FLOAT, shape))
    onnx.save(model, colours)
    with pytest.raises(InputError, match=told):
        VectorNetwork(colours)
    colours.write_bytes(b"no network")
    with pytest.raises(InputError, match="is no model that ONNX Runtime loads"):
        VectorNetwork(colours)


# Several processes


def few_steps(root, out):
    """Losses of some steps, gradients of the first and weights after the last, of two trainings in float64."""
    torch.set_num_threads(1)
    trainings = {
        "all losses": replace(SMALL, samples_per_person=(1, 2), learning_rate=1e-3),
        "the paper's network": replace(
            SMALL,
            model=replace(SMALL_R50, non_local=(1, 1)),
            pairs=4,
            triplet_direction="galleries",
            triplet_reduction="sum",
        ),
    }
    found = {}
    for name, config in trainings.items():
        training = loop.Training(config, RunConfig(root, out, init="random", device="cpu", precision="fp64"))
        batches = training.load()
        losses = [training.step(next(batches))]
        gradients = {name: p.grad.clone() for name, p in training.learner.named_parameters()}
        losses += [training.step(next(batches)) for _ in range(2 if name == "all losses" else 0)]
        found[name] = losses, gradients, training.learner.state_dict()
    if processes.is_first():
        torch.save(found, out / "found.pt")


def unlike(ours, theirs):
    """Length of the difference of all tensors together, as a share of their length."""
    pairs = [(ours[name], theirs[name]) for name in ours if ours[name].dtype.is_floating_point]
    return (sum((a - b).square().sum() for a, b in pairs) / sum(a.square().sum() for a, _ in pairs)).sqrt().item()


def test_two_processes_do_what_one_does(tiny_market, tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", __file__]
    path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])  # the folder of conftest.py
    quiet = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path, "PYTHONWARNINGS": "error"}
    both = subprocess.Popen(
        [*command, str(tiny_market), str(tmp_path / "two")], env=quiet, stderr=subprocess.PIPE, text=True
    )
    few_steps(tiny_market, tmp_path / "one")
    _, errors = both.communicate(timeout=300)
    assert both.returncode == 0, errors
    one, two = (torch.load(tmp_path / folder / "found.pt", weights_only=True) for folder in ("one", "two"))
    for name, (losses, gradients, weights) in one.items():
        for ours, theirs in zip(losses, two[name][0], strict=True):
            assert ours == pytest.approx(theirs, rel=1e-6), name
        assert unlike(gradients, two[name][1]) < 1e-9, name
        assert unlike(weights, two[name][2]) < 1e-8, name


if __name__ == "__main__":
    few_steps(Path(sys.argv[1]), Path(sys.argv[2]))
    torch.distributed.destroy_process_group()
