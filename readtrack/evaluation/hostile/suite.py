"""The suite of it all."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from readtrack.evaluation.hostile.inputs import Tally, try_inputs
from readtrack.evaluation.hostile.work import MARKS, Run, endless, try_kills
from readtrack.files import sha256


@dataclass(frozen=True)
class Hostile:
    """What was found."""

    inputs: dict[str, Tally]
    kills: int
    readable: int  # of them, after which every file was whole
    torn: list[str]  # what was not
    frames: int
    frames_per_second: float
    megabytes: list[float]  # of the process as frames went by
    same_bytes: bool  # whether the same frames gave the same file twice


def evaluate_hostile(
    inputs: int,
    kills: int,
    frames: int,
    run: Run,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Hostile:
    """Try it all; nothing but a seed decides what, and the machine's pace at which moment a run is killed."""
    done, total = 0, inputs + kills + MARKS

    def step() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    progress(0, total)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        tallies = try_inputs(inputs, seed, folder / "inputs", step)
        torn = list(try_kills(kills, seed, folder / "kills", run, step))
        speed, memory = endless(frames, seed, folder / "endless.txt", step)
        for name in ("one", "other"):
            endless(min(frames, 2000), seed, folder / name)
        same = sha256(folder / "one") == sha256(folder / "other")
    return Hostile(tallies, kills, kills - len(torn), torn, frames, speed, memory, same)
