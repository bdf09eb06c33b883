"""readtrack as one of ultralytics' trackers: ``pip install ultralytics``.

YOLO("yolo11n.pt").track("video.mp4", classes=[0], tracker=readtrack.adapters.ultralytics.config(fps=25))
"""

import json
import math
import tempfile
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.adapters.host import hook
from readtrack.devices import Precision
from readtrack.errors import InputError, given
from readtrack.readtracker import ReadTracker
from readtrack.tracking import TrackerConfig

NAME = "readtrack"
DELAY = 0.08  # seconds: the third frame
OWN = ("tracker_type", "weights", "precision", "device")  # of the file's entries; ultralytics sets the device
SETTINGS = [field.name for field in fields(TrackerConfig)]


def register() -> None:
    """Make ``tracker_type: readtrack`` known to ultralytics in this process.

    Raises:
        InputError: ultralytics is not installed, or has no place for other trackers.
    """
    hook("ultralytics.trackers.track", "TRACKER_MAP", "")[NAME] = UltralyticsTracker


def config(
    path: str | Path | None = None, weights: str | Path = "read-s", precision: Precision = "fp32", **settings: Any
) -> str:
    """Register, and write the file that ``track(tracker=...)`` takes.

    Args:
        path: where to write it, as .yaml; None takes a new temporary file.
        weights: a shipped name or a file.
        precision: of the network, on a GPU.
        settings: of ``TrackerConfig``; set ``fps`` to the video's. ``delay`` is 0.08 seconds unless it is given, for
            nobody hears afterwards who was undecided.

    Returns:
        The path.

    Raises:
        InputError: a setting is unknown or out of range, the file cannot be written, or as ``register``.
    """
    register()
    entries = {"tracker_type": NAME, "weights": str(weights), "precision": precision, **settings}
    entries = {key: value.item() if isinstance(value, np.generic) else value for key, value in entries.items()}
    _settings(entries)
    target = Path(tempfile.mkdtemp(prefix="readtrack-")) / "readtrack.yaml" if path is None else Path(path)
    if target.suffix not in (".yaml", ".yml"):
        raise InputError(f"{target}: ultralytics takes .yaml files only; name it so")
    try:
        target.write_text("".join(f"{key}: {_yaml(value)}\n" for key, value in entries.items()))
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({error.strerror}); give another path") from error
    return str(target)


class UltralyticsTracker:
    """What ultralytics calls for every frame; it makes one for each stream."""

    def __init__(self, args: Any) -> None:
        """Load the network.

        Args:
            args: the entries of the file that ``config`` writes, as attributes, and ``device``.

        Raises:
            InputError: an entry is unknown or out of range, weights or device cannot be used.
        """
        entries = vars(args)
        device = entries.get("device")
        self._tracker = ReadTracker(
            entries.get("weights", "read-s"),
            _settings(entries),
            None if device is None else str(device),
            entries.get("precision", "fp32"),
        )

    def update(
        self, results: Any, img: NDArray[np.uint8] | None = None, feats: Any = None, **_: Any
    ) -> NDArray[np.float32]:
        """Take the next frame.

        Args:
            results: ultralytics' boxes as NumPy (N): ``xyxy``, ``conf`` and ``cls``.
            img: BGR uint8 (H, W, 3).
            feats: ignored, READ looks for itself.

        Returns:
            [x1, y1, x2, y2, id, score, cls, idx] (M, 8) of those who have an id; idx is the row among ``results``.

        Raises:
            InputError: the boxes are oriented.
        """
        if hasattr(results, "xywhr"):
            raise InputError("oriented boxes cannot be tracked: use a model that detects upright ones")
        xyxy = np.asarray(results.xyxy, dtype=np.float64).reshape(-1, 4)
        people = boxes.detections_of(xyxy, np.asarray(results.conf, dtype=np.float64))
        ids = self._tracker.update(people, img).tracker_id
        assert ids is not None
        rows = np.flatnonzero(ids > 0)
        scores, classes = np.asarray(results.conf)[rows], np.asarray(results.cls)[rows]
        return np.column_stack([xyxy[rows], ids[rows], scores, classes, rows]).astype(np.float32)

    def reset(self) -> None:
        """Forget everything and count ids from 1 again; ultralytics does so at every new video."""
        self._tracker.reset()

    @property
    def tracked_stracks(self) -> list[SimpleNamespace]:
        """Who is in sight, by whether there is an id: ultralytics hides a frame's boxes while nobody has one."""
        seen = [found for found in self._tracker.predictions if found.gap == 0]
        return [SimpleNamespace(is_activated=found.track > 0) for found in seen]


def _yaml(value: Any) -> str:
    """A setting as YAML 1.1 reads it, which knows no 1e-07 and no Infinity."""
    if not isinstance(value, float):
        return json.dumps(value)
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    digits, exponent, power = repr(value).partition("e")
    return f"{digits}{'' if '.' in digits else '.0'}{exponent}{power}"


def _settings(entries: dict[str, Any]) -> TrackerConfig:
    """The tracker's settings among a file's entries."""
    unknown = [key for key in entries if key not in SETTINGS and key not in OWN]
    if unknown:
        raise InputError(f"{NAME}.yaml: {unknown[0]!r} is unknown; choose from {', '.join(SETTINGS)}")
    settings = {key: value for key, value in entries.items() if key in SETTINGS}
    for key, value in settings.items():
        if not isinstance(value, int | float | np.number | np.bool_):
            raise InputError(f"{NAME}.yaml: {key} given as {given(value)}: expected a number", key)
    return TrackerConfig(**{"delay": DELAY} | settings)
