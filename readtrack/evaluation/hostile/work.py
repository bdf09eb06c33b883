"""Work that is disturbed: runs killed at any moment, full disks, and no end of frames."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import supervision as sv

from readtrack import boxes
from readtrack.errors import first_line
from readtrack.evaluation.hostile.inputs import make_whole
from readtrack.mot import MotWriter, read_mot
from readtrack.readtracker import ReadTracker

ROOM = (200, 60_000)  # bytes that a file may have where the disk is full, at least and at most
LIMIT = (
    "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    "resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room})); "
)
MARKS = 10  # times that memory is looked at


Run = Callable[[Path, Path, Path, bool], list[str]]  # video, boxes, folder to write and whether live -> words of a run


def try_kills(count: int, seed: int, folder: Path, run: Run, step: Callable[[], None] = lambda: None) -> Iterator[str]:
    """Stop so many runs at random moments, or let their disk be full; yields what is not whole afterwards."""
    folder.mkdir(parents=True)
    make_whole(folder)
    rng, source, begun = random.Random(seed), (folder / "whole.mp4", folder / "whole.txt"), time.monotonic()
    subprocess.run(_command(run(*source, folder / "first", False)), check=True, capture_output=True)
    usual = time.monotonic() - begun
    for number in range(count):
        how = rng.choice(("SIGKILL", "SIGTERM", "full disk"))
        out, moment = folder / str(number), rng.uniform(0.3, 1.0) * usual
        words = run(*source, out, rng.random() < 0.5)
        room = rng.randrange(*ROOM) if how == "full disk" else None
        process = subprocess.Popen(_command(words, room), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if room is None:
            try:
                process.wait(moment)
            except subprocess.TimeoutExpired:
                process.send_signal(getattr(signal, how))
        errors = process.communicate(timeout=120)[1]
        allowed = {"SIGKILL": (0, -9), "SIGTERM": (0, 130, -15), "full disk": (0, 2)}[how]
        wrong = [] if process.returncode in allowed else [f"status {process.returncode}: {errors[-200:]}"]
        wrong += unreadable(out)
        if wrong:
            yield f"{number}: {how} at {moment:.1f} s: {'; '.join(wrong)}"
        step()


def _command(words: list[str], room: int | None = None) -> list[str]:
    """A run, in which no file may grow beyond ``room`` bytes."""
    limit = "" if room is None else LIMIT.format(room=room)
    return [sys.executable, "-c", f"{limit}import sys; from readtrack.run import main; sys.exit(main())", *words]


def unreadable(folder: Path) -> list[str]:
    """Files of a run that are not whole."""
    wrong = []
    for name in ("tracks.txt", "dropped.txt", "associations.jsonl", "summary.json"):
        file = folder / name
        if not file.is_file():
            continue
        try:
            if name.endswith(".txt"):
                read_mot(file)
                text = file.read_text()
                assert not text or text.endswith("\n"), "a torn row"
            elif name.endswith(".json"):
                json.loads(file.read_text())
            else:
                for line in file.read_text().splitlines():
                    json.loads(line)
        except (ValueError, AssertionError) as error:
            wrong.append(f"{name}: {first_line(error)}")
    wrong += [f"{file.name} is left" for file in folder.glob("*.partial")] if (folder / "summary.json").exists() else []
    return wrong


def endless(frames: int, seed: int, file: Path, step: Callable[[], None] = lambda: None) -> tuple[float, list[float]]:
    """Track people who come and go without end; frames a second, and megabytes of the process at ``MARKS`` times."""
    rng = np.random.default_rng(seed)
    tracker, memory, begun = ReadTracker(None), [], time.perf_counter()
    people: dict[int, Any] = {}
    born = 0
    with MotWriter(file) as writer:
        for frame in range(frames):
            if len(people) < 6 and rng.random() < 0.1:
                born += 1
                people[born] = (rng.uniform(0, 1800), rng.uniform(0, 700), *rng.normal(0, 4, 2))
            people = {i: (x + u, y + v, u, v) for i, (x, y, u, v) in people.items() if rng.random() > 0.01}
            xyxy = np.array([(x, y, x + 60, y + 160) for x, y, *_ in people.values()]).reshape(-1, 4)
            found = sv.Detections(xyxy, confidence=np.full(len(xyxy), 0.9))
            answer = tracker.update(found)
            late = tracker.reassignments
            writer.correct([(one.frame, one.previous_id, one.track) for one in late if one.previous_id > 0])
            assert answer.tracker_id is not None
            writer.write(frame, boxes.take(answer, answer.tracker_id > 0))
            if (frame + 1) % max(1, frames // MARKS) == 0:
                memory.append(_megabytes())
                step()
    return frames / (time.perf_counter() - begun), memory


def _megabytes() -> float:
    """What this process takes; 0 where that is not told."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
