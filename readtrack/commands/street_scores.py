"""A run on the synthetic street against its exact truth."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from readtrack.tracking.config import TrackerConfig

if TYPE_CHECKING:
    from rich.console import Console

    from readtrack.evaluation.recordings import Recording
    from readtrack.offline import OfflineTracker
    from readtrack.readtracker import ReadTracker


def score_street_run(
    street: "Recording",
    tracker: "ReadTracker | OfflineTracker",
    config: TrackerConfig,
    folder: Path,
    count: int,
    console: "Console",
) -> dict[str, Any]:
    """Score a run, and motion only on the same detections, against the street's truth; print it and return it."""
    from readtrack.evaluation.playback import replay
    from readtrack.evaluation.street import score_street
    from readtrack.mot import MotWriter, read_mot
    from readtrack.offline import OfflineTracker
    from readtrack.pipeline import Steps, people_by_frame
    from readtrack.readtracker import ReadTracker
    from readtrack.video import Frame

    frames = [Frame(frame.index, None) for frame, _ in zip(street.frames, range(count), strict=False)]
    with MotWriter(folder / "truth.txt") as writer:
        for frame in frames:
            writer.write(frame.index, street.truth(frame.index))
    if isinstance(tracker, ReadTracker):
        alone = dict(replay(ReadTracker(None, config), replace(street, frames=frames)).tracks)
    else:
        confidences = (config.start_confidence, config.low_confidence)
        offline = OfflineTracker(None, config.fps, tracker.config, None, "fp32", None, *confidences)
        steps = Steps(frames, lambda frame: street.detections(frame.index), offline)
        indices = [step.frame.index for step in steps]
        alone = people_by_frame(offline.finish_people()[0], indices)
    tracks = {"motion only": alone, "with READ": read_mot(folder / "tracks.txt")}
    found = score_street(street, [frame.index for frame in frames], tracks)
    scores, absences = found.scores, found.absences
    first = next(iter(scores.values()))
    table = Table("against the exact truth", *asdict(first))
    for name, score in scores.items():  # in per cent, switches as counts
        table.add_row(name, *(f"{100 * v:.1f}" if isinstance(v, float) else str(v) for v in asdict(score).values()))
    kept = Table("person", "was", "frames", *scores, title="identity kept through an absence")
    for row in absences:
        yes = ("yes" if row[name] else "no" for name in scores)
        kept.add_row(str(row["person"]), row["kind"], f"{row['first']}-{row['last']}", *yes)
    console.print(table, kept)
    return {"scores": {name: asdict(score) for name, score in scores.items()}, "absences": absences}
