"""What is handed to trackers and matcher: whatever cannot be used is refused in one line that says what was given."""

from itertools import product

import cv2
import numpy as np
import pytest
import supervision as sv
import torch
from conftest import TINY

from readtrack import InputError, Matcher, ReadTracker, ReadTrackers, Relinker, TrackerConfig, TrackletMemory
from readtrack.images import has_pixels
from readtrack.offline import OfflineTracker
from readtrack.video import open_video

IMAGE = np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)
AT_ONCE = TrackerConfig(delay=0)
BOX = np.array([[10.0, 10, 50, 100]])


def people(**fields):
    """One person; fields are set past supervision's own checks, as programs do."""
    found = sv.Detections(BOX.copy(), confidence=np.array([0.9]))
    for name, value in fields.items():
        setattr(found, name, value)
    return found


NO_DETECTIONS = {
    "path": "frame.jpg",
    "none": None,
    "image": IMAGE,
    "array": BOX,
    "list": BOX.tolist(),
    "tuple": (people(),),
    "tensor": torch.zeros(1, 4),
    "dict": {"xyxy": BOX},
    "boxes as list": people(xyxy=BOX.tolist()),
    "boxes as tensor": people(xyxy=torch.tensor(BOX)),
    "five columns": people(xyxy=np.zeros((1, 5))),
    "one dimension": people(xyxy=BOX[0]),
    "words": people(xyxy=np.array([["a"] * 4], dtype=object)),
    "complex": people(xyxy=BOX.astype(complex)),
    "too many": people(confidence=np.ones(3)),
    "columns": people(confidence=np.ones((1, 1))),
    "confidences as list": people(confidence=[0.9]),
    "confidences as words": people(confidence=np.array(["high"])),
    "scores": people(confidence=np.array([7.0])),
    "negative": people(confidence=np.array([-0.5])),
}
NO_IMAGES = {
    "path": "frame.jpg",
    "float": IMAGE / 255,
    "grey": IMAGE[..., 0],
    "rgba": np.dstack([IMAGE, IMAGE[..., :1]]),
    "detections": people(),
    "tensor": torch.from_numpy(IMAGE),
    "list": IMAGE.tolist(),
    "number": 5,
    "signed": IMAGE.astype(np.int8),
}


@pytest.fixture
def matcher(tiny_model):
    return Matcher(tiny_model, "cpu")


def refused(call, *given):
    with pytest.raises(InputError) as told:
        call(*given)
    assert "\n" not in str(told.value)
    return str(told.value)


@pytest.mark.parametrize(
    "make", [lambda m: ReadTracker(m, AT_ONCE), OfflineTracker, lambda m: ReadTracker(None, AT_ONCE)]
)
def test_trackers_say_what_was_given_and_go_on(matcher, make):
    tracker = make(matcher)
    tracker.update(people(), IMAGE)
    for found in NO_DETECTIONS.values():
        assert "expected" in refused(tracker.update, found, IMAGE)
    for image in NO_IMAGES.values():
        assert "expected an array (height, width, 3) uint8, BGR" in refused(tracker.update, people(), image)
    assert "of 80 x 60 pixels, 160 x 120 before" in refused(tracker.update, people(), IMAGE[:60, :80])
    assert "in their place?" in refused(tracker.update, IMAGE, people())
    for _ in range(3):
        answer = tracker.update(people(), IMAGE)
    assert answer.tracker_id.tolist() == [1]


def test_another_video_may_have_another_size(matcher):
    tracker = ReadTracker(matcher)
    tracker.update(people(), IMAGE)
    tracker.reset()
    assert len(tracker.update(people(), IMAGE[:60, :80])) == 1


def test_several_cameras_name_the_one(matcher):
    trackers = ReadTrackers(["door", "hall"], matcher)
    for wrong, (place, name) in product(("frame.jpg", None), enumerate(("door", "hall"))):
        found = [people(), people()]
        found[place] = wrong
        assert f"camera {name}: detections given as" in refused(trackers.update, found, [IMAGE, IMAGE])
        images = [IMAGE, IMAGE]
        images[place] = "frame.jpg"
        assert f"camera {name}: an image given as str" in refused(trackers.update, [people(), people()], images)
    assert "give a list, one for each camera" in refused(trackers.update, None, None)
    assert "give a list, one for each camera" in refused(trackers.update, people(), IMAGE)


def test_the_matcher_says_it_too(matcher):
    for found in NO_DETECTIONS.values():
        assert "expected" in refused(matcher.describe, IMAGE, found)
    for image in NO_IMAGES.values():
        assert "expected an array" in refused(matcher.describe, image, people())
        assert "expected an array" in refused(matcher.embed, image, BOX)
    for boxes in ("frame.jpg", None, IMAGE, BOX[0], np.zeros((1, 5)), [["a"] * 4], [[1, 2], [3]]):
        assert "expected numbers (N, 4)" in refused(matcher.embed, IMAGE, boxes)
        assert "expected numbers (N, 4)" in refused(Relinker(matcher).update, boxes, [1], IMAGE)
    for crops in (None, 5, [5], ["nowhere.jpg"], [IMAGE / 255], people()):
        refused(matcher.similarity, crops, [[IMAGE]])
        refused(matcher.similarity, [IMAGE], [crops])
        refused(TrackletMemory(matcher).remember, "ann", crops)
        refused(matcher.embed, "frame.jpg", crops)
    for weights in (5, ["read-s"], TINY):
        assert "give 'read-s', a file or a Matcher" in refused(ReadTracker, weights)


@pytest.mark.parametrize("box", [[np.nan] * 4, [0, 0, np.inf, 50], [50, 90, 10, 10], [-1e300, -1e300, 1e300, 1e300]])
def test_odd_boxes_keep_their_row(matcher, box):
    for tracker in (ReadTracker(matcher), OfflineTracker(matcher)):
        for _ in range(4):
            answer = tracker.update(people(xyxy=np.array([box])), IMAGE)
            assert answer.tracker_id.tolist() == [-1]


def test_no_image_is_none_or_empty():
    assert not has_pixels(None) and not has_pixels(np.zeros((0, 0, 3), np.uint8)) and has_pixels(IMAGE)


def test_a_source_that_changes_its_size_keeps_the_first(tmp_path):
    for number, image in enumerate((IMAGE, IMAGE[:60, :80], IMAGE)):
        cv2.imwrite(str(tmp_path / f"{number}.png"), image)
    with open_video(tmp_path, fps=25) as video:
        assert {frame.image.shape for frame in video} == {(120, 160, 3)}
        assert len(video.warnings) == 1 and "stretched to the first one's, 160 x 120" in video.warnings[0]
