"""A run's tracklets linked again, by other settings: what ``readtrack track`` keeps for it, and what comes of it."""

import json
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from readtrack.commands.about import finish_folder
from readtrack.commands.console import INCOMPLETE, INTERRUPTED, output
from readtrack.commands.opening import SourceSettings, open_source
from readtrack.commands.settings_file import read_settings
from readtrack.errors import InputError, memory_ran_out
from readtrack.tracking.config import TrackerConfig

if TYPE_CHECKING:
    from readtrack.evaluation.recordings import Recording
    from readtrack.linker import Linker
    from readtrack.read.matcher import Matcher
    from readtrack.results import Album, Summary, Table
    from readtrack.tracking import Reassignment
    from readtrack.video import Frame, Video

TRACKLETS = "tracklets.sqlite"  # in a run's folder
SAME_BOX = 0.5  # IoU
GATHERED = ("start_confidence", "low_confidence")  # settings by which tracklets are made


@contextmanager
def link_later(tracker: "Linker", folder: Path) -> Iterator[None]:
    """Where memory runs out, or anything ends the work before people are linked: tell that they can be.

    Raises:
        InputError: memory ran out.
    """
    try:
        yield
    except InputError:
        raise
    except BaseException as error:
        hint = f"what was gathered is kept: readtrack relink {shlex.quote(str(folder))}"
        there = tracker.recorded.path is not None and tracker.recorded.written
        if memory_ran_out(error):
            raise InputError(f"memory ran out; {hint}" if there else "memory ran out: close other programs") from error
        if there and not (folder / "dropped.txt").is_file():  # which is written once people are linked
            print(hint, file=sys.stderr)
        raise


def facts_of(
    video: "Video | Recording", source: SourceSettings, run: dict[str, Any], blur: str | None
) -> dict[str, Any]:
    """What is to be known of a run, to link its tracklets again."""
    part = {"start": source.start, "end": source.end, "stride": source.stride, "fps": source.fps}
    return {"run": run, "part": part, "source": _told(video, source.source), "blur": blur}


def _told(video: "Video | Recording", source: str) -> str:
    """What tells a source from others."""
    from readtrack.evaluation.recordings import Recording
    from readtrack.files import fingerprint

    return source if isinstance(video, Recording) else fingerprint(video.files)


def link_run(
    folder: Path,
    source: str | None,
    weights: str | None,
    settings: Path | None,
    device: str | None,
    threads: int | None,
    quiet: bool,
) -> int:
    """Link the tracklets in a run's folder again, and write what comes of it there; returns the exit status.

    Raises:
        InputError: nothing was kept there, or of another source or other weights.
    """
    from readtrack.evaluation.recordings import Recording
    from readtrack.gathering import linking_config
    from readtrack.linker import Linker
    from readtrack.pipeline import link_again
    from readtrack.recorded import Recorded
    from readtrack.results import Album, Overlay, Results, amend, places_of, read, read_edits
    from readtrack.results.folder import EXPORTS
    from readtrack.video import Video

    console, recorded = output(quiet), Recorded.open(folder / TRACKLETS, _matcher(weights, device, threads))
    facts = recorded.facts()
    if "run" not in facts:
        raise InputError(f"{folder / TRACKLETS}: does not say of which run it is: track the recording again")
    config, run = _config(facts["run"], settings), facts["run"]
    raw = {"smoothing": 0.0} if run["recording"]["raw_boxes"] else {}
    linker, edits = Linker(recorded, linking_config(config, **raw)), read_edits(folder)
    before = read(folder) if (folder / "tracks.txt").is_file() else None
    shown, drawn = ((folder / name).is_file() for name in ("report.html", "tracks.mp4"))
    album = Album.load(folder / "pictures.zip") if shown else None
    with ExitStack() as stack:
        results = stack.enter_context(Results(folder, config.fps, video=False, tables=False))
        draw, video = None, None
        frames: Iterable[Frame] = ()
        if source is not None:
            video = stack.enter_context(open_source(SourceSettings(source, **facts["part"])))
            if _told(video, source) != facts["source"]:
                raise InputError(f"{source}: is not what was tracked into {folder}: give the same source", "source")
            frames = video.frames if isinstance(video, Recording) else video
            album = Album(run["fps"]) if shown else None
            look: dict[str, Any] = {"album": album, "overlay": Overlay(places_of({"run": run})), "blur": facts["blur"]}
            draw = stack.enter_context(Results(folder, config.fps, drawn and video.pixels, tables=False, **look))
        summary = link_again(linker, results, frames, draw, edits)
    _tell(folder, summary, run | {"tracking": asdict(config)})
    told = amend(folder)[1]
    if source is None and album is not None:
        album.comparisons = []
        album.correct([] if before is None else _moved(album, before, read(folder)))
    if source is None and drawn:
        told.append("tracks.mp4 shows who was who before: name the source to have it drawn anew")
    formats = [name for name, file in EXPORTS.items() if (folder / file).is_file()]
    finish_folder(folder, formats, album)
    console.print(f"{summary.identities} people of {linker.tracklets} tracklets, in {summary.seconds_total:.1f} s")
    for line in told:
        console.print(line)
    if summary.interrupted:
        return INTERRUPTED
    return INCOMPLETE if isinstance(video, Video) and (video.lost or video.gone) else 0


