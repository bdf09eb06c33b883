"""Who takes part in a comparison of trackers, on which recordings, and who is left out and why."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata

from readtrack.evaluation.peers import PEERS, Setup, Vectors, load_vectors, make, pick, unable
from readtrack.evaluation.recordings import Recording, open_recording
from readtrack.evaluation.settings import PeerSettings
from readtrack.pipeline import OnlineTracker
from readtrack.read.matcher import Matcher

TOGETHER = "all together"


@dataclass(frozen=True)
class LeftOut:
    """Somebody who did not take part."""

    source: str
    tracker: str
    why: str


class Selection:
    """Those who are to be compared, and the networks that they share."""

    def __init__(self, settings: PeerSettings) -> None:
        """Load the networks, where somebody wants them.

        Raises:
            InputError: a tracker is unknown, or a network cannot be used.
        """
        self.settings = settings
        self.names = list(pick(settings.tracker))
        self.left_out: list[LeftOut] = []
        self._matcher = Matcher.load(settings.weights, settings.device) if "readtrack" in self.names else None
        self._vectors: Vectors | None = load_vectors(settings.reid) if settings.reid else None

    @contextmanager
    def open(self, source: str) -> Iterator[Recording]:
        """A source, with pixels or without."""
        with open_recording(source, self.settings.detections, allow_no_pixels=True) as recording:
            yield recording

    def able(self, recording: Recording) -> list[str]:
        """Who can track it."""
        reid = self._vectors is not None
        return [name for name in self.names if unable(name, recording.pixels, reid) is None]

    def note_unable(self, recording: Recording) -> None:
        """Remember who cannot, and why."""
        for name in self.names:
            if why := unable(name, recording.pixels, self._vectors is not None):
                self.left_out.append(LeftOut(recording.name, name, why))

    def matcher_of(self, name: str) -> Matcher | None:
        """READ, where this tracker uses it."""
        return self._matcher if name == "readtrack" else None

    def make(self, name: str, recording: Recording) -> OnlineTracker:
        """A fresh tracker for a recording."""
        return make(name, Setup(recording.fps, recording.pixels, self._vectors, self._matcher))


def host_versions() -> dict[str, str]:
    """Of the hosts that are installed."""
    found = {}
    for entry in PEERS.values():
        try:
            found[entry.package] = metadata.version(entry.package.replace("_", "-"))
        except metadata.PackageNotFoundError:
            continue
    return found
