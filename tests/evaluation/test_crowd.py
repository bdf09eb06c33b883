"""The benchmark of crowds: what it hands in, what it scores, and its command."""

import numpy as np
import pytest

from readtrack.boxes import with_data
from readtrack.commands.bench import main
from readtrack.errors import InputError
from readtrack.evaluation import crowd as bench
from readtrack.evaluation.crowd import Ids, crowd, evaluate_crowds
from readtrack.tracking import Reassignment


def test_the_same_crowd_comes_again():
    one, other = ([found.xyxy for found in crowd(20, 3, seed)] for seed in (0, 0))
    assert all((a == b).all() for a, b in zip(one, other, strict=True))
    found = list(crowd(200, 4))
    assert all(170 < len(people) < 200 for people in found)
    covered = np.prod(found[0].xyxy[:, 2:] - found[0].xyxy[:, :2], axis=1).sum()
    assert covered / found[0].xyxy.max() ** 2 == pytest.approx(bench.DENSITY, rel=0.2)


def test_ids_are_scored_as_they_are_known_in_the_end():
    ids = Ids()
    frames = list(crowd(5, 4))
    for frame, found in enumerate(frames):
        answer = with_data(found)
        answer.tracker_id = found.data["person"] + 1 if frame else np.full(len(found), -1)
        ids.add(found, answer, [])
    first = frames[0]
    known = ids.idf1
    seen = zip(first.xyxy, first.data["person"], strict=True)
    late = [Reassignment(0, box, 0.9, int(person) + 1) for box, person in seen]
    ids.add(found, answer, late)
    assert known < 0.9
    assert ids.idf1 == 1


def test_trackers_are_timed_and_who_is_absent_is_told(monkeypatch):
    monkeypatch.setattr(bench, "unable", lambda name, *_: None if name == "readtrack-boxes" else "not installed")
    told = []
    found = evaluate_crowds([5, 60], 8, ["readtrack-boxes", "trackers-sort"], progress=lambda *now: told.append(now))
    assert [(row.people, row.tracker, row.frames) for row in found.rows] == [
        (5, "readtrack-boxes", 6),
        (60, "readtrack-boxes", 6),
    ]
    assert all(0 < row.median <= row.slowest and 0 <= row.idf1 <= 1 for row in found.rows)
    assert found.left_out == {"trackers-sort": "not installed"}
    assert told[0] == (0, 16) and told[-1] == (16, 16)
    with pytest.raises(InputError, match="crowds of"):
        evaluate_crowds([0], 8, ["readtrack-boxes"])
    with pytest.raises(InputError, match="unknown"):
        evaluate_crowds([5], 8, ["nobody"])


def test_the_command(capsys):
    assert main(["crowd", "--people", "4", "--frames", "5", "--tracker", "readtrack-boxes"]) == 0
    assert "readtrack-boxes" in capsys.readouterr().out
    assert main(["crowd", "--frames", "1"]) == 2
