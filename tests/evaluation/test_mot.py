"""Tracks in MOTChallenge's format against the truth: folders, rules, bad files, and the same figures as TrackEval."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from readtrack.commands import evaluate
from readtrack.errors import InputError
from readtrack.evaluation.mot import COMBINED, evaluate_mot
from readtrack.evaluation.sequences import find_tracks, find_truth
from readtrack.evaluation.settings import MotSettings

FRAMES = 12


def rows_of(rng, people, ids, jitter, classes=False):
    """People who walk side by side, as MOT lines; ids by (frame, person)."""
    lines = []
    for frame in range(1, FRAMES + 1):
        for person in range(people):
            box = np.array([60 * person + 3 * frame, 20, 40, 100]) + rng.normal(0, jitter, 4)
            number = ids(frame, person)
            if number is not None:
                kind = [1, 1, 7, 8, 12][person % 5]
                tail = f"{int(kind == 1 and person != 5)},{kind},1.0" if classes else "1,-1,-1,-1"
                lines.append(f"{frame},{number}," + ",".join(f"{v:.3f}" for v in box) + f",{tail}")
    return "\n".join(lines) + "\n"


def build(folder, names=("A-01", "B-02"), classes=True, info=True, seed=0):
    """A benchmark's folder of two sequences, and tracks with a switch, a hole and a box too many."""
    rng = np.random.default_rng(seed)
    for k, name in enumerate(names):
        gt = folder / "gt" / name / "gt"
        gt.mkdir(parents=True)
        (gt / "gt.txt").write_text(rows_of(rng, 7 + k, lambda f, p: p + 1, 0, classes))
        if info:
            (gt.parent / "seqinfo.ini").write_text(f"[Sequence]\nname={name}\nseqLength={FRAMES}\nframeRate=25\n")
        (folder / "tracks").mkdir(exist_ok=True)
        told = rows_of(rng, 8 + k, lambda f, p: None if (f + p) % 7 == 0 else p + 1 + 20 * (p == 1 and f > 6), 4)
        (folder / "tracks" / f"{name}.txt").write_text(told)
    return folder


def score(folder, **settings):
    return evaluate_mot(MotSettings(folder / "gt", folder / "tracks", **settings))


def trackeval_says(folder, benchmark, preprocess):
    """What TrackEval's own command computes, by sequence: {metric: value}."""
    import trackeval

    names = sorted(path.name for path in (folder / "gt").iterdir())
    data_set = trackeval.datasets.MotChallenge2DBox(
        {
            "GT_FOLDER": str(folder / "gt"),
            "TRACKERS_FOLDER": str(folder),
            "TRACKERS_TO_EVAL": ["tracks"],
            "TRACKER_SUB_FOLDER": "",
            "SKIP_SPLIT_FOL": True,
            "SEQ_INFO": dict.fromkeys(names),
            "BENCHMARK": benchmark,
            "DO_PREPROC": preprocess,
            "PRINT_CONFIG": False,
        }
    )
    silent = dict.fromkeys(
        ("PRINT_RESULTS", "PRINT_CONFIG", "OUTPUT_SUMMARY", "OUTPUT_DETAILED", "PLOT_CURVES", "TIME_PROGRESS"), False
    )
    quiet = {"PRINT_CONFIG": False}
    metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR(quiet), trackeval.metrics.Identity(quiet)]
    found, _ = trackeval.Evaluator(silent).evaluate([data_set], metrics)
    told = {}
    for name, result in found["MotChallenge2DBox"]["tracks"].items():
        parts = result["pedestrian"]
        every = {**parts["HOTA"], **parts["CLEAR"], **parts["Identity"]}
        every.update({"FP": every["CLR_FP"], "FN": every["CLR_FN"]})
        told[COMBINED if name == "COMBINED_SEQ" else name] = every
    return told


@pytest.mark.parametrize(
    ("benchmark", "preprocess"), [("MOT17", "mot17"), ("MOT20", "mot20"), ("MOT15", None)], ids=str
)
def test_the_same_figures_as_trackeval_s_own(tmp_path, benchmark, preprocess):
    folder = build(tmp_path, classes=preprocess is not None)
    expected = trackeval_says(folder, benchmark, preprocess is not None)
    found = score(folder, preprocess=preprocess).scores
    assert list(found) == ["A-01", "B-02", COMBINED]
    for name, scores in found.items():
        for metric, value in asdict(scores).items():
            if metric not in ("people", "identities"):
                assert value == pytest.approx(np.mean(expected[name][metric]), abs=1e-9), (name, metric)
    assert found[COMBINED].IDSW == 2 and 0.3 < found[COMBINED].HOTA < 1


def test_distractors_cost_nothing_only_with_preprocessing(tmp_path):
    folder = build(tmp_path)
    plain, kind = score(folder).scores[COMBINED], score(folder, preprocess="mot17").scores[COMBINED]
    assert plain.FN == kind.FN and plain.people == kind.people
    assert plain.FP > kind.FP
    others = score(folder, classes=(1, 7)).scores[COMBINED]
    assert others.people == plain.people  # who is marked not to count does not, whatever the class