def _matcher(
    weights: str | None, device: str | None, threads: int | None
) -> "Callable[[dict[str, Any]], Matcher | None]":
    """What loads the network that a run used, or another that was asked for."""
    from readtrack.read.matcher import Matcher

    def load(facts: dict[str, Any]) -> Matcher | None:
        name = weights or facts.get("run", {}).get("weights") or "none"
        if name == "none":
            return None
        if not facts["weights"]:
            raise InputError("of that run no features were kept, for its weights want pixels: track again", "weights")
        return Matcher.load(name, device, threads=threads)

    return load


def _config(run: dict[str, Any], file: Path | None) -> TrackerConfig:
    """A run's settings, and those of a file."""
    known = {field.name for field in fields(TrackerConfig)}
    tracking = {name: value for name, value in run["tracking"].items() if name in known}
    wanted = read_settings(file) if file is not None else {}
    for name in GATHERED:
        if name in wanted and wanted[name] != tracking[name]:
            raise InputError(
                f"{file}: {name} {wanted[name]} makes other tracklets than {tracking[name]}: track again", "settings"
            )
    return TrackerConfig(**tracking | wanted)


def _tell(folder: Path, summary: "Summary", run: dict[str, Any]) -> None:
    """Write summary.json: of the run itself what does not change, and what was found now."""
    from readtrack.files import replacing
    from readtrack.results.table import read_summary

    about, found = read_summary(folder), asdict(summary)
    kept = about.get("run") is not None
    new = ("identities", "reidentified", "judged", "own_pairs", "dropped")
    about |= {name: found[name] for name in new} if kept else found | {"warnings": []}
    about |= {"run": run, "linked_again": True}
    about.pop("scores", None)
    with replacing(folder / "summary.json") as partial:
        partial.write_text(json.dumps(about, indent=2) + "\n")


def _moved(album: "Album", before: "Table", after: "Table") -> "list[Reassignment]":
    """Pictures whose person has another number now; 0 for nobody."""
    import numpy as np

    from readtrack import boxes
    from readtrack.tracking import Reassignment

    answer = []
    for track, own in album.pictures().items():
        for frame in (one.frame for one in own):
            row = np.flatnonzero((before.frame == frame) & (before.found == track))
            now = np.flatnonzero(after.frame == frame)
            overlap = boxes.iou(before.xyxy[row], after.xyxy[now])
            best = overlap[0].argmax() if overlap.size else -1
            number = int(after.found[now[best]]) if overlap.size and overlap[0, best] >= SAME_BOX else 0
            if number != track and len(row):
                answer.append(Reassignment(frame, before.xyxy[row[0]], 1.0, number, track))
    return answer
