"""readtrack tune as users run it, and the settings that it leaves for readtrack track."""

import json

import pytest

from readtrack.commands import track
from readtrack.commands import tune as command

SHORT = ["--weights", "none", "--quiet"]


@pytest.fixture
def sources(two):
    """Two small sequences whose detections are the truth's boxes, as words."""
    return [word for folder in two for word in ("--source", str(folder))] + ["--detector", "none"]


def test_settings_are_searched_held_out_and_taken(sources, two, tmp_path, capsys):
    pytest.importorskip("optuna", reason="Optuna is not installed: pip install 'readtrack[tune]'")
    out = tmp_path / "tuned.json"
    words = [*sources, "--ground-truth", str(two[0].parent), "--weights", "none", "--trials", "5", "--out", str(out)]
    assert command.main(words) == 0
    told = capsys.readouterr().out
    assert "STREET-01" in told and "held out" in told and "readtrack track" in told
    found = json.loads(out.read_text())
    assert found["search"]["trials"] == 5 and len(found["search"]["parts"]) == 2
    assert set(found["settings"]) <= set(found["search"]["settings"])
    run = tmp_path / "run"
    words = [str(two[0]), "--detector", "none", *SHORT, "--no-video", "--out", str(run), "--settings", str(out)]
    assert track.main([*words, "--prior=-0.25"]) == 0
    tracking = json.loads((run / "summary.json").read_text())["run"]["tracking"]
    assert tracking["prior"] == -0.25  # a flag wins
    assert all(tracking[name] == value for name, value in found["settings"].items() if name != "prior")


def test_one_recording_says_that_nothing_can_be_held_out(two, tmp_path, capsys):
    pytest.importorskip("optuna", reason="Optuna is not installed: pip install 'readtrack[tune]'")
    words = ["--source", str(two[0]), "--detector", "none", "--ground-truth", str(two[0] / "gt" / "gt.txt")]
    assert command.main([*words, "--weights", "none", "--trials", "3", "--out", str(tmp_path / "tuned.json")]) == 0
    told = capsys.readouterr().out
    assert "second half" in told and "nothing could be held out but its halves" in told


def test_without_a_truth_pairs_are_told(two, tmp_path, capsys):
    out = tmp_path / "tuned.json"
    assert command.main(["--source", str(two[0]), "--detector", "none", "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "surely the same" in told and "surely different" in told
    found = json.loads(out.read_text(), parse_constant=pytest.fail)
    assert found["checks"][0]["verdict"] in ("too few", "alike", "clear")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no source"),
        (["--source", "street", "--source", "street"], "given twice"),
        (["--source", "street", "--trials", "0"], "at least 1"),
        (["--source", "street", "--check", "--ground-truth", "gt.txt"], "leave one of them out"),
        (["--source", "street", "--check", "--weights", "none"], "nothing tells how people look"),
        (["--source", "missing.mp4"], "missing.mp4"),
        (["--source", "a.mp4", "--ground-truth", "missing"], "missing"),
        (["--source", "a", "--source", "b", "--detections", "det.txt"], "one sequence"),
    ],
)
def test_what_cannot_be_used_is_one_line(words, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command.main([*words, "--quiet"]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not (tmp_path / "runs" / "tuned.json").exists()


def test_a_source_without_a_truth_and_a_file_that_is_there_are_named(sources, two, tmp_path, capsys):
    one = str(two[0] / "gt" / "gt.txt")
    assert command.main([*sources, "--ground-truth", one, *SHORT, "--out", str(tmp_path / "tuned.json")]) == 2
    assert "STREET-02: has no ground truth" in capsys.readouterr().err
    (tmp_path / "tuned.json").write_text("{}")
    assert command.main([*sources, *SHORT, "--out", str(tmp_path / "tuned.json")]) == 2
    assert "--overwrite" in capsys.readouterr().err and (tmp_path / "tuned.json").read_text() == "{}"
    empty = tmp_path / "empty.txt"
    empty.write_text("1,1,10,10,20,40,0,1,1\n")
    words = [
        *sources[:2],
        "--detector",
        "none",
        "--ground-truth",
        str(empty),
        *SHORT,
        "--out",
        str(tmp_path / "t.json"),
    ]
    assert command.main(words) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON"),
        ("[1]", "is no JSON"),
        ('{"settings": {"speed": 1}}', "'speed' is no setting"),
        ('{"prior": "high"}', "give a number"),
        ('{"fps": 30}', "'fps' is no setting"),
        ('{"min_person": 2}', "must lie in [0, 1]"),
        (None, "is no JSON of settings"),
    ],
)
def test_a_file_of_settings_that_cannot_be_used_is_one_line(text, message, tmp_path, capsys):
    path = tmp_path / "settings.json"
    if text is not None:
        path.write_text(text)
    assert track.main(["street", "--end", "3", "--quiet", f"--settings={path}", "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and not (tmp_path / "run").exists()
