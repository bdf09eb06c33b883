"""Camera motion, and tracks that outlive it."""

import cv2
import numpy as np
import pytest
import supervision as sv

from readtrack import ReadTracker, TrackerConfig
from readtrack.tracking.camera_motion import CameraMotion

WORLD = cv2.resize(np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8), (1300, 1000))
NOBODY = sv.Detections.empty()


def view(x, y, size=(640, 480)):
    """What a camera sees whose image begins at (x, y) of the world."""
    return cv2.getRectSubPix(WORLD, size, (x + size[0] / 2, y + size[1] / 2))


def test_a_pan_is_measured():
    camera = CameraMotion()
    assert camera.since_last(view(100, 100), NOBODY) is None
    np.testing.assert_allclose(camera.since_last(view(112, 93), NOBODY), [[1, 0, -12], [0, 1, 7]], atol=0.3)


def test_a_zoom_and_a_turn_are_measured():
    camera, image = CameraMotion(), view(100, 100)
    affine = cv2.getRotationMatrix2D((320, 240), 3, 1.05)
    camera.since_last(image, NOBODY)
    turned = cv2.warpAffine(image, affine, (640, 480), borderMode=cv2.BORDER_REFLECT)
    np.testing.assert_allclose(camera.since_last(turned, NOBODY), affine, atol=0.5)


def test_who_walks_past_a_camera_that_stands_still_does_not_move_it():
    camera = CameraMotion()
    for step in range(3):
        image = view(100, 100)
        image[:, 100 + 40 * step : 420 + 40 * step] = view(500, 300)[:, :320]
        box = np.array([[100.0 + 40 * step, 0, 420 + 40 * step, 480]])
        assert camera.since_last(image, sv.Detections(box)) is None


@pytest.mark.parametrize(
    "second", [np.zeros((480, 640, 3), np.uint8), view(0, 0, (320, 240)), np.full((1, 1, 3), 9, np.uint8)]
)
def test_where_it_cannot_be_told_nothing_is(second):
    camera = CameraMotion()
    camera.since_last(view(100, 100), NOBODY)
    assert camera.since_last(second, NOBODY) is None
    assert camera.since_last(second, NOBODY) is None


def test_a_shaking_camera_loses_nobody_and_a_reset_begins_anew():
    tracker = ReadTracker(None, TrackerConfig(delay=0))
    for _ in range(2):
        ids = set()
        for x, y in np.random.default_rng(1).integers(100, 150, (40, 2)).tolist():
            box = np.array([[400.0 - x, 400 - y, 440 - x, 500 - y]])
            ids |= set(tracker.update(sv.Detections(box, confidence=np.ones(1)), view(x, y)).tracker_id.tolist())
        assert ids == {1}
        tracker.reset()
