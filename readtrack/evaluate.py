"""Command: score re-ID weights. ``python -m readtrack.evaluate --help``."""

import argparse
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from readtrack.data.clips import ImageCache
from readtrack.data.tracklets import DISTRACTOR, ReidSplits
from readtrack.datasets import DATASETS, read_dataset
from readtrack.errors import InputError, exit_status
from readtrack.evaluation.retrieval import TITLES, Retrieval
from readtrack.read.checkpoint import find_weights
from readtrack.read.matcher import Matcher
from readtrack.reid import Stopwatch, check_calibration, colour_similarity, read_logits, score

EPILOG = """examples:
  python -m readtrack.evaluate reid --root market1501 --weights read-s --histogram
  python -m readtrack.evaluate reid --dataset mars --root MARS --weights read-r50.safetensors --precision fp16
  python -m readtrack.evaluate reid --dataset mars --root MARS --gallery-without-queries
  python -m readtrack.evaluate reid --dataset duke --root DukeMTMC-VideoReID --clip-length 8
"""
RANKINGS = {  # --rank-by -> in words
    "probability": "its probability",
    "class1": "its raw class-1 logit, as the authors' demo does",
}

HEADS = {  # what a network's answer is called in print
    "attention": "READ",
    "average": "discriminator",
    "metric": "Euclidean distance",
}


@dataclass(frozen=True)
class ReidSettings:
    """What is scored, and how."""

    root: Path  # folder of the data set
    dataset: str = "market"  # one of DATASETS
    weights: str = "read-s"  # a shipped name or a file
    queries_in_gallery: bool = True  # query tracklets stay in the gallery, as in the paper
    rank_by: str = "probability"  # one of RANKINGS
    clip_length: int | None = None  # T, images of a gallery tracklet that are compared; None: the weights' own
    device: str | None = None  # None: a GPU where there is one
    precision: str = "fp32"  # fp32, bf16 or fp16
    rank: int | None = None  # channels that the gallery's values are folded to; None: the weights' own
    histogram: bool = False  # score HSV histograms as well

    def __post_init__(self) -> None:
        if self.rank_by not in RANKINGS:
            raise InputError(f"rank_by {self.rank_by!r} is unknown: choose one of {', '.join(RANKINGS)}")


@dataclass(frozen=True)
class ReidReport:
    """All that a scoring found, in the order in which it is written as JSON."""

    dataset: dict[str, Any]  # name, protocol, notes, counts
    settings: dict[str, Any]  # with the device, precision and T that were used
    weights: dict[str, Any]  # name, SHA-256, network
    scores: dict[str, Retrieval]  # by what ranked the gallery
    pairs: int  # queries times gallery tracklets
    seconds: dict[str, float]  # by what they were spent on
    calibration: dict[str, float] | None  # None: the data has no pairs to check it on
    versions: dict[str, str]


