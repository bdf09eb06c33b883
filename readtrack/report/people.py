"""Everybody on the page: rows, pictures, and lines of the chart of times."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from readtrack.results import Decision, Picture, Table

SURE, LIKELY = 0.9, 0.7  # probabilities of the weakest link from which somebody is called so
GAP = 0.5  # seconds unseen from which a gap is told
WIDTH = 1000.0  # units of a chart
TOLD = 6  # stretches of somebody's line that are told in words


@dataclass(frozen=True)
class Shown:
    """A picture on the page."""

    frame: int
    seconds: float
    data: str  # base64 of a JPEG


@dataclass(frozen=True)
class Mark:
    """A link or a span on somebody's line, in the chart's units."""

    left: float
    width: float
    frame: int
    words: str
    kind: str  # seen, filled; sure, likely, doubtful


@dataclass
class Person:
    """A row of the page."""

    id: int
    name: str
    first: float  # seconds
    last: float
    seen: float
    gaps: list[tuple[float, float]]
    weakest: Decision | None
    pictures: list[Shown]
    spans: list[Mark] = field(default_factory=list)
    links: list[Mark] = field(default_factory=list)

    def path(self, kind: str) -> str:
        """The line's stretches of a kind, as an SVG path; empty without any."""
        return "".join(f"M{one.left:g} 3h{one.width:g}v10h{-one.width:g}z" for one in self.spans if one.kind == kind)

    def words(self, kind: str) -> str:
        """The same in words, as many as can be read."""
        own = [one.words for one in self.spans if one.kind == kind]
        return ", ".join(own[:TOLD]) + (f" and {len(own) - TOLD} more" if len(own) > TOLD else "")

    @property
    def brief(self) -> bool:
        """Whether somebody was hardly seen, which may be nobody."""
        return self.seen < GAP

    @property
    def sureness(self) -> str:
        """How sure the identity is, in a word."""
        return sureness(1.0 if self.weakest is None else self.weakest.probability)


def sureness(probability: float) -> str:
    """A probability in a word."""
    return "sure" if probability >= SURE else "likely" if probability >= LIKELY else "doubtful"


@dataclass(frozen=True)
class Scale:
    """From frames to a chart's units."""

    first: int
    last: int  # exclusive
    fps: float
    stride: int

    def __call__(self, frame: float) -> float:
        """Where a frame begins."""
        return round(WIDTH * (frame - self.first) / (self.last - self.first), 2)

    def ticks(self) -> list[tuple[float, str]]:
        """Where some round times are, and what they are called."""
        length = (self.last - self.first) / self.fps
        steps = (s for s in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400) if length / s <= 10)
        step = next(steps, 86400)
        begin = -(-self.first // self.fps // step) * step
        times = np.arange(begin, self.last / self.fps, step)
        return [(self(time * self.fps), clock(abs(time))) for time in times.tolist()]


def clock(seconds: float) -> str:
    """A time as 3.2 s, or 1:02:03."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def people_of(
    table: Table,
    decisions: dict[int, list[Decision]],
    marks: dict[int, list[Decision]],
    pictures: dict[int, list[Picture]],
    scale: Scale,
) -> list[Person]:
    """Everybody in the table."""
    order = np.lexsort((table.frame, table.id))
    found = []
    for rows in np.split(order, np.flatnonzero(np.diff(table.id[order])) + 1) if len(order) else []:
        track = int(table.id[rows[0]])
        frames, filled = table.frame[rows], table.filled[rows]
        own = decisions.get(track, [])
        away = np.flatnonzero(np.diff(frames) > max(GAP * scale.fps, scale.stride))
        person = Person(
            id=track,
            name=table.names.get(track, ""),
            first=frames[0] / scale.fps,
            last=frames[-1] / scale.fps,
            seen=float((~filled).sum()) * scale.stride / scale.fps,
            gaps=[(frames[at] / scale.fps, frames[at + 1] / scale.fps) for at in away.tolist()],
            weakest=min(own, key=lambda one: one.probability, default=None),
            pictures=[as_shown(one, scale.fps) for one in pictures.get(track, [])],
        )
        person.spans = _spans(frames, filled, scale)
        person.links = [
            Mark(
                scale(one.frame),
                0.0,
                one.frame,
                f"{one.reason} after {clock(one.gap * scale.stride / scale.fps)}, {100 * one.probability:.0f} %",
                sureness(one.probability),
            )
            for one in marks.get(track, [])
        ]
        found.append(person)
    return found


def _spans(frames: NDArray[np.int64], filled: NDArray[np.bool_], scale: Scale) -> list[Mark]:
    """Stretches in which somebody was seen, and those that were filled; breaks too short to be seen are passed over."""
    shortest = max(scale.stride, (scale.last - scale.first) / WIDTH)
    cuts = np.flatnonzero((np.diff(frames) > shortest) | (np.diff(filled.astype(int)) != 0)) + 1
    spans = []
    for begin, end in zip([0, *cuts.tolist()], [*cuts.tolist(), len(frames)], strict=True):
        left, right = scale(int(frames[begin])), scale(int(frames[end - 1]) + scale.stride)
        words = f"{clock(frames[begin] / scale.fps)} to {clock(frames[end - 1] / scale.fps)}"
        kind = "filled" if filled[begin] else "seen"
        spans.append(Mark(left, round(max(right - left, 1.0), 2), int(frames[begin]), words, kind))
    return spans


def as_shown(picture: Picture, fps: float) -> Shown:
    """A picture as the page has it."""
    return Shown(picture.frame, picture.frame / fps, base64.b64encode(picture.jpeg).decode())


def by_id_now(pictures: dict[int, list[Picture]], now: Callable[[int, int], int]) -> dict[int, list[Picture]]:
    """Pictures by the corrected identities."""
    answer: dict[int, list[Picture]] = {}
    for found, own in pictures.items():
        for one in own:
            answer.setdefault(now(one.frame, found), []).append(one)
    return {track: sorted(own, key=lambda one: one.frame) for track, own in answer.items() if track > 0}
