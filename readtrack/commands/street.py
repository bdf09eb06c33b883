"""The synthetic street as a source of ``readtrack.run``, and what a run on it is worth."""

import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import supervision as sv

from readtrack import boxes
from readtrack.errors import InputError
from readtrack.metrics.tracking import TrackingScores, identity_kept, score_tracking
from readtrack.mot import MotWriter, read_mot
from readtrack.pipeline import track
from readtrack.readtracker import ReadTracker
from readtrack.results import Results
from readtrack.street import Street, StreetConfig
from readtrack.tracking import TrackerConfig
from readtrack.video import Frame

LEAST_VISIBLE = 0.1  # share of a person who counts as there


class StreetVideo:
    """A synthetic street in the shape of a ``Video``."""

    def __init__(self, street: Street, indices: range, pixels: bool = True) -> None:
        self.name, self.fps, self.total = "street", street.config.fps, len(indices)
        self.street, self.indices, self.pixels = street, indices, pixels

    def __iter__(self) -> Iterator[Frame]:
        for index in self.indices:
            yield Frame(index, self.street.image(index) if self.pixels else None)

    def __enter__(self) -> "StreetVideo":
        return self

    def __exit__(self, *_: object) -> None:
        pass


def open_street(source: str, start: int, end: int | None, stride: int) -> StreetVideo | None:
    """The street that "street" or "street:7" names; None where ``source`` names something else.

    Raises:
        InputError: ``start``, ``end`` and ``stride`` name none of its frames.
    """
    named = re.fullmatch(r"street(?::(\d+))?", source)
    if named is None:
        return None
    street = Street(StreetConfig(seed=int(named[1] or 0)))
    if start < 0 or stride < 1 or not range(len(street))[start:end]:
        raise InputError(f"start {start}, end {end}, stride {stride} name no frame of the street's {len(street)}")
    return StreetVideo(street, range(len(street))[start:end:stride])


def score_street(
    video: StreetVideo, config: TrackerConfig, folder: Path, frames: int
) -> tuple[dict[str, TrackingScores], list[dict[str, Any]]]:
    """A run's scores, and motion's alone on the same detections, against the truth; and who kept the identity.

    Args:
        video: what was tracked.
        config: how.
        folder: of the run; ``truth.txt`` and ``motion-only/`` are added.
        frames: how many of the video's were tracked.
    """
    street, indices = video.street, video.indices[:frames]
    truth = {i: _visible(street.truth(i)) for i in indices}
    with MotWriter(folder / "truth.txt") as writer:
        for index, people in truth.items():
            writer.write(index, people)
    alone = folder / "motion-only"
    alone.mkdir(exist_ok=True)
    with Results(alone, config.fps, video=False) as results:
        blind = StreetVideo(street, indices, pixels=False)
        track(blind, lambda frame: street.detections(frame.index), ReadTracker(None, config), results)
    tracks = {"motion only": read_mot(alone / "tracks.txt"), "with READ": read_mot(folder / "tracks.txt")}
    scores = {name: score_tracking(truth, found, indices) for name, found in tracks.items()}
    absences = [
        {
            **asdict(absence),
            **{
                name: identity_kept(truth, found, absence.person, (absence.first, absence.last))
                for name, found in tracks.items()
            },
        }
        for absence in street.absences
        if indices[0] < absence.first and absence.last < indices[-1]
    ]
    return scores, absences


def _visible(people: sv.Detections) -> sv.Detections:
    """Whoever is at least a tenth visible."""
    return boxes.take(people, np.asarray(people.data["visibility"]) >= LEAST_VISIBLE)
