"""readtrack as ultralytics' tracker: its whole line with a detector that answers with painted people."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import yaml
from painted import ByColour, at, away_and_back, paint

from readtrack import TrackerConfig
from readtrack.adapters import ultralytics as adapter
from readtrack.errors import InputError

pytest.importorskip("ultralytics", reason="ultralytics is not installed")

from ultralytics.utils import YAML


def results_of(people):
    return SimpleNamespace(xyxy=people.xyxy, conf=people.confidence, cls=people.class_id)


def tracker_of(**entries):
    return adapter.UltralyticsTracker(SimpleNamespace(tracker_type="readtrack", device="cpu", **entries))


def test_rows_are_those_with_an_id():
    tracker = tracker_of(weights=ByColour())
    for i in range(30):
        places = {"bob": at(500), "ann": at(100)} if i < 20 else {"ann": at(100)}
        image, people = paint(places)
        rows = tracker.update(results_of(people), image)
        assert rows.dtype == np.float32 and rows.shape == (0 if i < 2 else len(places), 8)
        assert all(track.is_activated == (i >= 2) for track in tracker.tracked_stracks)
    assert rows[0].tolist() == pytest.approx([*at(100), 2, 0.9, 0, 0])
    image, people = paint({"cid": at(300), "ann": at(100)})
    rows = tracker.update(results_of(people), image)
    assert rows[:, 4].tolist() == [2] and rows[:, 7].tolist() == [1]
    assert [track.is_activated for track in tracker.tracked_stracks] == [True, False]
    tracker.reset()
    assert tracker.update(results_of(people), image).shape == (0, 8) and tracker._tracker.frame == 0


def test_somebody_comes_back():
    tracker = tracker_of(weights=ByColour(), fps=25)
    for places in away_and_back():
        image, people = paint(places)
        rows = tracker.update(results_of(people), image)
    assert sorted(rows[:, 4]) == [1, 2]


def test_empty_hostile_and_oriented_boxes():
    tracker = tracker_of(weights="none")
    empty = SimpleNamespace(xyxy=np.zeros((0, 4)), conf=np.zeros(0), cls=np.zeros(0))
    assert tracker.update(empty, None).shape == (0, 8)
    image, people = paint({"ann": [900, 900, 950, 990], "bob": at(100)})
    assert tracker.update(results_of(people), image).shape == (0, 8)
    odd = np.array([[np.nan] * 4, at(100), [0, 0, np.inf, 9], [60, 60, 40, 40]])
    for _ in range(2):
        rows = tracker.update(SimpleNamespace(xyxy=odd, conf=np.full(4, 0.9), cls=np.zeros(4)), image)
    assert rows[:, 7].tolist() == [1]
    with pytest.raises(InputError, match="oriented"):
        tracker.update(SimpleNamespace(xywhr=np.zeros((0, 5)), **vars(empty)), image)


@pytest.mark.parametrize(
    "settings",
    [
        {"fps": np.float32(12.5), "max_lost": np.int64(2), "max_age": np.float64(7)},
        {"max_age": float("inf"), "max_lost": 10**9, "delay": np.float32(0)},
        {"min_person": 1e-7, "correction": 5e-324, "low_confidence": np.float16(1e-7), "fill_gap": 1e-20},
        {"fps": 25, "max_age": 1e16},
    ],
)
def test_numbers_of_all_kinds_survive_both_ways(settings):
    entries = YAML.load(adapter.config(**settings))
    assert adapter._settings(entries) == TrackerConfig(**{"delay": adapter.DELAY} | settings)
    tracker = adapter.UltralyticsTracker(SimpleNamespace(device="cpu", **{**entries, "weights": "none"}))
    image, people = paint({"ann": at(100)})
    for _ in range(4):
        tracker.update(results_of(people), image)


@pytest.mark.parametrize("value", ["5", [5], np.ones(2), {}, float("nan")])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(InputError, match="max_age"):
        adapter.config(max_age=value)


def test_the_file_holds_the_settings(tmp_path):
    path = adapter.config(tmp_path / "mine.yaml", fps=30, max_age=5)
    assert path == str(tmp_path / "mine.yaml")
    assert yaml.safe_load((tmp_path / "mine.yaml").read_text()) == {
        "tracker_type": "readtrack",
        "weights": "read-s",
        "precision": "fp32",
        "fps": 30,
        "max_age": 5,
    }
    entries = yaml.safe_load((tmp_path / "mine.yaml").read_text()) | {"weights": None}
    made = adapter.UltralyticsTracker(SimpleNamespace(**entries))
    assert made._tracker.config == TrackerConfig(fps=30, max_age=5, delay=0.08)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"fsp": 30}, "'fsp' is unknown"),
        ({"fps": 0}, "fps=0"),
        ({"fps": "many"}, "fps given as str: expected a number"),
        ({"path": "readtrack.txt"}, ".yaml"),
        ({"path": "/proc/nowhere/readtrack.yaml"}, "cannot be written"),
    ],
)
def test_wrong_settings_are_told(wrong, says):
    with pytest.raises(InputError, match=says):
        adapter.config(**wrong)


def test_wrong_weights_are_told():
    with pytest.raises(InputError, match="nowhere"):
        tracker_of(weights="nowhere")


@pytest.fixture(scope="module")
def model():
    """An untrained YOLO, and a predictor in which painted people are found instead."""
    from ultralytics import YOLO
    from ultralytics.engine.results import Results
    from ultralytics.models.yolo.detect import DetectionPredictor

    class Finder(DetectionPredictor):
        def inference(self, images, *_, **__):
            return images

        def postprocess(self, predictions, images, originals):
            import torch

            found = []
            for path, original in zip(self.batch[0], originals, strict=True):
                _, people = paint(away_and_back(gap=40)[self.dataset.frame - 1])
                rows = np.column_stack([people.xyxy, people.confidence, people.class_id])
                found.append(Results(original, path, {0: "person"}, boxes=torch.from_numpy(rows).float()))
            return found

    return YOLO("yolo11n.yaml", verbose=False), Finder


def video_of(path, frames):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, (640, 360))
    for places in frames:
        writer.write(paint(places)[0])
    writer.release()
    return str(path)


def test_their_whole_line_on_two_videos(model, tmp_path, monkeypatch):
    yolo, finder = model
    monkeypatch.setattr("readtrack.read.matcher.Matcher.load", lambda *_, **__: ByColour())
    frames = away_and_back(gap=40)
    (tmp_path / "videos").mkdir()
    for name in ("a.mp4", "b.mp4"):
        video_of(tmp_path / "videos" / name, frames)
    told = {}
    tracked = yolo.track(
        str(tmp_path / "videos"),
        stream=True,
        tracker=adapter.config(tmp_path / "readtrack.yaml", fps=25),
        predictor=finder,
        device="cpu",
        imgsz=64,
        verbose=False,
        save=False,
    )
    for result in tracked:
        told.setdefault(result.path, []).append([] if result.boxes.id is None else result.boxes.id.int().tolist())
    assert len(told) == 2
    for rows in told.values():
        assert len(rows) == len(frames)
        assert rows[0] == [] and rows[10] == [1, 2] and rows[-1] == [1, 2]  # each video anew
