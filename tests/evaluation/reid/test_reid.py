"""Comparing a data set in blocks, baselines, and calibration."""

import weakref
from collections import defaultdict

import numpy as np
import pytest
from embeddings import make_peer

from readtrack.datasets.clips import ImageCache, scoring_clip
from readtrack.datasets.market import read_market
from readtrack.datasets.tracklets import ReidSplits, Tracklet, parts
from readtrack.errors import InputError
from readtrack.evaluation.reid import (
    Pairs,
    Stopwatch,
    baseline_similarity,
    calibrate,
    calibration,
    check_calibration,
    colours,
    pairing,
    peer,
    read_logits,
    score,
    tracking_pairs,
    worst_pairs,
)
from readtrack.evaluation.reid.calibration import error_of_new_people
from readtrack.metrics.calibration import calibration_error, fit_sigmoid, reliability_curve, sigmoid
from readtrack.read.matcher import Crop, Matcher


class Images(dict):
    """Files that show one number each: the person."""

    def __missing__(self, path):
        return np.full((2, 2, 3), float(path.split("_")[0]))


class Numbers:
    """Stands in for READ: a crop's feature is the number that it shows, a logit minus the distance of two numbers."""

    clip_length = 2

    def queries(self, crops):
        return np.array([crop.pixels.mean() for crop in crops])

    def galleries(self, clips):
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
    monkeypatch.setattr(pairing, "QUERIES_AT_ONCE", 3)
    monkeypatch.setattr(pairing, "CLIPS_AT_ONCE", 4)


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

    monkeypatch.setattr(pairing, "Crop", counted)
    splits = splits_of(*(tracklet(pid, camid) for camid in (1, 2) for pid in range(1, 9)))
    pixels = defaultdict(lambda: np.zeros((64, 32, 3), dtype=np.uint8))
    read_logits(Matcher(tiny_model, "cpu"), splits, pixels)
    assert most <= 2 * 4 * 2  # two blocks of four clips of two crops, the second being made; of 40 in all


def test_an_empty_data_set_cannot_be_scored():
    with pytest.raises(InputError, match="numbers: has no queries"):
        read_logits(Numbers(), splits_of(), Images())


def pairs_of(*people):
    return tracking_pairs(Numbers(), splits_of(*people), Images())


def test_pairs_as_a_tracker_meets_them():
    # Camera 1: person 1 twice, person 2, and those who do not count: too short, or a distractor. Camera 2: person 3.
    pairs = pairs_of(
        tracklet(1, 1), tracklet(1, 1), tracklet(2, 1), tracklet(2, 1, 3), tracklet(0, 1, 9), tracklet(3, 2)
    )
    assert pairs.same.tolist() == [True, True, False, True, True, False, False, False, True, True]
    assert pairs.logits.tolist() == [0, 0, -1, 0, 0, -1, -1, -1, 0, 0]
    assert pairs.query.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]
    assert pairs.gallery.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2, 3]
    assert pairs.pids.tolist() == [1, 1, 2, 3]
    assert pairs.images[2:] == ("2_1_3", "3_2_3")
    assert pairs.clips[2:] == (("2_1_0", "2_1_1"), ("3_2_0", "3_2_1"))


def test_many_tracklets_of_a_camera_are_thinned_evenly(monkeypatch):
    monkeypatch.setattr(calibration, "TRACKLETS_PER_CAMERA", 4)
    pairs = pairs_of(*(tracklet(pid, 1) for pid in range(1, 17)))
    people = np.array([3, 7, 11, 15])  # the middle of each quarter
    assert np.array_equal(pairs.logits.reshape(4, 4), -np.abs(people[:, None] - people))
    assert np.array_equal(pairs.same.reshape(4, 4), np.eye(4, dtype=bool))


def test_calibration_without_pairs_is_passed_over():
    for people in ([tracklet(1, 1, 3)], [tracklet(1, 1)], [tracklet(1, 1), tracklet(2, 2)]):
        assert calibrate(Numbers(), splits_of(*people), Images()) == (1.0, 0.0)
        assert check_calibration(Numbers(), pairs_of(*people)) is None


def test_calibration_is_checked_on_pairs():
    # Probabilities 0.73 of both true pairs and 0.27 of both wrong ones, a tenth of all weight on the true ones.
    found = check_calibration(Numbers(), pairs_of(tracklet(1, 1), tracklet(2, 1)), bar=0.7)
    p = 1 / (1 + np.exp(-1))
    curve = found.pop("curve")
    assert found.pop("error_of_new_people") is None  # one person in each half
    assert found == pytest.approx({"error": 0.1 * (1 - p) + 0.9 * (1 - p), "true": 1, "wrong": 0, "pairs": 4})
    assert [(row["stated"], row["found"]) for row in curve] == [pytest.approx(row) for row in ((1 - p, 0), (p, 1))]


