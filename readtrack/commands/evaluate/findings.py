"""What the benchmark found, told in tables and drawn."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from readtrack.datasets.corruptions import CHOICES
from readtrack.evaluation.charts import Confusion, confusion_sheet, reliability_chart
from readtrack.evaluation.provenance import write_picture
from readtrack.evaluation.reid.benchmark import RANKINGS, Ranked, ReidReport
from readtrack.images import read_image
from readtrack.metrics.retrieval import TITLES, Retrieval

HEADS = {  # what a network's answer is called in print
    "attention": "READ",
    "average": "discriminator",
    "metric": "Euclidean distance",
}

CONFUSIONS = {  # kind of worst_pairs -> heading
    "taken_for_one": "two people taken for one",
    "not_known_again": "one person not known again",
}


def print_reid(found: ReidReport, console: Console) -> None:
    """Scores in per cent, how many pairs in how much time, calibration; then the same of spoilt images."""
    console.print(
        f"READ ranks by {RANKINGS[found.settings['rank_by']]}\n",
        _table(found, found.scores),
        "",
        sep="\n",
        soft_wrap=True,
    )
    counted = found.scores["READ"]
    counts = f"{counted.queries:,} queries ({counted.without_match:,} others have no true match and do not count), "
    counts += f"{found.dataset['gallery']['tracklets']:,} gallery tracklets, {found.pairs:,} pairs"
    spent = ", ".join(f"{what} {value:.1f} s" for what, value in found.seconds.items())
    spent += f"; {found.pairs / max(found.seconds['matching'], 1e-9):,.0f} pairs matched a second"
    clean = Ranked(found.scores, found.seconds, found.speed, found.calibration)
    console.print(counts, spent, _speed(clean), _calibration(clean), sep="\n", soft_wrap=True)
    if found.degraded:
        kind = found.settings["degraded"]
        console.print(f"\ndegraded, {kind}: {CHOICES[kind]}\n", soft_wrap=True)
        console.print(_table(found, found.degraded.scores), "", sep="\n", soft_wrap=True)
        console.print(f"degraded {_calibration(found.degraded)}", soft_wrap=True)


def _table(found: ReidReport, scores: Mapping[str, Retrieval]) -> Table:
    """A row for whatever ranked."""
    table = Table("", *TITLES.values(), show_edge=False, pad_edge=False)
    for name, values in scores.items():
        shown = HEADS[found.weights["network"]["head"]] if name == "READ" else name
        table.add_row(shown, *(f"{100 * getattr(values, score):.1f}" for score in TITLES))
    return table


def _speed(ranked: Ranked) -> str:
    """Milliseconds a crop, and of READ a pair."""
    told = (
        f"{name} {speed['ms_per_crop']:.2f} ms a crop"
        + (f", {speed['ms_per_pair']:.4f} ms a pair" if "ms_per_pair" in speed else "")
        for name, speed in ranked.speed.items()
    )
    return "; ".join(told)


def _calibration(ranked: Ranked) -> str:
    """How far probabilities are off, and what passes at 0.9."""
    found = ranked.calibration
    if not found:
        return "calibration: not checked, no camera shows two people often enough"
    new = found["error_of_new_people"]
    told = "not known" if new is None else f"{new:.3f}"
    return (
        f"calibration, within one camera, one candidate in ten being the person: error {found['error']:.3f}; fitted to "
        f"half of these people and measured on the others {told}; at 0.9 {found['true']:.1%} of true and "
        f"{found['wrong']:.2%} of wrong pairs pass"
    )


def draw_reid(found: ReidReport, reliability: Path | None, confusions: Path | None, console: Console) -> None:
    """Write the pictures that are asked for; where there are no pairs to draw, a line says so.

    Raises:
        InputError: a file cannot be written, or an image has gone.
    """
    if (reliability or confusions) and not found.calibration:
        console.print("nothing drawn: no camera shows two people often enough", soft_wrap=True)
        return
    weights, data = Path(found.weights["name"]).stem, found.dataset["name"]
    if reliability and found.calibration:
        write_picture(reliability, _reliability(found.calibration, weights, data))
        console.print(f"drawn to {reliability}", soft_wrap=True)
    if confusions:
        columns = {CONFUSIONS[kind]: [_confusion(row) for row in rows] for kind, rows in found.confusions.items()}
        title = f"{weights}, {data}: pairs within one camera that it is most wrong about"
        write_picture(confusions, confusion_sheet(columns, title))
        console.print(f"drawn to {confusions}", soft_wrap=True)


def _reliability(calibration: Mapping[str, Any], weights: str, data: str) -> NDArray[np.uint8]:
    """The chart of the network's own probabilities."""
    new = calibration["error_of_new_people"]
    title = f"{weights}: calibration error {calibration['error']:.3f}"
    title += "" if new is None else f", of new people {new:.3f}"
    note = f"{data}: {calibration['pairs']:,} pairs within one camera, weighed so that one in ten is true"
    return reliability_chart(calibration["curve"], title, note)


def _confusion(row: Mapping[str, Any]) -> Confusion:
    """A pair with its pictures and its words."""
    lines = [f"probability {row['probability']:.4f}", f"query: {Path(row['query']).name}"]
    lines += [("clip: " if i == 0 else "      ") + Path(path).name for i, path in enumerate(row["clip"])]
    return Confusion(read_image(row["query"]), [read_image(path) for path in row["clip"]], lines)
