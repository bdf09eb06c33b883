"""Task: image-to-video re-identification on a data set's unseen people, as it is and spoilt as tracking meets it."""

import argparse
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from rich.console import Console

from readtrack.commands.console import progress
from readtrack.commands.evaluate.findings import draw_reid, print_reid
from readtrack.commands.evaluate.flags import add_network_flags, add_output_flags
from readtrack.datasets import DATASETS
from readtrack.datasets.corruptions import CHOICES
from readtrack.datasets.tracklets import ReidSplits
from readtrack.evaluation.provenance import check_picture, write_json
from readtrack.evaluation.reid.benchmark import RANKINGS, ReidSettings, evaluate_reid
from readtrack.files import check_writable

EPILOG = """examples:
  python -m readtrack.evaluate reid --root market1501 --weights read-s --histogram --peer osnet.onnx
  python -m readtrack.evaluate reid --root market1501 --degraded               all kinds of damage mixed
  python -m readtrack.evaluate reid --root market1501 --degraded occlusion     one kind alone
  python -m readtrack.evaluate reid --root market1501 --reliability curve.png --confusions worst.png
  python -m readtrack.evaluate reid --dataset mars --root MARS --weights read-r50.safetensors --precision fp16
  python -m readtrack.evaluate reid --dataset mars --root MARS --gallery-without-queries
  python -m readtrack.evaluate reid --dataset duke --root DukeMTMC-VideoReID --clip-length 8

damage (drawn from an image's file name, so the same wherever and whenever it is scored):
""" + "".join(f"  {kind:11}{words}\n" for kind, words in CHOICES.items())


def add_parser(add_task: Callable[..., argparse.ArgumentParser]) -> None:
    """The task ``reid`` and its flags."""
    parser = add_task(
        "reid",
        help="image-to-video re-identification: CMC and mAP",
        description="Score weights on unseen people: the first image of each query tracklet against gallery\n"
        "tracklets of T images, those of the query's person and camera left out.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_run)
    default: Any = ReidSettings
    add = parser.add_argument_group("data").add_argument
    add(
        "--dataset",
        choices=tuple(DATASETS),
        default=default.dataset,
        help="which one (default: %(default)s; e.g. --dataset mars)",
    )
    add("--root", type=Path, required=True, metavar="DIR", help="the data set's folder (e.g. --root market1501)")
    add(
        "--gallery-without-queries",
        dest="queries_in_gallery",
        action="store_false",
        help="leave query tracklets out of the gallery; the paper keeps them in",
    )
    add(
        "--degraded",
        nargs="?",
        const="all",
        choices=tuple(CHOICES),
        metavar="KIND",
        help="score a second time with every query and gallery image spoilt as tracking meets it: "
        f"{', '.join(CHOICES)} (without a KIND: all; e.g. --degraded occlusion)",
    )
    add_network_flags(parser, default.weights, default.precision)
    add = parser.add_argument_group("comparison").add_argument
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
    add(
        "--rank",
        type=int,
        metavar="R",
        help="compress the gallery's values to R channels: faster, slightly off (e.g. --rank 128)",
    )
    add("--histogram", action="store_true", help="score colour histograms as well: what any re-ID has to beat")
    add_output_flags(parser, "reid-<dataset>-<weights>")
    add = parser.add_argument_group("pictures of pairs within one camera").add_argument
    add(
        "--reliability",
        type=Path,
        metavar="FILE",
        help="draw stated probabilities against what is found (e.g. --reliability curve.png)",
    )
    add(
        "--confusions",
        type=Path,
        metavar="FILE",
        help="draw whom READ is most wrong about: wrong pairs of highest and true ones of lowest probability, "
        "no two people twice (e.g. --confusions worst.png)",
    )
    add("--worst", type=int, default=default.worst, metavar="N", help="how many of either (default: %(default)s)")


def _run(args: argparse.Namespace) -> None:
    """Score what the command line names, print it, write the JSON, and draw what is asked for."""
    settings = ReidSettings(**{field.name: getattr(args, field.name) for field in fields(ReidSettings)})
    file = args.json or Path("runs") / f"reid-{settings.dataset}-{Path(settings.weights).stem}.json"
    check_writable(file)
    for flag in ("reliability", "confusions"):
        if getattr(args, flag):
            check_picture(getattr(args, flag))
    console = Console(quiet=args.quiet, highlight=False, markup=False)
    with progress("gallery tracklets", args.quiet) as (start, report):

        def begin(splits: ReidSplits) -> None:
            console.print(f"{splits.name}: {splits.describe()}", soft_wrap=True)
            for note in splits.notes:
                console.print(f"NOTE: {note}", style="bold yellow", soft_wrap=True)
            console.print(f"protocol: {splits.protocol}", soft_wrap=True)
            start(len(splits.gallery) * (2 if settings.degraded else 1))

        found = evaluate_reid(settings, begin, report)
    write_json(file, asdict(found))
    print_reid(found, console)
    draw_reid(found, args.reliability, args.confusions, console)
    console.print(f"written to {file}", soft_wrap=True)
