"""Command: how fast pairs are judged, beside what the machine could do. ``readtrack bench --help``."""

import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from rich.table import Table

from readtrack.commands import bench_gallery, bench_hostile
from readtrack.commands.console import exit_status, output, progress
from readtrack.commands.parsing import parse
from readtrack.devices import Precision

if TYPE_CHECKING:
    import torch

    from readtrack.evaluation.speed import Bench

DESCRIPTION = (
    "Measure how fast READ judges pairs of image and video on this machine, and how near that is to what the machine "
    "can do. No data is needed."
)
CROWD = """what is told:
  ms         of the processor for each frame: mean, median and slowest; boxes alone, no READ
  IDF1       who was given which id, of the boxes handed in

examples:
  python -m readtrack.bench crowd
  python -m readtrack.bench crowd --people 3000 --frames 160
"""
LINKING = """what is told:
  tracklets  of people who come and go, ten at once on average; they are linked from a file, as at a recording's end
  seconds    of the processor; MB: the most memory that the process had so far; file: MB on disk
  linked     of neighbouring tracklets of a person, the share that was linked; wrong: of those linked, not one person's
             (features are random: who is who is easier or harder than in the world, times are right)

examples:
  python -m readtrack.bench linking
  python -m readtrack.bench linking --weights none
  python -m readtrack.bench linking --tracklets 100 400 1600
"""
EXAMPLES = """how to read it:
  floor      multiply-adds (m.-adds) that a pair needs; two floating-point operations each
  anew       everything after the encoders again for each pair
  Eq. 1      theta and phi once per image and video; attention, joined maps and all of fc1 for each pair
  hoisted    what a query needs only itself for once per query: the same answers. What the matcher does
  rank r     besides, a video's values in r channels: an approximation (readtrack.read.compression). Loss: how far
             the logits of random pairs move, in their standard deviations
  of peak    of the fastest matrix product seen during the run; other programs' load lowers both
  est.       extrapolated from as many pairs as fit into --seconds

examples:
  readtrack bench                                    read-s, random weights and features
  readtrack bench --network read-r50 --ranks 64 128 256
  readtrack bench --weights duke.safetensors --device cuda --precision fp16
  readtrack bench --quick                            rough numbers in seconds
  readtrack bench --whole                            what READ costs the whole track command, idle and busy
  readtrack bench --whole --source TUD-Stadtmitte --detections TUD-Stadtmitte/det/det.txt
  OMP_NUM_THREADS=1 readtrack bench                  one thread: steadier where others compute too
"""


@dataclass(frozen=True)
class BenchSettings:
    """What is measured."""

    network: Literal["read-s", "read-r50"] = "read-s"  # with random weights
    weights: str | None = None  # a shipped name or a file instead
    device: str | None = None  # cpu, cuda, cuda:1; if not given, a GPU where there is one
    precision: Precision = "fp32"  # of the network
    ranks: tuple[int, ...] = (128,)  # compress the gallery's values to so many channels, as far as the network allows
    seconds: float = 5.0  # for each measurement
    memory_mb: float | None = None  # the matcher's; if not given, 256 on a CPU and 4096 on a GPU
    quick: bool = False  # a tenth of the time, rough numbers
    whole: bool = False  # the whole track command instead: with READ and by motion only, idle and beside busy processes
    source: str = "street"  # of --whole
    detections: Path | None = None  # MOT det.txt of that source
    runs: int = 5  # of --whole, each way


@dataclass(frozen=True)
class CrowdSettings:
    """How many people walk about, and who follows them."""

    people: tuple[int, ...] = (100, 1000, 3000)  # of each crowd
    frames: int = 250  # of each crowd, 25 a second
    tracker: tuple[str, ...] = ("readtrack-boxes", "trackers-bytetrack")  # by their names in evaluate peers
    seconds: float = 600.0  # after which a tracker need not go on with a crowd
    seed: int = 0  # of where they walk


