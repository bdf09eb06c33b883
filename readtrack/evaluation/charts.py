"""Charts of what experiments found, by matplotlib, which is imported where one is drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from readtrack.files import replacing
from readtrack.images import Image

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


FORMATS = (".png", ".svg")
BLUE, GREY, RED = "#2870b4", "#9a9a9a", "#d23c3c"
MOST_LINES = 8  # of text beside a row of crops


def save(figure: "Figure", path: Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write a chart, each file whole or not at all.

    Args:
        figure: the chart.
        path: without an ending.
        formats: endings.

    Raises:
        InputError: it cannot be written.
    """
    files = [path.with_name(path.name + ending) for ending in formats]
    for file in files:
        with replacing(file) as partial:
            figure.savefig(partial, format=file.suffix[1:], dpi=150)
    return files


def reliability_chart(curve: Sequence[Mapping[str, float]], title: str, note: str = "") -> "Figure":
    """Stated probability against found share, and under it how many pairs that rests on.

    Args:
        curve: bins as ``readtrack.metrics.calibration.reliability_curve`` gives them; at least one.
        title: of the chart, with the error.
        note: a line under it.
    """
    figure = _figure(6.4, 7.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    middle = [(row["low"] + row["high"]) / 2 for row in curve]
    width = [0.94 * (row["high"] - row["low"]) for row in curve]
    stated, found = ([row[name] for row in curve] for name in ("stated", "found"))
    upper.bar(middle, found, width, color=BLUE, alpha=0.25)
    off = np.subtract(stated, found)
    upper.bar(middle, off, width, found, fill=False, edgecolor=RED, label="off from what is stated")
    upper.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
    upper.plot(stated, found, color=BLUE, marker="o")
    upper.set(xlim=(0, 1), ylim=(0, 1), ylabel="share found to be one person")
    upper.legend(loc="upper left")
    half = [part / 2 for part in width]
    lower.bar(np.subtract(middle, np.divide(width, 4)), [row["wrong"] for row in curve], half, color=GREY)
    lower.bar(np.add(middle, np.divide(width, 4)), [row["true"] for row in curve], half, color=BLUE)
    lower.set(yscale="log", xlabel="stated probability", ylabel="pairs")
    lower.set_ylim(bottom=0.5)
    lower.legend(["of two people", "of one"], loc="upper center", ncols=2)
    _entitle(figure, upper, title, note)
    return figure


def cmc_chart(curves: Mapping[str, Sequence[float]], title: str, note: str = "") -> "Figure":
    """Share of queries with a right answer among the first k.

    Args:
        curves: by what ranked, shares of the first 1, 2, ... answers.
        title: of the chart.
        note: a line under it.
    """
    figure = _figure(6.4, 4.8)
    axes = figure.subplots()
    for name, shares in curves.items():
        axes.plot(range(1, 1 + len(shares)), [100 * share for share in shares], label=name, drawstyle="steps-post")
    axes.set(xlabel="first k answers", ylabel="queries with a right one among them, %", xlim=(1, None))
    axes.set_ylim(top=100)
    axes.legend(loc="lower right")
    _entitle(figure, axes, title, note)
    return figure


@dataclass(frozen=True, eq=False)
class Confusion:
    """A pair that was judged wrongly."""

    query: Image  # BGR (H, W, 3)
    clip: Sequence[Image]  # T of them
    lines: Sequence[str]  # what is written beside them


def confusion_sheet(columns: Mapping[str, Sequence[Confusion]], title: str) -> "Figure":
    """Confusions one under the other, in a column for each kind of them.

    Args:
        columns: heading -> its rows; a column without rows says so.
        title: of the sheet.
    """
    count = max((len(rows) for rows in columns.values()), default=0)
    longest = max((len(row.clip) for rows in columns.values() for row in rows), default=0)
    wide = longest + 4  # the query, a space, and two places of text
    figure = _figure(0.62 * wide * max(len(columns), 1), 1.15 * max(count, 1) + 0.9)
    grid = figure.add_gridspec(max(count, 1), max(wide * len(columns), 1), wspace=0.05, hspace=0.12)
    for place, (heading, rows) in enumerate(columns.items()):
        left = place * wide
        top = figure.add_subplot(grid[0, left : left + wide])
        top.set_axis_off()
        top.set_title(heading if rows else f"{heading}: none", loc="left", color=BLUE, fontsize=9)
        for number, row in enumerate(rows):
            _show(figure.add_subplot(grid[number, left]), row.query)
            for k, image in enumerate(row.clip):
                _show(figure.add_subplot(grid[number, left + 1 + k]), image, 0.5)
            words = figure.add_subplot(grid[number, left + 1 + longest : left + wide])
            words.set_axis_off()
            lines = [*row.lines[:MOST_LINES], *(["..."] if len(row.lines) > MOST_LINES else [])]
            text = "\n".join(line[:48] for line in lines)
            words.text(0.05, 0.98, text, fontsize=6, va="top", transform=words.transAxes)
    figure.suptitle(title, fontsize=10)
    return figure


def _show(axes: "Axes", image: Image, strength: float = 1.0) -> None:
    """A BGR crop without axes; a thin frame tells the query from the clip."""
    axes.imshow(image[..., ::-1], aspect="equal")
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(color=BLUE if strength == 1.0 else "white", linewidth=1.5)


def _figure(width: float, height: float) -> "Figure":
    """An empty chart, in inches; no window is opened for it."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _entitle(figure: Any, axes: Any, title: str, note: str) -> None:
    """A title over the chart, and the note under it."""
    figure.suptitle(title)
    axes.set_title(note, fontsize=8, color="#606060")
    axes.grid(color="#e4e4e4")
    axes.set_axisbelow(True)
