"""What a run tells of itself in summary.json, and the page of it."""

from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readtrack.evaluation.recordings import Recording
    from readtrack.results import Album, Place, Summary
    from readtrack.video import Video


def about_run(
    video: "Video | Recording",
    source: str,
    stride: int,
    live: bool,
    weights: str | None,
    places: "Sequence[Place]",
    **settings: Any,
) -> dict[str, Any]:
    """Source, version, weights and settings of a run; settings are dataclasses, by name."""
    from readtrack.files import sha256
    from readtrack.read.weights import find_weights

    file = None if weights is None else Path(weights) if Path(weights).is_file() else find_weights(weights)
    return {
        "source": video.name,
        "opened_as": source,
        "fps": video.fps,
        "stride": stride,
        "ids_told": "frame by frame" if live else "of the whole file",
        "weights": weights,
        "weights_sha256": None if file is None else sha256(file),
        "places": [asdict(place) for place in places],
        "version": version("readtrack"),
        **{name: {key: _plain(value) for key, value in asdict(one).items()} for name, one in settings.items()},
    }


def _plain(value: Any) -> Any:
    """A setting as JSON has it."""
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def finish_folder(folder: Path, formats: list[str], album: "Album | None") -> None:
    """Write a run's tracks in other formats, then its page, unless there is no album for it."""
    from readtrack.report import write_report
    from readtrack.results import export, read, write_counts

    table = read(folder)
    write_counts(folder, table)
    export(table, folder, [name for name in formats if name != "mot"])
    if album is not None:
        album.save(folder / "pictures.zip")
        write_report(folder, album, table)


def told_of(video: "Video | Recording") -> dict[str, Any]:
    """What is told of a source at the end."""
    from readtrack.video import Video

    if not isinstance(video, Video):
        return {"frames_lost": 0, "source_gone": False, "warnings": []}
    live = {} if video.measured is None else {"frames_dropped": video.dropped, "measured_fps": video.measured}
    return {"frames_lost": video.lost, "source_gone": video.gone, **live, "warnings": video.warnings}


def summary_table(summary: "Summary", engine: str) -> Table:
    """What was done and how long it took."""
    per_frame = 1000 / summary.frames
    table = Table("frames", str(summary.frames))
    table.add_row("identities", str(summary.identities))
    table.add_row("re-identified by READ", str(summary.reidentified))
    table.add_row("other READ decisions", str(summary.judged))
    for part, seconds in (
        ("detector", summary.seconds_detector),
        ("READ", summary.seconds_read),
        ("association", summary.seconds_rest),
    ):
        table.add_row(f"{part}, ms a frame", f"{per_frame * seconds:.1f}")
    table.add_row("READ ran on", engine)
    table.add_row("frames a second, all in all", f"{summary.frames / summary.seconds_total:.1f}")
    return table
