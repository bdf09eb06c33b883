"""The driver: recordings that are not done yet are handed out, and what comes of them is written down."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from readtrack.fleet.jobs import Job, Outcome
from readtrack.fleet.journal import Journal, Row
from readtrack.fleet.workers import PEOPLE, Task, Workers

RECORDINGS, WORK = "recordings", "work"
TRIES = 2  # of a recording whose worker died, which may have been chance


@dataclass(frozen=True)
class Orders:
    """How every recording is tracked."""

    words: Callable[[Job, Path], list[str]]  # of a readtrack command that tracks it to a folder
    people: dict[str, Any]  # weights, device and threads that ``keep_people`` takes; empty: nobody is kept
    threads: int  # of each process
    settings: str  # all of that in words, which stay the same for a folder


def run_fleet(
    jobs: Sequence[Job],
    out: Path,
    workers: Workers,
    orders: Orders,
    again: bool = False,
    report: Callable[[int, int, Row | None], None] = lambda done, total, row: None,
) -> dict[str, Row]:
    """Track recordings that are not done yet; each is done or not at all, whatever ends this or a worker.

    Args:
        jobs: recordings.
        out: folder of the fleet: ``recordings/<name>/`` are runs, ``recordings.csv`` the table of all.
        workers: ``local(...)`` or ``on_ray(...)``.
        orders: how they are tracked.
        again: try those that failed before once more.
        report: told how many are done, of how many, and the one that was done last.

    Returns:
        The table, by name.

    Raises:
        InputError: another driver has the folder, it was begun with other settings, or cannot be written.
    """
    journal = Journal(out, orders.settings)
    try:
        shutil.rmtree(out / WORK, ignore_errors=True)  # of a driver that was killed
        (out / RECORDINGS).mkdir(exist_ok=True)
        journal.begin(jobs)
        known, listed = journal.rows(), {job.name for job in jobs}
        for job in jobs:  # of a driver that was killed before it wrote so
            if known[job.name].state != "done" and (out / RECORDINGS / job.name).is_dir():
                journal.end(job.name, Outcome("done"))
        known = journal.rows()
        tasks = [task(job, out, orders) for job in jobs if _open(known[job.name], again)]
        done = len(jobs) - len(tasks)
        report(done, len(jobs), None)
        try:
            for one, _ in _finished(tasks, workers, journal):
                done += 1
                report(done, len(jobs), journal.rows()[one.job.name])
        finally:
            journal.write_table()
            shutil.rmtree(out / WORK, ignore_errors=True)
        return {name: row for name, row in journal.rows().items() if name in listed}
    finally:
        journal.close()


def _open(row: Row, again: bool) -> bool:
    """Whether a recording is to be tracked."""
    return row.state == "waiting" or (row.state in ("failed", "died") and again)


def _finished(tasks: Sequence[Task], workers: Workers, journal: Journal) -> Iterator[tuple[Task, Outcome]]:
    """What came of each in the end: a worker's death counts only when it comes again."""
    tried = dict.fromkeys((one.job.name for one in tasks), 0)
    while tasks:
        died = []
        for one, outcome in workers(tasks):
            tried[one.job.name] += 1
            if outcome.state == "died" and tried[one.job.name] < TRIES:
                died.append(one)
                continue
            journal.end(one.job.name, outcome)
            yield one, outcome
        tasks = died


def task(job: Job, out: Path, orders: Orders) -> Task:
    """How a recording is tracked."""
    work, folder = (out / part / job.name for part in (WORK, RECORDINGS))
    people: dict[str, Any] = {}
    if orders.people:
        where = {"folder": str(work), "source": job.source, "name": job.name, "gallery": str(work / PEOPLE)}
        people = {**orders.people, **where, "began": job.began}
    return Task(job, orders.words(job, work), people, str(work), str(folder), orders.threads)
