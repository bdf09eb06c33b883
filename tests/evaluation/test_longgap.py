"""People known again after some seconds: labels, query sets, scores, and the command."""

import json
import shutil

import numpy as np
import pytest
import supervision as sv
import torch
from conftest import SHARED, TINY
from embeddings import make_peer

from readtrack.commands import evaluate
from readtrack.errors import InputError
from readtrack.evaluation.longgap import Tally, ask, gap_scores
from readtrack.evaluation.query_sets import QuerySet, Sighting, query_sets, sightings
from readtrack.evaluation.recordings import label, open_recording
from readtrack.evaluation.reid import colours
from readtrack.evaluation.settings import LongGapSettings
from readtrack.read.checkpoint import save_checkpoint
from readtrack.read.model import Read

TUD = SHARED / "data" / "mot15" / "TUD-Stadtmitte"
OSNET = SHARED / "reid" / "osnet_x0_25_msmt17.onnx"


def people(*tlwh, ids=None):
    xyxy = np.array([(x, y, x + w, y + h) for x, y, w, h in tlwh], np.float64).reshape(-1, 4)
    return sv.Detections(xyxy=xyxy, tracker_id=None if ids is None else np.array(ids))


def test_detections_are_whom_they_overlap_one_to_one():
    truth = people((0, 0, 10, 20), (8, 0, 10, 20), (100, 0, 10, 20), ids=[7, 8, 9])
    # Near 7 but nearer to 8 is taken by 8; a second box of 7; a box of nobody; half of 9 in height is just enough.
    found = people((8, 1, 10, 20), (1, 0, 10, 20), (0, 3, 10, 20), (50, 0, 10, 20), (100, 0, 10, 10))
    assert label(found, truth).tolist() == [8, 7, -1, -1, 9]
    assert label(people((100, 0, 10, 9.9)), truth).tolist() == [-1]
    assert label(people(), truth).tolist() == []
    assert label(found, sv.Detections.empty()).tolist() == [-1] * 5


def test_the_most_overlap_in_all_wins():
    # Both overlap 1 most, but only the first could be 2 as well.
    truth = people((0, 0, 10, 10), (3, 0, 10, 10), ids=[1, 2])
    assert label(people((1, 0, 10, 10), (-1, 0, 10, 10)), truth).tolist() == [2, 1]


def seen(person, frame):
    return Sighting(person, frame, {})


def frames(**when):
    """Frames 0 to 20; ``p1=range(3)`` is person 1 in frames 0, 1 and 2."""
    return [(f, [seen(int(name[1:]), f) for name, there in when.items() if f in there]) for f in range(21)]


def test_query_sets_by_hand():
    film = frames(p1=range(21), p2=range(4), p3=range(10, 21), p4=[20])
    asked = [question for _, question in query_sets(film, [(5, 10)], every=4, length=2)]
    # Frame 0 and 4: nobody before. 8: 1 and 2 until frame 3. 12: both still in 2..7. 16: 1 alone in 6..11, and 3.
    assert [(r.queries[0].frame, [q.person for q in r.queries], r.people.tolist()) for r in asked] == [
        (8, [1], [1, 2]),
        (12, [1], [1, 2]),
        (16, [1, 3], [1, 3]),
        (20, [1, 3], [1, 3]),
    ]
    clips = [[sighting.frame for sighting in clip] for clip in asked[0].clips]
    assert clips == [[1, 3], [1, 3]]  # of frames 0 to 3: the middle of each half
    assert [[s.frame for s in clip] for clip in asked[1].clips] == [[3, 6], [2, 3]]  # of 2 to 7, and of 2 and 3
    assert [[s.frame for s in clip] for clip in asked[2].clips] == [[7, 10], [10, 11]]


def test_somebody_alone_is_no_question():
    assert list(query_sets(frames(p1=range(21)), [(2, 9)], 1, 4)) == []
    assert list(query_sets(frames(p1=range(4), p2=range(4), p3=range(10, 21)), [(5, 10)], 1, 4)) == []
    assert list(query_sets([], [(2, 9)], 1, 4)) == []


def test_each_gap_is_asked_by_itself():
    film = frames(p1=range(21), p2=range(4))
    alone = {gap: [q for _, q in query_sets(film, [gap], 4, 2)] for gap in ((5, 10), (1, 4))}
    together = list(query_sets(film, [*alone], 4, 2))
    for place, gap in enumerate(alone):
        found = [question for at, question in together if at == place]
        assert [(q.queries, q.clips) for q in found] == [(q.queries, q.clips) for q in alone[gap]] != []


