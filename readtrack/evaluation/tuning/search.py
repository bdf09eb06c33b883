"""Settings tried against a ground truth, and how much of what they gain is luck."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import supervision as sv

from readtrack.errors import InputError
from readtrack.evaluation.tuning.gathered import LOW, Gathered
from readtrack.metrics.tracking import IdentityCounts
from readtrack.tracking import TrackerConfig

Choice: TypeAlias = tuple[int, ...]  # of each setting, which of its values

SPACE: dict[str, tuple[float, ...]] = {  # settings that move identities most, and values around the usual ones
    "start_confidence": (0.3, 0.4, 0.5, 0.6, 0.7),
    "min_person": (0.0, 0.1, 0.2, 0.4, 0.5, 0.65),
    "prior": (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0),
    "gap_penalty": (0.5, 0.75, 1.0, 1.5, 2.0),
    "appearance_weight": (0.4, 0.65, 0.9, 1.2, 1.6),
    "motion_weight": (0.1, 0.18, 0.25, 0.35, 0.5),
}
OF_CROPS = ("appearance_weight", "motion_weight")  # which mean nothing by motion alone
SAMPLES = 2000  # of the bootstrap
FEWEST = 3  # parts from which a bootstrap over them says something


@dataclass(frozen=True)
class Part:
    """What is scored at once: a recording, or half of one."""

    name: str
    recording: Gathered
    truth: Mapping[int, sv.Detections]  # by frame
    frames: slice | None = None  # of the recording; None: all


@dataclass(frozen=True)
class PartGain:
    """A part by settings that were chosen without it; shares in [0, 1]."""

    name: str
    default: float  # IDF1
    held_out: float


@dataclass(frozen=True)
class Tuned:
    """What a search found; IDF1 in [0, 1], from summed counts."""

    settings: dict[str, float]  # best on all parts, those that differ from the defaults
    default: float  # IDF1 of the defaults on all parts
    tuned: float  # of ``settings``, on the parts for which they were chosen
    held_out: float | None  # of settings chosen on other parts each time; None where nothing was held out
    low: float | None  # 90 % of the bootstrap over parts of the held-out gain; None of few parts
    high: float | None
    neighbours: list[float]  # IDF1 on all parts of settings one step beside ``settings``
    parts: list[PartGain]
    trials: int

    @property
    def gain(self) -> float:
        """On the parts for which the settings were chosen."""
        return self.tuned - self.default

    @property
    def lasting(self) -> float:
        """What is left of it where they were not chosen; 0 where nothing was held out."""
        return 0.0 if self.held_out is None else self.held_out - self.default


def halves(name: str, recording: Gathered, truth: Mapping[int, sv.Detections]) -> list[Part]:
    """A recording in two halves of time; people and camera are the same in both."""
    middle = len(recording.indices) // 2
    return [
        Part(f"{name}, first half", recording, truth, slice(None, middle)),
        Part(f"{name}, second half", recording, truth, slice(middle, None)),
    ]


class Search:
    """Tries settings on parts of recordings, each choice once on each recording."""

    def __init__(self, parts: Sequence[Part], crops: bool, report: Callable[[int], None] = lambda done: None) -> None:
        """Try nothing yet.

        Args:
            parts: what is scored.
            crops: whether people's looks count.
            report: told how many scores were asked for, each a choice on a part.
        """
        self.parts = parts
        self.space = {name: values for name, values in SPACE.items() if crops or name not in OF_CROPS}
        self._scores: dict[tuple[Choice, int], IdentityCounts] = {}
        self._report, self._asked = report, 0

    @property
    def usual(self) -> Choice:
        """The defaults."""
        return tuple(values.index(getattr(TrackerConfig, name)) for name, values in self.space.items())

    def settings(self, choice: Choice) -> dict[str, float]:
        """By name, those that are not the defaults."""
        found = {name: values[place] for (name, values), place in zip(self.space.items(), choice, strict=True)}
        changed = {name: value for name, value in found.items() if value != getattr(TrackerConfig, name)}
        if "start_confidence" in changed:
            changed["low_confidence"] = round(LOW * changed["start_confidence"], 3)
        return changed

    def count(self, choice: Choice, part: int) -> IdentityCounts:
        """How a choice does on a part."""
        self._asked += 1
        self._report(self._asked)
        if (choice, part) not in self._scores:
            recording = self.parts[part].recording
            config = replace(TrackerConfig(fps=recording.fps), **self.settings(choice))  # type: ignore[arg-type]
            people = recording.link(config)[1]
            for k, one in enumerate(self.parts):
                if one.recording is recording:
                    self._scores[choice, k] = recording.count(people, dict(one.truth), one.frames)
        return self._scores[choice, part]

    def score(self, choice: Choice, parts: Sequence[int]) -> float:
        """IDF1 over parts."""
        return total([self.count(choice, part) for part in parts]).IDF1

    def best(self, parts: Sequence[int], trials: int, seed: int = 0) -> Choice:
        """The choice of so many that does best on parts; the defaults unless another is better."""
        optuna = load_optuna()
        sampler = optuna.samplers.TPESampler(seed=seed)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        study.enqueue_trial({name: place for name, place in zip(self.space, self.usual, strict=True)})
        best, most = self.usual, -1.0

        def objective(trial: Any) -> float:
            nonlocal best, most
            choice = tuple(trial.suggest_int(name, 0, len(values) - 1) for name, values in self.space.items())
            found = self.score(choice, parts)
            if found > most:
                best, most = choice, found
            return found

        study.optimize(objective, n_trials=trials)
        return best

    def neighbours(self, choice: Choice) -> list[Choice]:
        """Choices one step of one setting beside this one."""
        lengths = [len(values) for values in self.space.values()]
        return [
            (*choice[:k], place, *choice[k + 1 :])
            for k, length in enumerate(lengths)
            for place in (choice[k] - 1, choice[k] + 1)
            if 0 <= place < length
        ]


def tune(search: Search, trials: int, folds: int, seed: int = 0) -> Tuned:
    """Find settings, and what is left of their gain on parts for which they were not chosen.

    Args:
        search: parts and settings.
        trials: choices tried for all parts, and for each fold anew.
        folds: parts are held out in so many groups in turn, at most as many as there are parts; below 2 none is.
        seed: of the search.

    Raises:
        InputError: Optuna is not installed.
    """
    everything, folds = list(range(len(search.parts))), min(folds, len(search.parts))
    best = search.best(everything, trials, seed)
    default = [search.count(search.usual, part) for part in everything]
    held_out: dict[int, IdentityCounts] = {}
    for fold in range(folds if folds > 1 else 0):
        out = everything[fold::folds]
        chosen = search.best([part for part in everything if part not in out], trials, seed)
        held_out |= {part: search.count(chosen, part) for part in out}
    mine = [held_out[part] for part in everything] if held_out else None
    low, high = _interval(mine, default) if mine is not None and len(mine) >= FEWEST else (None, None)
    return Tuned(
        settings=search.settings(best),
        default=total(default).IDF1,
        tuned=search.score(best, everything),
        held_out=None if mine is None else total(mine).IDF1,
        low=low,
        high=high,
        neighbours=[search.score(one, everything) for one in search.neighbours(best)],
        parts=[
            PartGain(part.name, usual.IDF1, found.IDF1)
            for part, usual, found in zip(search.parts, default, mine or default, strict=True)
        ],
        trials=trials,
    )


def total(counts: Sequence[IdentityCounts]) -> IdentityCounts:
    """All together."""
    return sum(counts, IdentityCounts(0, 0, 0))


def _interval(found: list[IdentityCounts], default: list[IdentityCounts]) -> tuple[float, float]:
    """Between which gains 90 % of the bootstrap over parts lie."""
    rng = np.random.default_rng(0)
    gains = []
    for rows in rng.integers(0, len(found), (SAMPLES, len(found))).tolist():
        gains.append(total([found[k] for k in rows]).IDF1 - total([default[k] for k in rows]).IDF1)
    low, high = np.quantile(gains, (0.05, 0.95)).tolist()
    return low, high


def load_optuna() -> Any:
    """Optuna, quiet. Raises InputError where it is not installed."""
    try:
        import optuna
    except ImportError as error:
        raise InputError("Optuna is not installed: pip install 'readtrack[tune]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
