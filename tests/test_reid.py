"""Comparing a data set in blocks, calibration, and the command that scores."""

import hashlib
import json
import weakref
from collections import defaultdict
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from conftest import TINY
from safetensors.torch import save_file

from readtrack import evaluate, reid
from readtrack.data.clips import ImageCache, scoring_clip
from readtrack.data.market import read_market
from readtrack.data.tracklets import ReidSplits, Tracklet, parts
from readtrack.datasets import DATASETS, read_dataset
from readtrack.errors import InputError
from readtrack.read.calibration import calibration_error, fit_sigmoid
from readtrack.read.checkpoint import save_checkpoint
from readtrack.read.matcher import Crop, Matcher
from readtrack.read.model import Read
from readtrack.reid import (
    Stopwatch,
    calibrate,
    check_calibration,
    colour_similarity,
    read_logits,
    score,
    tracking_logits,
)


class Images(dict):
    """Files that show one number each: the person."""

    def __missing__(self, path):
        return np.full((2, 2, 3), float(path.split("_")[0]))


class Numbers:
    """Stands in for READ: a crop's feature is the number that it shows, a logit minus the distance of two numbers."""

    clip_length = 2

    def stills(self, crops):
        return np.array([crop.pixels.mean() for crop in crops])

    def videos(self, clips):
        assert all(len(clip) <= self.clip_length for clip in clips)
        return np.array([np.mean([crop.pixels.mean() for crop in clip]) for clip in clips])

    vectors = staticmethod(lambda crops: np.ones((len(crops), 1)))
    video_vectors = staticmethod(lambda clips: np.ones((len(clips), 1)))

    def logits(self, queries, galleries, class1=False):
        return -np.abs(queries[:, None] - galleries) + 100 * class1

    def probability(self, logits):
        return 1 / (1 + np.exp(-(2 * logits + 1)))


def tracklet(pid, camid, length=4):
    return Tracklet(tuple(f"{pid}_{camid}_{i}" for i in range(length)), pid, camid)


def splits_of(*gallery):
    return ReidSplits("numbers", (), tuple(t for t in gallery if t.camid == 1), gallery, "none")


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(reid, "QUERIES_AT_ONCE", 3)
    monkeypatch.setattr(reid, "CLIPS_AT_ONCE", 4)


def test_blocks_give_what_all_at_once_would(small_blocks):
    splits = splits_of(*(tracklet(pid, camid) for camid in (1, 2) for pid in (5, 1, 8, 2, 9, 4, 7)))
    done, watch = [], Stopwatch()
    logits, cosines = read_logits(Numbers(), splits, Images(), False, watch, done.append)
    expected = [[-abs(q.pid - g.pid) for g in splits.gallery] for q in splits.query]
    assert np.array_equal(logits, expected)
    assert np.array_equal(cosines, np.ones((7, 14)))
    assert done == [4, 8, 12, 14]
    assert sorted(watch.seconds) == ["encoding", "matching", "reading"]
    assert np.array_equal(read_logits(Numbers(), splits, Images(), class1=True)[0], np.add(expected, 100))


def test_blocks_of_a_network_give_what_all_at_once_would(small_blocks, tiny_market, tiny_model):
    splits, images, matcher = read_market(tiny_market), ImageCache(64, 32), Matcher(tiny_model, "cpu")
    logits, cosines = read_logits(matcher, splits, images)
    queries = [Crop(images[query.paths[0]]) for query in splits.query]
    clips = [[Crop(images[path]) for path in scoring_clip(gallery, 2)] for gallery in splits.gallery]
    assert logits == pytest.approx(matcher.logits(queries, clips), abs=1e-5)
    assert cosines == pytest.approx(matcher.vectors(queries) @ matcher.video_vectors(clips).T, abs=1e-5)


