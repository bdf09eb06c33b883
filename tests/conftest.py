"""What several tests need: small networks, small data sets, and data that may not ship."""

import logging
import os
import shutil
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # one thread a process, also in what tests start
    os.environ.setdefault(name, "1")

import cv2
import miniature
import numpy as np
import pytest
import torch
from hypothesis import settings

from readtrack.read.config import ReadConfig
from readtrack.read.model import Read

torch.set_num_threads(1)
cv2.setNumThreads(1)
settings.register_profile("busy machine", deadline=None)  # a pause of the machine is no fault of the code
settings.load_profile("busy machine")

SHARED = Path(__file__).parents[2] / "shared"

TINY = ReadConfig("mobilenet_v2", height=64, width=32, clip_length=2, theta_dim=4, phi_dim=6, feature_dim=8)


@pytest.fixture(autouse=True)
def quiet_again():
    """What a command sets of the project's log holds for one test."""
    log = logging.getLogger("readtrack")
    level, propagate, disabled, handlers = log.level, log.propagate, log.disabled, [*log.handlers]
    yield
    log.setLevel(level)
    log.propagate, log.disabled, log.handlers = propagate, disabled, handlers


@pytest.fixture
def tiny_model():
    """A READ network too small to know anything, the same every time."""
    torch.manual_seed(0)
    model = Read(TINY).eval()
    torch.nn.init.normal_(model.place_bias)
    return model


@pytest.fixture
def tiny_market(tmp_path):
    """Twelve people of one colour each, two cameras, four images per camera, under Market-1501's names."""
    folder = tmp_path / "market" / "bounding_box_train"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for pid in range(1, 13):
        colour = rng.integers(0, 256, 3)
        for camid in (1, 2):
            for frame in range(4):
                image = np.clip(colour + rng.normal(0, 20, (128, 64, 3)), 0, 255).astype(np.uint8)
                cv2.imwrite(str(folder / f"{pid:04d}_c{camid}s1_{frame:06d}_00.jpg"), image)
    return folder.parent


@pytest.fixture(scope="session")
def mini_mars(tmp_path_factory):
    """A small MARS; whoever changes it works on a copy, as with the three below."""
    return miniature.build_mars(tmp_path_factory.mktemp("mars"))


@pytest.fixture(scope="session")
def mini_duke(tmp_path_factory):
    """A small DukeMTMC-VideoReID, names in the new style."""
    return miniature.build_duke(tmp_path_factory.mktemp("duke"))


@pytest.fixture(scope="session")
def mini_market(tmp_path_factory):
    """A small Market-1501."""
    return miniature.build_market(tmp_path_factory.mktemp("market"))


@pytest.fixture(scope="session")
def mini_market_test(tmp_path_factory, mini_market):
    """The test half of a small Market-1501: a query of each person and camera, distractors and junk in the gallery."""
    root = tmp_path_factory.mktemp("market-test")
    for folder in ("query", "bounding_box_test"):
        (root / folder).mkdir()
    for path in sorted((mini_market / "bounding_box_train").glob("*.jpg"))[:60]:
        first = path.stem.endswith("_01")
        (root / ("query" if first else "bounding_box_test") / path.name).write_bytes(path.read_bytes())
    for name in ("-1_c1s1_000001_00.jpg", "0000_c1s1_000001_00.jpg"):
        (root / "bounding_box_test" / name).write_bytes(path.read_bytes())
    return root


@pytest.fixture(scope="session")
def mini_cuhk03(tmp_path_factory):
    """A small CUHK03."""
    return miniature.build_cuhk(tmp_path_factory.mktemp("cuhk03"), range(5), range(5, 10))


@pytest.fixture(scope="session")
def mini_cuhk01(tmp_path_factory):
    """A small CUHK01."""
    return miniature.build_cuhk(tmp_path_factory.mktemp("cuhk01"), range(1, 3), range(3, 5))


@pytest.fixture(scope="session")
def mini_mot(tmp_path_factory):
    """Two small MOTChallenge sequences, one of images and one of a video."""
    return miniature.build_mot(tmp_path_factory.mktemp("mot"))


@pytest.fixture
def two(mini_mot, tmp_path):
    """A sequence of images and one without pixels, with the truth's boxes as detections."""
    folders = []
    for name, left in (("STREET-01", ()), ("STREET-02", ("*.mp4",))):
        shutil.copytree(mini_mot / name, tmp_path / name, ignore=shutil.ignore_patterns(*left))
        (tmp_path / name / "det").mkdir()
        rows = [line.split(",") for line in (tmp_path / name / "gt" / "gt.txt").read_text().splitlines()]
        lines = [",".join([frame, "-1", *box[:4], "0.9"]) for frame, _, *box in rows if float(box[-1]) > 0.3]
        (tmp_path / name / "det" / "det.txt").write_text("\n".join(lines))
        folders.append(tmp_path / name)
    return folders