class Numbers:
    """READ's stand-in: a crop shows one number, a logit is minus the distance."""

    config = TINY

    def logits(self, stills, clips):
        means = np.array([np.mean([crop.pixels.mean() for crop in clip]) for clip in clips])
        return -np.abs(np.array([crop.pixels.mean() for crop in stills])[:, None] - means)

    vectors = staticmethod(lambda crops: np.ones((len(crops), 1)))
    video_vectors = staticmethod(lambda clips: np.ones((len(clips), 1)))

    def probability(self, logits):
        return np.exp(logits)


def shown(person, value, size=(64, 32)):
    return Sighting(person, 0, {size: np.full((*size, 3), value, np.uint8)})


def test_answers_are_ranked_and_ties_lose():
    question = QuerySet(
        (shown(1, 10), shown(2, 31)),
        np.array([1, 2, 3]),
        ((shown(1, 12),), (shown(2, 20), shown(2, 22)), (shown(3, 30),)),
    )
    nothing, tally = ask(Numbers(), [colours(64, 32)], [(1, question), (1, question)], 2)
    assert nothing == Tally()
    assert tally.candidates == [3] * 4
    assert tally.ranks["READ"] == [1, 2, 1, 2]
    assert tally.ranks["pooled features"] == [3] * 4  # all alike
    assert tally.true["READ"] == pytest.approx([np.exp(-2), np.exp(-10)] * 2)
    assert tally.wrong["READ"] == pytest.approx([np.exp(-11), np.exp(-20), np.exp(-19), np.exp(-1)] * 2)
    both = Tally()
    both += tally
    both += tally
    assert both.ranks["READ"] == [1, 2] * 4 and len(both.wrong["READ"]) == 16


