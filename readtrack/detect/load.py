"""From a name to a detector."""

from pathlib import Path
from typing import Any

import numpy as np

from readtrack.detect.checks import Checked, checked
from readtrack.detect.config import Detector, DetectorConfig, log
from readtrack.detect.exports import Exported, recognise
from readtrack.detect.hog import Hog
from readtrack.detect.rfdetr import NAME, RfDetr
from readtrack.detect.tiles import Tiled
from readtrack.detect.yolo import Yolo, find_weights
from readtrack.detect.yolox import Yolox, is_yolox
from readtrack.devices import has_onnx_device, onnx_session, torch_device
from readtrack.errors import InputError

DEFAULT = "yolo11n.pt"
USUAL = DetectorConfig()

# What ultralytics runs besides .pt and .onnx; some of these are folders.
EXPORTS = (
    ".engine",
    ".torchscript",
    ".mlpackage",
    ".mlmodel",
    ".tflite",
    ".pb",
    ".mnn",
    ".xml",
    "_openvino_model",
)


def load_detector(name: str | Path | Detector | None = None, config: DetectorConfig = USUAL) -> Checked:
    """Find a person detector.

    Args:
        name: An ultralytics model (``yolo11n.pt``, any file it exports), an ``.onnx`` of YOLOX, RTMDet, YOLOv8 or
            later, RT-DETR, D-FINE or RF-DETR, ``rfdetr-nano``, ``-small`` or ``-medium`` (of the package rfdetr),
            ``hog``, or a callable from BGR image to ``Detections``. None takes
            ``yolo11n.pt``, downloaded once, and says so where it has to make do with HOG.
        config: Settings; a callable's are its own.

    Raises:
        InputError: the model is not there, cannot be fetched or is none; the device does not exist.
    """
    found = _load(name, config)
    return checked(Tiled(found, config, str(found.name))) if config.tiles else found


def _load(name: str | Path | Detector | None, config: DetectorConfig) -> Checked:
    """The detector itself."""
    if callable(name):
        return checked(name)
    device = config.device
    if device not in (None, "cpu") and not has_onnx_device(device):
        device = str(torch_device(device))
    if name is None:
        try:
            return checked(Yolo(find_weights(DEFAULT), config, device), DEFAULT)
        except InputError as error:
            log.warning(
                f"{error}. Detecting by OpenCV's HOG instead, which misses half of all people. Better: the path of"
                f" a {DEFAULT}, an .onnx of a known detector, or detections from a file"
            )
            return checked(Hog(config))
    text = str(name)
    if text.lower() == "hog":
        return checked(Hog(config))
    if NAME.fullmatch(text):
        return checked(RfDetr(text, config, device))
    if text.lower().endswith(".onnx"):
        return checked(_load_onnx(text, config, device))
    if text.lower().endswith((".pt", *EXPORTS)):
        return checked(Yolo(find_weights(text), config, device))
    if Path(text).exists():
        raise InputError(f"detector {text}: is of no known kind: pass a .pt, an .onnx or hog", "detector")
    raise InputError(
        f"detector {text}: is not known: pass {DEFAULT}, an .onnx, rfdetr-nano, another model file or hog", "detector"
    )


def _try_out(session: Any, path: str) -> None:
    """Raise InputError where what a network makes of grey is not finite."""
    shapes = [(port, [side if isinstance(side, int) else 1 for side in port.shape]) for port in session.get_inputs()]
    if len(shapes) != 1 or shapes[0][0].type != "tensor(float)" or min(shapes[0][1][2:], default=0) < 32:
        return  # of open size, or something else
    grey = np.full(shapes[0][1], 0.5, np.float32)
    try:
        found = session.run(None, {shapes[0][0].name: grey})
    except Exception:  # noqa: BLE001 (whoever uses it says why)
        return
    if any(array.dtype.kind == "f" and not np.isfinite(array).all() for array in found):
        raise InputError(f"{path}: answers with numbers that are not finite: export it again", "detector")


def _load_onnx(path: str, config: DetectorConfig, device: str | None) -> Detector:
    if device is not None and not has_onnx_device(device):
        log.warning(f"{path}: this ONNX Runtime has no {device}, runs on the CPU: pip install onnxruntime-gpu")
        session = onnx_session(path, "cpu")
    else:
        session = onnx_session(path, device)
    _try_out(session, path)
    name, task = Path(path).name, session.get_modelmeta().custom_metadata_map.get("task", "detect")
    if task == "detect":  # ultralytics signs its exports with their task
        if is_yolox(session):
            return Yolox(session, name, config)
        if family := recognise(session):
            return Exported(session, name, family, config)
    elif "stride" in session.get_modelmeta().custom_metadata_map:
        return Yolo(path, config, device)
    found = " and ".join(
        ", ".join(f"{port.name} {port.shape}" for port in ports)
        for ports in (session.get_inputs(), session.get_outputs())
    )
    known = "YOLOX, RTMDet, YOLOv8 to YOLO26, RT-DETR, D-FINE or RF-DETR"
    raise InputError(f"{path}: {found} are not the ports of {known}: export one of them, with one image a batch")
