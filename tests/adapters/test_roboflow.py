"""readtrack among Roboflow's trackers: their registry, their command, their protocol."""

import warnings

import numpy as np
import pytest
import supervision as sv
from painted import ByColour, at, away_and_back, paint

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the host's own
    pytest.importorskip("trackers", reason="trackers is not installed: pip install readtrack[trackers]")

from trackers.core.base import BaseTracker

from readtrack.adapters import roboflow
from readtrack.adapters.roboflow import ReadTrackTracker
from readtrack.errors import InputError


def play(tracker, frames):
    told = {}
    for places in frames:
        image, people = paint(places)
        answer = tracker.update(people, image)
        assert np.array_equal(answer.xyxy, people.xyxy) and people.tracker_id is None
        for name, number in zip(places, answer.tracker_id.tolist(), strict=True):
            told.setdefault(name, []).append(number)
    return told


def test_it_is_registered_with_its_settings():
    info = BaseTracker._lookup_tracker("readtrack")
    assert info.tracker_class is ReadTrackTracker
    assert info.parameters["min_person"].param_type is float and info.parameters["weights"].param_type is str
    assert all(parameter.description for parameter in info.parameters.values())


def test_it_brings_somebody_back_and_resets():
    tracker = ReadTrackTracker(ByColour(), frame_rate=25)
    for _ in range(2):
        told = play(tracker, away_and_back())
        assert set(told["bob"]) == {-1, 2} and set(told["ann"]) == {-1, 1} and told["ann"][-1] == 1
        tracker.reset()
    assert tracker.tracks == []


def test_tracked_objects_are_who_is_in_sight():
    tracker = ReadTrackTracker(ByColour())
    play(tracker, [{"ann": at(100), "bob": at(500)}] * 9)
    objects = tracker.tracked_objects
    assert objects.tracker_id.tolist() == [1, 2]
    np.testing.assert_allclose(objects.xyxy, [at(100), at(500)], atol=5)
    play(tracker, [{"bob": at(500)}] * 50)
    assert tracker.tracked_objects.tracker_id.tolist() == [2]


def test_timestamps_stand_for_the_frames_between():
    tracker = ReadTrackTracker(None, frame_rate=10)
    image, people = paint({"ann": at(100)})
    for i in range(5):
        tracker.update(people, image, timestamp=i / 10)
    assert tracker.update(people, image, timestamp=0.5).tracker_id.tolist() == [1]
    tracker.update(people, image, timestamp=1e6)  # beyond memory, and soon answered
    with pytest.warns(UserWarning, match="not later"):
        assert tracker.update(people, image, timestamp=3.0).tracker_id.tolist() == [-1]
    assert [tracker.update(people, image, timestamp=1e6 + i / 10).tracker_id[0] for i in range(1, 4)] == [2, 2, 2]


def test_empty_and_hostile_frames():
    tracker = ReadTrackTracker(ByColour())
    image, people = paint({"ann": at(100), "bob": [900, 900, 950, 990]})
    for given, frame in ((sv.Detections.empty(), image), (people, None), (people, image[:0]), (people, image)):
        answer = tracker.update(given, frame)
        assert len(answer.tracker_id) == len(given)
    with pytest.raises(InputError):
        ReadTrackTracker(None, min_person=1.1)
    with pytest.raises(InputError, match="nowhere"):
        ReadTrackTracker("nowhere")


@pytest.mark.filterwarnings("ignore:The trackers CLI")
def test_their_command_takes_it(tmp_path, capsys, monkeypatch):
    from trackers.scripts.__main__ import main

    lines = [f"{i + 1},-1,{100 + i},140,64,160,0.9,-1,-1,-1" for i in range(12)]
    (tmp_path / "det.txt").write_text("\n".join(lines) + "\n")
    flags = ["--detections", str(tmp_path / "det.txt"), "--mot-output", str(tmp_path / "out.txt")]
    flags += ["--tracker", "readtrack", "--tracker.weights", "none"]
    monkeypatch.setattr("sys.argv", ["trackers", "track", *flags])
    assert not main()
    ids = [line.split(",")[1] for line in (tmp_path / "out.txt").read_text().splitlines()]
    assert ids == ["-1"] * 2 + ["1"] * 10


def test_the_module_is_their_command_with_readtrack_in_it(capsys, monkeypatch):
    import runpy

    monkeypatch.setattr("sys.argv", ["trackers", "track", "--help"])
    with pytest.raises(SystemExit) as ended, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # runpy's, that it was imported before
        runpy.run_module(roboflow.__name__, run_name="__main__")
    assert ended.value.code == 0 and "--tracker.delay" in capsys.readouterr().out


def test_settings_without_end_and_numpy_s_are_taken():
    tracker = ReadTrackTracker("none", frame_rate=np.float32(10), max_age=float("inf"), min_person=np.float64(0))
    for time in (0.0, 0.1, 60.0):
        image, people = paint({"ann": at(100)})
        assert len(tracker.update(people, image, timestamp=time)) == 1
