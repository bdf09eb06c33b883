"""A small part of the hostile suite: bad inputs, kills, and frames without end."""

import json
import random

import pytest

from readtrack.commands import bench
from readtrack.evaluation.hostile import KINDS, endless, spoil, spoil_rows, try_inputs, unreadable


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_bad_inputs_are_refused_in_one_line_or_taken_rightly(tmp_path):
    found = try_inputs(60, 3, tmp_path / "inputs")
    assert not [fault for tally in found.values() for fault in tally.faults]
    assert sum(tally.refused + tally.taken for tally in found.values()) == 60
    assert set(found) == set(KINDS) and sum(tally.refused for tally in found.values()) > 10


def test_the_seed_alone_decides():
    assert spoil(b"abcdefgh" * 9, random.Random(5)) == spoil(b"abcdefgh" * 9, random.Random(5))
    assert spoil_rows("1,2,3\n", random.Random(5)) == spoil_rows("1,2,3\n", random.Random(5))


def test_the_same_frames_give_the_same_bytes(tmp_path):
    for name in ("one", "other", "third"):
        endless(300, 8 if name == "third" else 7, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes() != (tmp_path / "third").read_bytes()


def test_what_is_torn_is_seen(tmp_path):
    assert unreadable(tmp_path) == []
    (tmp_path / "tracks.txt").write_text("1,1,2,3,4,5,0.5,-1,-1,-1\n2,1,2,3")
    (tmp_path / "summary.json").write_text('{"frames": ')
    (tmp_path / "associations.jsonl").write_text('{"track": 1}\n{"tra')
    assert [line.partition(":")[0] for line in unreadable(tmp_path)] == [
        "tracks.txt",
        "associations.jsonl",
        "summary.json",
    ]


def test_the_command_tells_what_it_found(tmp_path, capsys):
    report = tmp_path / "hostile.json"
    words = ["hostile", "--inputs", "5", "--kills", "1", "--frames", "50", "--report", str(report)]
    assert bench.main(words) == 0
    told = capsys.readouterr().out
    assert "5 of 5 refused in one line or taken rightly" in told and "files whole after 1 of 1" in told
    assert json.loads(report.read_text())["same_bytes"] is True
    assert bench.main(["hostile", "--frames", "0"]) == 2
