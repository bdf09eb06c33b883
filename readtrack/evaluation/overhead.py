"""What READ costs the whole command: with it and by motion only, on an idle and on a busy machine."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from readtrack.errors import InputError
from readtrack.read.crops import Crop
from readtrack.read.matcher import Matcher

CROPS = 64  # that the encoder is timed on at once
BUSY = "while True: sum(range(1000))"  # a process that wants a core for itself


@dataclass(frozen=True)
class Cost:
    """Seconds of whole commands, start to end, by one clock."""

    read: tuple[float, ...]  # with READ, one for each run
    motion: tuple[float, ...]  # the same by motion only
    start: tuple[float, ...]  # with READ, of one frame

    @property
    def ratio(self) -> float:
        """How many times as long READ makes it, by the medians."""
        return statistics.median(self.read) / max(statistics.median(self.motion), 1e-9)

    @property
    def spread(self) -> float:
        """The slowest run with READ in shares of the fastest."""
        return max(self.read) / max(min(self.read), 1e-9)


def time_commands(
    read: Sequence[str],
    motion: Sequence[str],
    start: Sequence[str],
    runs: int = 5,
    busy: int = 0,
    report: Callable[[int], None] = lambda done: None,
) -> tuple[Cost, Cost]:
    """Run commands by turns; what they cost on the wall, and of the processor, where neighbours count for less.

    Args:
        read: arguments of this Python that track with READ.
        motion: the same by motion only.
        start: the first again, of one frame.
        runs: of each.
        busy: processes that each want a core meanwhile.
        report: told how many commands are done, of 3 * ``runs`` + 1.

    Raises:
        InputError: a command fails; its own last line.
    """
    with _neighbours(busy):
        _seconds(start)  # files come into memory
        report(1)
        spent = []
        for number in range(runs):
            spent.append([_seconds(command) for command in (start, read, motion)])
            report(3 * number + 4)
    walls, works = ([[one[clock] for one in turn] for turn in spent] for clock in (0, 1))
    wall, work = (
        Cost(read=tuple(r for _, r, _ in turns), motion=tuple(m for *_, m in turns), start=tuple(s for s, *_ in turns))
        for turns in (walls, works)
    )
    return wall, work


def _seconds(arguments: Sequence[str]) -> tuple[float, float]:
    """How long a command of this Python takes, and how much of the processor."""
    started, before = time.perf_counter(), os.times()
    done = subprocess.run([sys.executable, *arguments], capture_output=True)
    taken, after = time.perf_counter() - started, os.times()
    if done.returncode:
        raise InputError((done.stderr.decode(errors="replace").strip().splitlines() or ["the command failed"])[-1])
    return taken, sum(after[2:4]) - sum(before[2:4])  # of children that ended


def time_crops(weights: str = "read-s", threads: int | None = None, seconds: float = 2.0) -> tuple[float, str]:
    """Milliseconds that a crop takes to be encoded, at best, and what runs the network."""
    matcher = Matcher.load(weights, threads=threads)
    shape = (CROPS, matcher.config.height, matcher.config.width, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        crops = [Crop(one) for one in pixels]
        started = time.perf_counter()
        matcher.encode(crops)
        times.append(time.perf_counter() - started)
    return 1000 * min(times) / CROPS, matcher.engine


@contextmanager
def _neighbours(count: int) -> Iterator[None]:
    """So many busy processes beside the block."""
    running = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()
