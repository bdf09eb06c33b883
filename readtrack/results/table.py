"""What a run left, read back: a table of boxes, and READ's decisions."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack.errors import InputError, first_line
from readtrack.files import replacing
from readtrack.mot import MotWriter, read_tracks
from readtrack.results.edits import apply, read_edits

if TYPE_CHECKING:
    import pandas

UNEDITED = "tracks.unedited.txt"  # what a run found, once it was corrected
SHORT = 0.5  # seconds from which both sides of a link matter


@dataclass(frozen=True)
class Decision:
    """A row of associations.jsonl: why somebody got an identity; frames of the source, from 0."""

    frame: int
    track: int
    detection: int
    reason: str
    probability: float
    runner_up: float
    gap: int
    motion_cost: float
    boxes: int = 1


@dataclass(frozen=True)
class Table:
    """Everybody's boxes, by frame and identity; all arrays begin with N.

    Example:
        >>> table = read("runs/video")  # doctest: +SKIP
        >>> table.to_pandas().groupby("id").seconds.agg(["min", "max"])  # doctest: +SKIP
    """

    frame: NDArray[np.int64]  # of the source, from 0
    seconds: NDArray[np.float64]  # since the source's first frame, by its frame rate; NaN where that is unknown
    id: NDArray[np.int64]
    xyxy: NDArray[np.float64]  # (N, 4), pixels
    confidence: NDArray[np.float64]
    filled: NDArray[np.bool_]  # nobody was detected there
    probability: NDArray[np.float64]  # the weakest link of that identity up to this box, 1 without one
    found: NDArray[np.int64]  # the identities as the run found them, before corrections
    names: dict[int, str] = field(default_factory=dict)  # of those who were given one
    about: dict[str, Any] = field(default_factory=dict)  # summary.json

    def __len__(self) -> int:
        return len(self.frame)

    def _repr_html_(self) -> str:
        """The table's people, as a notebook shows it."""
        from readtrack.results.figures import as_html

        return as_html(self)

    def columns(self) -> dict[str, NDArray[Any]]:
        """By name, each (N,): what CSV and Parquet hold."""
        edges = dict(zip(("left", "top", "right", "bottom"), self.xyxy.round(2).T, strict=True))
        named = np.array([self.names.get(track, "") for track in self.id.tolist()], dtype=object)
        return {
            "frame": self.frame,
            "seconds": self.seconds.round(4),
            "id": self.id,
            "name": named,
            **edges,
            "confidence": self.confidence.round(4),
            "filled": self.filled,
            "probability": self.probability.round(4),
        }

    def id_now(self) -> Callable[[int, int], int]:
        """From a frame and the identity that the run found there to the corrected one; -1 where that was dropped."""
        if self.id is self.found:  # nothing was corrected: hours of boxes need no dictionary
            known = set(self.found.tolist())
            return lambda frame, found: found if found in known else -1
        exact: dict[tuple[int, int], int] = dict(
            zip(zip(self.frame.tolist(), self.found.tolist(), strict=True), self.id.tolist(), strict=True)
        )
        usual: dict[int, int] = dict(zip(self.found.tolist(), self.id.tolist(), strict=True))
        return lambda frame, found: int(exact.get((frame, found), usual.get(found, -1)))

    def by_frame(self) -> Iterator[tuple[int, sv.Detections]]:
        """Each frame with somebody in it, and its people: ``tracker_id``, ``confidence`` and ``data["filled"]``."""
        frames, starts = np.unique(self.frame, return_index=True)
        for frame, start, stop in zip(frames.tolist(), starts, [*starts[1:], len(self)], strict=False):
            rows = slice(start, stop)
            people = sv.Detections(
                self.xyxy[rows].astype(np.float32),
                confidence=self.confidence[rows],
                class_id=np.zeros(stop - start, dtype=int),
                tracker_id=self.id[rows],
                data={"filled": self.filled[rows]},
            )
            yield frame, people

    def to_pandas(self) -> "pandas.DataFrame":
        """The same as a ``pandas.DataFrame``.

        Raises:
            InputError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise InputError("pandas is not installed: pip install 'readtrack[tables]'") from error
        return pandas.DataFrame(self.columns())


def read(folder: str | Path) -> Table:
    """The table of a run's folder, or of any MOTChallenge file of tracks.

    Raises:
        InputError: there is no tracks.txt, or a file in the folder is damaged.
    """
    folder = Path(folder)
    if not folder.is_dir():
        return _table(folder, {}, [])
    return corrected(folder)[0]


def corrected(folder: Path) -> tuple[Table, list[str]]:
    """The table of a run's folder with the corrections in edits.json, and of each that cannot be applied why."""
    found = folder / UNEDITED
    path = found if found.is_file() else folder / "tracks.txt"
    table = _table(path, read_summary(folder), read_decisions(folder))
    return apply(table, read_edits(folder))


