"""Detectors: what they hand out can be relied on, and what cannot be had is said."""

import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import supervision as sv

from readtrack.detect import DetectorConfig, checked, clean, load_detector
from readtrack.errors import InputError

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
NANO = SHARED / "detectors" / "yolox_nano.onnx"
MOT15 = SHARED / "data" / "mot15"

IMAGE = np.full((240, 320, 3), 90, np.uint8)


def refuses(name, *words, config=None):
    with pytest.raises(InputError) as caught:
        load_detector(name, config or DetectorConfig())
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def on_a_bare_computer(monkeypatch, tmp_path):
    """No weights about, no network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    import requests
    from ultralytics.utils import SETTINGS

    def unplugged(*args, **kwargs):
        raise requests.exceptions.ConnectionError("no\nnetwork")

    monkeypatch.setitem(SETTINGS, "weights_dir", str(tmp_path / "weights"))
    monkeypatch.setattr(requests, "head", unplugged)


# What every answer goes through


def test_clean_drops_what_nobody_can_use_and_keeps_the_rest_as_it_is():
    xyxy = np.array(
        [
            [10, 10, 50, 90],
            [np.nan, 10, 50, 90],
            [10, 10, np.inf, 90],
            [-20, -5, 30, 60],  # partly outside: stays
            [40, 40, 40, 90],
            [50, 50, 40, 40],
            [400, 10, 450, 90],
            [-50, 10, -1, 90],
            [300, 200, 500, 400],
        ],
        dtype=np.float32,
    )
    given = sv.Detections(xyxy=np.zeros_like(xyxy), data={"row": np.arange(9)}, tracker_id=np.arange(9) + 1)
    given.xyxy = xyxy  # not every version of supervision takes such boxes when it is made
    kept = clean(given, (320, 240))
    assert kept.data["row"].tolist() == [0, 3, 8] and kept.tracker_id.tolist() == [1, 4, 9]
    assert (kept.xyxy == xyxy[[0, 3, 8]]).all() and kept.xyxy.dtype == np.float32
    assert kept.confidence.tolist() == [1, 1, 1] and kept.class_id.tolist() == [0, 0, 0]
    assert len(given) == 9 and given.confidence is None and given.class_id is None


def test_clean_keeps_confidence_and_class_and_drops_an_endless_confidence():
    xyxy = np.tile([10.0, 10, 50, 90], (3, 1))
    given = sv.Detections(xyxy=xyxy, confidence=np.array([0.5, 0.9, 0.25]), class_id=np.array([3, 4, 5]))
    given.confidence[1] = np.nan
    kept = clean(given, (320, 240))
    assert kept.confidence.tolist() == [0.5, 0.25] and kept.class_id.tolist() == [3, 5]


def test_clean_of_nobody_is_complete():
    for nobody in (sv.Detections.empty(), sv.Detections(xyxy=np.empty((0, 4)))):
        kept = clean(nobody, (320, 240))
        assert len(kept) == 0 and len(kept.confidence) == 0 and len(kept.class_id) == 0


def test_a_callable_is_used_as_it_is_and_its_faults_are_logged_once(caplog):
    def mine(image):
        return sv.Detections(xyxy=np.array([[1.0, 2, 30, 40], [5, 5, 5, 5]]))

    detector = load_detector(mine)
    assert detector.name == "mine" and checked(detector) is detector
    with caplog.at_level(logging.WARNING, "readtrack"):
        for _ in range(3):
            assert detector(IMAGE).xyxy.tolist() == [[1, 2, 30, 40]]
    assert detector.removed == 3
    assert len(caplog.records) == 1 and "1 of 2 boxes" in caplog.text


@pytest.mark.parametrize("answer", [None, np.zeros((1, 4)), [], (sv.Detections.empty(),)])
def test_an_answer_of_another_kind_is_refused(answer):
    with pytest.raises(InputError, match=r"returned .*supervision\.Detections"):
        checked(lambda image: answer)(IMAGE)


@pytest.mark.parametrize("image", [None, "x.jpg", IMAGE[..., 0], IMAGE.astype(float), np.zeros((5, 5, 4), np.uint8)])
def test_what_is_no_image_is_refused(image):
    with pytest.raises(InputError):
        checked(lambda image: sv.Detections.empty())(image)


def test_an_empty_image_holds_nobody():
    def never(image):
        raise AssertionError

    assert len(checked(never)(np.zeros((0, 10, 3), np.uint8))) == 0


# Settings and names


@pytest.mark.parametrize(
    "wrong", [{"confidence": -0.1}, {"confidence": float("nan")}, {"nms_iou": 2}, {"classes": ()}, {"classes": (-1,)}]
)
def test_senseless_settings_are_refused(wrong):
    with pytest.raises(InputError):
        DetectorConfig(**wrong)


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "99", "meta", ""])
def test_a_device_that_is_not_there_is_refused(device):
    refuses("hog", "device", "cpu", config=DetectorConfig(device=device))


def test_unknown_names_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.xyz").write_text("")
    refuses("yolo99", "yolo99", "not known")
    refuses("model.xyz", "no known kind")
    for missing in ("none/yolo11n.pt", "none.onnx", "none.engine", "/none/x.torchscript"):
        refuses(missing, missing, "no such file")


def test_importing_is_light():
    code = "import sys, readtrack.video, readtrack.mot, readtrack.detect; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    assert "cv2" in loaded
    assert not {"torch", "ultralytics", "onnxruntime", "av"} & set(loaded)


# HOG


def test_hog_runs_on_any_size():
    detector = load_detector("hog")
    assert detector.name == "HOG"
    for height, width in [(1, 1), (20, 300), (127, 63), (128, 64), (240, 320)]:
        found = detector(np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8))
        assert isinstance(found, sv.Detections) and len(found.confidence) == len(found)


def test_hog_tells_what_it_cannot(caplog, monkeypatch):
    refuses("hog", "class 0", config=DetectorConfig(classes=(2,)))
    with caplog.at_level(logging.WARNING, "readtrack"):
        load_detector("hog", DetectorConfig(precision="fp16"))
    assert len(caplog.records) == 1 and "CPU" in caplog.text
    monkeypatch.delattr("cv2.HOGDescriptor")
    refuses("hog", "opencv-python<5")


# YOLOX


SIDE, ANCHORS = 64, 8 * 8 + 4 * 4 + 2 * 2


def make_yolox(path, rows, classes=2, shape=None, metadata=None, inputs=1):
    """A network that answers ``rows`` {anchor: values} to any image."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    output = np.zeros(shape or (1, ANCHORS, 5 + classes), np.float32)
    for anchor, values in rows.items():
        output[0, anchor, : len(values)] = values
    ports = [helper.make_tensor_value_info(f"in{i}", TensorProto.FLOAT, [1, 3, SIDE, SIDE]) for i in range(inputs)]
    graph = helper.make_graph(
        [helper.make_node("Constant", [], ["out"], value=numpy_helper.from_array(output))],
        "fixed",
        ports,
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, output.shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    helper.set_model_props(model, metadata or {})
    onnx.save(model, str(path))
    return str(path)


def test_yolox_boxes_are_decoded_to_pixels_of_the_image(tmp_path):
    rows = {
        # column 3, row 2 of stride 8; twice 8 wide, 4 times 8 high
        2 * 8 + 3: (0.5, 0.25, np.log(2), np.log(4), 0.9, 0.8, 0.1),
        # the same again, weaker: suppressed
        2 * 8 + 4: (-0.5, 0.25, np.log(2), np.log(4), 0.9, 0.7, 0.1),
        # column 1, row 1 of stride 16
        64 + 4 + 1: (0, 0, 0, 0, 1.0, 0.5, 0),
        # another class, and one too weak
        5: (0.5, 0.5, 1, 1, 1.0, 0.0, 0.9),
        6: (0.5, 0.5, 1, 1, 0.2, 0.2, 0.0),
    }
    found = load_detector(make_yolox(tmp_path / "x.onnx", rows))(np.zeros((128, 96, 3), np.uint8))
    assert np.allclose(found.xyxy, [[40, 4, 72, 68], [16, 16, 48, 48]], atol=1e-4)  # the image is halved
    assert np.allclose(found.confidence, [0.72, 0.5]) and found.class_id.tolist() == [0, 0]


def test_yolox_classes_and_confidence_are_as_set(tmp_path):
    rows = {5: (0.5, 0.5, 1, 1, 1.0, 0.3, 0.9), 30: (0.5, 0.5, 1, 1, 1.0, 0.5, 0.2)}
    path = make_yolox(tmp_path / "x.onnx", rows)
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    both = load_detector(path, DetectorConfig(classes=(0, 1)))(image)
    assert sorted(zip(both.class_id.tolist(), both.confidence.astype(float).round(2).tolist(), strict=True)) == [
        (0, 0.5),
        (1, 0.9),
    ]
    assert len(load_detector(path, DetectorConfig(confidence=0.4))(image)) == 1
    assert len(load_detector(path, DetectorConfig(confidence=0.6))(image)) == 0
    refuses(path, "2 classes", config=DetectorConfig(classes=(2,)))


def test_yolox_exported_with_its_decoder(tmp_path):
    rows = {i: (40, 24, 0, 0, 0, 0) for i in range(ANCHORS)} | {3: (32, 20, 16, 24, 0.9, 1)}
    found = load_detector(make_yolox(tmp_path / "x.onnx", rows))(np.zeros((SIDE, SIDE, 3), np.uint8))
    assert np.allclose(found.xyxy, [[24, 8, 40, 32]])


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 500), (500, 1), (48, 64)])
def test_yolox_takes_any_size(tmp_path, height, width):
    detector = load_detector(make_yolox(tmp_path / "x.onnx", {5: (0.5, 0.5, 1, 1, 1.0, 0.5)}))
    assert np.isfinite(detector(np.zeros((height, width, 3), np.uint8)).xyxy).all()


