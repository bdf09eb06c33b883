"""What a run counts and hides: a group of flags."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from readtrack.commands.parsing import Repeated

if TYPE_CHECKING:
    from readtrack.evaluation.recordings import Recording
    from readtrack.results import Place
    from readtrack.video import Video


@dataclass(frozen=True)
class CountingSettings:
    """What is counted, by final identities, in counts.csv, the page and the video; and what is hidden."""

    line: Repeated[tuple[str, ...]] = ()  # name=x1,y1,x2,y2 in pixels; who crosses it: in is to the left of it
    zone: Repeated[tuple[str, ...]] = ()  # 'name=x,y x,y x,y ...'; who is in it, and for how long; several times
    blur: Literal["faces", "people"] | None = None  # the boxes' upper part, or all, in video, crops and page


def places_in(settings: CountingSettings, video: "Video | Recording", source: str) -> "list[Place]":
    """The lines and zones of a run. Raises InputError where one is none or outside the image."""
    from readtrack.evaluation.recordings import Recording, street_of
    from readtrack.results import check_places, places

    found = places(settings.line, settings.zone)
    if isinstance(video, Recording):
        street = street_of(source)
        check_places(found, (street.width, street.height))
    elif video.size is not None:
        check_places(found, video.size)
    return found
