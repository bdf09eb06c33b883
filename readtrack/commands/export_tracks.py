"""Command: a run's tracks in other formats. ``readtrack export-tracks --help``."""

from dataclasses import dataclass, replace
from pathlib import Path

from readtrack.commands.console import exit_status, output
from readtrack.commands.parsing import Positional, parse
from readtrack.errors import InputError

DESCRIPTION = "Write the tracks of a run, or of any MOTChallenge file, in other formats."
EXAMPLES = """formats:
  mot      tracks.txt: frame,id,left,top,width,height,conf,-1,-1,-1, frames from 1; filled boxes end in 1
  csv      tracks.csv: frame (from 0), seconds, id, name, left, top, right, bottom, confidence, filled, probability
  parquet  tracks.parquet: the same columns; needs readtrack[tables]
  jsonl    tracks.jsonl: the same, an object a box
  coco     tracks.coco.json: COCO with videos, video_id, frame_id, track_id
  cvat     tracks.cvat.xml: CVAT for video 1.1, a track a person
  probability is that of the weakest link of that identity up to the box; 1 without one.

examples:
  readtrack export-tracks runs/video --format csv,coco
  readtrack export-tracks tracks.txt --fps 25 --format parquet --out tables
"""


@dataclass(frozen=True)
class ExportSettings:
    """What is written."""

    tracks: Positional[Path]  # a run's folder, or a MOTChallenge file of tracks
    format: str = "csv"  # one or several of mot,csv,parquet,jsonl,coco,cvat
    fps: float | None = None  # frames per second of the source, where the folder does not tell
    out: Path | None = None  # folder; if not given, that of the tracks
    quiet: bool = False  # print errors only

    def __post_init__(self) -> None:
        if self.fps is not None and not 0 < self.fps < 1000:
            raise InputError(f"fps {self.fps}: give frames per second, above 0 and below 1000", "fps")


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, write, print. Returns the exit status: 0, 2 for bad input, 130 after Ctrl-C."""
    return exit_status(lambda: _export(parse(ExportSettings, argv, "readtrack export-tracks", DESCRIPTION, EXAMPLES)))


def _export(settings: ExportSettings) -> None:
    """Write what the command line names."""
    from readtrack.results import check_formats, export, read

    tracks = settings.tracks
    formats = settings.format.split(",")
    check_formats(formats)
    folder = settings.out or (tracks if tracks.is_dir() else tracks.parent)
    source = tracks / "tracks.txt" if tracks.is_dir() else tracks
    if "mot" in formats and (folder / "tracks.txt").resolve() == source.resolve():
        raise InputError(f"{source}: is MOTChallenge's format already; write elsewhere or leave mot out", "out")
    table = read(tracks)
    if settings.fps is not None:
        table = replace(table, seconds=table.frame / settings.fps)
    written = export(table, folder, formats)
    output(settings.quiet).print(f"{len(table)} boxes written to {', '.join(map(str, written))}")
