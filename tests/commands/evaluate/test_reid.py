"""The command that scores re-ID weights."""

import hashlib
import importlib
import json
import re
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from conftest import TINY
from embeddings import make_peer
from safetensors.torch import save_file

from readtrack.commands import evaluate
from readtrack.commands.evaluate.command import TASKS
from readtrack.commands.parsing import parse
from readtrack.datasets import DATASETS, read_dataset
from readtrack.datasets.clips import ImageCache
from readtrack.datasets.corruptions import KINDS, Corruption
from readtrack.datasets.market import read_market
from readtrack.errors import InputError
from readtrack.evaluation.reid import baseline_similarity, benchmark, colours, read_logits, score
from readtrack.evaluation.settings import ReidSettings
from readtrack.images import read_image
from readtrack.read.checkpoint import save_checkpoint
from readtrack.read.matcher import Matcher
from readtrack.read.model import Read


@pytest.fixture
def two_logits(tmp_path):
    """Weights of a network that answers with two logits."""
    torch.manual_seed(0)
    file = tmp_path / "two.safetensors"
    save_checkpoint(file, Read(replace(TINY, classes=2)), {})
    return file


@pytest.mark.parametrize("dataset", DATASETS)
def test_scoring_each_data_set(dataset, request, two_logits, tmp_path, monkeypatch, capsys):
    root = request.getfixturevalue(f"mini_{dataset.replace('-', '_')}")
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
        "ms a crop",
        "ms a pair",
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
    assert evaluate.main(["reid", *map(str, flags), "--report", str(file), "--device", "cpu", "--quiet"]) == 0
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


def test_a_shortlist_is_ranked_by_read_and_the_rest_by_pooled_features(mini_market_test, two_logits, tmp_path, capsys):
    flags = ["--dataset", "market-test", "--root", mini_market_test, "--weights", two_logits]
    everything, first = score_json(tmp_path, *flags), score_json(tmp_path, *flags, "--shortlist", 1)
    assert first["pairs"] == first["dataset"]["query"]["tracklets"] < everything["pairs"]
    assert first["scores"]["pooled features"] == everything["scores"]["pooled features"] == first["scores"]["READ"]
    assert first["scores"]["READ"] != everything["scores"]["READ"]
    assert evaluate.main(["reid", *map(str, flags), "--shortlist", "0"]) == 2
    assert "a shortlist of 0: at least 1" in capsys.readouterr().err