def test_ids_may_count_from_nought_as_in_sportsmot(tmp_path):
    folder = build(tmp_path, classes=False)
    expected = score(folder).scores
    for file in [*folder.glob("gt/*/gt/gt.txt"), *folder.glob("tracks/*.txt")]:
        rows = [line.split(",") for line in file.read_text().splitlines()]
        file.write_text("\n".join(",".join([r[0], str(int(r[1]) - 1), *r[2:]]) for r in rows))
    assert score(folder).scores == expected


def test_folders_of_all_kinds(tmp_path):
    folder = build(tmp_path, info=False)
    expected = score(folder).scores
    one = MotSettings(folder / "gt" / "A-01", folder / "tracks" / "A-01.txt")
    assert evaluate_mot(one).scores["A-01"] == expected["A-01"] == evaluate_mot(one).scores[COMBINED]
    assert find_truth(folder / "gt" / "A-01" / "gt" / "gt.txt")[0].name == "A-01"
    (folder / "all").mkdir()
    (folder / "gt").rename(folder / "all" / "train")
    (folder / "tracks").rename(folder / "data")
    assert [s.name for s in find_truth(folder / "all")] == ["A-01", "B-02"]
    assert evaluate_mot(MotSettings(folder / "all", folder)).scores == expected
    (folder / "runs" / "A-01").mkdir(parents=True)
    (folder / "data" / "A-01.txt").rename(folder / "runs" / "A-01" / "tracks.txt")
    alone = MotSettings(folder / "all" / "train" / "A-01", folder / "runs" / "A-01")
    assert evaluate_mot(alone).scores["A-01"] == expected["A-01"]
    assert find_tracks(folder / "runs", ["A-01"])["A-01"].name == "tracks.txt"


def test_missing_sequences_are_named_or_count_as_not_tracked(tmp_path):
    folder = build(tmp_path, classes=False)
    (folder / "tracks" / "B-02.txt").unlink()
    with pytest.raises(InputError, match="no tracks of B-02: .*count them as not tracked"):
        score(folder)
    found = score(folder, allow_missing=True)
    assert found.missing == ["B-02"]
    assert (found.scores["B-02"].HOTA, found.scores["B-02"].FN) == (0, 8 * FRAMES)
    assert found.scores[COMBINED].FN == found.scores["A-01"].FN + 8 * FRAMES
    (folder / "tracks" / "A-01.txt").unlink()
    with pytest.raises(InputError, match="A-01, B-02"):
        score(folder, allow_missing=True)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("3,1,0,0,10,20,1,-1,-1,-1", r"A-01.txt:\d+: .*second time in its frame"),
        ("13,1,0,0,10,20,1,-1,-1,-1", r"A-01.txt:\d+: .*beyond the 12 frames"),
        ("3,-1,0,0,10,20,1,-1,-1,-1", r"A-01.txt:\d+: .*no identity"),
        ("3,one,0,0,10,20", r'A-01.txt:\d+: "3,one.*is not frame,id'),
    ],
)
def test_a_bad_row_is_named(tmp_path, line, message):
    folder = build(tmp_path)
    with (folder / "tracks" / "A-01.txt").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(InputError, match=message):
        score(folder)


def test_what_cannot_be_used_is_refused(tmp_path):
    folder = build(tmp_path, classes=False)
    with pytest.raises(InputError, match="no classes in column 8"):
        score(folder, preprocess="mot17")
    with pytest.raises(InputError, match="leave out classes"):
        MotSettings(folder, folder, preprocess="mot17", classes=(1, 2))
    with pytest.raises(InputError, match="unknown"):
        MotSettings(folder, folder, preprocess="mot18")
    with pytest.raises(InputError, match="holds no SEQ/gt/gt.txt"):
        find_truth(folder / "tracks")
    for where in (lambda p: find_truth(p), lambda p: find_tracks(p, ["A-01"])):
        with pytest.raises(InputError, match="no such folder"):
            where(folder / "nowhere")
    with pytest.raises(InputError, match="one file for 2 sequences"):
        find_tracks(folder / "tracks" / "A-01.txt", ["A-01", "B-02"])
    (folder / "gt" / "A-01" / "seqinfo.ini").write_text("[Sequence]\nseqLength=5\n")
    (folder / "tracks" / "A-01.txt").write_text("")
    with pytest.raises(InputError, match="has frame 12 of 5"):
        score(folder)


def test_the_command_prints_a_table_and_writes_json(tmp_path, capsys):
    folder = build(tmp_path)
    command = ["mot", "--ground-truth", str(folder / "gt"), "--results", str(folder / "tracks"), "--report"]
    assert evaluate.main([*command, str(tmp_path / "scores.json"), "--preprocess", "mot20"]) == 0
    told = capsys.readouterr().out
    assert all(word in told for word in ("A-01", "B-02", COMBINED, "HOTA", "IDF1", "Frag", "MT"))
    found = json.loads((tmp_path / "scores.json").read_text())
    assert found["scores"][COMBINED]["IDSW"] == 2
    assert found["settings"]["preprocess"] == "mot20" and "trackeval" in found["versions"]
    (tmp_path / "taken").mkdir()
    assert evaluate.main([*command, str(tmp_path / "taken")]) == 2
    assert "cannot be written" in capsys.readouterr().err