def test_the_area_under_the_curve_is_that_of_scikit_learn():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    true, wrong = rng.integers(3, 9, 50) / 10, rng.integers(0, 7, 80) / 10  # with ties
    tally = Tally([2], {"READ": [1]}, {"READ": true.tolist()}, {"READ": wrong.tolist()})
    scores = gap_scores("film", 1.0, tally)
    wanted = roc_auc_score([1] * 50 + [0] * 80, np.concatenate([true, wrong]))
    assert scores.auc["READ"] == pytest.approx(wanted)
    assert scores.true_over == {"0.5": (true > 0.5).mean(), "0.9": 0.0}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Of a network that knows nothing."""
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_checkpoint(file, Read(TINY), {})
    return file


def found_in(tmp_path, weights, *flags):
    file = tmp_path / "gap.json"
    flags = ["--weights", weights, "--device", "cpu", "--report", file, *flags]
    assert evaluate.main(["longgap", *map(str, flags)]) == 0
    return json.loads(file.read_text())


SHORT = ("--gap", 0.12, "--gap", 0.4, "--window", 0.6, "--every", 2)


def test_sequences_of_images_and_of_a_video(mini_mot, weights, tmp_path, capsys):
    sources = [mini_mot / "STREET-01", mini_mot / "STREET-02"]
    peer = make_peer(tmp_path / "other.onnx")
    flags = [flag for source in sources for flag in ("--source", source)]
    found = found_in(tmp_path, weights, *flags, *SHORT, "--truth-boxes", "--reid", peer)
    told = capsys.readouterr().out
    names = ["STREET-01", "STREET-02", "all together"]
    assert [(row["name"], row["gap"]) for row in found["scores"]] == [(n, g) for n in names for g in (0.12, 0.4, None)]
    one, two, both = found["scores"][2::3]
    assert one["queries"] == sum(row["queries"] for row in found["scores"][:2])
    assert both["queries"] == one["queries"] + two["queries"] and min(one["queries"], two["queries"]) > 10
    for row in found["scores"]:
        assert f"{row['name']}: AUC" in told and f"{row['queries']:,}" in told
        assert (
            list(row["top1"]) == list(row["reciprocal_rank"]) == ["READ", "pooled features", "HSV histogram", "other"]
        )
        assert 0 < row["chance"] <= 0.5 and row["candidates"] >= 2
        assert row["top1"]["HSV histogram"] > 2 * row["chance"]  # the drawn people wear different colours
        assert all(row["top1"][name] <= row["reciprocal_rank"][name] <= 1 for name in row["top1"])
        assert row["auc"]["HSV histogram"] > 0.6 and set(row["auc"]) == set(row["top1"])
        assert 0 <= row["wrong_over"]["0.9"] <= row["wrong_over"]["0.5"] <= 1
        assert 0 <= row["calibration_error"] <= 1
    assert found["settings"]["clip_length"] == TINY.clip_length
    assert found["weights"]["sha256"]


def test_detections_come_from_the_folder_or_a_file(mini_mot, weights, tmp_path, capsys):
    sequence = tmp_path / "STREET"
    shutil.copytree(mini_mot / "STREET-01", sequence)
    (sequence / "det").mkdir()
    truth = (sequence / "gt" / "gt.txt").read_text()
    rows = [line.split(",") for line in truth.splitlines()]
    detections = "\n".join(",".join([frame, "-1", *box[:4], "0.9"]) for frame, _, *box in rows)
    (sequence / "det" / "det.txt").write_text(detections)
    (tmp_path / "shifted.txt").write_text("1,-1,0,0,5,5,0.9\n")
    from_folder = found_in(tmp_path, weights, "--source", sequence, *SHORT)
    assert from_folder["scores"][0]["queries"] > 10
    flags = ["longgap", "--source", str(sequence), "--weights", str(weights), "--detections"]
    assert evaluate.main([*flags, str(tmp_path / "shifted.txt"), "--report", str(tmp_path / "x.json")]) == 2
    assert "nobody is there again after 1 s" in capsys.readouterr().err
    (sequence / "seqinfo.ini").unlink()  # now 25 frames are taken for a second, instead of 5
    fewer = found_in(tmp_path, weights, "--source", sequence, *SHORT)["scores"]
    assert 0 < fewer[0]["queries"] < from_folder["scores"][0]["queries"]


def test_the_drawn_street(weights, tmp_path, monkeypatch):
    with open_recording("street") as recording:
        frame, there = next(sightings(recording, [(8, 4)]))
    assert frame == 0 and len(there) > 2
    assert all(sighting.pixels[8, 4].shape == (8, 4, 3) for sighting in there)
    with open_recording("street", truth_boxes=True) as recording:
        exact = next(sightings(recording, [(8, 4)]))[1]
    assert {sighting.person for sighting in there} <= {sighting.person for sighting in exact}


def test_what_cannot_be_asked_is_told_in_one_line(mini_mot, weights, tmp_path, capsys):
    def error_of(*flags):
        assert (
            evaluate.main(["longgap", *map(str, flags), "--weights", str(weights), "--report", str(tmp_path / "x")])
            == 2
        )
        out, err = capsys.readouterr()
        assert out == "" and err.startswith("error: ") and err.count("\n") == 1
        return err

    sequence = mini_mot / "STREET-01"
    blind = tmp_path / "blind"
    shutil.copytree(sequence, blind, ignore=shutil.ignore_patterns("img1"))
    for flags, told in (
        (["--source", sequence], "--detections"),
        (["--source", tmp_path], "has no gt/gt.txt"),
        (["--source", blind, "--truth-boxes"], "has no pixels"),
        (["--source", sequence, "--truth-boxes", "--gap", -1], "a gap of -1 s"),
        (["--source", sequence, "--truth-boxes", "--window", 0], "a window of 0 s"),
        (["--source", sequence, "--truth-boxes", "--every", 0], "every 0"),
        (["--source", sequence, "--truth-boxes", "--detections", "x"], "give one of them"),
        (["--source", sequence, "--source", sequence, "--detections", "x"], "one sequence"),
        (["--source", "street", "--detections", "x"], "one sequence"),
        (["--source", sequence, "--detections", "nothing.txt"], "nothing.txt"),
        (["--source", sequence, "--truth-boxes", "--reid", "nobody.onnx"], "nobody.onnx"),
        (["--source", sequence, "--truth-boxes", "--gap", 500], "--gap"),
    ):
        assert told in error_of(*flags)
    with pytest.raises(InputError, match="no source"):
        LongGapSettings(())


@pytest.mark.data
def test_people_of_a_real_street_are_known_again(tmp_path):
    if not (TUD.is_dir() and OSNET.is_file()):
        pytest.skip("TUD-Stadtmitte or OSNet are not here")
    found = found_in(tmp_path, "read-s", "--source", TUD, "--gap", 1, "--every", 15, "--reid", OSNET)
    (scores,) = found["scores"]
    assert scores["queries"] > 30 and scores["chance"] < 0.2
    assert scores["top1"]["READ"] > 0.8 and scores["top1"][OSNET.stem] > 0.9
