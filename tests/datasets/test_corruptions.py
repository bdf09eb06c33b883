"""Crops corrupted as tracking meets them."""

import random

import cv2
import numpy as np
import pytest

from readtrack.datasets.clips import ImageCache
from readtrack.datasets.corruptions import CHOICES, KINDS, SMALL, Corruption, blur, cover, cut_badly, shrink
from readtrack.datasets.tracklets import Tracklet
from readtrack.errors import InputError


def picture(colour=200, height=128, width=64):
    """A light strip down the middle of a dark crop, with a darker head."""
    image = np.full((height, width, 3), 20, np.uint8)
    image[:, width // 4 : 3 * width // 4] = colour
    image[: height // 5, width // 3 : 2 * width // 3] = 90
    return image


PEOPLE = (
    Tracklet(("a/1_0.jpg", "a/1_1.jpg"), 1, 1),
    Tracklet(("b/2_0.jpg",), 2, 1),
    Tracklet(("a/1_2.jpg",), 1, 2),
)


def damage(kind, people=PEOPLE):
    """Corruption to a data set in which somebody's picture is ten times their number everywhere."""
    return Corruption(kind, people, lambda path: np.full((40, 20, 3), 10 * int(path[2]), np.uint8))


@pytest.mark.parametrize("kind", CHOICES)
def test_the_same_file_is_spoilt_the_same_way_whenever_and_wherever(kind):
    image = picture()
    before = image.copy()
    first = damage(kind)("a/1_0.jpg", image)
    assert first.shape == image.shape and first.dtype == np.uint8
    assert not np.array_equal(first, image) and np.array_equal(image, before)
    one = damage(kind)
    for name in ("b/2_0.jpg", "a/1_1.jpg"):
        one(name, image)
    assert np.array_equal(one("a/1_0.jpg", image), first)
    elsewhere = tuple(Tracklet(tuple(f"/else{path}" for path in t.paths), t.pid, t.camid) for t in PEOPLE)
    moved = Corruption(kind, elsewhere[::-1], lambda path: np.full((40, 20, 3), 10 * int(path[7]), np.uint8))
    assert np.array_equal(moved("/elsea/1_0.jpg", image), first)


@pytest.mark.parametrize("kind", ["occlusion", "jitter", "blur"])
def test_files_are_spoilt_in_different_ways(kind):
    found = {damage(kind)(f"a/{name}.jpg", picture()).tobytes() for name in range(20)}
    assert len(found) > 15


def test_chance_is_that_of_every_machine():
    assert [damage("all").kinds(f"{name:04d}.jpg") for name in range(3)] == [
        ["blur", "small"],
        ["occlusion"],
        ["occlusion", "blur", "small"],
    ]


def test_all_kinds_happen_alone_and_together():
    spoilt = damage("all")
    drawn = [tuple(spoilt.kinds(f"{name}.jpg")) for name in range(1500)]
    assert len(set(drawn)) == 2 ** len(KINDS) - 1
    assert min(drawn.count(kinds) for kinds in set(drawn)) > 50
    assert all(kinds == tuple(kind for kind in KINDS if kind in kinds) for kinds in drawn)


def test_a_fifth_to_a_half_is_covered_from_a_side_or_from_below():
    front = np.full((30, 10, 3), 255, np.uint8)
    sides = set()
    for seed in range(60):
        image = picture(100)
        out = cover(image, front, random.Random(seed))
        covered = (out == 255).all(axis=2)
        assert 0.19 <= covered.mean() <= 0.51
        assert np.array_equal(out[~covered], image[~covered])
        rows, columns = covered.all(axis=1), covered.all(axis=0)
        sides.add("below" if rows[-1] and not columns.any() else "left" if columns[0] else "right")
    assert sides == {"left", "right", "below"}


def test_who_comes_in_shows_the_nearer_side():
    front = np.zeros((128, 64, 3), np.uint8)
    front[..., 0], front[..., 1] = np.arange(64), 2 * np.arange(64)[:, None].repeat(2, 0)
    for seed in range(30):
        image = np.full((128, 64, 3), 255, np.uint8)
        out = cover(image, front, random.Random(seed))
        covered = out[..., 2] == 0
        if covered[-1].all() and not covered[0].any():
            assert out[covered][0].tolist() == [0, 0, 0]  # its top
        elif covered[0, 0]:
            assert out[0, covered[0]][-1, 0] == 63  # its right edge, in the left of the image
        else:
            assert out[0, covered[0]][0, 0] == 0


def test_only_others_stand_in_front():
    spoilt = damage("occlusion")
    fronts = {
        spoilt._occluder(path, random.Random(i))[0, 0, 0] for path in ("a/1_0.jpg", "a/1_2.jpg") for i in range(9)
    }
    assert fronts == {20}
    assert damage("occlusion", PEOPLE[:1])._occluder("a/1_0.jpg", random.Random(0)) is None
    alone = [damage("occlusion", PEOPLE[:1])(f"a/{name}.jpg", picture()) for name in range(10)]
    assert all((image == picture()).mean() > 0.4 for image in alone)


def test_colours_in_front_are_dull():
    for seed in range(20):
        out = cover(np.full((128, 64, 3), 255, np.uint8), None, random.Random(seed)).astype(int)
        (colour,) = np.unique(out[(out != 255).any(axis=2)], axis=0)
        assert np.ptp(colour) <= 60


def test_boxes_are_off_in_place_and_size():
    centres, widths = [], []
    for seed in range(60):
        strip = cut_badly(picture(), random.Random(seed))[100, :, 0] > 110
        centres.append(np.flatnonzero(strip).mean() / 64 - 0.5)
        widths.append(strip.mean() / 0.5)
    assert -0.22 < min(centres) < -0.1 and 0.1 < max(centres) < 0.22
    assert 0.75 < min(widths) < 0.9 and 1.1 < max(widths) < 1.3


def test_few_pixels_leave_no_fine_detail():
    stripes = np.zeros((128, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.ptp(shrink(stripes)[:, 4:-4]) < 10
    once = cv2.resize(shrink(picture()), (SMALL, 64), interpolation=cv2.INTER_AREA)
    assert np.abs(once.astype(int) - cv2.resize(picture(), (SMALL, 64), interpolation=cv2.INTER_AREA)).mean() < 6
    for width in (1, SMALL):
        tiny = picture(width=width) if width > 1 else np.full((5, 1, 3), 9, np.uint8)
        assert np.array_equal(shrink(tiny), tiny)


def test_blur_goes_with_the_size_of_the_image():
    def edge(image):
        row = image[image.shape[0] // 2, :, 0].astype(int)
        return np.abs(np.diff(row)).max()

    for seed in range(10):
        large = picture(height=256, width=128)
        assert edge(blur(picture(), random.Random(seed))) < 0.7 * edge(picture())
        assert edge(blur(large, random.Random(seed))) < edge(blur(picture(), random.Random(seed)))


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 2, 3), (3, 300, 3)])
def test_odd_images_survive(shape):
    for kind in KINDS:
        for name in range(9):
            assert damage(kind)(f"a/{name}.jpg", np.full(shape, 7, np.uint8)).shape == shape


def test_an_unknown_kind_is_named():
    with pytest.raises(InputError, match="'rain' is unknown: choose one of all, occlusion"):
        damage("rain")


def test_a_cache_keeps_what_was_spoilt(tmp_path):
    file = tmp_path / "1_0.jpg"
    cv2.imwrite(str(file), picture())
    calls = []

    def alter(path, image):
        calls.append((path, image.shape))
        image = image.copy()
        image[..., 0] = 255  # blue, of BGR
        return image

    images = ImageCache(64, 32, alter=alter)
    assert images[file].shape == (64, 32, 3) and (images[file][..., 2] == 255).all()
    assert calls == [(str(file), (128, 64, 3))]


def test_a_cache_enlarges_smoothly(tmp_path):
    file = tmp_path / "1.png"
    cv2.imwrite(str(file), np.array([[[0] * 3, [200] * 3]], np.uint8))
    assert len(np.unique(ImageCache(4, 16)[file])) > 2