def test_only_one_block_of_crops_is_held(small_blocks, monkeypatch, tiny_model):
    alive, most = weakref.WeakSet(), 0

    def counted(pixels):
        nonlocal most
        crop = Crop(pixels)
        alive.add(crop)
        most = max(most, len(alive))
        return crop

    monkeypatch.setattr(reid, "Crop", counted)
    splits = splits_of(*(tracklet(pid, camid) for camid in (1, 2) for pid in range(1, 9)))
    pixels = defaultdict(lambda: np.zeros((64, 32, 3), dtype=np.uint8))
    read_logits(Matcher(tiny_model, "cpu"), splits, pixels)
    assert most <= 2 * 4 * 2  # two blocks of four clips of two crops, the second being made; of 40 in all


def test_an_empty_data_set_cannot_be_scored():
    with pytest.raises(InputError, match="numbers: has no queries"):
        read_logits(Numbers(), splits_of(), Images())


def test_pairs_as_a_tracker_meets_them():
    # Camera 1: person 1 twice, person 2, and those who do not count: too short, or a distractor. Camera 2: person 3.
    people = [tracklet(1, 1), tracklet(1, 1), tracklet(2, 1), tracklet(2, 1, 3), tracklet(0, 1, 9), tracklet(3, 2)]
    logits, same = tracking_logits(Numbers(), splits_of(*people), Images())
    assert same.tolist() == [True, True, False, True, True, False, False, False, True, True]
    assert logits.tolist() == [0, 0, -1, 0, 0, -1, -1, -1, 0, 0]


def test_many_tracklets_of_a_camera_are_thinned_evenly(monkeypatch):
    monkeypatch.setattr(reid, "TRACKLETS_PER_CAMERA", 4)
    logits, same = tracking_logits(Numbers(), splits_of(*(tracklet(pid, 1) for pid in range(1, 17))), Images())
    people = np.array([3, 7, 11, 15])  # the middle of each quarter
    assert np.array_equal(logits.reshape(4, 4), -np.abs(people[:, None] - people))
    assert np.array_equal(same.reshape(4, 4), np.eye(4, dtype=bool))


def test_calibration_without_pairs_is_passed_over():
    for people in ([tracklet(1, 1, 3)], [tracklet(1, 1)], [tracklet(1, 1), tracklet(2, 2)]):
        assert calibrate(Numbers(), splits_of(*people), Images()) == (1.0, 0.0)
        assert check_calibration(Numbers(), splits_of(*people), Images()) is None


def test_calibration_is_checked_on_pairs():
    # Probabilities 0.73 of both true pairs and 0.27 of both wrong ones, a tenth of all weight on the true ones.
    found = check_calibration(Numbers(), splits_of(tracklet(1, 1), tracklet(2, 1)), Images(), bar=0.7)
    p = 1 / (1 + np.exp(-1))
    assert found == pytest.approx({"error": 0.1 * (1 - p) + 0.9 * (1 - p), "true": 1, "wrong": 0, "pairs": 4})


def test_parts_are_equal_and_padded():
    assert [list(part) for part in parts(8, 4)] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert [list(part) for part in parts(5, 4)] == [[0, 1], [2, 3], [4], [4]]
    assert [list(part) for part in parts(1, 3)] == [[0], [0], [0]]
    assert scoring_clip(Tracklet(tuple("abcde"), 1, 1), 2) == ["a", "d"]


def test_a_fitted_sigmoid_means_what_it_says_at_its_prior():
    rng = np.random.default_rng(0)
    same = np.arange(40_000) < 20_000
    logits = rng.normal(np.where(same, 2.0, -2.0), 2.0)  # log odds at even priors: exactly the logit
    for prior, offset in ((0.5, 0.0), (0.1, np.log(0.1 / 0.9))):
        found = fit_sigmoid(logits, same, prior)
        assert found == pytest.approx((1.0, offset), abs=0.05)
        assert calibration_error(1 / (1 + np.exp(-(found[0] * logits + found[1]))), same, prior) < 0.01


