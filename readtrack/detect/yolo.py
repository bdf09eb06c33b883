"""The detectors of ultralytics (YOLO11 and its relatives), and how their weights are found."""

import os
import tempfile
from pathlib import Path
from typing import Any

import supervision as sv

from readtrack.detect.config import DetectorConfig, log
from readtrack.errors import InputError, first_line
from readtrack.images import Image

PATIENCE = (5, 10)  # seconds to connect to and hear from the host of the weights


class Yolo:
    """An ultralytics model; it chooses its own input size, 640 as a rule."""

    def __init__(self, weights: str | Path, config: DetectorConfig, device: str | None) -> None:
        self.name = Path(weights).name
        try:
            from ultralytics.models.yolo.model import YOLO
            from ultralytics.utils import DEFAULT_CFG_DICT
        except ImportError as error:
            raise InputError(f"{weights}: needs ultralytics ({error}): pip install ultralytics") from error
        try:
            self._model = YOLO(str(weights), task="detect")
        except Exception as error:  # anything may happen while a foreign file is unpickled
            raise _unusable(weights, error) from error
        self._options: dict[str, Any] = {
            "conf": config.confidence,
            "iou": config.nms_iou,
            "classes": list(config.classes),
            "device": device,
            "verbose": False,
        }
        if config.precision == "fp16" and _on_gpu(device):
            self._options |= {"quantize": 16} if "quantize" in DEFAULT_CFG_DICT else {"half": True}
        elif config.precision != "fp32":
            log.warning(f"{self.name}: half precision needs a GPU: runs in float32")
        self._proven = False

    def __call__(self, image: Image) -> sv.Detections:
        """Detect in one BGR image."""
        try:
            result = next(iter(self._model.predict(image, **self._options)))
        except Exception as error:
            if self._proven:
                raise
            raise _unusable(self.name, error) from error
        self._proven = True
        return sv.Detections.from_ultralytics(result)


def _unusable(weights: str | Path, error: Exception) -> InputError:
    return InputError(
        f"{weights}: ultralytics cannot use it ({first_line(error)}): pass a detection model that it exported"
    )


def _on_gpu(device: str | None) -> bool:
    import torch

    return torch.cuda.is_available() if device is None else device.startswith("cuda")


def find_weights(name: str) -> Path:
    """The file of that name: as a path, among ultralytics' weights or PyTorch's, or by download.

    A download goes to PyTorch's cache of weights, whole or not at all.

    Raises:
        InputError: there is none, and it is not one that ultralytics offers or it cannot be fetched.
    """
    path = Path(name).expanduser()
    if path.exists():
        return path
    if path.parent != Path(".") or path.suffix.lower() != ".pt":
        raise InputError(f"{name}: no such file: check the path")
    try:
        import torch
        from ultralytics.utils import SETTINGS
        from ultralytics.utils.downloads import GITHUB_ASSETS_NAMES
    except ImportError as error:
        raise InputError(f"{name}: needs ultralytics ({error}): pip install ultralytics") from error
    cache = Path(torch.hub.get_dir()) / "checkpoints"
    for folder in (Path(SETTINGS["weights_dir"]), cache):
        if (folder / name).is_file():
            return folder / name
    if name not in GITHUB_ASSETS_NAMES:
        raise InputError(f"{name}: neither a file nor a model that ultralytics offers: check the name")
    return _download(name, cache)


def _download(name: str, cache: Path) -> Path:
    import requests
    from ultralytics.utils.downloads import attempt_download_asset

    try:
        requests.head("https://github.com", timeout=PATIENCE)  # ask first: ultralytics waits for long
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            os.replace(attempt_download_asset(str(Path(folder) / name), retry=1), cache / name)
    except (OSError, RuntimeError) as error:  # those of requests and ultralytics among them
        kind = type(error).__name__
        raise InputError(
            f"{name}: is not here and cannot be downloaded ({kind}): fetch it elsewhere and pass its path"
        ) from error
    return cache / name