def test_a_wild_size_does_not_overflow(tmp_path):
    detector = load_detector(make_yolox(tmp_path / "x.onnx", {5: (0.5, 0.5, 1000, 1000, 1.0, 0.5)}))
    assert np.isfinite(detector(IMAGE).xyxy).all()


def test_foreign_and_broken_onnx_files_are_refused(tmp_path):
    (tmp_path / "noise.onnx").write_bytes(os.urandom(500))
    (tmp_path / "empty.onnx").write_bytes(b"")
    for name in ("noise", "empty"):
        refuses(tmp_path / f"{name}.onnx", f"{name}.onnx", "no model")
    refuses(make_yolox(tmp_path / "a.onnx", {}, shape=(1, 512)), "a.onnx", "not the ports of")
    refuses(make_yolox(tmp_path / "b.onnx", {}, shape=(1, 300, 85)), "b.onnx", "not the ports of")
    refuses(make_yolox(tmp_path / "c.onnx", {}, inputs=2), "c.onnx", "not the ports of")


def test_an_onnx_of_ultralytics_that_does_more_goes_there(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr("readtrack.detect.load.Yolo", lambda *args: calls.append(args) or (lambda image: None))
    path = make_yolox(tmp_path / "u.onnx", {}, shape=(1, 84, ANCHORS), metadata={"task": "segment", "stride": "32"})
    load_detector(path)
    assert [call[0] for call in calls] == [path]


@pytest.mark.data
@pytest.mark.skipif(not (NANO.exists() and MOT15.exists()), reason="needs YOLOX-nano and MOT15 beside the checkout")
@pytest.mark.parametrize(
    ("sequence", "precision", "recall"), [("TUD-Campus", 0.70, 0.74), ("TUD-Stadtmitte", 0.93, 0.80)]
)
def test_yolox_nano_finds_the_people_of_real_streets(sequence, precision, recall):
    detector = load_detector(NANO, DetectorConfig(confidence=0.4))
    hits, found, there = count_hits(detector, sequence, stride=5)
    assert hits / found > precision - 0.05 and hits / there > recall - 0.05


@pytest.mark.data
@pytest.mark.skipif(not MOT15.exists(), reason="needs MOT15 sequences beside the checkout")
def test_hog_finds_some_people_of_a_real_street():
    hits, found, there = count_hits(load_detector("hog"), "TUD-Stadtmitte", stride=60)
    assert hits / found > 0.5 and hits / there > 0.3


def count_hits(detector, sequence, stride):
    """(detections on a person of their own at IoU 0.5, detections, people)."""
    from scipy.optimize import linear_sum_assignment

    from readtrack.boxes import iou
    from readtrack.mot import read_truth
    from readtrack.video import open_video

    truth = read_truth(MOT15 / sequence / "gt" / "gt.txt")
    counts = np.zeros(3, int)
    for frame in open_video(MOT15 / sequence, stride=stride):
        found, people = detector(frame.image), truth[frame.index]
        overlap = iou(found.xyxy.astype(float), people.xyxy)
        counts += (overlap[linear_sum_assignment(-overlap)] >= 0.5).sum(), len(found), len(people)
    return counts


# Ultralytics


def test_the_default_falls_back_to_hog_loudly_and_leaves_nothing(tmp_path, monkeypatch, caplog, capfd):
    on_a_bare_computer(monkeypatch, tmp_path)
    start = time.monotonic()
    with caplog.at_level(logging.WARNING, "readtrack"):
        detector = load_detector(None)
    assert detector.name == "HOG" and time.monotonic() - start < 20
    (record,) = caplog.records
    message = record.getMessage()
    assert "\n" not in message
    for word in ("yolo11n.pt", "ConnectionError", "HOG", ".onnx", "from a file"):
        assert word in message
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert "yolo11n" not in capfd.readouterr().out


def test_a_download_that_breaks_leaves_no_half_file(tmp_path, monkeypatch):
    on_a_bare_computer(monkeypatch, tmp_path)
    monkeypatch.setattr("requests.head", lambda *args, **kwargs: None)

    def breaks(file, **kwargs):
        Path(file).write_bytes(b"half")
        raise ConnectionError("gone")

    monkeypatch.setattr("ultralytics.utils.downloads.attempt_download_asset", breaks)
    refuses("yolo11s.pt", "yolo11s.pt", "cannot be downloaded", "pass its path")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_named_model_that_cannot_be_had_is_refused(tmp_path, monkeypatch):
    on_a_bare_computer(monkeypatch, tmp_path)
    refuses("yolo11n.pt", "yolo11n.pt", "cannot be downloaded")
    refuses("yoloo11n.pt", "yoloo11n.pt", "check the name")


def test_missing_packages_are_named(monkeypatch, tmp_path, caplog):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "ultralytics", None)
    monkeypatch.setitem(sys.modules, "ultralytics.utils", None)
    refuses("yolo11n.pt", "pip install ultralytics")
    assert load_detector(None).name == "HOG" and "pip install ultralytics" in caplog.text