def evaluate_reid(
    settings: ReidSettings,
    begin: Callable[[ReidSplits], None] = lambda splits: None,
    report: Callable[[int], None] = lambda done: None,
) -> ReidReport:
    """Score READ, its pooled features and perhaps colour histograms on a data set's unseen people.

    Args:
        settings: what is scored, and how.
        begin: told the data set once it is read.
        report: told now and then how many gallery tracklets are done.

    Raises:
        InputError: settings, weights or data cannot be used.
    """
    matcher = Matcher.load(settings.weights, settings.device, precision=settings.precision, rank=settings.rank)
    if settings.clip_length is not None:
        matcher.model.config = replace(matcher.model.config, clip_length=settings.clip_length)
    config = matcher.model.config
    if settings.rank_by == "class1" and config.classes != 2:
        raise InputError(f"weights {settings.weights}: a network of one logit has no class 1; rank by probability")
    splits = read_dataset(settings.dataset, settings.root, queries_in_gallery=settings.queries_in_gallery)
    begin(splits)
    images, watch = ImageCache(config.height, config.width), Stopwatch()
    answers, cosines = read_logits(matcher, splits, images, settings.rank_by == "class1", watch, report)
    with watch("scoring"):
        scores = {
            "READ": score(answers, splits.query, splits.gallery),
            "pooled features": score(cosines, splits.query, splits.gallery),
        }
    if settings.histogram:
        with watch("histograms"):
            colours = colour_similarity(splits, images, matcher.clip_length)
            scores["HSV histogram"] = score(colours, splits.query, splits.gallery)
    with watch("calibration"):
        calibration = check_calibration(matcher, splits, images)
    used = {"device": str(matcher.device), "precision": matcher.precision, "clip_length": matcher.clip_length}
    return ReidReport(
        dataset=_about_splits(splits),
        settings={**asdict(settings), **used},
        weights={
            "name": settings.weights,
            "sha256": _sha256(find_weights(settings.weights)),
            "network": asdict(config),
        },
        scores=scores,
        pairs=answers.size,
        seconds=watch.seconds,
        calibration=calibration,
        versions={name: version(name) for name in ("readtrack", "torch", "numpy")},
    )


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, score, print. Returns the exit status: 0, 2 for bad input, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m readtrack.evaluate", description="Score weights.")
    tasks = parser.add_subparsers(dest="task", metavar="TASK", required=True)
    _add_reid(tasks.add_parser)
    args = parser.parse_args(argv)
    return exit_status(lambda: args.run(args))


