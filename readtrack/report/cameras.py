"""The page of several cameras: who was where when."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from readtrack.files import replacing
from readtrack.report.people import WIDTH, Scale, Shown, as_shown, clock
from readtrack.report.templating import environment, source
from readtrack.results import Album, Passage

NAME = "index.html"
EACH = 5  # pictures of a person in a camera
MOST = 300  # people on the page; the longest seen
LANE = 8  # units of a camera's lane in a person's line


@dataclass(frozen=True)
class CameraPage:
    """What a page shows of one camera."""

    name: str
    passages: list[Passage]
    album: Album | None
    fps: float
    start: float = 0.0  # seconds of the common clock at its frame 0
    failed: str = ""  # why it ended early


@dataclass(frozen=True)
class _Bar:
    """A passage in the chart's units."""

    left: float
    width: float
    lane: int
    words: str


@dataclass(frozen=True)
class _Person:
    """A row of the page."""

    id: int
    name: str
    seen: float  # seconds, of all cameras
    probability: float
    pictures: list[tuple[int, str, list[Shown]]]  # by camera: its number and name
    passages: list[Passage]
    bars: list[_Bar]


def write_cameras_report(folder: Path, title: str, cameras: Sequence[CameraPage], about: dict[str, Any]) -> Path:
    """Write index.html beside the cameras' folders, whole or not at all.

    Args:
        folder: where it goes; each camera's page is in the folder of its name.
        title: of the page.
        cameras: what is shown.
        about: facts for the end of the page.

    Returns:
        The file.

    Raises:
        InputError: it cannot be written.
    """
    made = environment()
    every = [one for camera in cameras for one in camera.passages]
    begin = min((one.begins for one in every), default=0.0)
    end = max((one.ends for one in every), default=1.0)
    scale = Scale(0, max(round((end - begin) * 100), 100), 100.0, 1)
    people = _people(cameras, begin, scale)
    text = made.get_template("cameras.html").render(
        title=title,
        cameras=cameras,
        people=people,
        left_out=len({one.id for one in every}) - len(people),
        begin=begin,
        length=end - begin,
        ticks=scale.ticks(),
        style=source(made, "page.css"),
        width=WIDTH,
        lane=LANE,
        row=LANE * len(cameras) + 8,
        about=about,
    )
    path = folder / NAME
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return path


def _people(cameras: Sequence[CameraPage], begin: float, scale: Scale) -> list[_Person]:
    """Everybody, by number; of very many those seen longest."""
    own: dict[int, list[tuple[int, Passage]]] = {}
    for number, camera in enumerate(cameras):
        for one in camera.passages:
            own.setdefault(one.id, []).append((number, one))
    pictures = [{} if camera.album is None else camera.album.pictures() for camera in cameras]
    seen = {track: sum(one.boxes / cameras[number].fps for number, one in found) for track, found in own.items()}
    found = []
    for track in sorted(sorted(own, key=lambda track: -seen[track])[:MOST]):
        passages = sorted(own[track], key=lambda each: each[1].begins)
        shown = []
        for number, camera in enumerate(cameras):
            all_of = pictures[number].get(track, [])
            some = [all_of[int((place + 0.5) * len(all_of) / EACH)] for place in range(EACH)] if all_of else []
            chosen = {one.frame: as_shown(one, camera.fps) for one in some}
            chosen = {frame: replace(one, seconds=camera.start + one.seconds - begin) for frame, one in chosen.items()}
            if chosen:
                shown.append((number, camera.name, list(chosen.values())))
        found.append(
            _Person(
                id=track,
                name=next((one.name for _, one in passages if one.name), ""),
                seen=seen[track],
                probability=min(one.probability for _, one in passages),
                pictures=shown,
                passages=[one for _, one in passages],
                bars=[_bar(one, number, begin, scale) for number, one in passages],
            )
        )
    return found


def _bar(one: Passage, lane: int, begin: float, scale: Scale) -> _Bar:
    """A passage in the chart."""
    left, right = scale((one.begins - begin) * 100), scale((one.ends - begin) * 100)
    words = f"{one.camera}, {clock(one.begins - begin)} to {clock(one.ends - begin)}"
    return _Bar(left, max(round(right - left, 2), 1.0), lane, words)