def test_files_that_are_no_models_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    import torch

    (tmp_path / "noise.pt").write_bytes(os.urandom(500))
    (tmp_path / "empty.pt").write_bytes(b"")
    torch.save({"weights": torch.zeros(3)}, tmp_path / "other.pt")
    for name in ("noise.pt", "empty.pt", "other.pt"):
        refuses(tmp_path / name, name, "ultralytics cannot use it")
    (tmp_path / "noise.torchscript").write_bytes(os.urandom(500))
    with pytest.raises(InputError, match=r"noise\.torchscript"):
        load_detector("noise.torchscript")(IMAGE)


def test_an_ultralytics_model_runs_and_halves_only_on_gpus(tmp_path, monkeypatch, caplog, capfd):
    monkeypatch.chdir(tmp_path)
    from ultralytics import YOLO

    YOLO("yolo11n.yaml").save(tmp_path / "random.pt")
    capfd.readouterr()
    config = DetectorConfig(confidence=0.0, classes=(0, 2), device="cpu", precision="fp16")
    with caplog.at_level(logging.WARNING, "readtrack"):
        detector = load_detector("random.pt", config)
    assert detector.name == "random.pt"
    assert [r.getMessage() for r in caplog.records] == ["random.pt: half precision needs a GPU: runs in float32"]
    found = detector(np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8))
    assert set(found.class_id.tolist()) <= {0, 2} and len(found.confidence) == len(found)
    assert len(detector(np.zeros((3, 500, 3), np.uint8)).xyxy.T) == 4
    captured = capfd.readouterr()
    assert captured.out == "" and captured.err == ""
    assert [path.name for path in tmp_path.iterdir()] == ["random.pt"]
