"""What a page shows, as plain values: people, decisions, and shapes for charts."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from readtrack.results import (
    COMPARED,
    Album,
    Comparison,
    Decision,
    Event,
    Picture,
    Place,
    Table,
    count,
    important,
    places_of,
    read_decisions,
    read_edits,
)

SURE, LIKELY = 0.9, 0.7  # probabilities of the weakest link from which somebody is called so
MOST_DECISIONS = 500  # in the table of all
MARKED = ("reidentified", "swapped", "split")  # decisions that are marked however sure they are
WHY = {  # what speaks against a person, in words
    "mean rank": "weaker boxes than others have",
    "best rank": "not one box as strong as others have",
    "share of its frames seen": "seen now and then only",
    "misfit of height": "too high or too low for where it stands",
}
CLIP = 4  # pictures that stand for a tracklet
GAP = 0.5  # seconds unseen from which a gap is told
BINS = 10
WIDTH = 1000.0  # units of a chart


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

    @property
    def brief(self) -> bool:
        """Whether somebody was hardly seen, which may be nobody."""
        return self.seen < GAP

    @property
    def sureness(self) -> str:
        """How sure the identity is, in a word."""
        return sureness(1.0 if self.weakest is None else self.weakest.probability)


@dataclass(frozen=True)
class Case:
    """A decision of READ in pictures."""

    decision: Decision
    seconds: float
    pair: float | None  # probability of this crop and this tracklet alone
    crop: Shown
    tracklet: list[Shown]
    overlays: list[str]  # one for each of the tracklet, empty without one


@dataclass(frozen=True)
class Bar:
    """A bin of the decisions' probabilities."""

    low: float
    count: int
    height: float  # of 100
    kind: str


@dataclass(frozen=True)
class Contents:
    """All of a page."""

    title: str
    people: list[Person]
    doubtful: list[Person]  # most doubtful first
    cases: list[Case]
    decisions: list[Decision]
    decisions_left_out: int
    bars: list[Bar]
    ticks: list[tuple[float, str]]
    dropped: list[dict[str, Any]]
    edits: list[str]
    events: list[Event]
    places: list[Place]
    about: dict[str, Any]
    fps: float
    first_frame: int
    has_video: bool

    @property
    def length(self) -> float:
        """Seconds that were looked at; 0 where that is not known."""
        return self.gap(int(self.about.get("frames", 0)))

    def counted(self, place: Place) -> str:
        """What happened at a place, in words."""
        own = [one for one in self.events if one.place == place.name]
        people = len({one.id for one in own})
        who = f"{people} {'person' if people == 1 else 'people'}"
        if place.kind == "line":
            ways = [one.event for one in own]
            return f"{ways.count('in')} in, {ways.count('out')} out, by {who}"
        stayed = sum(one.seconds for one in own)
        return f"{who}, {clock(stayed / max(people, 1))} each on average" if own else "nobody"

    def gap(self, frames: int) -> float:
        """Seconds of so many frames that were handed to the tracker."""
        return frames * int(self.about.get("run", {}).get("stride") or 1) / self.fps

    def seconds(self, frame: int) -> float:
        """The time of a frame since the source's first."""
        return frame / self.fps

    def in_video(self, frame: int) -> float:
        """The time of a frame in tracks.mp4."""
        return max(0.0, (frame - self.first_frame) / self.fps)


def sureness(probability: float) -> str:
    """A probability in a word."""
    return "sure" if probability >= SURE else "likely" if probability >= LIKELY else "doubtful"


def contents(folder: Path, table: Table, album: Album | None) -> Contents:
    """Gather what the page of a run's folder shows; without an album there are no pictures."""
    about = table.about
    run = about.get("run", {})
    fps = float(run.get("fps") or 25.0)
    now, found = table.id_now(), read_decisions(folder)
    known = set(table.found.tolist())
    decisions = [replace(one, track=now(one.frame, one.track) if one.track in known else one.track) for one in found]
    pictures = _by_id_now(album.pictures() if album else {}, now)
    first_frame = int(about.get("first_frame", table.frame.min(initial=0)))
    steps = int(run.get("stride") or 1)
    last_frame = max(int(table.frame.max(initial=0)) + 1, first_frame + int(about.get("frames", 0)) * steps)
    scale = _Scale(first_frame, max(last_frame, first_frame + 1), fps, steps)
    counted: dict[int, list[Decision]] = {}
    for one in important(decisions, fps / steps):
        counted.setdefault(one.track, []).append(one)
    marked = {id(one) for own in counted.values() for one in own if one.probability < SURE}
    marks: dict[int, list[Decision]] = {}
    for one in decisions:
        if id(one) in marked or one.reason in MARKED:
            marks.setdefault(one.track, []).append(one)
    people = _people(table, counted, marks, pictures, scale)
    doubtful = [one for one in people if one.sureness != "sure"]
    told = sorted(decisions, key=lambda one: one.probability)
    return Contents(
        title=str(run.get("source") or folder.resolve().name),
        people=people,
        doubtful=sorted(doubtful, key=lambda one: one.weakest.probability if one.weakest else 1.0),
        cases=_with_pictures(_cases(album.comparisons if album else [], found, decisions, fps), counted, pictures, fps),
        events=count(table, places_of(about)),
        places=places_of(about),
        edits=[edit.words for edit in read_edits(folder)],
        decisions=told[:MOST_DECISIONS],
        decisions_left_out=max(0, len(told) - MOST_DECISIONS),
        bars=_bars(decisions),
        ticks=scale.ticks(),
        dropped=[{**one, "why": WHY.get(one["why"], one["why"])} for one in about.get("dropped", [])],
        about=about,
        fps=fps,
        first_frame=first_frame,
        has_video=(folder / "tracks.mp4").is_file(),
    )


