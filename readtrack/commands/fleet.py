"""Command: many recordings, and the people of all of them. ``readtrack fleet --help``."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from readtrack.commands.console import INCOMPLETE, exit_status, output, progress
from readtrack.commands.parsing import Positional, parse
from readtrack.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from readtrack.fleet import Job, Row

DESCRIPTION = "Track many recordings, several at a time, and link their people over all of them."
EXAMPLES = """the list: a source on each line, or CSV with the heading source,name,began,detections; source is needed

  Each recording is tracked in a process of its own, so that a bad file ends nothing else; its folder is there as a
  whole or not at all. The same command again goes on where it was stopped, killed or unplugged, and does nothing that
  is done. With --ray the processes are anywhere in a Ray cluster whose machines see the same folders.

  Afterwards people are linked: a person is in two recordings at different times, or, with --overlapping, at once.
  Recordings without a beginning may be of any time. The narrower --within, the surer the links.

written to --out: recordings/<name>/ (what readtrack track writes), recordings.csv (what is done, what failed and why),
people/ (a gallery of everybody, unless there is --gallery), people.csv (who was seen where, under which id)

examples:
  readtrack fleet recordings.txt --out runs/fleet
  readtrack fleet recordings.csv --out runs/fleet --gallery people --within 2 --workers 8
  readtrack fleet recordings.csv --out runs/fleet --ray auto --gpus 0.25 --track="--max-age 300 --detector hog"
  readtrack fleet recordings.csv --out runs/fleet --again
"""


@dataclass(frozen=True)
class FleetSettings:
    """What is tracked, by whom, and how people are linked."""

    recordings: Positional[Path]  # the list
    out: Path = Path("runs/fleet")  # folder of everything
    gallery: Path | None = None  # to which people are added; if not given, people/ in --out
    workers: int | None = None  # recordings at a time on this machine; if not given, one for each --threads cores
    threads: int = 1  # of each
    ray: str | None = None  # address of a Ray cluster, such as auto; local starts one here
    gpus: float = 0.0  # what a recording takes of a GPU in a Ray cluster
    weights: str = "read-s"  # of READ: a shipped name or a file; none: by motion only, and nobody is kept or linked
    device: str | None = None  # such as cpu or cuda:0
    track: str = ""  # more words for readtrack track, the same for all
    video: bool = False  # write tracks.mp4 of each
    report: bool = False  # write report.html of each
    again: bool = False  # try once more what failed
    link: bool = True  # link people over recordings
    within: float | None = None  # hours after which nobody is looked for any more
    overlapping: bool = False  # two recordings may show a person at the same time
    quiet: bool = False  # print errors only

    def __post_init__(self) -> None:
        if self.threads < 1 or (self.workers is not None and self.workers < 1):
            raise InputError("workers and threads: at least 1", "workers")
        if self.gpus < 0 or (self.within is not None and not self.within > 0):
            raise InputError("gpus and within: numbers above 0", "within")


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, track, link, print. Returns the exit status: 3 where a recording failed."""
    return exit_status(lambda: _fleet(parse(FleetSettings, argv, "readtrack fleet", DESCRIPTION, EXAMPLES)))


def _fleet(settings: FleetSettings) -> int:
    from readtrack.fleet import Orders, local, on_ray, read_list, run_fleet

    console, jobs = output(settings.quiet), read_list(settings.recordings)
    cores = os.cpu_count() or 1
    workers = settings.workers or max(1, cores // settings.threads)
    if settings.ray is None:
        hands = local(workers)
    else:
        hands = on_ray(None if settings.ray == "local" else settings.ray, settings.gpus)
    reading = {} if settings.weights == "none" else {"weights": settings.weights, "device": settings.device}
    orders = Orders(
        words=lambda job, folder: _words(settings, job, folder),
        people={**reading, "threads": settings.threads} if reading else {},
        threads=settings.threads,
        settings=shlex.join(["--weights", settings.weights, *shlex.split(settings.track)]),
    )
    with progress("recordings", settings.quiet, line_every=60) as (begin, report):

        def told(done: int, total: int, row: "Row | None") -> None:
            if row is None:
                begin(total)
            report(done, "" if row is None else f"{row.name}: {row.state} {row.why}")

        rows = run_fleet(jobs, settings.out.resolve(), hands, orders, settings.again, told)
    failed = [row for row in rows.values() if row.state != "done"]
    done = [row for row in rows.values() if row.state == "done"]
    for row in failed:
        console.print(f"{row.name}: {row.state}: {row.why}")
    worked = sum(row.processor for row in done)
    rate = f", {3600 * len(done) / worked:,.0f} an hour for each core" if worked else ""
    console.print(f"{len(done)} of {len(rows)} recordings are done{rate}; the table: {settings.out}/recordings.csv")
    if reading and settings.link and done:
        _link(settings, jobs, [row.name for row in done], console)
    return INCOMPLETE if failed else 0


def _words(settings: FleetSettings, job: "Job", folder: Path) -> list[str]:
    """The command that tracks a recording."""
    words = ["track", job.source, "--out", str(folder), "--overwrite", "--quiet", "--weights", settings.weights]
    words += ["--threads", str(settings.threads)]
    words += [] if settings.device is None else ["--device", settings.device]
    words += [] if job.detections is None else ["--detections", job.detections]
    words += [*["--no-video"] * (not settings.video), *["--no-report"] * (not settings.report)]
    return [*words, *shlex.split(settings.track)]


def _link(settings: FleetSettings, jobs: "list[Job]", done: list[str], console: "Console") -> None:
    """Bring everybody together in one gallery, link them, and write who was where."""
    from readtrack.fleet.candidates import Reach
    from readtrack.fleet.people import absorb, link_gallery, write_people
    from readtrack.fleet.running import RECORDINGS
    from readtrack.fleet.workers import PEOPLE
    from readtrack.gallery import Gallery
    from readtrack.read.matcher import Matcher

    matcher = Matcher.load(settings.weights, settings.device, threads=settings.threads)
    reach = Reach(float("inf") if settings.within is None else 3600 * settings.within, settings.overlapping)
    with Gallery(settings.gallery or settings.out / "people", matcher) as gallery:
        folders = [settings.out / RECORDINGS / name / PEOPLE for name in done]
        there = [folder for folder in folders if folder.is_dir()]
        with progress("recordings", settings.quiet) as (begin, report):
            begin(len(there))
            count = iter(range(1, len(there) + 1))
            new = absorb(gallery, there, lambda: report(next(count)))
        with progress("pairs", settings.quiet) as (begin, report):

            def told(judged: int, total: int) -> None:
                if not judged:
                    begin(total)
                report(judged)

            found = link_gallery(gallery, reach, [job.name for job in jobs if job.began is None], progress=told)
        file = settings.out / "people.csv"
        people = write_people(gallery, file, done, found.sure)
    console.print(
        f"{found.tracklets:,} tracklets, {new:,} of them new; READ compared {found.pairs:,} pairs: {people:,} people, "
        f"see {file}"
    )