def amend(folder: Path) -> tuple[Table, list[str]]:
    """Let tracks.txt be what the run found with the corrections in edits.json; that without them is kept beside it.

    Raises:
        InputError: a file is damaged or cannot be written; what was there stays.
    """
    path, found = folder / "tracks.txt", folder / UNEDITED
    edits = read_edits(folder)
    table, left_out = corrected(folder)
    if edits and not found.is_file():
        with replacing(found) as partial:
            partial.write_bytes(path.read_bytes())
    if edits or found.is_file():
        with replacing(path) as partial, MotWriter(partial) as writer:
            for frame, people in table.by_frame():
                writer.write(frame, people)
    return table, left_out


def _table(path: Path, about: dict[str, Any], decisions: list[Decision]) -> Table:
    """A file of tracks as a table."""
    rows = read_tracks(path)
    run = about.get("run", {})
    fps = run.get("fps") or float("nan")
    return Table(
        frame=rows.frames,
        seconds=rows.frames / fps,
        id=rows.ids,
        found=rows.ids,
        xyxy=rows.xyxy,
        confidence=rows.confidence,
        filled=rows.filled,
        probability=_probability(rows.frames, rows.ids, important(decisions, fps / run.get("stride", 1))),
        about=about,
    )


def read_summary(folder: Path) -> dict[str, Any]:
    """summary.json; empty where there is none, as after a run that was killed. Raises InputError where it is none."""
    path = folder / "summary.json"
    try:
        found = json.loads(path.read_text()) if path.is_file() else {}
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({first_line(error)}): repeat the run") from error
    return found if isinstance(found, dict) else {}


def read_decisions(folder: Path) -> list[Decision]:
    """READ's decisions in a run's folder, by frame; none where there is no such file.

    Raises:
        InputError: a line is no decision.
    """
    path = folder / "associations.jsonl"
    known = {one.name for one in fields(Decision)}
    decisions = []
    try:
        lines = path.read_text().splitlines() if path.is_file() else []
        for line in lines:
            decisions.append(Decision(**{name: value for name, value in json.loads(line).items() if name in known}))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path}:{len(decisions) + 1}: is no decision of READ: repeat the run") from error
    return sorted(decisions, key=lambda one: one.frame)


def important(decisions: list[Decision], rate: float) -> list[Decision]:
    """Those that give half a second or more to an identity, at so many frames handed in a second."""
    least = SHORT * rate if np.isfinite(rate) else 0
    return [one for one in decisions if one.track > 0 and (one.detection >= 0 or one.boxes >= least)]


def _probability(frames: NDArray[np.int64], ids: NDArray[np.int64], decisions: list[Decision]) -> NDArray[np.float64]:
    """The weakest decision on each box's identity up to its frame (N,)."""
    answer = np.ones(len(frames))
    by_id: dict[int, list[Decision]] = {}
    for one in decisions:
        by_id.setdefault(one.track, []).append(one)
    for track, own in by_id.items():
        rows = np.flatnonzero(ids == track)
        weakest = np.minimum.accumulate([one.probability for one in own])
        place = np.searchsorted([one.frame for one in own], frames[rows], side="right") - 1
        answer[rows[place >= 0]] = weakest[place[place >= 0]]
    return answer
