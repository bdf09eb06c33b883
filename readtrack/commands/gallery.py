"""Command: people on disk, and who is who. ``readtrack gallery --help``."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from readtrack.commands.console import exit_status, output, progress
from readtrack.commands.parsing import Positional, parse
from readtrack.errors import InputError

if TYPE_CHECKING:
    from readtrack.gallery import Gallery, Person
    from readtrack.read.matcher import Matcher

DESCRIPTION = "Keep people over videos, cameras and days in one folder, and find out who new crops show."
EXAMPLES = """what to do:
  add IMAGE...          a person's crops, in the order of time; with --name NAME whoever has that name gets them
  enrol TRACKS VIDEO    everybody of a run's folder, or of any tracker's MOTChallenge file, with pixels from the video
  find IMAGE...         whom crops of one person show, with probabilities that sum to 1 with nobody's
  find PERSON           who else of the gallery that person may be
  list                  everybody: number, name, tracklets, crops, from, to, where
  merge 3 7             3 and 7 are one person, who goes by 3
  rename 3 NAME         3 has a name, by which everything else finds them as well
  forget 3 7 ...        forget people for good: what was kept of them is overwritten
  expire DAYS           forget tracklets that ended so many days ago, and people who have none left
  reencode              make all features anew by other --weights, from the pictures that are kept

  The folder holds names, pictures (4 of each tracklet), READ's features, places and times, and nothing else.
  Features are of the weights that they were made with: other weights are refused until reencode.
  In a large gallery it is far likelier that somebody is nobody of it, so that one crop seldom is enough for a name:
  the list of the likeliest is what to look at then.

examples:
  readtrack gallery people enrol runs/hall hall.mp4 --began 2026-11-02T08:00
  readtrack gallery people enrol tracks.txt door.mp4 --source door
  readtrack gallery people add ann1.jpg ann2.jpg --name ann --source door
  readtrack gallery people find somebody.jpg
  readtrack gallery people forget ann
"""
WORDS = {  # the fewest and the most words that follow
    "add": (1, None),
    "enrol": (2, 2),
    "find": (1, None),
    "list": (0, 0),
    "merge": (2, 2),
    "rename": (2, 2),
    "forget": (1, None),
    "expire": (1, 1),
    "reencode": (0, 0),
}
SEEING = ("add", "enrol", "find")  # what needs the weights
OPTIONS = {"name": ("add",), "source": ("add", "enrol"), "began": ("add", "enrol")}  # what takes which


@dataclass(frozen=True)
class GallerySettings:
    """What is done."""

    folder: Positional[Path]  # of the gallery
    do: Positional[str]  # add, enrol, find, list, merge, rename, forget, expire or reencode
    words: Positional[tuple[str, ...]] = ()  # images, people, tracks and video
    name: str | None = None  # of who is added
    source: str | None = None  # where they were seen, such as a camera's name; of enrol the video if not given
    began: str | None = None  # date and time of the first frame or crop, such as 2026-11-02T08:00; now if not given
    top: int = 10  # people that find lists
    match_probability: float = 0.9  # from which find says that it is somebody
    weights: str = "read-s"  # of READ: a shipped name or a file
    device: str | None = None  # such as cpu or cuda:0
    quiet: bool = False  # print errors only

    def __post_init__(self) -> None:
        if self.do not in WORDS:
            raise InputError(f"{self.do!r} is nothing to do: give one of {', '.join(WORDS)}")
        fewest, most = WORDS[self.do]
        if len(self.words) < fewest or (most is not None and len(self.words) > most):
            wanted = f"{fewest}" if most == fewest else f"{fewest} or more"
            raise InputError(f"{self.do}: takes {wanted} words after it, not {len(self.words)}")
        for option, takers in OPTIONS.items():
            if getattr(self, option) is not None and self.do not in takers:
                raise InputError(f"{self.do}: takes none; {' and '.join(takers)} do", option)


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, do it, print. Returns the exit status: 0, 2 for bad input, 130 after Ctrl-C."""
    return exit_status(lambda: _do(parse(GallerySettings, argv, "readtrack gallery", DESCRIPTION, EXAMPLES)))


