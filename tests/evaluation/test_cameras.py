"""Ids over several cameras against the truth: what counts is one id in all of them."""

import json

import numpy as np
import pytest
import supervision as sv

from readtrack.commands import evaluate
from readtrack.errors import InputError
from readtrack.evaluation.cameras import TOGETHER, evaluate_cameras
from readtrack.evaluation.settings import CamerasSettings
from readtrack.mot import MotWriter


def write(path, tracks):
    """Tracks of ten frames each: id and place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with MotWriter(path) as writer:
        for frame in range(10):
            places = [[x, 20.0, x + 40, 120] for _, x in tracks]
            ids = np.array([track for track, _ in tracks])
            writer.write(frame, sv.Detections(np.array(places), confidence=np.ones(len(ids)), tracker_id=ids))


def run(folder, second):
    """Two people in two cameras; in the second one they have those ids."""
    write(folder / "a" / "truth.txt", [(1, 100.0), (2, 300.0)])
    write(folder / "b" / "truth.txt", [(1, 200.0), (2, 400.0)])
    write(folder / "a" / "tracks.txt", [(7, 100.0), (8, 300.0)])
    write(folder / "b" / "tracks.txt", list(zip(second, (200.0, 400.0), strict=True)))
    return folder


@pytest.mark.parametrize(("second", "expected", "cameras"), [((7, 8), 1.0, 2), ((8, 7), 0.5, 1), ((9, 8), 0.75, 1)])
def test_ids_count_over_cameras(second, expected, cameras, tmp_path):
    found = evaluate_cameras(CamerasSettings(run(tmp_path, second)))
    assert found.scores["a"].IDF1 == found.scores["b"].IDF1 == 1
    assert found.scores[TOGETHER].IDF1 == pytest.approx(expected)
    ann = found.people[0]
    assert (ann.person, ann.id, ann.cameras, ann.cameras_with_id) == (1, 7, 2, cameras)
    assert ann.F1 == pytest.approx({(7, 8): 1.0, (8, 7): 0.5, (9, 8): 2 / 3}[second])


def test_a_truth_of_one_person_scores_this_one(tmp_path, capsys):
    folder = run(tmp_path / "run", (7, 8))
    write(tmp_path / "truth" / "a" / "gt" / "gt.txt", [(1, 100.0)])
    write(tmp_path / "truth" / "b.txt", [(1, 200.0)])
    flags = ["--ground-truth", str(tmp_path / "truth"), "--partial", "--report", str(tmp_path / "report.json")]
    assert evaluate.main(["cameras", "--results", str(folder), *flags]) == 0
    assert "1.000" in capsys.readouterr().out
    found = json.loads((tmp_path / "report.json").read_text())
    assert found["scores"] == {} and [one["boxes"] for one in found["people"]] == [20]


def test_what_is_missing_is_told(tmp_path, capsys):
    with pytest.raises(InputError, match="no such folder"):
        evaluate_cameras(CamerasSettings(tmp_path / "nowhere"))
    write(tmp_path / "a" / "tracks.txt", [(1, 100.0)])
    with pytest.raises(InputError, match="CAMERA/gt/gt.txt"):
        evaluate_cameras(CamerasSettings(tmp_path))
    assert evaluate.main(["cameras", "--results", str(tmp_path), "--report", str(tmp_path / "x.json")]) == 2
    assert "--ground-truth" in capsys.readouterr().err
