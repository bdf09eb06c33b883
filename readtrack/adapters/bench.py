"""What READ does for another tracker: identity switches and IDF1 on a clip with detections and truth.

The programs in ``demos/with_*.py`` are built on it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.evaluation.tracking import TrackingScores, score_tracking
from readtrack.mot import read_mot, read_truth
from readtrack.scene import Street, StreetConfig
from readtrack.video import open_video

Step = Callable[[sv.Detections, NDArray[np.uint8]], sv.Detections]  # a frame's detections, image -> with tracker_id


@dataclass(frozen=True)
class Clip:
    """Frames, what a detector found in them, and the truth."""

    name: str
    fps: float
    images: Callable[[], Iterator[NDArray[np.uint8]]]  # frame after frame, BGR (H, W, 3)
    detections: list[sv.Detections]
    truth: dict[int, sv.Detections]


def open_clip(source: str | Path | None = None, frames: int = 400) -> Clip:
    """The drawn street with its simulated detector, or a MOT sequence with ``det/det.txt`` and ``gt/gt.txt``.

    Args:
        source: the sequence's folder; None draws the street.
        frames: length of the street; a sequence is taken whole.

    Raises:
        InputError: the sequence cannot be read.
    """
    if source is None:
        street = Street(StreetConfig(frames=frames))
        truth = {i: street.truth(i) for i in range(frames)}
        seen = {i: boxes.take(people, np.asarray(people.data["visibility"]) >= 0.1) for i, people in truth.items()}
        found = [street.detections(i) for i in range(frames)]
        return Clip("street", street.fps, lambda: map(street.image, range(frames)), found, seen)
    table = read_mot(Path(source) / "det" / "det.txt")
    with open_video(source) as video:
        fps, name, total = video.fps, video.name, video.total or 0
    found = [table.get(i, sv.Detections.empty()) for i in range(total)]
    return Clip(name, fps, lambda: _images(source), found, read_truth(Path(source) / "gt" / "gt.txt"))


def follow(step: Step, clip: Clip) -> dict[int, sv.Detections]:
    """Call a tracker for each frame of a clip, as it would run live; its answers by frame."""
    return {i: step(found, image) for i, (found, image) in enumerate(zip(clip.detections, clip.images(), strict=True))}


def report(name: str, clip: Clip, tracks: Mapping[int, sv.Detections]) -> TrackingScores:
    """Score tracks and print how well identities were kept."""
    scores = score_tracking(clip.truth, tracks, len(clip.detections))
    told = f"IDF1 {100 * scores.IDF1:.1f}, HOTA {100 * scores.HOTA:.1f}, {scores.IDSW} identity switches"
    print(f"{clip.name}, {name}: {told}", flush=True)
    return scores


def rewritten(tracks: Mapping[int, sv.Detections], merged: Mapping[int, int]) -> dict[int, sv.Detections]:
    """Tracks whose ids are replaced by what they proved to be (``Relinker.merged`` of all frames)."""
    answer = {}
    for frame, people in tracks.items():
        ids = [] if people.tracker_id is None else people.tracker_id.tolist()
        answer[frame] = boxes.with_data(people)
        answer[frame].tracker_id = np.array([_last(number, merged) for number in ids], dtype=int)
    return answer


def _last(number: int, merged: Mapping[int, int]) -> int:
    while number in merged:
        number = merged[number]
    return number


def _images(source: str | Path) -> Iterator[NDArray[np.uint8]]:
    with open_video(source) as video:
        for frame in video:
            assert frame.image is not None
            yield frame.image
