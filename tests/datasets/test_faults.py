"""What is wrong with images of a data set: spelled otherwise, cut short, of people who are trained on as well."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from readtrack import InputError
from readtrack.datasets import read_dataset
from readtrack.datasets.folders import check_whole
from readtrack.datasets.load import noted
from readtrack.images import read_image
from readtrack.training.state import check_images, save_images


def test_jpegs_by_any_ending_are_read(tiny_market):
    folder = tiny_market / "bounding_box_train"
    whole = read_dataset("market", tiny_market)
    for number, path in enumerate(sorted(folder.iterdir())):
        path.rename(path.with_suffix((".jpg", ".JPG", ".jpeg", ".JPEG")[number % 4]))
    found = read_dataset("market", tiny_market)
    assert found.describe() == whole.describe()


@pytest.mark.parametrize("progressive", [0, 1])
def test_images_that_are_cut_short_are_named(tmp_path, progressive):
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive])[1].tobytes()
    whole, padded, cut, empty = (tmp_path / f"{name}.jpg" for name in ("whole", "padded", "cut", "empty"))
    whole.write_bytes(content)
    padded.write_bytes(content + bytes(9))
    cut.write_bytes(content[: len(content) * 2 // 3])
    empty.touch()
    for path in (whole, padded):
        assert read_image(path).shape == (64, 64, 3)
    with pytest.raises(InputError, match=r"cut\.jpg: not a readable image, a JPEG cut short"):
        read_image(cut)
    check_whole([str(whole), str(padded)])
    with pytest.raises(InputError, match=r"3 images are missing or cut short, the first is .*cut\.jpg"):
        check_whole(map(str, (whole, cut, empty, tmp_path / "none.jpg")))


def test_people_who_are_trained_on_and_scored_are_noticed(tiny_market):
    splits = read_dataset("market", tiny_market)
    assert not any("trained on and scored" in note for note in splits.notes)
    leaking = replace(splits, train=(*splits.train, splits.gallery[0]))
    assert f"1 people are trained on and scored, the first is {splits.gallery[0].pid}" in noted(leaking).notes[-1]


def test_images_that_came_or_went_are_named(tmp_path):
    file = tmp_path / "images.txt.gz"
    save_images(file, ["/a.jpg", "/b.jpg", "/ü.jpg"])
    check_images(file, ["/ü.jpg", "/a.jpg", "/b.jpg"])
    with pytest.raises(InputError, match=r"last\.pt: of other data: a\.jpg is gone, as are 1 more"):
        check_images(file, ["/ü.jpg"])
    with pytest.raises(InputError, match=r"c\.jpg is new"):
        check_images(file, ["/a.jpg", "/b.jpg", "/c.jpg", "/ü.jpg"])
    file.write_bytes(b"broken")
    check_images(file, [])
