"""How commands end: what the exit status says, and whoever stops reading."""

import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from readtrack.commands import relink, track
from readtrack.commands.console import exit_status
from readtrack.errors import InputError
from readtrack.mot import read_mot
from readtrack.results import painter


@pytest.fixture
def images(tmp_path, monkeypatch):
    """Six images of somebody who stands still, the fourth of them cut short; and boxes."""
    monkeypatch.chdir(tmp_path)
    image = np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    os.mkdir("images")
    for number in range(6):
        cv2.imwrite(f"images/{number}.jpg", image)
    (tmp_path / "images/3.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "det.txt").write_text("".join(f"{i + 1},1,20,20,40,90,0.9\n" for i in range(6)))
    return ["images", "--detections", "det.txt", "--weights", "none", "--no-video", "--fps", "25", "--out", "out"]


def test_lost_frames_are_told_by_status_and_summary(images, tmp_path, capsys):
    assert track.main(images) == 3
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert (summary["frames"], summary["frames_lost"], summary["source_gone"]) == (5, 1, False)
    (told,) = summary["warnings"]
    assert told == "images/3.jpg: cannot be decoded, skipped" and told in capsys.readouterr().out
    assert sorted(read_mot(tmp_path / "out/tracks.txt")) == [0, 1, 2, 4, 5]
    assert track.main([*images, "--overwrite", "--end", "3", "--quiet"]) == 0


def test_relink_tells_too(images, monkeypatch):
    from painted import Eyes

    from readtrack.read.matcher import Matcher

    monkeypatch.setattr(Matcher, "load", lambda *_, **__: Eyes())
    assert relink.main(["det.txt", "--source", "images", "--out", "joined.txt", "--quiet"]) == 3


def test_without_a_rate_25_is_assumed_and_said(images, tmp_path, capfd):
    flags = [flag for flag in images if flag not in ("--fps", "25")]
    assert track.main([*flags, "--live"]) == 3
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert any("tells no frame rate, taken as 25 a second" in line for line in summary["warnings"])
    assert track.main(["street", "--fps", "10"]) == 2


@pytest.mark.parametrize("opened", [os.pipe, os.openpty])
def test_a_reader_that_goes_away_stops_nothing(opened, images, tmp_path):
    reading, writing = opened()
    os.close(reading)
    words = [sys.executable, "-m", "readtrack.run", *images]
    done = subprocess.run(words, stdout=writing, stderr=subprocess.PIPE, check=False, text=True)
    os.close(writing)
    assert done.returncode == 3 and done.stderr == "images/3.jpg: cannot be decoded, skipped\n"
    assert json.loads((tmp_path / "out/summary.json").read_text())["frames"] == 5


def test_without_a_display_nothing_starts(images, tmp_path, monkeypatch, capsys):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert track.main([*images, "--show"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: no window can be opened") and told.endswith("(--show)\n") and told.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_window_that_never_opens_is_given_up(monkeypatch):
    monkeypatch.setattr(painter.sys, "executable", "/nowhere/python")
    with pytest.raises(InputError, match="no window"):
        painter.check_window()


def test_what_work_returns_is_the_status():
    assert [exit_status(lambda value=value: value) for value in (None, 0, 3, "words")] == [0, 0, 3, 0]
