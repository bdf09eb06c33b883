"""Who takes part in a comparison of trackers, on which recordings, and who is left out and why."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.console import Console

from readtrack.errors import InputError
from readtrack.evaluation.peers import CONTESTANTS, Setup, Vectors, load_vectors, make, pick, unable
from readtrack.evaluation.recordings import STREET, Footage, open_footage
from readtrack.pipeline import OnlineTracker
from readtrack.read.matcher import Matcher

TOGETHER = "all together"


@dataclass(frozen=True)
class RecordingSettings:
    """Recordings, and READ."""

    sources: tuple[str, ...]  # MOT sequence folders, "street" or "street:7"
    detections: Path | None = None  # a MOT file instead of the source's det/det.txt; for one source
    weights: str = "read-s"  # READ's: a shipped name or a file
    device: str | None = None  # of READ; None: a GPU where there is one

    def __post_init__(self) -> None:
        if not self.sources:
            raise InputError(f"no source: pass a MOT sequence with --source, or --source {STREET}")
        if len({Path(source).resolve() for source in self.sources}) < len(self.sources):
            raise InputError("a --source is given twice: give each of them once")
        if self.detections and (len(self.sources) > 1 or self.sources[0].partition(":")[0] == STREET):
            raise InputError("--detections is of one sequence: give one --source, a folder")


@dataclass(frozen=True)
class EntrantSettings(RecordingSettings):
    """The same, and trackers."""

    trackers: tuple[str, ...] = ()  # of CONTESTANTS; none is all
    reid: str | None = None  # re-ID for hosts: an .onnx file, or READ's weights for its pooled vectors

    def __post_init__(self) -> None:
        super().__post_init__()
        pick(self.trackers)


@dataclass(frozen=True)
class LeftOut:
    """Somebody who did not take part."""

    source: str
    tracker: str
    why: str


class Entrants:
    """Those who are to be compared, and the networks that they share."""

    def __init__(self, settings: EntrantSettings) -> None:
        """Load the networks, where somebody wants them.

        Raises:
            InputError: a network cannot be used.
        """
        self.settings = settings
        self.names = list(pick(settings.trackers))
        self.left_out: list[LeftOut] = []
        self._matcher = Matcher.load(settings.weights, settings.device) if "readtrack" in self.names else None
        self._vectors: Vectors | None = load_vectors(settings.reid) if settings.reid else None

    @contextmanager
    def open(self, source: str) -> Iterator[Footage]:
        """A source, with pixels or without."""
        with open_footage(source, self.settings.detections, blind=True) as footage:
            yield footage

    def able(self, footage: Footage) -> list[str]:
        """Who can track it."""
        reid = self._vectors is not None
        return [name for name in self.names if unable(name, footage.pixels, reid) is None]

    def note_unable(self, footage: Footage) -> None:
        """Remember who cannot, and why."""
        for name in self.names:
            if why := unable(name, footage.pixels, self._vectors is not None):
                self.left_out.append(LeftOut(footage.name, name, why))

    def make(self, name: str, footage: Footage) -> OnlineTracker:
        """A fresh tracker for a recording."""
        return make(name, Setup(footage.fps, footage.pixels, self._vectors, self._matcher))

    def lengths(self) -> dict[str, tuple[int, int]]:
        """Frames of each source, and how many trackers can take it; raises InputError where one cannot be used."""
        found = {}
        for source in self.settings.sources:
            with self.open(source) as footage:
                found[source] = (footage.total or 0, len(self.able(footage)))
        return found


def add_recording_flags(parser: argparse.ArgumentParser) -> None:
    """Recordings, and READ."""
    default: Any = RecordingSettings
    add = parser.add_argument_group("recordings").add_argument
    add(
        "--source",
        dest="sources",
        action="append",
        required=True,
        metavar="DIR",
        help=f"MOT sequence with gt/gt.txt and det/det.txt, or '{STREET}' for the drawn one, '{STREET}:7' for that of "
        "seed 7; may be given several times (e.g. --source TUD-Stadtmitte)",
    )
    add("--detections", type=Path, metavar="FILE", help="MOT file instead of det/det.txt (e.g. --detections yolox.txt)")
    add = parser.add_argument_group("READ").add_argument
    add(
        "--weights",
        default=default.weights,
        metavar="NAME",
        help="shipped name or file (default: %(default)s; e.g. --weights best.safetensors)",
    )
    add("--device", metavar="NAME", help="cpu, cuda, cuda:1 (default: a GPU where there is one; e.g. --device cpu)")


def add_entrant_flags(parser: argparse.ArgumentParser) -> None:
    """The same, and trackers."""
    add_recording_flags(parser)
    add = parser.add_argument_group("trackers").add_argument
    add(
        "--tracker",
        dest="trackers",
        action="append",
        default=[],
        metavar="NAME",
        help=f"one of {', '.join(CONTESTANTS)}; may be given several times (default: all that are installed; e.g. "
        "--tracker readtrack)",
    )
    add(
        "--reid",
        metavar="FILE",
        help="re-ID network for boxmot, deep-sort-realtime and ultralytics: .onnx, RGB crops (B, 3, H, W) with "
        "ImageNet's mean and deviation in, vectors (B, D) out; or READ's weights, for its pooled vectors (e.g. --reid "
        "osnet.onnx)",
    )


def print_left_out(left_out: list[LeftOut], sources: int, console: Console) -> None:
    """Who did not take part, each reason once."""
    where: dict[tuple[str, str], list[str]] = {}
    for one in left_out:
        where.setdefault((one.tracker, one.why), []).append(one.source)
    for (tracker, why), names in where.items():
        places = "" if len(names) == sources else f" on {', '.join(names)}"
        console.print(f"left out{places}: {tracker}: {why}", soft_wrap=True)


def host_versions() -> dict[str, str]:
    """Of the hosts that are installed."""
    found = {}
    for entry in CONTESTANTS.values():
        try:
            found[entry.package] = metadata.version(entry.package.replace("_", "-"))
        except metadata.PackageNotFoundError:
            continue
    return found
