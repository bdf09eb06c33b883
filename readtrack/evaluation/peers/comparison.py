"""Experiment: trackers side by side on the same detections and frames."""

from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from readtrack.errors import InputError
from readtrack.evaluation.peers import HostError
from readtrack.evaluation.peers.selection import TOGETHER, LeftOut, Selection, host_versions
from readtrack.evaluation.playback import Progress, Replay, counting, replay
from readtrack.evaluation.provenance import versions
from readtrack.evaluation.recordings import lost_frames
from readtrack.evaluation.settings import PeerSettings
from readtrack.metrics.tracking import SequenceScores, prepare_sequence, score_prepared
from readtrack.mot import MotWriter


@dataclass(frozen=True)
class PeerScores:
    """One tracker on one source, or on all of them together."""

    source: str
    tracker: str
    scores: SequenceScores
    frames_per_second: float  # of the tracker alone


@dataclass(frozen=True)
class PeerReport:
    """All that was found, in the order in which it is written as JSON."""

    settings: dict[str, Any]
    left_out: list[LeftOut]
    rows: list[PeerScores]
    lost: dict[str, int]  # frames of recordings that could not be decoded
    versions: dict[str, str]


def evaluate_peers(
    settings: PeerSettings, progress: Progress = lambda done, total: None, tracks: Path | None = None
) -> PeerReport:
    """Let trackers compete.

    Args:
        settings: on what, and who.
        progress: told how many frames of all runs are done, and of how many, once all sources proved readable.
        tracks: folder for what is scored, ``<tracker>/<recording>.txt`` in MOTChallenge's format.

    Raises:
        InputError: settings, networks or sources cannot be used, or nobody can take part.
    """
    selection = Selection(settings)
    prepared: dict[str, dict[str, dict[str, Any]]] = {}  # tracker -> source -> as TrackEval takes it
    spent: dict[tuple[str, str], tuple[int, float]] = {}  # tracker and source -> frames and seconds
    titles: dict[str, str] = {}
    with ExitStack() as stack:
        recordings = {source: stack.enter_context(selection.open(source)) for source in settings.source}
        frames = [(one.total or 0) * len(selection.able(one)) for one in recordings.values()]
        step = counting(progress, sum(frames))
        for source, recording in recordings.items():
            titles[source] = recording.name if recording.name not in titles.values() else source
            selection.note_unable(recording)
            for name in selection.able(recording):
                try:
                    run = replay(selection.make(name, recording), recording, report=step)
                except (HostError, InputError) as error:
                    selection.left_out.append(LeftOut(recording.name, name, str(error)))
                    continue
                truth = {frame: recording.truth(frame) for frame in run.frames}
                if tracks is not None:
                    _write(tracks / name, titles[source], run)
                prepared.setdefault(name, {})[source] = prepare_sequence(truth, run.tracks, run.frames)
                spent[name, source] = len(run.frames), run.seconds
        lost = lost_frames(recordings.values())
    if not prepared:
        raise InputError("nobody is left: " + "; ".join(f"{one.tracker}: {one.why}" for one in selection.left_out))
    return PeerReport(
        settings=asdict(settings),
        left_out=selection.left_out,
        rows=_rows(titles, prepared, spent),
        lost=lost,
        versions={**versions(), **host_versions()},
    )


def _write(folder: Path, title: str, run: Replay) -> None:
    """The boxes of a run, in the place of those of an earlier one."""
    file = folder / f"{title.replace(':', '-')}.txt"
    folder.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with MotWriter(file) as writer:
        for frame, people in run.tracks.items():
            writer.write(frame, people)


def _rows(
    titles: dict[str, str],
    prepared: dict[str, dict[str, dict[str, Any]]],
    spent: dict[tuple[str, str], tuple[int, float]],
) -> list[PeerScores]:
    """By source, and of more than one also all together, for those who were on all of them."""
    found: dict[str, list[PeerScores]] = {source: [] for source in (*titles, TOGETHER)}
    for name, sequences in prepared.items():
        scores, together = score_prepared(list(sequences.values()))
        for source, score in zip(sequences, scores, strict=True):
            frames, seconds = spent[name, source]
            found[source].append(PeerScores(titles[source], name, score, frames / max(seconds, 1e-9)))
        if len(sequences) == len(titles) > 1:
            frames, seconds = (sum(values) for values in zip(*(spent[name, s] for s in sequences), strict=True))
            found[TOGETHER].append(PeerScores(TOGETHER, name, together, frames / max(seconds, 1e-9)))
    return [row for rows in found.values() for row in rows]
