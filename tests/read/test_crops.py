"""People given in whatever way: crops, images, files, detections; and what cannot be used is named."""

import cv2
import numpy as np
import pytest
import supervision as sv
from conftest import TINY

from readtrack.errors import InputError
from readtrack.images import read_image
from readtrack.read.crops import Crop, as_crops, clip_of, cut
from readtrack.read.matcher import Matcher


def image(height=70, width=40, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / f"{i} größer.png" for i in range(3)]
    for i, path in enumerate(paths):
        path.write_bytes(cv2.imencode(".png", image(seed=i))[1].tobytes())
    return paths


def pixels(source):
    return [None if crop is None else crop.pixels for crop in as_crops(source, TINY)]


def test_images_files_and_boxes_make_the_same_crops(files, tiny_model):
    whole = cut(image(), np.array([[0.0, 0, 40, 70]]), 64, 32)[0]
    described = Matcher(tiny_model, "cpu").describe(image(), sv.Detections(np.array([[0.0, 0, 40, 70]])))
    many = np.stack([image()])
    for source in ([image()], image(), many, files[:1], files[0], str(files[0]), [str(files[0])], described):
        (found,) = pixels(source)
        assert found.shape == (64, 32, 3)
        np.testing.assert_array_equal(found, whole)


def test_crops_stay_the_same_objects_and_nothing_stays_nothing():
    crop = Crop(image())
    mixed = as_crops([crop, None, image()], TINY)
    assert mixed[0] is crop and mixed[1] is None and isinstance(mixed[2], Crop)
    assert as_crops(crop, TINY) == [crop]
    assert as_crops([], TINY) == as_crops(np.empty(0, dtype=object), TINY) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (64, 32), (500, 3)])
def test_images_have_any_size(size):
    assert pixels([image(*size)])[0].shape == (64, 32, 3)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (np.zeros((0, 5, 3), np.uint8), "image 1: empty"),
        (np.zeros((9, 9), np.uint8), r"image 1 given as ndarray of uint8, shape \(9, 9\): expected"),
        (np.zeros((9, 9, 4), np.uint8), r"image 1 given as ndarray of uint8, shape \(9, 9, 4\)"),
        (np.zeros((9, 9, 3), np.float32), "float32, shape .*: expected .* uint8, BGR"),
        (7, "image 1 given as int"),
        ("nowhere.jpg", "nowhere.jpg: cannot be read"),
    ],
)
def test_what_is_no_image_is_named(wrong, says):
    with pytest.raises(InputError, match=says):
        as_crops([image(), wrong], TINY)


def test_files_that_are_no_images_are_named(tmp_path):
    for content in (b"", b"not a picture"):
        (tmp_path / "odd.jpg").write_bytes(content)
        with pytest.raises(InputError, match=r"odd\.jpg: not a readable image"):
            read_image(tmp_path / "odd.jpg")
    with pytest.raises(InputError, match="cannot be read"):
        read_image(tmp_path)


def test_detections_without_crops_say_what_to_do():
    with pytest.raises(InputError, match="describe"):
        as_crops(sv.Detections(np.array([[0.0, 0, 9, 9]])), TINY)


def test_a_clip_takes_one_of_each_part_and_reads_no_others(files, tmp_path):
    crops = [Crop(image(seed=i)) for i in range(6)]
    assert clip_of(crops, TINY, "") == [crops[1], crops[4]]
    assert clip_of(crops[:1], TINY, "") == [crops[0]] * 2
    assert clip_of([None, crops[0], None, crops[1], None], TINY, "") == crops[:2]
    gone = tmp_path / "gone.png"
    unread = [gone, files[0], gone, gone, files[1], gone]
    first, second = clip_of(unread, TINY, "")
    np.testing.assert_array_equal(first.pixels, pixels(files[0])[0])
    np.testing.assert_array_equal(second.pixels, pixels(files[1])[0])
    once, again = clip_of(image(), TINY, "")
    assert once is again  # encoded once


def test_errors_in_clips_name_tracklet_and_image():
    bad = np.zeros((0, 0, 3), np.uint8)
    with pytest.raises(InputError, match="tracklet 3, image 1: empty"):
        clip_of([image(), bad], TINY, "tracklet 3")
    for nothing in ([], [None, None]):
        with pytest.raises(InputError, match="tracklet 3 .*without crops"):
            clip_of(nothing, TINY, "tracklet 3")


def test_one_tracklet_in_place_of_several_is_told(files, tiny_model):
    matcher, seen = Matcher(tiny_model, "cpu"), sv.Detections(np.array([[0.0, 0, 40, 70]]))
    for wrong in (matcher.describe(image(), seen), str(files[0]), files[0], None):
        with pytest.raises(InputError, match=r"give a list of them, such as \[crops\]"):
            matcher.similarity([image()], wrong)
    for queries, galleries in ((None, [[image()]]), ([image()], [None])):
        with pytest.raises(InputError, match="None: give"):
            matcher.similarity(queries, galleries)
