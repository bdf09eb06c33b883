"""Command: finished tracks of any tracker joined into identities. ``python -m readtrack.relink --help``."""

import json
import math
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from readtrack.commands.again import link_run
from readtrack.commands.console import INCOMPLETE, exit_status, output, progress
from readtrack.commands.light import light_supervision
from readtrack.commands.parsing import Positional, parse
from readtrack.errors import InputError
from readtrack.linking.settings import LinkingConfig

if TYPE_CHECKING:
    import supervision as sv

    from readtrack.mot import MotTable, Rows
    from readtrack.relinking import Relinked
    from readtrack.video import Video

ID = re.compile(r"^([^,\s]+[,\s]\s*)[^,\s]+")  # of a line: its frame, then the identity

DESCRIPTION = (
    "Find the people in the finished tracks of any tracker's MOTChallenge file, by how they look and move; or those of "
    "a run's folder again, by other settings."
)
EXAMPLES = """how it decides:
  Tracks are cut wherever somebody else comes close, jumps or is missed. The pieces are linked as --help of
  readtrack.run says of whole files: READ compares up to four crops of each, motion and time are weighed, and that two
  pieces had one id counts for them. So a track that slipped from one person onto another comes apart again.

a run's folder instead of a file:
  The run's tracklets are linked again, by its settings and those of --settings, without a look at the video: seconds
  instead of minutes. Tables, page and summary in the folder are written anew, and corrections are applied again. With
  --source, the video is gone through once more, so that tracks.mp4 and the page's pictures show the new ids.

files:
  FILE holds the rows of the input under their new ids: each person goes by the id of the first piece. Beside it,
  .jsonl tells of each link of two tracks: identity, track, frame (from 0), gap (frames between them), probability,
  runner_up (the likeliest link of either that this one rules out), odds (READ's log odds alone). Both are written
  whole or not at all.

examples:
  python -m readtrack.relink tracks.txt --source video.mp4
  python -m readtrack.relink sort/MOT17-02.txt --source MOT17-02/ --out joined/MOT17-02.txt --interpolate 20
  python -m readtrack.relink tracks.txt --source TUD-Campus/ --ground-truth TUD-Campus/gt/gt.txt
  python -m readtrack.relink runs/video --settings tuned.json
  python -m readtrack.relink runs/video --source video.mp4
"""


