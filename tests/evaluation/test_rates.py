"""Rates: which frames are left, what is told of them, who is scored, and the command."""

import pytest

from readtrack.commands.evaluate.command import main
from readtrack.errors import InputError
from readtrack.evaluation.rates import evaluate_rates, thinned
from readtrack.evaluation.recordings import street_recording
from readtrack.evaluation.settings import RateSettings
from readtrack.street import StreetConfig


def test_every_so_many_frames_are_left_under_their_numbers_with_times_as_told():
    street = street_recording(StreetConfig(frames=20))
    half = thinned(street, 5)
    assert [frame.index for frame in half.frames] == [0, 5, 10, 15]
    assert [frame.time for frame in half.frames] == pytest.approx([0, 0.2, 0.4, 0.6])
    assert (half.fps, half.total, len(half.frames)) == (street.fps / 5, 4, 4)
    fast = thinned(street, 5, 3)
    assert fast.fps == 3 * half.fps
    assert [frame.time for frame in fast.frames][-1] == pytest.approx(0.2)


def test_bad_settings():
    with pytest.raises(InputError, match="more than 0"):
        RateSettings(source=("street",), rate=(0.0,))
    with pytest.raises(InputError, match="factor above 0"):
        RateSettings(source=("street",), wrong=-1)


def test_low_rates_on_boxes_alone(capsys, tmp_path):
    words = ["--source", "street", "--tracker", "readtrack-boxes", "--rate", "25", "--rate", "1", "--wrong", "3"]
    assert main(["rates", *words, "--report", str(tmp_path / "rates.json")]) == 0
    out = capsys.readouterr().out
    assert "25 a second" in out and "1 a second" in out
    assert "readtrack-boxes, file" in out
    assert "3 times too high" in out and "3 times too low" in out
    assert (tmp_path / "rates.json").is_file()


def test_nobody_is_left(monkeypatch):
    monkeypatch.setattr("readtrack.evaluation.peers.selection.unable", lambda *_: "not installed")
    with pytest.raises(InputError, match="nobody is left"):
        evaluate_rates(RateSettings(source=("street",), tracker=("trackers-sort",)))
