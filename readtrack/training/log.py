"""What a training writes down as it goes: log.csv, scores.csv and TensorBoard curves."""

import csv
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from readtrack.errors import InputError
from readtrack.training.state import writing

Tell = Callable[[str], None]  # a line for whoever waits
Progress = Callable[[int, int, str], None]  # steps done, of how many, and how it goes


class Table:
    """A CSV file whose rows begin with a step; on going on, rows of later steps are cut off."""

    def __init__(self, path: Path, columns: Sequence[str], done: int) -> None:
        self.path, self.columns = path, ["step", *columns]
        kept: list[list[str]] = []
        with writing(path):
            if done and path.is_file():
                with open(path, newline="") as file:
                    rows = list(csv.reader(file))[1:]
                whole = [row for row in rows if len(row) == len(self.columns) and row[0].isdecimal()]
                kept = [row for row in whole if int(row[0]) <= done]
            self._file = open(path, "w", newline="")  # noqa: SIM115 (closed by Log)
            csv.writer(self._file).writerows([self.columns, *kept])
            self._file.flush()

    def add(self, step: int, values: Sequence[float]) -> None:
        """A row, on disk when this returns."""
        with writing(self.path):
            csv.writer(self._file).writerow([step, *(f"{value:.9g}" for value in values)])
            self._file.flush()

    def close(self) -> None:
        """No more rows."""
        self._file.close()


class Log:
    """A context manager; ``silent`` logs (of all processes but the first) do nothing."""

    def __init__(
        self,
        out: Path,
        parts: Sequence[str],
        scores: Sequence[str],
        done: int,
        total: int,
        silent: bool = False,
        tell: Tell = lambda line: None,
        progress: Progress = lambda done, total, words: None,
    ) -> None:
        """Open or go on with the files.

        Args:
            out: folder of log.csv, scores.csv and tensorboard/.
            parts: names of what every step gives.
            scores: names of what every validation gives.
            done: steps done before.
            total: steps in all.
            silent: do nothing at all.
            tell: called with every validation, in words.
            progress: called after every step.

        Raises:
            InputError: TensorBoard is missing, or nothing can be written.
        """
        self.silent = silent
        if silent:
            return
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise InputError("training needs TensorBoard: pip install 'readtrack[train]'") from error
        self.parts, self.scores, self.total, self.first = parts, scores, total, done
        self.tell, self.progress = tell, progress
        self.losses = Table(out / "log.csv", [*parts, "learning_rate", "seconds"], done)
        self.scored = Table(out / "scores.csv", scores, done)
        with writing(out / "tensorboard"):
            self.curves: Any = SummaryWriter(str(out / "tensorboard"), purge_step=done + 1 if done else None)
        self.started = time.perf_counter()

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not self.silent:
            self.losses.close()
            self.scored.close()
            self.curves.close()

    def step(self, step: int, parts: dict[str, float], rate: float, seconds: float) -> None:
        """Note a step: the parts of its loss, the learning rate it was made with, seconds since the very first."""
        if self.silent:
            return
        self.losses.add(step, [*(parts[name] for name in self.parts), rate, seconds])
        for name in self.parts:
            self.curves.add_scalar(f"loss/{name}", parts[name], step)
        self.curves.add_scalar("learning_rate", rate, step)
        speed = (step - self.first) / (time.perf_counter() - self.started)
        self.progress(step, self.total, f"loss {parts['loss']:.3f}, {speed:.2f} it/s")

    def score(self, step: int, scores: dict[str, float], words: str) -> None:
        """Note and tell a validation."""
        if self.silent:
            return
        self.scored.add(step, [scores[name] for name in self.scores])
        for name in self.scores:
            self.curves.add_scalar(f"validation/{name}", scores[name], step)
        self.curves.flush()
        self.tell(f"step {step} of {self.total}: {words}")