@dataclass(frozen=True)
class RelinkSettings:
    """What is joined, and when."""

    tracks: Positional[Path]  # rows frame,id,left,top,width,height,..., frames from 1; or a run's folder
    source: str | None = None  # what they are of: video, images or MOT sequence folder
    weights: str | None = None  # shipped name, file, or none for motion only; if not given, read-s, or the run's
    settings: Path | None = None  # of a run's folder: JSON with settings of the tracker, as readtrack tune writes it
    device: str | None = None  # cpu, cuda, cuda:1; if not given, a GPU where there is one
    threads: int | None = None  # of READ on a CPU; if not given, one for each core
    host_weight: float = LinkingConfig.host_weight  # log odds that an id is worth where a track was cut; 0: nothing
    max_age: float = LinkingConfig.max_gap  # seconds that somebody may be unseen
    interpolate: int = 0  # fill holes of up to so many frames in a person's track, on a straight line; 0: none
    ground_truth: Path | None = None  # score before and after against it
    out: Path | None = None  # file to write; if not given, TRACKS-relinked.txt beside it
    quiet: bool = False  # print errors only

    def __post_init__(self) -> None:
        if self.interpolate < 0:
            raise InputError(f"interpolate {self.interpolate}: give a number of frames, 0 for none", "interpolate")
        for name in ("host_weight", "max_age"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"{name} {getattr(self, name)}: give a number from 0", name)


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, join, print. Returns the exit status, as --help tells."""
    return exit_status(
        lambda: _relink(parse(RelinkSettings, argv, "python -m readtrack.relink", DESCRIPTION, EXAMPLES))
    )


def _relink(settings: RelinkSettings) -> int:
    """Join the tracks that the command line names, and write and print what was found; returns the exit status."""
    light_supervision()
    if settings.tracks.is_dir():
        own = ("source", "weights", "settings", "device", "threads", "quiet")
        usual = RelinkSettings(settings.tracks, **{name: getattr(settings, name) for name in own})
        if settings != usual:
            raise InputError(f"{settings.tracks}: of a run's folder, give {', '.join(own)} only")
        return link_run(settings.tracks, **{name: getattr(settings, name) for name in own})
    if settings.source is None:
        raise InputError(f"{settings.tracks}: tracks of which video? name it", "source")
    if settings.settings is not None:
        raise InputError("settings are of a run's folder: leave them out", "settings")
    import numpy as np

    from readtrack.files import check_apart, check_writable, replacing
    from readtrack.linking.interpolation import fill_holes
    from readtrack.mot import read_table, read_truth
    from readtrack.read.weights import weight_files
    from readtrack.video import open_video

    table = read_table(settings.tracks)
    if not len(table.rows):
        raise InputError(f"{settings.tracks}: holds no tracks: pass a tracker's MOTChallenge file")
    lines = table.lines()
    truth = read_truth(settings.ground_truth) if settings.ground_truth else None
    out = settings.out or settings.tracks.with_name(f"{settings.tracks.stem}-relinked.txt")
    log = out.with_suffix(".jsonl")
    read = [settings.tracks, settings.ground_truth, *weight_files(settings.weights or "read-s")]
    for file in (out, log):
        check_apart([file], read)
        check_writable(file)
    with open_video(settings.source) as video:
        check_apart([out, log], video.files)
        found = _found(settings, table, video)
    rows = table.rows.copy()
    rows[:, 1] = [found.ids[frame - 1, track] for frame, track in rows[:, :2].astype(int).tolist()]
    filled = fill_holes(rows, settings.interpolate)
    links = "".join(json.dumps(asdict(link)) + "\n" for link in found.links)
    for file, text in ((log, links), (out, _text(lines, rows, filled))):
        with replacing(file) as partial:
            partial.write_bytes(text.encode())
    console = output(settings.quiet)
    console.print(_summary(found, len(filled)))
    if truth is not None:
        after = np.concatenate([rows, filled])
        console.print(_gain(truth, {"before": table.rows, "after": after}))
    console.print(f"written to {out} and {log}")
    return INCOMPLETE if video.lost or video.gone else 0


def _found(settings: RelinkSettings, table: "MotTable", video: "Video") -> "Relinked":
    """Who is who in a table of tracks."""
    from readtrack.mot import by_frame, read_table
    from readtrack.read.matcher import Matcher
    from readtrack.relinking import relink

    if video.total is not None:  # of some containers an estimate
        read_table(table.path, frames=video.total + video.total // 100)
    matcher = None
    if settings.weights != "none":
        matcher = Matcher.load(settings.weights or "read-s", settings.device, threads=settings.threads)
    config = LinkingConfig(host_weight=settings.host_weight, max_gap=settings.max_age)
    with progress("frames", settings.quiet) as (begin, report):
        begin(video.total)
        return relink(by_frame(table.rows), video, matcher, video.fps, config, report)


def _text(lines: list[str], rows: "Rows", filled: "Rows") -> str:
    """The lines of a file under new ids, all else as it was; with filled holes by frame, else in their order."""
    import numpy as np

    ids = rows[:, 1].astype(int).tolist()
    told = [ID.sub(rf"\g<1>{identity}", line) for line, identity in zip(lines, ids, strict=True)]
    if len(filled):
        for frame, identity, *box, confidence, _, _ in filled.tolist():
            corners = ",".join(f"{value:.2f}" for value in box)
            told.append(f"{int(frame)},{int(identity)},{corners},{confidence:.4g},-1,-1,-1")
        order = np.argsort(np.concatenate([rows[:, 0], filled[:, 0]]), kind="stable")
        told = [told[place] for place in order.tolist()]
    return "\n".join(told) + "\n"


def _summary(found: "Relinked", filled: int) -> str:
    """What was done, in a line."""
    parts = [f"{found.tracks} tracks are {found.people} identities by {len(found.links)} links"]
    parts += [f"{len(found.parted)} tracks showed several people"] if found.parted else []
    parts += [f"{len(found.unseen)} tracks never seen clearly"] if found.unseen else []
    parts += [f"{filled} boxes filled in"] if filled else []
    return "; ".join(parts)


def _gain(truth: "dict[int, sv.Detections]", files: "dict[str, Rows]") -> str:
    """Scores before and after, as lines."""
    from readtrack.metrics.tracking import score_sequences
    from readtrack.mot import by_frame

    lines = [f"{'':8}{'IDF1':>7}{'HOTA':>7}{'AssA':>7}{'IDSW':>7}"]
    for people in truth.values():
        people.tracker_id = None if people.tracker_id is None else people.tracker_id + 1  # some count from 0
    for name, rows in files.items():
        shifted = rows.copy()
        shifted[:, 1] += 1
        frames = max(int(rows[:, 0].max()), max(truth, default=0) + 1)
        score = score_sequences([(truth, by_frame(shifted), frames)])[1]
        shares = "".join(f"{100 * value:7.1f}" for value in (score.IDF1, score.HOTA, score.AssA))
        lines.append(f"{name:8}{shares}{score.IDSW:7}")
    return "\n".join(lines)
