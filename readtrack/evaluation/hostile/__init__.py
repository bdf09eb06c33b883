"""What goes wrong at work, made on purpose and by a seed: bad inputs, kills at any moment, and no end of frames."""

from readtrack.evaluation.hostile.inputs import KINDS, Tally, spoil, spoil_rows, try_inputs
from readtrack.evaluation.hostile.suite import Hostile, evaluate_hostile
from readtrack.evaluation.hostile.work import Run, endless, try_kills, unreadable

__all__ = [
    "KINDS",
    "Hostile",
    "Run",
    "Tally",
    "endless",
    "evaluate_hostile",
    "spoil",
    "spoil_rows",
    "try_inputs",
    "try_kills",
    "unreadable",
]