def test_a_shortlist_of_everybody_is_judged_as_without_one(mini_market_test, two_logits):
    """Pair by pair: of pairs that nearly tie, blocks of other sizes may round to another order."""
    matcher, splits = Matcher.load(two_logits, "cpu"), read_dataset("market-test", mini_market_test)
    images = ImageCache(TINY.height, TINY.width)
    (all_logits, cosines), (logits, again) = (read_logits(matcher, splits, images, shortlist=n) for n in (None, 10_000))
    sides = [[(t.pid, t.camid) for t in side] for side in (splits.query, splits.gallery)]
    counts = np.array([[query != video for video in sides[1]] for query in sides[0]])
    assert counts.any() and not counts.all()
    np.testing.assert_allclose(logits[counts], all_logits[counts], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(again, cosines, rtol=1e-5, atol=1e-5)
    assert logits[~counts].max() < all_logits.min()  # whoever does not count comes last


def test_gallery_without_queries(mini_mars, two_logits, tmp_path):
    flags = ["--dataset", "mars", "--root", mini_mars, "--weights", two_logits]
    with_queries, without = score_json(tmp_path, *flags), score_json(tmp_path, *flags, "--no-queries-in-gallery")
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
    assert "market" in error_of(capsys, *good, "--no-queries-in-gallery")
    assert "one logit" in error_of(capsys, "--root", tiny_market, "--weights", "one.safetensors", "--rank-by", "class1")
    with pytest.raises(InputError, match="rank_by"):
        ReidSettings(tiny_market, rank_by="colour")
    with pytest.raises(InputError, match="corrupted 'rain' is unknown"):
        ReidSettings(tiny_market, corrupted="rain")
    assert "0 confusions" in error_of(capsys, *good, "--worst", 0)
    assert "nobody.onnx" in error_of(capsys, *good, "--reid", "nobody.onnx")


def test_a_file_that_cannot_be_written_is_told_before_the_work(tiny_market, two_logits, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "evaluate_reid", lambda *args: pytest.fail("began to work"))
    (tmp_path / "file").touch()
    for file in (tmp_path / "file" / "scores.json", tmp_path):
        assert str(file) in error_of(capsys, "--root", tiny_market, "--weights", two_logits, "--report", file)


def test_ctrl_c_ends_with_status_130(tiny_market, two_logits, tmp_path, monkeypatch, capsys):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(benchmark, "read_logits", interrupted)
    file = tmp_path / "scores.json"
    assert (
        evaluate.main(["reid", "--root", str(tiny_market), "--weights", str(two_logits), "--report", str(file)]) == 130
    )
    assert capsys.readouterr().err == "stopped\n"
    assert not file.exists()


def test_bad_commands_end_with_status_2(tmp_path, capsys):
    assert evaluate.main(["reid", "--root", str(tmp_path), "--weights", "nowhere"]) == 2
    errors = capsys.readouterr().err.strip().splitlines()
    assert len([line for line in errors if line.startswith("error: ")]) == 1


def test_every_image_is_spoilt_for_the_second_table(tiny_market, two_logits, tmp_path, capsys):
    flags = ["--root", tiny_market, "--weights", two_logits, "--histogram"]
    plain = score_json(tmp_path, *flags)
    assert plain["corrupted"] is None
    for kind in ("all", "occlusion"):
        found = score_json(tmp_path, *flags, "--corrupted", kind)
        assert found["settings"]["corrupted"] == kind
        assert found["scores"] == plain["scores"]
        splits, matcher = read_market(tiny_market), Matcher.load(two_logits, "cpu")
        images = ImageCache(64, 32, alter=Corruption(kind, splits.gallery, read_image))
        logits, cosines = read_logits(matcher, splits, images)
        histograms, _ = baseline_similarity(colours(64, 32), splits, images, matcher.clip_length)
        expected = {"READ": logits, "pooled features": cosines, "HSV histogram": histograms}
        assert found["corrupted"]["scores"] == {
            name: asdict(score(values, splits.query, splits.gallery)) for name, values in expected.items()
        }
        assert found["corrupted"]["calibration"]["pairs"] == found["calibration"]["pairs"]
    assert evaluate.main(["reid", *map(str, flags), "--report", str(tmp_path / "s.json"), "--corrupted", "blur"]) == 0
    told = capsys.readouterr().out
    assert f"corrupted, blur: {KINDS['blur']}" in told
    assert told.count("mAP (step)") == 2 and "corrupted calibration" in told


def test_a_peer_stands_in_both_tables(tiny_market, two_logits, tmp_path, capsys):
    flags = [
        "--root",
        tiny_market,
        "--weights",
        two_logits,
        "--reid",
        make_peer(tmp_path / "other.onnx"),
        "--corrupted",
        "all",
    ]
    found = score_json(tmp_path, *flags)
    for part in (found, found["corrupted"]):
        assert list(part["scores"]) == list(part["speed"])[:1] + ["pooled features", "other"]
        assert part["speed"]["other"]["ms_per_crop"] > 0
        assert part["speed"]["READ"]["ms_per_pair"] > 0
    assert found["scores"]["other"]["top1"] == 1.0
    assert evaluate.main(["reid", "--root", "x", "--corrupted", "rain"]) == 2
    assert "rain" in capsys.readouterr().err


def test_charts_are_drawn_where_asked(mini_market, two_logits, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    flags = ["reid", "--root", str(mini_market), "--weights", str(two_logits), "--worst", "2"]
    assert evaluate.main([*flags, "--charts", "new", "--report", "new/scores.json"]) == 0
    names = {f"{name}.{kind}" for name in ("cmc", "reliability") for kind in ("png", "svg")}
    assert {path.name for path in (tmp_path / "new").iterdir()} == {*names, "confusions.png", "scores.json"}
    assert "drawn to new/cmc.png, new/cmc.svg" in capsys.readouterr().out
    found = json.loads((tmp_path / "new" / "scores.json").read_text())
    assert {kind: len(rows) for kind, rows in found["confusions"].items()} == {"false_accepts": 2, "false_rejects": 2}
    assert sum(row["weight"] for row in found["calibration"]["curve"]) == pytest.approx(1)
    for name, scores in found["scores"].items():
        curve = found["cmc"][name]
        assert (curve[0], curve[4], curve[9]) == (scores["top1"], scores["top5"], scores["top10"])
        assert sorted(curve) == curve and len(curve) == 50


def test_without_pairs_their_charts_are_left_out_and_that_is_told(
    tmp_path, two_logits, tiny_market, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    for file in (tiny_market / "bounding_box_train").glob("*_00000[123]_*"):
        file.unlink()
    flags = ["reid", "--root", str(tiny_market), "--weights", str(two_logits), "--charts", "new"]
    assert evaluate.main(flags) == 0
    assert "neither reliability nor confusions drawn" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["cmc.png", "cmc.svg"]


HELP = """
import sys
from readtrack.commands import evaluate
status = None
try:
    evaluate.main([sys.argv[1], "--help"])
except SystemExit as end:
    status = end.code
print(status, {"torch", "supervision", "cv2", "matplotlib", "scipy"} & set(sys.modules))
"""


@pytest.mark.parametrize("name", TASKS)
def test_help_teaches_and_waits_for_nothing_heavy(name):
    out = subprocess.run([sys.executable, "-c", HELP, name], capture_output=True, text=True, check=True).stdout
    assert "examples:" in out and "--report" in out and f"readtrack.evaluate {name} " in out
    assert out.splitlines()[-1] == "0 set()"


EXAMPLE = re.compile(r"^  python -m readtrack\.evaluate (\w+)((?: \S+)+)", re.MULTILINE)


@pytest.mark.parametrize("name", TASKS)
def test_the_examples_can_be_typed(name):
    task = importlib.import_module(f"readtrack.commands.evaluate.{name}")
    examples = EXAMPLE.findall(task.EXAMPLES)
    assert len(examples) >= 3
    for word, flags in examples:
        assert word == name and parse(task.Command, flags.split(), "evaluate", "")


def test_the_tasks_are_listed(capsys):
    assert evaluate.main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in TASKS)
    assert evaluate.main(["nonsense"]) == evaluate.main([]) == 2
    assert "usage:" in capsys.readouterr().err
