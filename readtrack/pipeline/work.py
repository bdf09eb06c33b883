"""What a matcher did in a run."""

from readtrack.linker import Linker
from readtrack.readtracker import ReadTracker
from readtrack.results import Summary


def work_of(tracker: ReadTracker | Linker) -> tuple[int, int, float]:
    """Crops encoded, pairs compared and seconds spent by a tracker's matcher so far."""
    matcher = tracker.matcher
    return (0, 0, 0.0) if matcher is None else (matcher.encoded, matcher.compared, matcher.seconds)


def count_work(summary: Summary, tracker: ReadTracker | Linker, before: tuple[int, int, float]) -> None:
    """Tell what a tracker's matcher has done since ``before``; its seconds are no longer among the rest."""
    encoded, compared, seconds = (now - then for now, then in zip(work_of(tracker), before, strict=True))
    summary.crops_encoded += int(encoded)
    summary.pairs_compared += int(compared)
    summary.seconds_read += seconds
    summary.seconds_rest -= seconds
