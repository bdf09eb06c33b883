"""What a page shows, as plain values: people, decisions, and shapes for charts."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from readtrack.report.cases import MARKED, Case, cases_of, with_pictures
from readtrack.report.people import SURE, WIDTH, Person, Scale, by_id_now, clock, people_of
from readtrack.report.trust import Bar, Pairs, bars_of, pairs_of
from readtrack.results import (
    Album,
    Correction,
    Decision,
    Event,
    Place,
    Table,
    corrected,
    count,
    important,
    places_of,
    read_decisions,
    read_edits,
)

MOST_DECISIONS = 500  # in the table of all
WHY = {  # what speaks against a person, in words
    "best rank": "not one box as strong as others have",
    "share of its frames seen": "seen now and then only",
    "picture": "does not look like a person",
}


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
    pairs: Pairs | None
    ticks: list[tuple[float, str]]
    dropped: list[dict[str, Any]]
    edits: list[str]
    edits_left_out: list[str]  # and why
    corrections: list[Correction]  # of a live run
    events: list[Event]
    places: list[Place]
    about: dict[str, Any]
    fps: float
    first_frame: int
    seconds_each: float  # of a unit of the chart
    has_video: bool

    @property
    def length(self) -> float:
        """Seconds that were looked at; 0 where that is not known."""
        return self.gap(int(self.about.get("frames", 0)))

    @property
    def live(self) -> bool:
        """Whether ids were told frame by frame."""
        return bool(self.about.get("run", {}).get("ids_told") == "frame by frame")

    def anchor(self, track: int) -> str:
        """Where somebody is on the page; the table of all, of who is there no more."""
        return f"person-{track}" if any(person.id == track for person in self.people) else "who"

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


def contents(folder: Path, table: Table, album: Album | None) -> Contents:
    """Gather what the page of a run's folder shows; without an album there are no pictures."""
    about = table.about
    run = about.get("run", {})
    fps = float(run.get("fps") or 25.0)
    now, found = table.id_now(), read_decisions(folder)
    known = set(table.found.tolist())
    decisions = [replace(one, track=now(one.frame, one.track) if one.track in known else one.track) for one in found]
    pictures = by_id_now(album.pictures() if album else {}, now)
    first_frame = int(about.get("first_frame", table.frame.min(initial=0)))
    steps = int(run.get("stride") or 1)
    last_frame = max(int(table.frame.max(initial=0)) + 1, first_frame + int(about.get("frames", 0)) * steps)
    scale = Scale(first_frame, max(last_frame, first_frame + 1), fps, steps)
    counted: dict[int, list[Decision]] = {}
    for one in important(decisions, fps / steps):
        counted.setdefault(one.track, []).append(one)
    marked = {id(one) for own in counted.values() for one in own if one.probability < SURE}
    marks: dict[int, list[Decision]] = {}
    for one in decisions:
        if id(one) in marked or one.reason in MARKED:
            marks.setdefault(one.track, []).append(one)
    people = people_of(table, counted, marks, pictures, scale)
    doubtful = [one for one in people if one.sureness != "sure"]
    told = sorted(decisions, key=lambda one: one.probability)
    return Contents(
        title=str(run.get("source") or folder.resolve().name),
        people=people,
        doubtful=sorted(doubtful, key=lambda one: one.weakest.probability if one.weakest else 1.0),
        cases=with_pictures(
            cases_of(album.comparisons if album else [], found, decisions, fps), counted, pictures, fps
        ),
        events=count(table, places_of(about)),
        places=places_of(about),
        edits_left_out=corrected(folder)[1],
        corrections=[Correction(**one) for one in about.get("corrections", [])],
        edits=[edit.words for edit in read_edits(folder)],
        decisions=told[:MOST_DECISIONS],
        decisions_left_out=max(0, len(told) - MOST_DECISIONS),
        bars=bars_of(decisions),
        pairs=pairs_of(about),
        ticks=scale.ticks(),
        dropped=[{**one, "why": WHY.get(one["why"], one["why"])} for one in about.get("dropped", [])],
        about=about,
        fps=fps,
        first_frame=first_frame,
        seconds_each=(scale.last - scale.first) / fps / WIDTH,
        has_video=(folder / "tracks.mp4").is_file(),
    )
