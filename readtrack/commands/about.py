"""What a run tells of itself in summary.json, and the page of it."""

from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readtrack.evaluation.recordings import Recording
    from readtrack.results import Album, Place
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
