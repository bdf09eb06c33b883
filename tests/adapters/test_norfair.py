"""READ as norfair's re-identification."""

import numpy as np
import pytest
import supervision as sv
from painted import ByColour, at, away_and_back, paint

from readtrack import TrackerConfig
from readtrack.adapters.norfair import FAR, Reid
from readtrack.errors import InputError

norfair = pytest.importorskip("norfair", reason="norfair is not installed: pip install readtrack[norfair]")


def make(reid):
    return norfair.Tracker("iou", 0.7, **reid.settings())


def play(reid, frames):
    told, tracker = {}, make(reid)
    for places in frames:
        image, people = paint(places)
        for tracked in tracker.update(reid.detections(people, image)):
            if tracked.last_detection.embedding.frame == reid._frame:
                told.setdefault(list(places)[tracked.last_detection.data], []).append(tracked.id)
    return told


def test_somebody_comes_back_and_a_stranger_does_not():
    told = play(Reid(ByColour()), away_and_back(gap=50))
    assert told["ann"][0] == told["ann"][-1] and len(set(told["bob"])) == 1
    told = play(Reid(ByColour()), away_and_back(gap=50, other="cid"))
    assert not set(told["ann"]) & set(told["cid"])


def test_two_who_were_seen_together_are_not_the_same():
    frames = [{"ann": at(100)}] * 30 + [{"ann": at(100), "ann2": at(400)}] * 3 + [{"ann2": at(400)}] * 60
    told = play(Reid(ByColour()), frames)
    assert not set(told["ann"]) & set(told["ann2"])


def test_detections_of_hostile_frames():
    reid = Reid(ByColour(), TrackerConfig())
    image, people = paint({"ann": at(100), "bob": [5, 5, 5, 50], "cid": [900, 900, 950, 990], "dan": at(110, 299)})
    made = reid.detections(people, image)
    assert [d.data for d in made] == [0, 2, 3]
    assert [d.embedding.crop is not None for d in made] == [False, False, False]  # ann and dan cover one another
    assert reid.detections(people, None)[0].embedding.frame == 1
    assert reid.detections(sv.Detections.empty(), image) == []
    alone = reid.detections(people[:1], image)
    assert alone[0].embedding.crop is not None and alone[0].points.shape == (2, 2)
    weak = people[:1]
    weak.confidence = np.array([0.1])
    assert reid.detections(weak, image)[0].embedding.crop is None
    reid.reset()
    assert reid.detections(people, image)[0].embedding.frame == 0


def test_too_few_clear_crops_are_far():
    reid = Reid(ByColour())
    tracker, (image, people) = make(reid), paint({"ann": at(100)})
    for _ in range(12):
        tracker.update(reid.detections(people, image[:0]))  # boxes alone
    tracked = tracker.tracked_objects[0]
    assert reid.distance(tracked, tracked) == FAR


def test_foreign_detections_and_weights_are_told():
    reid = Reid(ByColour())
    tracker = make(reid)
    for _ in range(9):
        tracker.update([norfair.Detection(np.array([[0.0, 0], [9, 9]]))])
    tracked = tracker.tracked_objects[0]
    with pytest.raises(InputError, match="Reid.detections"):
        reid.distance(tracked, tracked)
    with pytest.raises(InputError, match="nowhere"):
        Reid("nowhere")
