"""Task: image-to-video re-identification on a data set's unseen people, as it is and corrupted as tracking meets it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from readtrack.commands.console import exit_status
from readtrack.commands.evaluate.output import Output, write_report
from readtrack.commands.parsing import parse
from readtrack.evaluation.settings import ReidSettings

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from readtrack.evaluation.charts import Confusion
    from readtrack.evaluation.reid.benchmark import Ranked, ReidReport
    from readtrack.metrics.retrieval import Retrieval

EXAMPLES = """examples:
  python -m readtrack.evaluate reid --root market1501 --weights read-s --histogram --reid osnet.onnx
  python -m readtrack.evaluate reid --root market1501 --corrupted all            all kinds of corruption mixed
  python -m readtrack.evaluate reid --root market1501 --corrupted occlusion      one kind alone
  python -m readtrack.evaluate reid --root market1501 --charts figures           CMC, reliability, confusions
  python -m readtrack.evaluate reid --dataset market-test --root market1501 --shortlist 100   its own protocol
  python -m readtrack.evaluate reid --dataset mars --root MARS --weights read-r50.safetensors --precision fp16
  python -m readtrack.evaluate reid --dataset mars --root MARS --no-queries-in-gallery
  python -m readtrack.evaluate reid --dataset duke --root DukeMTMC-VideoReID --clip-length 8

corruptions (drawn from an image's file name, so the same wherever and whenever it is scored):
  occlusion  a fifth to a half covered from a side or below, by somebody else or one dull colour
  jitter     a box up to 15 % off, and up to 1.25 times too large or too small either way
  blur       out of focus, by 1.5 to 4.5 % of the width
  small      shrunk to 32 pixels of width and back
"""

RANKINGS = {"probability": "its probability", "class1": "its raw class-1 logit, as the authors' demo does"}
HEADS = {  # what a network's answer is called in print
    "attention": "READ",
    "average": "discriminator",
    "metric": "Euclidean distance",
}
CONFUSIONS = {  # kind of worst_pairs -> heading
    "false_accepts": "two people taken for one",
    "false_rejects": "one person not known again",
}


@dataclass(frozen=True)
class Command:
    """All flags."""

    settings: ReidSettings
    output: Output
    charts: Path | None = None  # folder to draw CMC, reliability and confusions within one camera to


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, score, print the tables, and draw what is asked for."""
    about = (
        "Score weights on unseen people: the first image of each query tracklet against gallery tracklets of T images, "
        "those of the query's person and camera left out."
    )
    return exit_status(lambda: _run(parse(Command, argv, "python -m readtrack.evaluate reid", about, EXAMPLES)))


def _run(command: Command) -> None:
    from readtrack.evaluation.reid.benchmark import evaluate_reid

    settings = command.settings
    file = command.output.file(f"reid-{settings.dataset}-{Path(settings.weights).stem}", command.settings)
    console = command.output.console()
    with command.output.progress("gallery tracklets") as progress:
        found = evaluate_reid(settings, progress)
    console.print(f"{found.dataset['name']}: {found.dataset['counts']}")
    for note in found.dataset["notes"]:
        console.print(f"NOTE: {note}", style="bold yellow")
    console.print(f"protocol: {found.dataset['protocol']}")
    _print_reid(found, console)
    if command.charts is not None:
        _draw(found, command.charts, console)
    write_report(file, found, console)


def _print_reid(found: "ReidReport", console: "Console") -> None:
    """Scores in per cent, how many pairs in how much time, calibration; then the same of corrupted images."""
    from readtrack.datasets.corruptions import CHOICES
    from readtrack.evaluation.reid.benchmark import Ranked

    console.print(f"READ ranks by {RANKINGS[found.settings['rank_by']]}\n", _table(found, found.scores), "", sep="\n")
    counted = found.scores["READ"]
    counts = f"{counted.queries:,} queries ({counted.without_match:,} others have no true match and do not count), "
    counts += f"{found.dataset['gallery']['tracklets']:,} gallery tracklets, {found.pairs:,} pairs judged"
    spent = ", ".join(f"{what} {value:.1f} s" for what, value in found.seconds.items())
    spent += f"; {found.pairs / max(found.seconds['matching'], 1e-9):,.0f} pairs matched a second"
    clean = Ranked(found.scores, found.cmc, found.pairs, found.seconds, found.speed, found.calibration)
    console.print(counts, spent, _speed(clean), _calibration(clean), sep="\n")
    if found.corrupted:
        kind = found.settings["corrupted"]
        console.print(f"\ncorrupted, {kind}: {CHOICES[kind]}\n")
        console.print(_table(found, found.corrupted.scores), "", sep="\n")
        console.print(f"corrupted {_calibration(found.corrupted)}")


def _table(found: "ReidReport", scores: "Mapping[str, Retrieval]") -> "Table":
    """A row for whatever ranked."""
    from rich.table import Table

    from readtrack.metrics.retrieval import TITLES

    table = Table("", *TITLES.values(), show_edge=False, pad_edge=False)
    for name, values in scores.items():
        shown = HEADS[found.weights["network"]["head"]] if name == "READ" else name
        table.add_row(shown, *(f"{100 * getattr(values, score):.1f}" for score in TITLES))
    return table


def _speed(ranked: "Ranked") -> str:
    """Milliseconds a crop, and of READ a pair."""
    told = (
        f"{name} {speed['ms_per_crop']:.2f} ms a crop"
        + (f", {speed['ms_per_pair']:.4f} ms a pair" if "ms_per_pair" in speed else "")
        for name, speed in ranked.speed.items()
    )
    return "; ".join(told)


def _calibration(ranked: "Ranked") -> str:
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


def _draw(found: "ReidReport", folder: Path, console: "Console") -> None:
    """Write the charts; where there are no pairs within a camera, a line says so."""
    from readtrack.evaluation.charts import cmc_chart, confusion_sheet, reliability_chart, save

    weights, data = Path(found.weights["name"]).stem, found.dataset["name"]
    title = f"{weights}: right answers among the first"
    files = save(cmc_chart(found.cmc, title, f"{data}: {found.scores['READ'].queries:,} queries"), folder / "cmc")
    if found.calibration:
        new = found.calibration["error_of_new_people"]
        title = f"{weights}: calibration error {found.calibration['error']:.3f}"
        title += "" if new is None else f", of new people {new:.3f}"
        note = f"{data}: {found.calibration['pairs']:,} pairs within one camera, weighed so that one in ten is true"
        files += save(reliability_chart(found.calibration["curve"], title, note), folder / "reliability")
        columns = {CONFUSIONS[kind]: [_confusion(row) for row in rows] for kind, rows in found.confusions.items()}
        title = f"{weights}, {data}: pairs within one camera that it is most wrong about"
        files += save(confusion_sheet(columns, title), folder / "confusions", (".png",))
    else:
        console.print("neither reliability nor confusions drawn: no camera shows two people often enough")
    console.print(f"drawn to {', '.join(map(str, files))}")


def _confusion(row: Mapping[str, Any]) -> "Confusion":
    """A pair with its pictures and its words."""
    from readtrack.evaluation.charts import Confusion
    from readtrack.images import read_image

    lines = [f"probability {row['probability']:.4f}", f"query: {Path(row['query']).name}"]
    lines += [("clip: " if i == 0 else "      ") + Path(path).name for i, path in enumerate(row["clip"])]
    return Confusion(read_image(row["query"]), [read_image(path) for path in row["clip"]], lines)