@dataclass(frozen=True)
class LinkingSettings:
    """How much is linked."""

    tracklets: tuple[int, ...] = (10, 100, 1000, 10_000)  # each time, ascending
    weights: str = "read-s"  # a shipped name or a file; none for boxes alone
    threads: int | None = None  # of READ on a CPU; if not given, one for each core
    seed: int = 0  # of people


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, measure, print. Returns the exit status, as --help tells."""
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["hostile"]:
        return bench_hostile.main(words[1:])
    if words[:1] == ["fleet"]:
        return bench_gallery.fleet(words[1:])
    if words[:1] == ["gallery"]:
        return bench_gallery.main(words[1:])
    if words[:1] == ["crowd"]:
        about = "Time trackers on crowds of people who walk about, by boxes alone."
        return exit_status(lambda: _crowd(parse(CrowdSettings, words[1:], "readtrack bench crowd", about, CROWD)))
    if words[:1] == ["linking"]:
        about = "Time the linking of ever more tracklets, and tell how much memory it takes."
        return exit_status(
            lambda: _linking(parse(LinkingSettings, words[1:], "readtrack bench linking", about, LINKING))
        )
    return exit_status(lambda: _bench(parse(BenchSettings, argv, "readtrack bench", DESCRIPTION, EXAMPLES)))


def _bench(settings: BenchSettings) -> None:
    """Measure, and print as it comes. Raises InputError where the network cannot be used."""
    if settings.whole:
        return _whole(settings)
    import torch

    from readtrack.evaluation.speed import Bench, multiply_adds

    console, given = output(), {**vars(settings)}
    for name in ("whole", "source", "detections", "runs"):
        del given[name]
    if given.pop("quick"):
        given["seconds"] /= 10
    with torch.inference_mode():
        bench = Bench(**given)
        bench.look_for_peak()
        threads = f", {torch.get_num_threads()} threads" if bench.device.type == "cpu" else ""
        encoders = ", ".join(f"{name} {1e3 * seconds:.2f} ms" for name, seconds in bench.encoders().items())
        floor = ", ".join(f"{name} {count / 1e6:.2f} M" for name, count in multiply_adds(bench.config).items())
        console.print(f"{settings.weights or settings.network} on {bench.device}{threads}, {bench.matcher.precision}")
        console.print(f"encoder, per crop of: {encoders}", f"floor: {floor}", _rates(bench), _table_4(bench), sep="\n")
    console.print(f"most memory of the process: {_memory(bench.device)}")


def _whole(settings: BenchSettings) -> None:
    """Time whole commands. Raises InputError where one fails."""
    from readtrack.evaluation.overhead import time_commands, time_crops

    console, weights = output(), settings.weights or "read-s"
    spent, engine = time_crops(weights)
    console.print(f"{weights} on {engine}: {spent:.2f} ms a crop")
    table = Table("beside", "", "READ s", "motion s", "ratio", "spread", "start-up s")
    with TemporaryDirectory() as folder:
        track = ["-m", "readtrack.run", settings.source, "--out", f"{folder}/run"]
        track += ["--overwrite", "--no-video", "--quiet"]
        if settings.detections is not None:
            track += ["--detections", str(settings.detections)]
        read, motion = ([*track, "--weights", name] for name in (weights, "none"))
        for name, busy in (("nothing", 0), ("2 busy", 2)):
            costs = time_commands(read, motion, [*read, "--end", "1"], settings.runs, busy)
            for clock, cost in zip(("on the wall", "of the processor"), costs, strict=True):
                times = (median(cost.read), median(cost.motion), cost.ratio, cost.spread, median(cost.start))
                table.add_row(name, clock, *(f"{one:.2f}" for one in times))
    table.caption = f"{settings.source}, medians of {settings.runs} runs each; spread: READ's slowest by fastest"
    console.print(table)


def _crowd(settings: CrowdSettings) -> None:
    """Time trackers. Raises InputError where none can be."""
    from readtrack.evaluation.crowd import evaluate_crowds

    with progress("frames") as (begin, report):

        def step(done: int, total: int) -> None:
            if not done:
                begin(total)
            report(done)

        found = evaluate_crowds(
            settings.people, settings.frames, settings.tracker, settings.seconds, settings.seed, step
        )
    console, table = output(), Table("people", "tracker", "mean ms", "median", "slowest", "IDF1", "frames")
    for row in found.rows:
        times = (f"{value:.1f}" for value in (row.mean, row.median, row.slowest))
        table.add_row(f"{row.people:,}", row.tracker, *times, f"{100 * row.idf1:.1f}", str(row.frames))
    console.print(table)
    for name, why in found.left_out.items():
        console.print(f"{name} is left out: {why}")


def _linking(settings: LinkingSettings) -> None:
    """Link tracklets. Raises InputError where the weights cannot be used."""
    from readtrack.evaluation.many_tracklets import evaluate_linking
    from readtrack.read.matcher import Matcher

    alone = settings.weights == "none"
    matcher = None if alone else Matcher.load(settings.weights, "cpu", threads=settings.threads)
    with progress("linked") as (begin, report):
        begin(len(settings.tracklets))
        found = evaluate_linking(settings.tracklets, matcher, settings.seed, lambda done, _: report(done))
    names = ("tracklets", "minutes", "boxes", "seconds", "MB", "file MB", "linked", "wrong")
    table = Table(*names, show_edge=False, pad_edge=False)
    for row in found:
        sizes = (f"{row.seconds:.2f}", f"{row.megabytes:,.0f}", f"{row.on_disk:.1f}")
        shares = (f"{row.right:.0%}", f"{row.wrong:.0%}")
        table.add_row(f"{row.tracklets:,}", f"{row.minutes:.1f}", f"{row.boxes:,}", *sizes, *shares)
    output().print(table)


def _rates(bench: "Bench") -> Table:
    """Pairs per second of each way."""
    table = Table("pairs", "M m.-adds", "pairs/s", "GFLOP/s", "of peak", "x Eq. 1", "loss: max, RMS")
    rates = bench.rates()
    for name, (seconds, count) in rates.items():
        speed = 2 * count / seconds
        row = [name, f"{count / 1e6:.1f}", f"{1 / seconds:,.0f}", f"{speed / 1e9:,.1f}", f"{speed / bench.peak:.0%}"]
        loss = "{:.2g}, {:.2g} sd".format(*bench.loss(bench.matchers[name])) if name.startswith("rank") else ""
        table.add_row(*row, f"{rates['Eq. 1'][0] / seconds:.2f}", loss)
    table.caption = f"peak: a matrix product reaches {bench.peak / 1e9:,.0f} GFLOP/s. "
    if bench.config.join == "compare":
        table.caption += "The comparing join cannot be compressed."
    elif bench.weights is None:
        table.caption += "Random weights have no low rank: what compression loses is told with --weights."
    return table


def _table_4(bench: "Bench") -> Table:
    """Seconds of the paper's Table 4."""
    from readtrack.evaluation.speed import TABLE_4

    table = Table("seconds to match, features given", *bench.matchers)
    for name, (n, m) in TABLE_4.items():
        cells = []
        for matcher in bench.matchers.values():
            seconds, share = bench.match(matcher, n, m)
            cells.append(f"{seconds:,.2f}" if share == 1 else f"{seconds:,.0f} est.")
        table.add_row(f"{name} {n:,} x {m:,}", *cells)
    return table


def _memory(device: "torch.device") -> str:
    """The process's largest resident size, and the GPU's."""
    told = []
    if sys.platform != "win32":
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        told.append(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20:,.0f} MB")
    if device.type == "cuda":
        import torch

        told.append(
            f"{torch.cuda.max_memory_allocated(device) / 2**20:,.0f} MB on {torch.cuda.get_device_name(device)}"
        )
    return ", ".join(told) or "unknown here"
