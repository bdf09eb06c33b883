"""Rankings counted by hand, data readers, and a training that learns colours in seconds."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from conftest import TINY

from readtrack import evaluate, train
from readtrack.data.clips import BatchSampler, ImageCache, scoring_clip
from readtrack.data.market import read_market
from readtrack.data.tracklets import Tracklet, parts
from readtrack.errors import InputError
from readtrack.evaluation.retrieval import score_retrieval
from readtrack.read.calibration import calibration_error, fit_sigmoid
from readtrack.read.checkpoint import load_checkpoint
from readtrack.reid import colour_similarity, score


def retrieve(similarity, query_pids, query_camids, gallery_pids, gallery_camids):
    return score_retrieval(
        np.array(similarity), *map(np.array, (query_pids, query_camids, gallery_pids, gallery_camids))
    )


def test_retrieval_counted_by_hand():
    # First query: hits at ranks 2 and 3 -> AP (1/2 + 2/3) / 2. Second: hit at rank 1.
    found = retrieve([[0.9, 0.8, 0.7, 0.1], [0.1, 0.2, 0.3, 0.9]], [1, 2], [1, 1], [3, 1, 1, 2], [2, 2, 3, 2])
    assert (found.top1, found.top5, found.queries) == (0.5, 1.0, 2)
    assert found.mAP == pytest.approx((7 / 12 + 1) / 2)


def test_same_person_and_camera_does_not_count():
    found = retrieve([[0.9, 0.5, 0.6]], [1], [1], [1, 1, 2], [1, 2, 2])
    assert (found.top1, found.mAP) == (0.0, 0.5)


def test_ties_rank_wrong_answers_first_in_any_order():
    for pids in ([1, 2, 3], [3, 2, 1]):
        assert retrieve([[0.5, 0.5, 0.5]], [1], [1], pids, [2, 2, 2]).mAP == pytest.approx(1 / 3)


def test_rankings_without_truth_or_with_nan_are_errors():
    with pytest.raises(ValueError, match="true match"):
        retrieve([[0.5]], [1], [1], [2], [2])
    with pytest.raises(ValueError, match="NaN"):
        retrieve([[np.nan]], [1], [1], [1], [2])


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


def test_batches_pair_two_cameras_and_repeat_with_the_seed(tiny_market):
    splits = read_market(tiny_market)

    def draw(seed):
        return BatchSampler(splits.train, ImageCache(64, 32), (2, 3), seed).draw(8)

    one, again, other = draw(1), draw(1), draw(2)
    assert one.queries.shape == (8, 2, 64, 32, 3)
    assert one.galleries.shape == (8, 3, 64, 32, 3)
    assert len(set(one.labels.tolist())) == 8
    assert np.array_equal(one.queries, again.queries)
    assert not np.array_equal(one.queries, other.queries)
    with pytest.raises(InputError, match="only 10"):
        BatchSampler(splits.train, ImageCache(64, 32), (2, 3), 0).draw(11)


def test_colours_tell_one_coloured_people_apart(tiny_market):
    splits = read_market(tiny_market)
    colours = colour_similarity(splits, ImageCache(64, 32), 2)
    assert score(colours, splits.query, splits.gallery).top1 == 1.0


@pytest.fixture
def tiny_recipe(monkeypatch):
    recipe = train.TrainConfig(model=TINY, people=8, steps=6, validate_every=3, learning_rate=2e-3)
    monkeypatch.setitem(train.RECIPES, "read-s", recipe)
    return recipe


def test_training_leaves_weights_that_score(tiny_market, tmp_path, tiny_recipe, capsys):
    out = tmp_path / "out"
    flags = ["--root", str(tiny_market), "--out", str(out), "--init", "random", "--device", "cpu"]
    assert train.main(flags) == 0
    assert "RANDOM" in capsys.readouterr().err
    rows = list(csv.DictReader((out / "log.csv").read_text().splitlines()))
    assert [row["step"] for row in rows] == [str(i) for i in range(1, 7)]
    assert float(rows[-1]["identity"]) < float(rows[0]["identity"])
    model, provenance = load_checkpoint(out / "best.safetensors")
    assert replace(model.config, logit_scale=1.0, logit_offset=0.0) == TINY
    assert provenance["recipe"]["steps"] == 6
    assert evaluate.main(["reid", "--root", str(tiny_market), "--weights", str(out / "best.safetensors")]) == 0
    told = capsys.readouterr().out
    assert "HSV histogram" in told and "calibration error" in told


def test_training_goes_on_where_it_stopped(tiny_market, tmp_path, tiny_recipe):
    training = train.Training(replace(tiny_recipe, steps=4), tiny_market, "random")
    training.step()
    training.save(tmp_path / "last.pt")
    loss = training.schedule.get_last_lr()
    later = train.Training(replace(tiny_recipe, steps=4), tiny_market, "random")
    later.resume(tmp_path / "last.pt")
    assert (later.done, later.schedule.get_last_lr()) == (1, loss)
    assert all((a == b).all() for a, b in zip(later.model.parameters(), training.model.parameters(), strict=True))


def test_bad_commands_end_with_status_2(tmp_path, tiny_market, capsys):
    assert train.main(["--root", str(tmp_path / "none"), "--out", str(tmp_path), "--init", "random"]) == 2
    assert train.main(["--root", str(tiny_market), "--out", str(tmp_path), "--init", "no.pt"]) == 2
    assert evaluate.main(["reid", "--root", str(tmp_path), "--weights", "nowhere"]) == 2
    errors = capsys.readouterr().err.strip().splitlines()
    assert len([line for line in errors if line.startswith("error: ")]) == 3
