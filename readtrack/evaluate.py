"""Command: score re-ID weights. ``python -m readtrack.evaluate --help``."""

import argparse
import sys
import time
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from readtrack.data.clips import ImageCache
from readtrack.data.market import read_market
from readtrack.errors import InputError
from readtrack.evaluation.retrieval import Retrieval
from readtrack.read.matcher import Matcher
from readtrack.reid import check_calibration, colour_similarity, read_logits, score


def evaluate_reid(root: Path, weights: str, device: str | None = None) -> tuple[dict[str, Retrieval], dict[str, float]]:
    """READ, its pooled features and colour histograms on Market-1501's held-out people, and READ's calibration.

    Raises:
        InputError: weights or data cannot be used.
    """
    matcher = Matcher.load(weights, device)
    splits = read_market(root)
    images = ImageCache(matcher.model.config.height, matcher.model.config.width)
    logits, cosines = read_logits(matcher, splits, images)
    colours = colour_similarity(splits, images, matcher.clip_length)
    named = {"READ probability": logits, "pooled features": cosines, "HSV histogram": colours}
    scores = {name: score(values, splits.query, splits.gallery) for name, values in named.items()}
    return scores, check_calibration(matcher, splits, images)


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, score, print."""
    parser = argparse.ArgumentParser(
        prog="python -m readtrack.evaluate",
        description="Score weights on unseen people of Market-1501: the first image of each person and camera "
        "against tracklets of T images from other cameras.",
        epilog="example: python -m readtrack.evaluate reid --root market1501 --weights read-s",
    )
    parser.add_argument("task", choices=["reid"], help="image-to-video re-identification")
    parser.add_argument("--root", type=Path, required=True, help="folder that holds bounding_box_train")
    parser.add_argument("--weights", default="read-s", help="a shipped name or a file (default: %(default)s)")
    parser.add_argument("--device", help="cpu, cuda, ... (default: a GPU where there is one)")
    args = parser.parse_args(argv)
    started = time.perf_counter()
    try:
        scores, calibration = evaluate_reid(args.root, args.weights, args.device)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    table = Table("", "top-1", "top-5", "top-10", "mAP (step)", "queries")
    for name, values in scores.items():
        *shares, queries = asdict(values).values()
        table.add_row(name, *(f"{100 * share:.1f}" for share in shares), str(queries))
    told = "within one camera, one candidate in ten being the person: calibration error {error:.3f}; at 0.9 "
    told += "{true:.1%} of true and {wrong:.2%} of wrong pairs pass"
    Console().print(table, told.format(**calibration), f"{time.perf_counter() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
