"""What READ costs and brings: the tracker's budget, and the command that tells."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import supervision as sv

from readtrack import boxes
from readtrack.commands import evaluate
from readtrack.errors import InputError
from readtrack.evaluation.settings import BudgetSettings
from readtrack.tracking import Tracker, TrackerConfig
from readtrack.tracking.identity import MAX_TOKENS

ASK = TrackerConfig(fps=25, unambiguous_share=1)


class Oracle:
    """Knows everybody by their crop, and counts whom it was asked about."""

    def __init__(self):
        self.asked = []

    def log_odds(self, crops, tracklets):
        self.asked.append(list(crops))
        return np.array([[4.6 if tracklet[0] == crop else -4.6 for tracklet in tracklets] for crop in crops])


def crowd(places, confidence=None):
    """People by name, at x; taller than wide and apart."""
    xyxy = np.array([[x, 100, x + 40, 200] for x in places.values()], dtype=np.float64).reshape(-1, 4)
    scores = np.full(len(places), 0.9) if confidence is None else np.array(confidence)
    return boxes.with_data(sv.Detections(xyxy, confidence=scores), crop=np.array(list(places), dtype=object))


def walk(config, frames=80, people=6):
    """A row of people who all walk; the ids of the last frame, and the rows asked about in each frame."""
    oracle = Oracle()
    tracker = Tracker(config, oracle.log_odds)
    asked = []
    for i in range(frames):
        oracle.asked = []
        answer = tracker.update(crowd({f"p{k}": 60 * k + i for k in range(people)}))
        asked.append({crop for crops in oracle.asked for crop in crops})
    return answer.tracker_id.tolist(), [len(one) for one in asked]


def test_without_a_budget_all_are_asked_about():
    ids, asked = walk(ASK)
    assert sorted(ids) == [1, 2, 3, 4, 5, 6] and asked[-1] == 6


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_a_budget_bounds_the_share_that_is_asked_about(share):
    ids, asked = walk(replace(ASK, budget=share))
    assert sorted(ids) == [1, 2, 3, 4, 5, 6]
    told = np.cumsum(asked)
    allowed = share * 6 * np.arange(1, len(asked) + 1)
    assert (told <= allowed + 1e-9).all()
    assert told[-1] >= 0.9 * (allowed[-1] - 3 * 6 * share) - 1  # and what is allowed is used, once there are tracks


def test_the_surest_are_asked_about_first_and_no_one_is_paid_for_twice():
    oracle = Oracle()
    tracker = Tracker(replace(ASK, budget=0.4), oracle.log_odds)
    surely = dict(zip("abcde", (0, 60, 120, 180, 240), strict=True))
    for _ in range(4):  # nobody can be asked about before tracks are believed
        tracker.update(crowd(surely))
    tracker.identities.tokens = 0.0
    oracle.asked = []
    tracker.update(crowd(surely, [0.7, 0.95, 0.8, 0.9, 0.75]))
    assert {crop for crops in oracle.asked for crop in crops} == {"b", "d"}


def test_what_is_saved_up_is_bounded_and_a_reset_spends_it():
    oracle = Oracle()
    tracker = Tracker(replace(ASK, budget=0.9), oracle.log_odds)
    for _ in range(150):
        tracker.update(crowd({"ann": 100}))
        tracker.identities.asked = set()
    assert 0 <= tracker.identities.tokens <= MAX_TOKENS
    for _ in range(300):  # weak boxes count, and are never asked about
        tracker.update(crowd({f"p{k}": 60 * k for k in range(5)}, [0.2] * 5))
    assert tracker.identities.tokens == MAX_TOKENS
    tracker.reset()
    assert tracker.identities.tokens == 0


def test_a_budget_is_a_share():
    with pytest.raises(InputError, match="budget=1.5"):
        TrackerConfig(budget=1.5)


def told(tmp_path, *flags):
    file = tmp_path / "budget.json"
    assert evaluate.main(["budget", *map(str, flags), "--report", str(file)]) == 0
    return json.loads(file.read_text())


def test_the_command(two, tmp_path, capsys):  # noqa: F811
    gates = ("--unambiguous-share", 0.9, "--unambiguous-share", 1, "--budget", 0.01, "--gap", 3, "--places", 1)
    found = told(tmp_path, "--source", two[0], *gates)
    out = capsys.readouterr().out
    rows = {row["policy"]["name"]: row for row in found["rows"]}
    assert list(rows) == ["never", "share 0.9", "share 1", "budget 0.01"]
    assert rows["never"]["encoded"] == rows["never"]["pairs"] == 0
    assert rows["budget 0.01"]["encoded"] <= rows["share 0.9"]["encoded"] < rows["share 1"]["encoded"]
    assert all(0 < row["detections"] >= row["encoded"] and row["scores"]["IDF1"] > 0 for row in rows.values())
    assert rows["share 1"]["asked"] >= rows["share 1"]["back"] and rows["share 1"]["read_seconds"] > 0
    assert (
        found["operating_point"] in rows
        and f"widest policy: {found['operating_point']}" in out
        and "share 0.9 (default)" in out
    )


def test_two_sources_are_added_up(two, tmp_path, capsys):  # noqa: F811
    gates = ("--unambiguous-share", 0.9, "--budget", 0.1, "--places", 1)
    again = shutil.copytree(two[0], tmp_path / "STREET-03")
    found = told(tmp_path, "--source", two[0], "--source", again, *gates)
    for k in range(3):
        one, other, both = found["rows"][k::3]
        assert [row["source"] for row in (one, other, both)] == ["STREET-01", "STREET-03", "all together"]
        for name in ("frames", "detections", "encoded", "pairs", "asked", "back"):
            assert both[name] == one[name] + other[name]
        assert both["scores"]["IDSW"] == one["scores"]["IDSW"] + other["scores"]["IDSW"]


def test_what_cannot_be_tried_is_told(two, tmp_path, capsys):  # noqa: F811
    for flags, words in (
        ((two[0], "--unambiguous-share", 0.2), "unambiguous_share=0.2"),
        ((two[0], "--budget", 2), "budget=2"),
        ((two[0], "--gap", 0), "at least 1 frame"),
        ((two[1],), "has no pixels"),
    ):
        assert evaluate.main(["budget", "--source", *map(str, flags), "--report", str(tmp_path / "x")]) == 2
        assert words in capsys.readouterr().err
    with pytest.raises(InputError, match="given twice"):
        BudgetSettings(("street", "street"))