@dataclass(frozen=True)
class _Scale:
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


def _people(
    table: Table,
    decisions: dict[int, list[Decision]],
    marks: dict[int, list[Decision]],
    pictures: dict[int, list[Picture]],
    scale: _Scale,
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
            pictures=[_shown(one, scale.fps) for one in pictures.get(track, [])],
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


def _spans(frames: NDArray[np.int64], filled: NDArray[np.bool_], scale: _Scale) -> list[Mark]:
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


def _shown(picture: Picture, fps: float) -> Shown:
    """A picture as the page has it."""
    return Shown(picture.frame, picture.frame / fps, base64.b64encode(picture.jpeg).decode())


def _by_id_now(pictures: dict[int, list[Picture]], now: Callable[[int, int], int]) -> dict[int, list[Picture]]:
    """Pictures by the corrected identities."""
    answer: dict[int, list[Picture]] = {}
    for found, own in pictures.items():
        for one in own:
            answer.setdefault(now(one.frame, found), []).append(one)
    return {track: sorted(own, key=lambda one: one.frame) for track, own in answer.items() if track > 0}


def _with_pictures(
    cases: list[Case], decisions: dict[int, list[Decision]], pictures: dict[int, list[Picture]], fps: float
) -> list[Case]:
    """These cases, and up to ``COMPARED`` others that are doubtful or returns, by people's pictures around them."""
    shown = {(case.decision.frame, case.decision.track) for case in cases}
    others = [one for own in decisions.values() for one in own if (one.frame, one.track) not in shown]
    others = [one for one in others if one.probability < SURE or one.reason in MARKED]
    for one in sorted(others, key=lambda one: one.probability)[: max(0, COMPARED - len(cases))]:
        own = pictures.get(one.track, [])
        before = [_shown(each, fps) for each in own if each.frame < one.frame][-CLIP:]
        after = [_shown(each, fps) for each in own if each.frame >= one.frame]
        if before and after:
            cases.append(Case(one, one.frame / fps, None, after[0], before, [""] * len(before)))
    return sorted(cases, key=lambda case: case.decision.probability)


def _cases(comparisons: list[Comparison], found: list[Decision], decisions: list[Decision], fps: float) -> list[Case]:
    """Decisions whose pictures were all taken, the most doubtful first; ``found`` are they as the run found them."""
    told: dict[tuple[int, int], Decision] = {}
    for before, one in zip(found, decisions, strict=True):
        key = (before.frame, before.track)
        if key not in told or one.boxes > told[key].boxes:  # several links may fall on one frame
            told[key] = one
    cases = []
    for shown in comparisons:
        decision = told.get((shown.frame, shown.track))
        if decision is None or decision.track <= 0 or 0 not in shown.pictures or len(shown.pictures) < 2:
            continue
        places = sorted(shown.pictures)[1:]
        cases.append(
            Case(
                decision=decision,
                seconds=shown.frame / fps,
                pair=shown.probability if decision.detection < 0 else None,
                crop=_shown(shown.pictures[0], fps),
                tracklet=[_shown(shown.pictures[place], fps) for place in places],
                overlays=[base64.b64encode(shown.overlays.get(i, b"")).decode() for i in places],
            )
        )
    return sorted(cases, key=lambda case: case.decision.probability)


def _bars(decisions: list[Decision]) -> list[Bar]:
    """How many decisions were made at which probability."""
    counts = np.histogram([one.probability for one in decisions], BINS, (0, 1))[0].tolist()
    most = max(1, *counts)
    bars = []
    for place, many in enumerate(counts):
        low = place / BINS
        bars.append(Bar(low, many, round(100 * many / most, 1), sureness(low + 0.5 / BINS)))
    return bars
