"""Command: finished tracks of any tracker joined into identities. ``python -m readtrack.relink --help``."""

import argparse
import json
import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import supervision as sv
from rich.console import Console

from readtrack.commands.console import exit_status, progress
from readtrack.errors import InputError
from readtrack.files import check_writable, replacing
from readtrack.linking.config import RelinkConfig
from readtrack.linking.interpolation import fill_holes
from readtrack.metrics.tracking import score_sequences
from readtrack.mot import MotTable, Rows, by_frame, read_table, read_truth
from readtrack.relinking import Relinked, relink
from readtrack.video import Video, open_video

ID = re.compile(r"^([^,\s]+[,\s]\s*)[^,\s]+")  # of a line: its frame, then the identity

EPILOG = """how it decides:
  Of each track up to 16 clear crops are kept, spread over its life. READ compares the crops of two tracks with each
  other's little video, both ways; its log odds are averaged. Two tracks in one frame are never one person, and nobody
  runs faster than three body heights a second. A link is made where its probability, over all ways to link the
  tracks, reaches --threshold, the surest first. Tracks without a clear crop are left alone.

files:
  FILE holds the rows of the input under their new ids: each person goes by the id of the first track. Beside it,
  .jsonl tells of each link: identity, track, frame (from 0), gap (frames unseen), probability, runner_up (the likeliest
  link of either that this one rules out), odds (READ's log odds alone). Both are written whole or not at all.

examples:
  python -m readtrack.relink tracks.txt --video video.mp4
  python -m readtrack.relink sort/MOT17-02.txt --video MOT17-02/ --out joined/MOT17-02.txt --interpolate 20
  python -m readtrack.relink tracks.txt --video TUD-Campus/ --truth TUD-Campus/gt/gt.txt
"""


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, join, print. Returns the exit status: 0, 2 for bad input, 130 after Ctrl-C."""
    return exit_status(lambda: _run(_parser().parse_args(argv)))


def _parser() -> argparse.ArgumentParser:
    """All flags."""
    default = RelinkConfig()
    parser = argparse.ArgumentParser(
        prog="python -m readtrack.relink",
        description="Join the finished tracks of any tracker's MOTChallenge file into identities, by READ.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("tracks", type=Path, metavar="TRACKS", help="rows frame,id,left,top,width,height,..., frames from 1")
    add("--video", required=True, metavar="SOURCE", help="what they are of: video, images or MOT sequence folder")
    add("--weights", default="read-s", metavar="NAME", help="shipped name or file (default: %(default)s)")
    add("--device", metavar="NAME", help="cpu, cuda, cuda:1 (default: a GPU where there is one; e.g. --device cpu)")
    add("--out", type=Path, metavar="FILE", help="where to write (default: TRACKS-relinked.txt beside it)")
    add(
        "--threshold",
        type=float,
        default=default.threshold,
        metavar="P",
        help="probability from which two tracks are one person (default: %(default)s; e.g. --threshold 0.95)",
    )
    add(
        "--max-gap",
        type=float,
        default=default.max_gap,
        metavar="SECONDS",
        help="how long somebody may be unseen (default: %(default)s; e.g. --max-gap 600)",
    )
    add(
        "--interpolate",
        type=int,
        default=0,
        metavar="N",
        help="fill holes of up to N frames in a person's track, on a straight line (default: none; e.g. 20)",
    )
    add("--truth", type=Path, metavar="FILE", help="score before and after against it (e.g. --truth gt/gt.txt)")
    add("--quiet", action="store_true", help="print errors only")
    return parser


def _run(args: argparse.Namespace) -> None:
    """Join the tracks that the command line names, and write and print what was found."""
    if args.interpolate < 0:
        raise InputError(f"--interpolate {args.interpolate}: give a number of frames, 0 for none")
    RelinkConfig(threshold=args.threshold, max_gap=args.max_gap)  # before anything is read
    table = read_table(args.tracks)
    if not len(table.rows):
        raise InputError(f"{args.tracks}: holds no tracks: pass a tracker's MOTChallenge file")
    lines = table.lines()
    truth = read_truth(args.truth) if args.truth else None
    out = args.out or args.tracks.with_name(f"{args.tracks.stem}-relinked.txt")
    if out.resolve() == args.tracks.resolve():
        raise InputError(f"{out}: is the file to be joined; choose another with --out")
    log = out.with_suffix(".jsonl")
    for file in (out, log):
        check_writable(file)
    with open_video(args.video) as video:
        found = _relink(args, table, video)
    rows = table.rows.copy()
    rows[:, 1] = [found.identities[track] for track in rows[:, 1].astype(int).tolist()]
    filled = fill_holes(rows, args.interpolate)
    links = "".join(json.dumps(asdict(link)) + "\n" for link in found.links)
    for file, text in ((log, links), (out, _text(lines, rows, filled))):
        with replacing(file) as partial:
            partial.write_bytes(text.encode())
    console = Console(quiet=args.quiet, highlight=False, markup=False)
    console.print(_summary(found, len(filled)), soft_wrap=True)
    if truth is not None:
        after = np.concatenate([rows, filled])
        console.print(_gain(truth, {"before": table.rows, "after": after}), soft_wrap=True)
    console.print(f"written to {out} and {log}", soft_wrap=True)


def _relink(args: argparse.Namespace, table: MotTable, video: Video) -> Relinked:
    """Who is who in a table of tracks."""
    from readtrack.read.matcher import Matcher  # PyTorch

    if video.total is not None:  # of some containers an estimate
        read_table(table.path, frames=video.total + video.total // 100)
    config = RelinkConfig(fps=video.fps, threshold=args.threshold, max_gap=args.max_gap)
    matcher = Matcher.load(args.weights, args.device)
    with progress("frames, tracks", args.quiet) as (begin, report):
        begin((video.total or 0) + len(np.unique(table.rows[:, 1])))
        return relink(by_frame(table.rows), video, matcher, config, report)


def _text(lines: list[str], rows: Rows, filled: Rows) -> str:
    """The lines of a file under new ids, all else as it was; with filled holes by frame, else in their order."""
    ids = rows[:, 1].astype(int).tolist()
    told = [ID.sub(rf"\g<1>{identity}", line) for line, identity in zip(lines, ids, strict=True)]
    if len(filled):
        for frame, identity, *box, confidence, _, _ in filled.tolist():
            corners = ",".join(f"{value:.2f}" for value in box)
            told.append(f"{int(frame)},{int(identity)},{corners},{confidence:.4g},-1,-1,-1")
        order = np.argsort(np.concatenate([rows[:, 0], filled[:, 0]]), kind="stable")
        told = [told[place] for place in order.tolist()]
    return "\n".join(told) + "\n"


def _summary(found: Relinked, filled: int) -> str:
    """What was done, in a line."""
    people = len(set(found.identities.values()))
    parts = [f"{len(found.identities)} tracks are {people} identities by {len(found.links)} links"]
    parts += [f"{len(found.unseen)} tracks never seen clearly"] if found.unseen else []
    parts += [f"{filled} boxes filled in"] if filled else []
    return "; ".join(parts)


def _gain(truth: dict[int, sv.Detections], files: dict[str, Rows]) -> str:
    """Scores before and after, as lines."""
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
