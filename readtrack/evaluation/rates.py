"""Experiment: recordings thinned to fewer frames a second, and the rate told wrongly: who keeps identities."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import Any

import supervision as sv

from readtrack.errors import InputError
from readtrack.evaluation.peers import HostError
from readtrack.evaluation.peers.selection import LeftOut, Selection, host_versions
from readtrack.evaluation.playback import Progress, counting, replay
from readtrack.evaluation.provenance import versions
from readtrack.evaluation.recordings import Recording, lost_frames
from readtrack.evaluation.settings import RATES, RateSettings
from readtrack.metrics.tracking import score_tracking
from readtrack.offline import OfflineTracker
from readtrack.pipeline import Steps, people_by_frame
from readtrack.read.matcher import Matcher
from readtrack.video import Frame

OWN = {"readtrack": "readtrack, file", "readtrack-boxes": "readtrack-boxes, file"}  # who also takes a file as a whole


@dataclass(frozen=True)
class RateScores:
    """One tracker on one recording at one rate."""

    source: str
    tracker: str
    fps: float  # frames a second that it was handed
    factor: float  # how many times as many it was told
    IDF1: float  # in [0, 1]
    IDSW: int


@dataclass(frozen=True)
class RateReport:
    """All that was found, in the order in which it is written as JSON."""

    settings: dict[str, Any]
    left_out: list[LeftOut]
    rows: list[RateScores]
    lost: dict[str, int]  # frames of recordings that could not be decoded
    versions: dict[str, str]


@dataclass(frozen=True)
class Thinned(Sequence[Frame]):
    """Every so many frames of others, under the same numbers, with times as somebody believes them."""

    frames: Any  # that can be gone through several times
    step: int
    fps: float  # that is believed, of what is left

    def __iter__(self) -> Iterator[Frame]:
        for frame in self.frames:
            if frame.index % self.step == 0:
                yield replace(frame, time=frame.index // self.step / self.fps)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, place: Any) -> Any:
        return list(self)[place]


def thinned(recording: Recording, step: int, factor: float = 1.0) -> Recording:
    """Every ``step``-th frame of a recording, whose rate is told as ``factor`` times what it is."""
    fps = recording.fps / step * factor
    total = None if recording.total is None else -(-recording.total // step)
    return replace(recording, fps=fps, frames=Thinned(recording.frames, step, fps), total=total)


def evaluate_rates(settings: RateSettings, progress: Progress = lambda done, total: None) -> RateReport:
    """Let trackers work on recordings at several rates.

    Args:
        settings: on what, who, and at which rates.
        progress: told how many runs are done, and of how many.

    Raises:
        InputError: settings, networks or sources cannot be used, or nobody can take part.
    """
    selection, rows = Selection(settings), []
    with ExitStack() as stack:
        recordings = [stack.enter_context(selection.open(source)) for source in settings.source]
        plans = [(recording, *plan) for recording in recordings for plan in _plan(recording.fps, settings)]
        runs = sum(len(selection.able(one)) + sum(name in OWN for name in selection.able(one)) for one, *_ in plans)
        step = counting(progress, runs)
        for recording in recordings:
            selection.note_unable(recording)
        for recording, every, factor in plans:
            world, believed = thinned(recording, every), thinned(recording, every, factor)
            truth = {frame.index: recording.truth(frame.index) for frame in world.frames}
            for name in selection.able(recording):
                for whole in (False, True)[: 1 + (name in OWN)]:
                    try:
                        tracks = (
                            _whole(believed, selection.matcher_of(name)) if whole else _live(selection, name, believed)
                        )
                    except (HostError, InputError) as error:
                        selection.left_out.append(LeftOut(recording.name, name, str(error)))
                    else:
                        found = score_tracking(truth, tracks, list(truth))
                        told = (OWN[name] if whole else name, world.fps, factor)
                        rows.append(RateScores(recording.name, *told, found.IDF1, found.IDSW))
                    step()
        lost = lost_frames(recordings)
    if not rows:
        raise InputError("nobody is left: " + "; ".join(f"{one.tracker}: {one.why}" for one in selection.left_out))
    left_out = list(dict.fromkeys(selection.left_out))
    return RateReport(asdict(settings), left_out, rows, lost, {**versions(), **host_versions()})


def _plan(fps: float, settings: RateSettings) -> Iterator[tuple[int, float]]:
    """Which frames are taken, each so many, and by what factor the rate is told wrongly."""
    steps = dict.fromkeys(max(1, round(fps / rate)) for rate in settings.rate or (fps, *RATES))
    for step in steps:
        yield step, 1.0
        if settings.wrong != 1:
            yield step, settings.wrong
            yield step, 1 / settings.wrong


def _live(selection: Selection, name: str, recording: Recording) -> dict[int, sv.Detections]:
    """What a tracker made of a recording frame by frame, as it is known in the end."""
    return replay(selection.make(name, recording), recording).tracks


def _whole(recording: Recording, matcher: Matcher | None) -> dict[int, sv.Detections]:
    """What this project makes of a file as a whole."""
    tracker = OfflineTracker(matcher, recording.fps)
    steps = Steps(recording.frames, lambda frame: recording.detections(frame.index), tracker)
    indices = [step.frame.index for step in steps]
    return people_by_frame(tracker.finish_people()[0], indices)