def test_calibration_error_counted_by_hand():
    # All say 0.9, half are true: off by 0.4; with positives weighing a tenth, off by 0.8.
    said, same = np.full(4, 0.9), np.array([True, True, False, False])
    assert calibration_error(said, same, 0.5) == pytest.approx(0.4)
    assert calibration_error(said, same, 0.1) == pytest.approx(0.8)


def test_market_is_split_by_person(tiny_market):
    splits = read_market(tiny_market)
    trained, held_out = {t.pid for t in splits.train}, {t.pid for t in splits.gallery}
    assert held_out == {1, 7}
    assert trained == set(range(2, 13)) - {7}
    assert {(q.pid, q.camid) for q in splits.query} == {(1, 1), (1, 2), (7, 1), (7, 2)}
    assert all(len(g.paths) == 4 for g in splits.gallery)


def test_a_wrong_folder_says_what_is_missing(tmp_path, tiny_market):
    with pytest.raises(InputError, match="bounding_box_train"):
        read_market(tmp_path / "nothing")
    (tiny_market / "bounding_box_train" / "holiday.jpg").touch()
    with pytest.raises(InputError, match=r"holiday\.jpg"):
        read_market(tiny_market)


def test_colours_tell_one_coloured_people_apart(tiny_market):
    splits = read_market(tiny_market)
    colours = colour_similarity(splits, ImageCache(64, 32), 2)
    assert score(colours, splits.query, splits.gallery).top1 == 1.0


@pytest.fixture
def two_logits(tmp_path):
    """Weights of a network that answers with two logits."""
    torch.manual_seed(0)
    file = tmp_path / "two.safetensors"
    save_checkpoint(file, Read(replace(TINY, classes=2)), {})
    return file


@pytest.mark.parametrize("dataset", DATASETS)
def test_scoring_each_data_set(dataset, request, two_logits, tmp_path, monkeypatch, capsys):
    root = request.getfixturevalue(f"mini_{dataset}")
    monkeypatch.chdir(tmp_path)
    flags = ["reid", "--dataset", dataset, "--root", str(root), "--weights", str(two_logits), "--device", "cpu"]
    assert evaluate.main(flags) == 0
    told = capsys.readouterr()
    found = json.loads((tmp_path / "runs" / f"reid-{dataset}-two.json").read_text())
    splits = read_dataset(dataset, root)
    assert told.err.strip() == ""
    for words in (
        splits.describe(),
        splits.protocol,
        "mAP (step)",
        "mAP (trapezoid, paper)",
        "matched a second",
        "written to",
    ):
        assert words in told.out
    assert all(f"NOTE: {note}" in told.out for note in splits.notes)
    assert found["dataset"]["notes"] == list(splits.notes)
    assert found["dataset"]["gallery"]["tracklets"] == len(splits.gallery)
    assert found["pairs"] == len(splits.query) * len(splits.gallery)
    assert found["weights"]["sha256"] == hashlib.sha256(two_logits.read_bytes()).hexdigest()
    assert found["weights"]["network"]["classes"] == 2
    assert found["settings"]["device"] == "cpu"
    assert list(found["scores"]) == ["READ", "pooled features"]
    read = found["scores"]["READ"]
    assert 0 < read["map_trapezoid"] <= read["map_step"] <= 1
    assert read["queries"] + read["without_match"] == len(splits.query)
    assert {"readtrack", "torch"} <= set(found["versions"])


def score_json(tmp_path, *flags):
    """What the command finds on weights and data that ``flags`` name."""
    file = tmp_path / "new" / "scores.json"
    assert evaluate.main(["reid", *map(str, flags), "--json", str(file), "--device", "cpu", "--quiet"]) == 0
    assert [path.name for path in file.parent.iterdir()] == ["scores.json"]
    return json.loads(file.read_text())


