"""Crops of the people of a MOTChallenge sequence or a drawn street, cut from the ground truth once and kept.

A kept sequence is a folder of ``000012_p003_f000451.jpg`` (identity, piece, 0-based frame) and a ``crops.json`` that
says what the crops were made of. It is written under another name and renamed when whole.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import supervision as sv

from readtrack import boxes
from readtrack.datasets.folders import list_images
from readtrack.errors import InputError
from readtrack.images import Image
from readtrack.mot import read_truth
from readtrack.street import Street, StreetConfig
from readtrack.video import Frame, Video, open_video

log = logging.getLogger("readtrack")

STAMP = "crops.json"


@dataclass(frozen=True)
class CropConfig:
    """Whom to cut out, and how often."""

    rate: float = 5.0  # crops a second of one person, about
    piece: float = 2.0  # seconds of a person that make one tracklet
    visibility: float = 0.3  # least uncovered share of the person, where the truth tells it
    height: float = 32.0  # least pixels inside the image
    inside: float = 0.5  # least share of the box inside the image
    quality: int = 95  # of the JPEG files, to 100


def cut_once(sequence: Path, folder: Path, config: CropConfig) -> list[str] | None:
    """Cut the people of a sequence into ``folder``, unless they are there already, of the same files and settings.

    Returns:
        What was noticed while reading the pixels, one line each; None, and no folder, where there are no pixels.

    Raises:
        InputError: the ground truth is broken, ``folder`` holds something else, or it cannot be written.
    """
    inputs = {**asdict(config), "files": _fingerprint(sequence)}
    if (kept := _kept(folder, inputs)) is not None:
        return kept
    truth = read_truth(sequence / "gt" / "gt.txt")
    with _open(sequence, config.rate) as video:
        if not video.pixels:
            return None
        log.info(f"cutting crops of {video.name}, {video.total or 'an unknown number of'} frames")
        people = _people(video, lambda i: truth.get(i, sv.Detections.empty()), video.fps, config)
        _keep(folder, inputs, people, config, video.warnings)
    return video.warnings


def cut_street(settings: StreetConfig, folder: Path, config: CropConfig) -> None:
    """Cut the people of a drawn street into ``folder``, unless they are there already, of the same settings.

    Raises:
        InputError: ``folder`` holds something else, or it cannot be written.
    """
    inputs = {**asdict(config), "street": asdict(settings)}
    if _kept(folder, inputs) is None:
        street = Street(settings)
        indices = range(0, len(street), max(1, round(street.fps / config.rate)))
        log.info(f"cutting crops of {folder.name}, {len(indices)} frames")
        frames = (Frame(i, street.image(i)) for i in indices)
        _keep(folder, inputs, _people(frames, street.truth, street.fps, config), config, [])


def _kept(folder: Path, inputs: dict[str, Any]) -> list[str] | None:
    """What was noticed when the crops in a folder were cut; None where it does not hold those of these inputs."""
    stamp = _read_stamp(folder)
    if stamp and stamp["inputs"] == inputs and stamp["images"] == len(list_images(folder)):
        return list(stamp["warnings"])
    if folder.exists() and stamp is None:
        raise InputError(f"{folder}: is in the way of crops, and holds something else: move it or pass another cache")
    return None


def _keep(
    folder: Path, inputs: dict[str, Any], people: Iterable[tuple[str, Image]], config: CropConfig, warnings: list[str]
) -> None:
    """Write crops by file name, and what they were made of; ``warnings`` may grow while they come."""
    partial, images = folder.with_name(f"{folder.name}.partial"), 0
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for name, crop in people:
            encoded = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, config.quality])[1]
            (partial / name).write_bytes(encoded.tobytes())
            images += 1
        stamp = {"inputs": inputs, "images": images, "warnings": warnings}
        (partial / STAMP).write_text(json.dumps(stamp, indent=2) + "\n")
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    except OSError as error:
        raise InputError(f"{folder}: crops cannot be written ({error}): check rights and space") from error


def _read_stamp(folder: Path) -> dict[str, Any] | None:
    try:
        stamp = json.loads((folder / STAMP).read_text())
        return stamp if {"inputs", "images", "warnings"} <= stamp.keys() else None
    except (OSError, ValueError, AttributeError):
        return None


def _fingerprint(sequence: Path) -> str:
    """Another one when the ground truth, seqinfo.ini, or the name or size of any picture changes."""
    digest = hashlib.sha256()
    for path in sorted([*sequence.glob("*"), *sequence.glob("*/*")]):
        if path.is_file():
            digest.update(f"{path.relative_to(sequence)} {path.stat().st_size}\n".encode())
        if path.name in ("gt.txt", "seqinfo.ini"):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _open(sequence: Path, rate: float) -> Video:
    """The sequence, every so many frames that about ``rate`` of them come a second."""
    source = sequence if (sequence / "seqinfo.ini").is_file() else sequence / "img1"
    with open_video(source) as video:
        fps = video.fps
    return open_video(source, stride=max(1, round(fps / rate)))


def _people(
    frames: Iterable[Frame], truth: Callable[[int], sv.Detections], fps: float, config: CropConfig
) -> Iterator[tuple[str, Image]]:
    """File name and crop of everybody in frames, given who is there."""
    beginnings: dict[int, int] = {}
    for frame in frames:
        people = truth(frame.index)
        if frame.image is None or not len(people):
            continue
        for identity, crop in _crops(frame.image, people, config):
            seconds = (frame.index - beginnings.setdefault(identity, frame.index)) / fps
            yield f"{identity:06d}_p{1 + int(seconds / config.piece):03d}_f{frame.index:06d}.jpg", crop


def _crops(image: Image, people: sv.Detections, config: CropConfig) -> Iterator[tuple[int, Image]]:
    """Identity and BGR crop of everybody who can be seen well enough."""
    height, width = image.shape[:2]
    xyxy = np.asarray(people.xyxy, np.float64)
    clipped = boxes.clip(xyxy, width, height)
    good = clipped[:, 3] - clipped[:, 1] >= config.height
    good &= boxes.area(clipped) >= np.maximum(config.inside * boxes.area(xyxy), 1)
    if "visibility" in people.data:
        visibility = np.asarray(people.data["visibility"])
        good &= (visibility >= config.visibility) | (visibility < 0)  # -1 is unknown
    corners = np.concatenate([np.floor(clipped[:, :2]), np.ceil(clipped[:, 2:])], axis=1).astype(int)
    for identity, (left, top, right, bottom) in zip(np.asarray(people.tracker_id)[good], corners[good], strict=True):
        yield int(identity), image[top:bottom, left:right]
