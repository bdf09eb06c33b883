"""Who tracks a recording: a process for each, on this machine or anywhere in a Ray cluster."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from readtrack.errors import InputError, first_line
from readtrack.fleet.jobs import Job, Outcome

PEOPLE = "people"  # folder of a recording's own gallery
INCOMPLETE = 3  # exit status of a run that could not decode all frames
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
CHILD = """
import json, os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(1)), daemon=True).start()  # who asked is gone
from readtrack.__main__ import main
words, people = json.loads(sys.argv[1])
sys.argv = ["readtrack", *words]
status = main()
if people and status in (0, 3):
    from readtrack.errors import InputError
    from readtrack.fleet.keeping import keep_people
    try:
        keep_people(**people)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        status = 2
sys.stdout.flush()
os._exit(status)
"""


@dataclass(frozen=True)
class Task:
    """How a recording is tracked."""

    job: Job
    words: list[str]  # of a readtrack command that writes to ``work``
    people: dict[str, Any]  # what ``keep_people`` takes; empty: nobody is kept
    work: str  # folder in which it is tracked, and
    folder: str  # where that is moved to when it is whole
    threads: int


def perform(task: Task, processes: "set[subprocess.Popen[str]] | None" = None) -> Outcome:
    """Track a recording in a process of its own; its folder is there as a whole or not at all.

    Args:
        task: the recording.
        processes: where the process is to be found while it runs.
    """
    try:
        return _perform(task, set() if processes is None else processes)
    except OSError as error:  # no room for the folder, or for a process
        return Outcome("died", first_line(error))


def _perform(task: Task, processes: "set[subprocess.Popen[str]]") -> Outcome:
    """The same; raises OSError where the machine has no room."""
    started = time.perf_counter()
    shutil.rmtree(task.work, ignore_errors=True)
    Path(task.work).mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", CHILD, json.dumps([task.words, task.people])]
    limits = dict.fromkeys(THREADS, str(task.threads))
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=os.environ | limits,
        start_new_session=True,  # so that Ctrl-C reaches the driver alone, which ends it
    )
    processes.add(process)
    try:
        assert process.stderr is not None and process.stdin is not None
        said = process.stderr.read()
        spent = _wait(process)
    finally:
        processes.discard(process)
        process.kill()
        for pipe in (process.stdin, process.stderr):
            if pipe is not None:
                pipe.close()
    seconds, status = time.perf_counter() - started, process.returncode
    last = (said.strip().splitlines() or [""])[-1].removeprefix("error: ")
    if status not in (0, INCOMPLETE):
        shutil.rmtree(task.work, ignore_errors=True)
        if status < 0:
            return Outcome("died", f"killed by signal {-status}", seconds, spent)
        return Outcome("failed" if status == 2 else "died", last or f"status {status}", seconds, spent)
    return _finished(task, seconds, spent)


def _wait(process: "subprocess.Popen[str]") -> float:
    """Wait for a process to end; seconds of the processor that it took, 0 where the system does not tell."""
    if not hasattr(os, "wait4"):  # Windows
        process.wait()
        return 0.0
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def _finished(task: Task, seconds: float, spent: float) -> Outcome:
    """Move a whole run to its place."""
    try:
        told = json.loads((Path(task.work) / "summary.json").read_text())
        shutil.rmtree(task.folder, ignore_errors=True)
        os.replace(task.work, task.folder)
    except (OSError, ValueError) as error:
        return Outcome("died", f"its folder could not be written: {error}", seconds, spent)
    lost = f"{told['frames_lost']} frames could not be decoded" if told.get("frames_lost") else ""
    return Outcome("done", lost, seconds, spent, int(told.get("frames", 0)), int(told.get("identities", 0)))


Workers = Callable[[Sequence[Task]], Iterator[tuple[Task, Outcome]]]  # recordings in, what came of each as it ends


def local(workers: int) -> Workers:
    """So many processes on this machine at a time."""

    def work(tasks: Sequence[Task]) -> Iterator[tuple[Task, Outcome]]:
        waiting, processes = iter(tasks), set[subprocess.Popen[str]]()
        with ThreadPoolExecutor(workers) as pool:
            running: dict[Future[Outcome], Task] = {}
            try:
                while True:
                    for task in islice(waiting, workers - len(running)):
                        running[pool.submit(perform, task, processes)] = task
                    if not running:
                        return
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        yield running.pop(future), future.result()
            finally:
                for process in list(processes):  # whoever was interrupted: the threads end with them
                    process.kill()

    return work


def on_ray(address: str | None = None, gpus: float = 0.0) -> Workers:  # noqa: C901
    """A Ray cluster, whose machines all have readtrack and see the same folders.

    Args:
        address: of the cluster, such as ``auto``; None starts one on this machine.
        gpus: what a recording takes of a GPU.

    Raises:
        InputError: Ray is not installed, or there is no such cluster.
    """
    try:
        import ray as installed
    except ImportError as error:
        raise InputError("Ray is not installed: pip install 'readtrack[fleet]'", "ray") from error
    ray: Any = installed
    try:
        if not ray.is_initialized():
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise InputError(f"{address}: no Ray cluster there ({first_line(error)})", "ray") from error

    def work(tasks: Sequence[Task]) -> Iterator[tuple[Task, Outcome]]:
        waiting = iter(tasks)
        running: dict[Any, Task] = {}
        try:
            while True:
                room = 2 * int(ray.cluster_resources().get("CPU", 1)) - len(running)  # machines may come and go
                for task in islice(waiting, max(room, 0)):
                    remote = ray.remote(num_cpus=task.threads, num_gpus=gpus, max_retries=0)(perform)
                    running[remote.remote(task)] = task
                if not running:
                    return
                for ended in ray.wait(list(running), num_returns=1)[0]:
                    try:
                        outcome = ray.get(ended)
                    except ray.exceptions.RayError as error:
                        outcome = Outcome("died", f"its worker did: {first_line(error)}")
                    yield running.pop(ended), outcome
        finally:
            for reference in running:
                ray.cancel(reference, force=True)  # the process ends with its worker

    return work