def noisy_pairs(people, seed=0, shift=lambda pid: 0.0):
    """Everybody with everybody, logits of a spread that grows with ``shift`` of the person."""
    rng = np.random.default_rng(seed)
    query, gallery = np.indices((people, people)).reshape(2, -1)
    pids = np.arange(1, people + 1)
    drift = np.array([shift(pid) for pid in pids])
    logits = np.where(query == gallery, 2.0, -2.0) + rng.normal(0, 2, len(query)) + drift[query]
    return Pairs(logits, query, gallery, pids, ("",) * people, (("",),) * people)


def test_the_error_of_new_people_sees_what_the_fitted_ones_do_not():
    assert error_of_new_people(noisy_pairs(60)) < 0.06
    # People of odd numbers get higher logits: a sigmoid of either half does not fit the other.
    assert error_of_new_people(noisy_pairs(60, shift=lambda pid: 6.0 * (pid % 2))) > 0.15


def test_the_error_of_new_people_needs_two_people_in_each_half():
    assert error_of_new_people(noisy_pairs(3)) is None
    assert error_of_new_people(noisy_pairs(4)) is not None


def test_the_worst_pairs_by_hand():
    # Person 1 is close to 2; person 9 is far from everybody; the second tracklet of 4 looks like 40.
    people = [tracklet(1, 1), tracklet(2, 1), tracklet(9, 1), tracklet(4, 1)]
    other = Tracklet(tuple(f"40_1_{i}" for i in range(4)), 4, 1)
    pairs = pairs_of(*people, other)
    found = worst_pairs(Numbers(), pairs, 2)
    assert [(row["query"], row["clip"]) for row in found["false_accepts"]] == [
        ("1_1_3", ["2_1_0", "2_1_1"]),
        ("2_1_3", ["4_1_0", "4_1_1"]),
    ]
    missed = found["false_rejects"]
    assert [row["query"] for row in missed] == ["4_1_3", "1_1_3"]  # nobody twice
    assert missed[0]["clip"] == ["40_1_0", "40_1_1"] and missed[0]["probability"] < 1e-6
    assert len(worst_pairs(Numbers(), pairs, 100)["false_rejects"]) == 4
    assert worst_pairs(Numbers(), pairs_of(), 5) == {"false_accepts": [], "false_rejects": []}


def test_a_reliability_curve_counted_by_hand():
    said, same = np.array([0.1, 0.3, 0.3, 1.0]), np.array([False, False, True, True])
    low, high = reliability_curve(said, same, 0.5, bins=2)
    assert (low["low"], low["high"], low["true"], low["wrong"]) == (0, 0.5, 1, 2)
    assert (low["weight"], low["found"]) == pytest.approx((0.75, 1 / 3))
    assert low["stated"] == pytest.approx((0.1 + 0.3 + 0.3) / 3)
    assert high == pytest.approx(
        {"low": 0.5, "high": 1, "stated": 1, "found": 1, "weight": 0.25, "true": 1, "wrong": 0}
    )
    assert calibration_error(said, same, 0.5, bins=2) == pytest.approx(0.75 * (1 / 3 - 0.7 / 3))


def test_a_sigmoid_never_overflows():
    assert sigmoid(np.array([-1e4, 0.0, 1e4]), 1.0, 0.0).tolist() == [0, 0.5, 1]


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
    found, crops = baseline_similarity(colours(64, 32), splits, ImageCache(64, 32), 2)
    assert score(found, splits.query, splits.gallery).top1 == 1.0
    assert crops == len({path for t in splits.gallery for path in (*scoring_clip(t, 2), t.paths[0])})


@pytest.mark.parametrize("batch", [1, "batch"])
def test_a_peer_compares_with_the_mean_unit_vector(tiny_market, tmp_path, batch):
    splits, watch = read_market(tiny_market), Stopwatch()
    other = peer(make_peer(tmp_path / "other.onnx", batch=batch))
    assert (other.name, other.size) == ("other", (32, 16))
    images = ImageCache(*other.size)
    found, _ = baseline_similarity(other, splits, images, 2, watch)
    assert sorted(watch.seconds) == ["describing", "reading"]
    clip = other.describe([images[path] for path in scoring_clip(splits.gallery[1], 2)])
    mean = clip.mean(axis=0) / np.linalg.norm(clip.mean(axis=0))
    for row, query in enumerate(splits.query):
        (vector,) = other.describe([images[query.paths[0]]])
        assert found[row, 1] == pytest.approx(vector @ mean, abs=1e-5)
    assert score(found, splits.query, splits.gallery).top1 == 1.0


def test_what_gives_no_vectors_is_no_peer(tmp_path):
    with pytest.raises(InputError, match="expected finite vectors"):
        peer(make_peer(tmp_path / "maps.onnx", vectors=False))
    with pytest.raises(InputError, match="no such file"):
        peer(tmp_path / "nobody.onnx")