def _add_reid(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    """The ``reid`` task and its flags."""
    parser = add_parser(
        "reid",
        help="image-to-video re-identification: CMC and mAP",
        description="Score weights on unseen people: the first image of each query tracklet against gallery\n"
        "tracklets of T images, those of the query's person and camera left out.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_run_reid)
    add = parser.add_argument
    default: Any = ReidSettings
    add(
        "--dataset",
        choices=tuple(DATASETS),
        default=default.dataset,
        help="which one (default: %(default)s; e.g. --dataset mars)",
    )
    add("--root", type=Path, required=True, metavar="DIR", help="the data set's folder (e.g. --root market1501)")
    add(
        "--weights",
        default=default.weights,
        metavar="NAME",
        help="shipped name or file (default: %(default)s; e.g. --weights best.safetensors)",
    )
    add(
        "--gallery-without-queries",
        dest="queries_in_gallery",
        action="store_false",
        help="leave query tracklets out of the gallery; the paper keeps them in",
    )
    add(
        "--rank-by",
        choices=tuple(RANKINGS),
        default=default.rank_by,
        help="what of READ's answer (default: %(default)s; e.g. --rank-by class1)",
    )
    add(
        "--clip-length",
        type=int,
        metavar="T",
        help="images of a gallery tracklet compared (default: the weights'; e.g. --clip-length 8)",
    )
    add("--device", metavar="NAME", help="cpu, cuda, cuda:1 (default: a GPU where there is one; e.g. --device cpu)")
    add(
        "--precision",
        choices=("fp32", "bf16", "fp16"),
        default=default.precision,
        help="of the network (default: %(default)s; e.g. --precision fp16)",
    )
    add(
        "--rank",
        type=int,
        metavar="R",
        help="fold the gallery's values to R channels: faster, slightly off (e.g. --rank 128)",
    )
    add("--histogram", action="store_true", help="score colour histograms as well: what any re-ID has to beat")
    add(
        "--json",
        type=Path,
        metavar="FILE",
        help="everything found (default: runs/reid-<dataset>-<weights>.json; e.g. --json scores.json)",
    )
    add("--quiet", action="store_true", help="print errors only")


def _run_reid(args: argparse.Namespace) -> None:
    """Score what the command line names, print it and write the JSON."""
    settings = ReidSettings(**{field.name: getattr(args, field.name) for field in fields(ReidSettings)})
    file = args.json or Path("runs") / f"reid-{settings.dataset}-{Path(settings.weights).stem}.json"
    _prepare(file)
    console, bars = Console(quiet=args.quiet, highlight=False, markup=False), Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=bars, disable=args.quiet or not bars.is_terminal, transient=True)
    bar = progress.add_task("gallery tracklets", total=None)

    def begin(splits: ReidSplits) -> None:
        console.print(f"{splits.name}: {splits.describe()}", soft_wrap=True)
        for note in splits.notes:
            console.print(f"NOTE: {note}", style="bold yellow", soft_wrap=True)
        console.print(f"protocol: {splits.protocol}", soft_wrap=True)
        progress.update(bar, total=len(splits.gallery))
        progress.start()  # not before all is said: a bar and printed lines would mix

    try:
        found = evaluate_reid(settings, begin, lambda done: progress.update(bar, completed=done))
    finally:
        progress.stop()
    _write_json(file, asdict(found))
    _print_reid(found, console)
    console.print(f"written to {file}", soft_wrap=True)


def _print_reid(found: ReidReport, console: Console) -> None:
    """Scores in per cent, how many pairs in how many seconds, calibration."""
    table = Table("", *TITLES.values(), show_edge=False, pad_edge=False)
    for name, values in found.scores.items():
        shown = HEADS[found.weights["network"]["head"]] if name == "READ" else name
        table.add_row(shown, *(f"{100 * getattr(values, score):.1f}" for score in TITLES))
    console.print(f"READ ranks by {RANKINGS[found.settings['rank_by']]}\n", table, "", sep="\n", soft_wrap=True)
    counted, seconds = found.scores["READ"], found.seconds
    counts = f"{counted.queries:,} queries ({counted.without_match:,} others have no true match and do not count), "
    counts += f"{found.dataset['gallery']['tracklets']:,} gallery tracklets, {found.pairs:,} pairs"
    spent = ", ".join(f"{what} {value:.1f} s" for what, value in seconds.items())
    spent += f"; {found.pairs / max(seconds['matching'], 1e-9):,.0f} pairs matched a second"
    told = "calibration: not checked, no camera shows two people often enough"
    if found.calibration:
        told = "calibration, within one camera, one candidate in ten being the person: error {error:.3f}; at 0.9 "
        told = (told + "{true:.1%} of true and {wrong:.2%} of wrong pairs pass").format(**found.calibration)
    console.print(counts, spent, told, sep="\n", soft_wrap=True)


def _about_splits(splits: ReidSplits) -> dict[str, Any]:
    """Name, protocol, notes and counts."""
    about: dict[str, Any] = {"name": splits.name, "protocol": splits.protocol, "notes": list(splits.notes)}
    for part in ("train", "query", "gallery"):
        tracklets = getattr(splits, part)
        about[part] = {
            "tracklets": len(tracklets),
            "people": len({t.pid for t in tracklets} - {DISTRACTOR}),
            "images": sum(len(t.paths) for t in tracklets),
        }
    return about


def _sha256(file: Path) -> str:
    """In hexadecimal."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _prepare(file: Path) -> None:
    """Make a file's folder and raise InputError where it cannot be written: before the work, not after."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.is_dir():
            raise IsADirectoryError(0, "is a folder")
        with tempfile.TemporaryFile(dir=file.parent):
            pass
    except OSError as error:
        raise InputError(f"{file}: cannot be written ({error.strerror}); choose another with --json") from error


def _write_json(file: Path, content: dict[str, Any]) -> None:
    """Atomically."""
    partial = file.with_name(f"{file.name}.partial")
    try:
        partial.write_text(json.dumps(content, indent=2, default=str) + "\n")
        os.replace(partial, file)
    except OSError as error:
        raise InputError(f"{file}: cannot be written ({error.strerror}); choose another with --json") from error


if __name__ == "__main__":
    sys.exit(main())
