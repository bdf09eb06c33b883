"""Detectors by other packages, in tiles, and detections that are kept."""

import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import supervision as sv

import readtrack.detect
from readtrack.commands import track
from readtrack.detect import DetectionCache, DetectorConfig, checked, load_detector
from readtrack.errors import InputError

BLUE_GREEN_RED = np.full((60, 80, 3), (10, 20, 30), np.uint8)


class Network:
    """Stands in for rfdetr's: a person (1), a toothbrush (90) and a number that is no class (12)."""

    def __init__(self, **settings):
        self.settings = settings

    def predict(self, image, threshold):
        assert image[0, 0].tolist() == [30, 20, 10] and threshold == 0.25  # RGB
        boxes = np.array([[1.0, 2, 30, 40], [5, 5, 9, 9], [6, 6, 9, 9]], np.float32)
        found = sv.Detections(boxes, confidence=np.array([0.9, 0.8, 0.7]), class_id=np.array([1, 90, 12]))
        found.data["source_image"] = [image] * 3
        return found


def test_rfdetr_s_people_in_our_numbers(monkeypatch):
    monkeypatch.setitem(sys.modules, "rfdetr", SimpleNamespace(RFDETRSmall=Network))
    found = load_detector("rfdetr-small", DetectorConfig(confidence=0.25))(BLUE_GREEN_RED)
    assert found.xyxy.tolist() == [[1, 2, 30, 40]] and found.class_id.tolist() == [0] and not found.data
    both = load_detector("rfdetr-small", DetectorConfig(confidence=0.25, classes=(0, 79)))(BLUE_GREEN_RED)
    assert both.class_id.tolist() == [0, 79]
    with pytest.raises(InputError, match="rfdetr-nano: rfdetr cannot load it"):
        load_detector("rfdetr-nano")
    with pytest.raises(InputError, match="no 80"):
        load_detector("rfdetr-small", DetectorConfig(classes=(80,)))


def test_without_rfdetr_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "rfdetr", None)
    with pytest.raises(InputError, match=r'pip install "readtrack\[rfdetr\]"'):
        load_detector("rfdetr-medium")
    with pytest.raises(InputError, match="is not known"):
        load_detector("rfdetr-huge")


def bright(image):
    """Bright rectangles, unless they are tiny beside the image, as networks miss who is small."""
    grey = cv2.threshold(image[..., 0], 200, 255, cv2.THRESH_BINARY)[1]
    tlwh = [cv2.boundingRect(shape) for shape in cv2.findContours(grey, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]]
    kept = [(x, y, x + w, y + h) for x, y, w, h in tlwh if h >= image.shape[0] / 10]
    return sv.Detections(np.array(kept, np.float32).reshape(-1, 4), confidence=np.full(len(kept), 0.9))


def test_tiles_find_who_is_small_and_keep_who_is_large():
    image = np.zeros((600, 800, 3), np.uint8)
    small, large = (500, 300, 510, 330), (100, 100, 300, 550)
    for left, top, right, bottom in (small, large):
        image[top:bottom, left:right] = 255
    assert load_detector(bright)(image).xyxy.tolist() == [list(large)]
    found = load_detector(bright, DetectorConfig(tiles=200))(image)
    assert {tuple(box) for box in found.xyxy.tolist()} >= {small, large}
    assert load_detector(bright, DetectorConfig(tiles=1000))(image).xyxy.tolist() == [list(large)]
    empty = load_detector(bright, DetectorConfig(tiles=200))(np.zeros_like(image))
    assert len(empty) == 0
    with pytest.raises(InputError, match="tiles 5"):
        DetectorConfig(tiles=5)


@pytest.fixture
def images(tmp_path, monkeypatch):
    """Eight images of somebody bright who walks, and a detector that counts."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    for number in range(8):
        image = np.zeros((120, 160, 3), np.uint8)
        image[20:100, 40 + 2 * number : 80 + 2 * number] = 255
        cv2.imwrite(f"images/{number}.png", image)
    calls = []

    def load(name, config):
        return checked(lambda image: calls.append(name) or bright(image))

    monkeypatch.setattr(readtrack.detect, "load_detector", load)
    return calls


def test_a_second_run_detects_nothing_and_gives_the_same(images, tmp_path):
    def run(out, *flags):
        words = ["images", "--cache", "kept", "--weights", "none", "--fps", "25", "--no-video", "--quiet"]
        assert track.main([*words, "--out", out, *flags]) == 0
        return len(images)

    assert run("one") == 8 and run("two") == 8
    assert (tmp_path / "one/tracks.txt").read_bytes() == (tmp_path / "two/tracks.txt").read_bytes() != b""
    assert run("three", "--confidence", "0.3") == 16  # another setting is another detector
    assert run("four", "--detector", "other") == 24
    cv2.imwrite("images/3.png", np.zeros((120, 160, 3), np.uint8))
    assert run("five") == 32  # another source
    for file in (tmp_path / "kept").iterdir():
        file.write_bytes(file.read_bytes()[:100])
    assert run("six") == 40  # a broken file is made again


def test_half_a_run_is_kept_and_cameras_are_refused(tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"clip")
    nothing, asked = DetectorConfig(), []
    for frames, detected in ((range(3), 3), (range(5), 2)):
        with DetectionCache(tmp_path / "kept", [tmp_path / "clip.mp4"], None, nothing) as kept:
            for index in frames:
                kept.find(index, BLUE_GREEN_RED, lambda image: asked.append(0) or sv.Detections.empty())
            assert kept.detected == detected
    assert len(asked) == 5
    with pytest.raises(InputError, match="camera, stream or street"):
        DetectionCache(tmp_path, [], None, nothing)
