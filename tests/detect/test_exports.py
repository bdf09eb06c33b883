"""ONNX exports of other detectors: each recognised, fed and read as its makers mean it."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.special import expit

from readtrack.detect import DetectorConfig, load_detector
from readtrack.errors import InputError

SHARED = Path(__file__).parents[3] / "shared"
RTMDET = SHARED / "detectors" / "rtmdet_nano_person.onnx"
SEQUENCE = SHARED / "data" / "mot16" / "MOT16-09"

SIDE, CELLS = 64, 8 * 8 + 4 * 4 + 2 * 2
COLOUR = (30, 60, 120)  # BGR
WEIGHTS = np.array([0.05, 0.11, 0.23], np.float32)  # of the means of the network's three channels


def make_onnx(path, outputs, inputs=None, metadata=None, side=SIDE):
    """A network whose outputs are ``base + mask * score``, the score a weighted mean of its input's channels.

    Args:
        outputs: {name: (base, mask) or whole numbers alone}.
        inputs: what else goes in, {name: shape}, and is left unused.
    """
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    def constant(name, value):
        return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.asarray(value)))

    nodes = [
        helper.make_node("ReduceMean", ["image"], ["means"], axes=[2, 3], keepdims=0),
        constant("weights", WEIGHTS[:, None]),
        helper.make_node("MatMul", ["means", "weights"], ["score"]),
    ]
    ports = []
    for name, value in outputs.items():
        if isinstance(value, tuple):
            base, mask = (np.asarray(part, np.float32) for part in value)
            nodes += [
                constant(f"{name}_base", base),
                constant(f"{name}_mask", mask),
                helper.make_node("Mul", [f"{name}_mask", "score"], [f"{name}_scored"]),
                helper.make_node("Add", [f"{name}_base", f"{name}_scored"], [name]),
            ]
            ports.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, base.shape))
        else:
            nodes.append(constant(name, np.asarray(value, np.int64)))
            ports.append(helper.make_tensor_value_info(name, TensorProto.INT64, np.shape(value)))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, side, side])
    others = [helper.make_tensor_value_info(n, TensorProto.INT64, shape) for n, shape in (inputs or {}).items()]
    model = helper.make_model(
        helper.make_graph(nodes, "made", [image, *others], ports), opset_imports=[helper.make_opsetid("", 13)]
    )
    model.ir_version = 8
    helper.set_model_props(model, metadata or {})
    onnx.save(model, str(path))
    return str(path)


def scored(base, *where):
    """(base, mask): the score is added where it is asked for."""
    mask = np.zeros_like(base)
    mask[where] = 1
    return base, mask


def rtmdet():
    dets = np.zeros((1, 2, 5), np.float32)
    dets[0, :, :4] = (8, 16, 24, 48), (0, 0, 10, 20)
    return {"dets": scored(dets, 0, 0, 4), "labels": [[0, 0]]}


def yolo():
    out = np.zeros((1, 4 + 3, CELLS), np.float32)
    out[0, :4, 20] = 16, 32, 16, 32  # centre and size
    out[0, :4, 21] = 17, 32, 16, 32  # the same person again
    out[0, :4, 40] = 40, 40, 8, 8
    out[0, 4, 21], out[0, 5, 21], out[0, 6, 40] = 0.05, 0.9, 0.9
    return {"output0": scored(out, 0, 4, 20)}


def one_to_one():
    out = np.zeros((1, 3, 6), np.float32)
    out[0] = (8, 16, 24, 48, 0, 0), (8, 16, 24, 48, 0.9, 2), (0, 0, 9, 9, 0, 0)
    return {"output0": scored(out, 0, 0, 4)}


def dfine():
    boxes = np.zeros((1, 2, 4), np.float32)
    boxes[0] = (8, 16, 24, 48), (30, 30, 40, 60)
    return {
        "labels": [[0, 2]],
        "boxes": (boxes, np.zeros_like(boxes)),
        "scores": scored(np.array([[0.0, 0.9]], np.float32), 0, 0),
    }


def queries(classes, person):
    boxes = np.zeros((1, 2, 4), np.float32)
    boxes[0, 0] = 16 / SIDE, 32 / SIDE, 16 / SIDE, 32 / SIDE
    logits = np.full((1, 2, classes), -9, np.float32)
    logits[0, 0, person] = 0
    return (boxes, np.zeros_like(boxes)), scored(logits, 0, 0, person)


def transformers():
    boxes, logits = queries(80, 0)
    return {"logits": logits, "pred_boxes": boxes}


def rfdetr():
    boxes, logits = queries(91, 1)  # COCO's own numbers: a person is 1
    return {"dets": boxes, "labels": logits}


def by_hand(kind):
    """The score of an image of one colour."""
    bgr = np.array(COLOUR, np.float32)
    if kind is rtmdet:
        return WEIGHTS @ ((bgr - [103.53, 116.28, 123.675]) / [57.375, 57.12, 58.395])
    rgb = bgr[::-1] / 255
    if kind is rfdetr:
        return expit(WEIGHTS @ ((rgb - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]))
    return expit(WEIGHTS @ rgb) if kind is transformers else WEIGHTS @ rgb


ALL = [rtmdet, yolo, one_to_one, dfine, transformers, rfdetr]


def made(tmp_path, kind, **more):
    inputs = {"orig_target_sizes": [1, 2]} if kind is dfine else None
    return make_onnx(tmp_path / "x.onnx", kind(), inputs, **more)


@pytest.mark.parametrize("kind", ALL)
def test_the_values_that_a_network_sees_are_its_makers(tmp_path, kind):
    """An image without margin: the score is the weighted mean of its channels, in their order and units."""
    detector = load_detector(made(tmp_path, kind), DetectorConfig(confidence=0.0))
    found = detector(np.full((2 * SIDE, 2 * SIDE, 3), COLOUR, np.uint8))
    expected = by_hand(kind)
    if expected < 0:  # colours darker than the mean score below 0: a bright image instead
        bright = np.full((SIDE, SIDE, 3), 255, np.uint8)
        found = detector(bright)
        expected = WEIGHTS @ ((255 - np.array([103.53, 116.28, 123.675])) / [57.375, 57.12, 58.395])
    assert np.isclose(found.confidence.max(), expected, atol=2e-3)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(("height", "width"), [(128, 128), (128, 64), (64, 128)])
def test_boxes_come_back_to_the_image(tmp_path, kind, height, width):
    detector = load_detector(made(tmp_path, kind), DetectorConfig(confidence=0.01))
    found = detector(np.full((height, width, 3), 255, np.uint8))
    assert len(found) == 1 and found.class_id.tolist() == [0]
    box, ratio = np.array([8, 16, 24, 48], float), SIDE / max(height, width)
    if kind in (yolo, one_to_one):
        left, top = (SIDE - width * ratio) / 2, (SIDE - height * ratio) / 2
        box = (box - [left, top, left, top]) / ratio
    elif kind is rtmdet:
        box = box / ratio
    else:
        box = box * np.array([width, height] * 2) / SIDE
    assert np.allclose(found.xyxy[0], box, atol=1e-3)


def test_wanted_classes_are_those_of_coco(tmp_path):
    image = np.full((SIDE, SIDE, 3), 255, np.uint8)
    found = load_detector(made(tmp_path, yolo), DetectorConfig(confidence=0.1, classes=(1, 2)))(image)
    assert sorted(found.class_id.tolist()) == [1, 2]
    with pytest.raises(InputError, match="3 classes, no 7") as caught:
        load_detector(made(tmp_path, yolo), DetectorConfig(classes=(7,)))
    assert caught.value.parameter == "classes"
    found = load_detector(made(tmp_path, dfine), DetectorConfig(confidence=0.1, classes=(2,)))(image)
    assert found.class_id.tolist() == [2] and np.isclose(found.confidence[0], 0.9)


def test_an_export_signed_by_ultralytics_needs_no_ultralytics(tmp_path, monkeypatch):
    monkeypatch.setattr("readtrack.detect.load.Yolo", None)
    path = made(tmp_path, yolo, metadata={"task": "detect", "stride": "32"})
    assert len(load_detector(path)(np.full((SIDE, SIDE, 3), 255, np.uint8))) == 1


@pytest.mark.parametrize(
    "outputs",
    [
        {"output0": (np.zeros((1, 25200, 85)), np.zeros((1, 25200, 85)))},  # YOLOv5
        {"features": (np.zeros((1, 512)), np.zeros((1, 512)))},
        {"boxes": (np.zeros((1, 9, 4)), np.zeros((1, 9, 4))), "scores": (np.zeros((1, 9)), np.zeros((1, 9)))},
    ],
)
def test_other_networks_are_refused_with_what_was_found(tmp_path, outputs):
    path = make_onnx(tmp_path / "other.onnx", outputs)
    with pytest.raises(InputError) as caught:
        load_detector(path)
    message = str(caught.value)
    assert "image [1, 3, 64, 64]" in message and next(iter(outputs)) in message and "RTMDet" in message
    assert "\n" not in message


@pytest.mark.data
@pytest.mark.skipif(not (RTMDET.exists() and SEQUENCE.exists()), reason="needs RTMDet and MOT16-09 beside the checkout")
def test_rtmdet_finds_what_onnx_runtime_finds_by_hand():
    import onnxruntime

    from readtrack.mot import read_mot
    from readtrack.video import open_video

    image = next(iter(open_video(SEQUENCE, end=1))).image
    found = load_detector(RTMDET, DetectorConfig(input_side=1280))(image)
    canvas = np.full((736, 1280, 3), 114, np.uint8)
    canvas[:720] = cv2.resize(image, (1280, 720))
    values = (canvas.astype(np.float32) - [103.53, 116.28, 123.675]) / [57.375, 57.12, 58.395]
    session = onnxruntime.InferenceSession(str(RTMDET), providers=["CPUExecutionProvider"])
    dets, labels = session.run(None, {"input": values.transpose(2, 0, 1)[None].astype(np.float32)})
    keep = (dets[0, :, 4] >= 0.1) & (labels[0] == 0)
    assert np.allclose(found.xyxy, dets[0, keep, :4] * 1.5, atol=1e-2) and len(found) > 50
    assert np.allclose(found.confidence, dets[0, keep, 4], atol=1e-4)
    there = read_mot(SEQUENCE / "det" / "det.txt")[0]  # by another program, of the same network
    sure = np.sort(there.confidence)[::-1][:20]
    assert np.allclose(np.sort(found.confidence)[::-1][:20], sure, atol=2e-3)
