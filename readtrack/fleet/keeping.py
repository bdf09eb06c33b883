"""The people of a recording, kept in a gallery of its own beside its tracks."""

from pathlib import Path

from readtrack.gallery import Gallery
from readtrack.gallery.enrolment import pictures_of
from readtrack.read.matcher import Matcher
from readtrack.results import read


def keep_people(
    folder: str,
    source: str,
    name: str,
    gallery: str,
    began: float | None = None,
    weights: str = "read-s",
    device: str | None = None,
    threads: int | None = None,
) -> None:
    """Make a gallery of who was tracked; an empty one where nobody was.

    Args:
        folder: of the run.
        source: its video.
        name: of the recording, under which they are kept.
        gallery: folder to be made.
        began: when the first frame was seen, in seconds since 1970 (UTC); None: seconds since that frame are kept.
        weights: READ's: a shipped name or a file.
        device: where it runs.
        threads: on a CPU.

    Raises:
        InputError: the tracks, video or weights cannot be used, or the video has no pixels.
    """
    tracks = pictures_of(folder, source) if len(read(folder)) else []
    with Gallery(Path(gallery), Matcher.load(weights, device, threads=threads)) as kept:
        if tracks:
            kept.enrol_tracks(tracks, name, began or 0.0)
