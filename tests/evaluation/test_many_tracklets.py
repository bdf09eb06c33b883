"""How long linking takes: what is recorded for it, and its command."""

import math

import pytest

from readtrack.commands.bench import main
from readtrack.errors import InputError
from readtrack.evaluation.many_tracklets import evaluate_linking
from readtrack.read.config import ReadConfig
from readtrack.read.matcher import Matcher
from readtrack.read.model import Read


def test_tracklets_are_linked_and_what_it_takes_is_told():
    told = []
    few, more = evaluate_linking([5, 60], None, progress=lambda *now: told.append(now))
    assert (few.tracklets, more.tracklets) == (5, 60) and more.minutes > few.minutes > 0
    assert more.boxes > few.boxes >= 5 and more.people > 1
    assert more.right > 0.8 and more.wrong < 0.2 and more.seconds > 0
    assert math.isnan(more.megabytes) or more.megabytes > 0
    assert told == [(0, 2), (1, 2), (2, 2)]
    (seen,) = evaluate_linking([20], Matcher(Read(ReadConfig()), device="cpu"))
    assert seen.on_disk > few.on_disk
    with pytest.raises(InputError, match="ascend"):
        evaluate_linking([5, 3], None)


def test_the_command(capsys):
    assert main(["linking", "--tracklets", "3", "20", "--weights", "none"]) == 0
    assert "seconds" in capsys.readouterr().out
    assert main(["linking", "--tracklets", "0", "--weights", "none"]) == 2
