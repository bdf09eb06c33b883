"""Trackers side by side: the command, its sums, and who is left out."""

import json

import pytest
from conftest import SHARED
from embeddings import make_peer

from readtrack.commands import evaluate
from readtrack.evaluation.peers import HostError
from readtrack.evaluation.peers import comparison as peers

TUD = SHARED / "data" / "mot15" / "TUD-Campus"


def compared(tmp_path, *flags):
    file = tmp_path / "peers.json"
    assert evaluate.main(["peers", *map(str, flags), "--report", str(file)]) == 0
    return json.loads(file.read_text())


def test_two_sequences_and_together(two, tmp_path, capsys):
    flags = [flag for folder in two for flag in ("--source", folder)]
    names = ("--tracker", "readtrack-boxes", "--tracker", "boxmot-strongsort")
    found = compared(tmp_path, *flags, *names, "--tracks", tmp_path / "tracks")
    told = capsys.readouterr().out
    one, other, both = (row for row in found["rows"] if row["tracker"] == "readtrack-boxes")
    assert [row["source"] for row in (one, other, both)] == ["STREET-01", "STREET-02", "all together"]
    for name in ("IDSW", "FP", "FN", "people"):
        assert both["scores"][name] == one["scores"][name] + other["scores"][name]
    assert min(one["scores"]["IDF1"], other["scores"]["IDF1"]) <= both["scores"]["IDF1"] <= 1
    assert one["frames_per_second"] > 0
    assert {row["tracker"] for row in found["left_out"]} == {"boxmot-strongsort"}
    assert "left out" in told and "all together" in told and f"{100 * both['scores']['IDF1']:.1f}" in told
    assert "ultralytics" in found["versions"] and found["settings"]["weights"] == "read-s"
    words = ("--ground-truth", two[0], "--results", tmp_path / "tracks" / "readtrack-boxes" / "STREET-01.txt")
    assert evaluate.main(["mot", *map(str, words), "--report", str(tmp_path / "mot.json")]) == 0
    written = json.loads((tmp_path / "mot.json").read_text())["scores"]["STREET-01"]
    assert written["IDSW"] == one["scores"]["IDSW"] and abs(written["IDF1"] - one["scores"]["IDF1"]) < 0.005


def test_who_looks_at_people_is_left_out_without_pixels(two, tmp_path, capsys):
    peer = make_peer(tmp_path / "peer.onnx")
    names = ("--tracker", "readtrack-boxes", "--tracker", "ultralytics-botsort")
    found = compared(tmp_path, "--source", two[0], "--source", two[1], *names, "--reid", peer)
    rows = [(row["source"], row["tracker"]) for row in found["rows"]]
    assert ("STREET-01", "ultralytics-botsort") in rows and ("STREET-02", "ultralytics-botsort") not in rows
    assert ("all together", "ultralytics-botsort") not in rows and ("all together", "readtrack-boxes") in rows
    assert "left out on STREET-02: ultralytics-botsort: looks at people" in capsys.readouterr().out


def test_a_host_that_breaks_down_is_left_out(two, tmp_path, monkeypatch, capsys):
    replay = peers.replay

    def broken(tracker, *args, **kwargs):
        if type(tracker).__name__ == "Host":
            raise HostError("ultralytics broke down (ValueError: no)")
        return replay(tracker, *args, **kwargs)

    monkeypatch.setattr(peers, "replay", broken)
    flags = ("--tracker", "readtrack-boxes", "--tracker", "ultralytics-botsort", "--quiet")
    found = compared(tmp_path, "--source", two[1], *flags)
    assert [row["tracker"] for row in found["rows"]] == ["readtrack-boxes"]
    assert found["left_out"][0]["why"].startswith("ultralytics broke down")
    assert capsys.readouterr() == ("", "")


def test_what_cannot_be_compared_is_told_in_one_line(two, tmp_path, capsys):
    def error_of(*flags):
        assert evaluate.main(["peers", *map(str, flags), "--report", str(tmp_path / "x.json")]) == 2
        out, err = capsys.readouterr()
        assert out == "" and err.startswith("error: ") and err.count("\n") == 1
        return err

    source = ("--source", two[1])
    for flags, told in (
        (("--source", tmp_path), "has no gt/gt.txt"),
        ((*source, *source), "given twice"),
        ((*source, "--tracker", "sort"), "'sort' is unknown"),
        ((*source, "--tracker", "readtrack"), "no pixels"),
        ((*source, "--tracker", "readtrack-boxes", "--reid", "nowhere.onnx"), "nowhere.onnx"),
        ((*source, "--source", two[0], "--detections", "x.txt"), "one sequence"),
        (("--source", "street:1", "--detections", "x.txt"), "one sequence"),
        ((*source, "--detections", "nothing.txt"), "nothing.txt"),
    ):
        assert told in error_of(*flags)


@pytest.mark.data
def test_a_real_street(tmp_path):
    if not TUD.is_dir():
        pytest.skip("TUD-Campus is not here")
    found = compared(tmp_path, "--source", TUD, "--tracker", "readtrack-boxes", "--quiet")
    assert found["rows"][0]["scores"]["IDF1"] > 0.5