def _do(settings: GallerySettings) -> None:
    """Do what the command line says."""
    from readtrack.gallery import Gallery

    began = None if settings.began is None else _time(settings.began)
    if settings.do in ("find", "list", "merge", "rename", "forget", "expire", "reencode"):
        Gallery(settings.folder).close()  # which is not made for these
    matcher = _matcher(settings) if settings.do in SEEING else None
    with Gallery(settings.folder, matcher) as gallery:
        work: dict[str, Callable[[], str]] = {
            "add": lambda: _add(settings, gallery, began),
            "enrol": lambda: _enrol(settings, gallery, began),
            "find": lambda: _find(settings, gallery),
            "list": lambda: _listed(gallery.people()),
            "merge": lambda: _merge(settings, gallery),
            "rename": lambda: _rename(settings, gallery),
            "forget": lambda: _forget(settings, gallery),
            "expire": lambda: _expire(settings, gallery),
            "reencode": lambda: _reencode(settings, gallery),
        }
        output(settings.quiet).print(work[settings.do]())


def _matcher(settings: GallerySettings) -> "Matcher":
    from readtrack.read.matcher import Matcher

    return Matcher.load(settings.weights, settings.device)


def _add(settings: GallerySettings, gallery: "Gallery", began: float | None) -> str:
    seen = None if began is None else (began, began)
    person = gallery.add(list(settings.words), settings.source or "unknown", seen, settings.name)
    return f"added to person {person}{'' if settings.name is None else ', ' + settings.name}"


def _enrol(settings: GallerySettings, gallery: "Gallery", began: float | None) -> str:
    tracks, video = settings.words
    with progress("frames", settings.quiet) as (begin, report):

        def told(done: int, total: int) -> None:
            if done == 1:
                begin(total)
            report(done)

        people = gallery.enrol(tracks, video, settings.source, began, told)
    return f"{len(people)} tracks enrolled as {len(set(people))} people: {', '.join(map(str, sorted(set(people))))}"


def _find(settings: GallerySettings, gallery: "Gallery") -> str:
    word, names = settings.words[0], {one.id: one.name for one in gallery.people()}
    asks_person = len(settings.words) == 1 and not Path(word).is_file() and "." not in word
    who = gallery.person(word) if asks_person else list(settings.words)
    answer = gallery.find(who, settings.top, settings.match_probability)
    rows = [(_called(person, names), f"{share:.4f}") for person, share in answer.probabilities.items()]
    likeliest = "nobody known" if answer.identity is None else _called(int(str(answer.identity)), names)
    return f"{likeliest}\n" + _table([*rows, ("nobody of these", f"{answer.nobody:.4f}")])


def _called(person: object, names: dict[int, str | None]) -> str:
    """Somebody's number and name."""
    number = int(str(person))
    return f"{number} {names.get(number) or ''}".strip()


def _merge(settings: GallerySettings, gallery: "Gallery") -> str:
    one, other = map(gallery.person, settings.words)
    gallery.merge(one, other)
    return f"{one} and {other} are person {one}"


def _rename(settings: GallerySettings, gallery: "Gallery") -> str:
    person = gallery.person(settings.words[0])
    gallery.rename(person, settings.words[1])
    return f"person {person} is {settings.words[1]}"


def _forget(settings: GallerySettings, gallery: "Gallery") -> str:
    people = list(dict.fromkeys(map(gallery.person, settings.words)))
    for person in people:
        gallery.forget(person)
    return f"forgotten for good: {', '.join(map(str, people))}"


def _expire(settings: GallerySettings, gallery: "Gallery") -> str:
    try:
        days = float(settings.words[0])
    except ValueError:
        raise InputError(f"{settings.words[0]!r} is no number of days") from None
    tracklets, people = gallery.expire(days)
    return f"forgotten for good: {tracklets} tracklets and {people} people who had no others"


def _reencode(settings: GallerySettings, gallery: "Gallery") -> str:
    matcher = _matcher(settings)
    with progress("tracklets", settings.quiet) as (begin, report):

        def told(done: int, total: int) -> None:
            begin(total)
            report(done)

        gallery.reencode(matcher, told)
    return f"all features are of {settings.weights} now"


def _listed(people: "list[Person]") -> str:
    head = ("id", "name", "tracklets", "crops", "from", "to", "where")
    rows = [
        (
            str(one.id),
            one.name or "",
            str(one.tracklets),
            str(one.crops),
            _clock(one.first),
            _clock(one.last),
            ", ".join(one.sources),
        )
        for one in people
    ]
    return _table([head, *rows]) if rows else "nobody"


def _table(rows: list[tuple[str, ...]]) -> str:
    """Rows in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _time(text: str) -> float:
    """Seconds since 1970 of a date and time, of this computer's zone where it names none."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise InputError(f"{text!r} is no date and time: give one such as 2026-11-02T08:00", "began") from None


def _clock(seconds: float) -> str:
    """Date and time of this computer's zone."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