def test_ranking_by_the_class_1_logit(tiny_market, two_logits, tmp_path, capsys):
    flags = ["--root", tiny_market, "--weights", two_logits]
    by_class1 = score_json(tmp_path, *flags, "--rank-by", "class1")
    assert capsys.readouterr() == ("", "")
    assert by_class1["settings"]["rank_by"] == "class1"
    matcher, splits, images = Matcher.load(two_logits, "cpu"), read_market(tiny_market), ImageCache(64, 32)
    expected = score(read_logits(matcher, splits, images, class1=True)[0], splits.query, splits.gallery)
    assert by_class1["scores"]["READ"] == asdict(expected)


def test_clip_length_and_histograms_are_settings(tiny_market, two_logits, tmp_path):
    found = score_json(tmp_path, "--root", tiny_market, "--weights", two_logits, "--clip-length", 3, "--histogram")
    assert found["settings"]["clip_length"] == found["weights"]["network"]["clip_length"] == 3
    assert found["scores"]["HSV histogram"]["top1"] == 1.0
    assert found["calibration"]["pairs"] == 8


def test_gallery_without_queries(mini_mars, two_logits, tmp_path):
    flags = ["--dataset", "mars", "--root", mini_mars, "--weights", two_logits]
    with_queries, without = score_json(tmp_path, *flags), score_json(tmp_path, *flags, "--gallery-without-queries")
    queries = with_queries["dataset"]["query"]["tracklets"]
    assert with_queries["dataset"]["gallery"]["tracklets"] - without["dataset"]["gallery"]["tracklets"] == queries


def error_of(capsys, *flags):
    """The one line that the command ends with."""
    assert evaluate.main(["reid", *map(str, flags)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1
    return err


def test_what_cannot_be_scored_is_told_in_one_line(tiny_market, two_logits, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    foreign = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(1)}, foreign)
    (tmp_path / "damaged.safetensors").write_text("no tensors")
    save_checkpoint(tmp_path / "one.safetensors", Read(TINY), {})
    good = ["--root", tiny_market, "--weights", two_logits]
    assert "nothing" in error_of(capsys, "--root", "nothing", "--weights", two_logits)
    assert "foreign" in error_of(capsys, "--root", tiny_market, "--weights", foreign)
    assert "damaged" in error_of(capsys, "--root", tiny_market, "--weights", "damaged.safetensors")
    assert "nowhere" in error_of(capsys, "--root", tiny_market, "--weights", "nowhere")
    assert "clip_length" in error_of(capsys, *good, "--clip-length", 0)
    assert "market" in error_of(capsys, *good, "--gallery-without-queries")
    assert "one logit" in error_of(capsys, "--root", tiny_market, "--weights", "one.safetensors", "--rank-by", "class1")
    with pytest.raises(InputError, match="rank_by"):
        evaluate.ReidSettings(tiny_market, rank_by="colour")


def test_a_file_that_cannot_be_written_is_told_before_the_work(tiny_market, two_logits, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(evaluate, "evaluate_reid", lambda *args: pytest.fail("began to work"))
    (tmp_path / "file").touch()
    for file in (tmp_path / "file" / "scores.json", tmp_path):
        assert str(file) in error_of(capsys, "--root", tiny_market, "--weights", two_logits, "--json", file)


def test_ctrl_c_ends_with_status_130(tiny_market, two_logits, tmp_path, monkeypatch, capsys):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluate, "read_logits", interrupted)
    file = tmp_path / "scores.json"
    assert evaluate.main(["reid", "--root", str(tiny_market), "--weights", str(two_logits), "--json", str(file)]) == 130
    assert capsys.readouterr().err == "stopped\n"
    assert not file.exists()


def test_bad_commands_end_with_status_2(tmp_path, capsys):
    assert evaluate.main(["reid", "--root", str(tmp_path), "--weights", "nowhere"]) == 2
    errors = capsys.readouterr().err.strip().splitlines()
    assert len([line for line in errors if line.startswith("error: ")]) == 1
