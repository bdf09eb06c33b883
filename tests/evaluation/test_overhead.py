"""What READ costs the whole command: the command runs, its figures are what they are called."""

import pytest

from readtrack.commands.bench import main
from readtrack.errors import InputError
from readtrack.evaluation import overhead


def test_ratio_and_spread_are_of_medians_and_of_extremes():
    cost = overhead.Cost(read=(2.0, 3.0, 4.0), motion=(1.0, 2.0, 9.0), start=(0.5,))
    assert (cost.ratio, cost.spread) == (1.5, 2.0)


def test_a_command_that_fails_says_why():
    fails = ["-c", "import sys; sys.exit('first\\nthat was it')"]
    with pytest.raises(InputError, match="^that was it$"):
        overhead.time_commands(fails, fails, fails, runs=1)


def test_work_is_of_the_commands_and_of_nobody_else():
    work, waiting = (
        ["-c", "while __import__('time').process_time() < 0.35: pass"],  # processors are timed in steps of 10 ms
        ["-c", "import time; time.sleep(0.3)"],
    )
    wall, processor = overhead.time_commands(work, waiting, waiting, runs=1, busy=1)
    assert wall.read[0] >= 0.3 and wall.motion[0] >= 0.3 and wall.start[0] >= 0.3
    assert 0.3 <= processor.read[0] and processor.motion[0] < 0.25


def test_the_bench_runs_each_way_idle_and_busy(monkeypatch, capsys):
    calls = []

    def fake(command, **_):
        calls.append((command[command.index("--weights") + 1], "--end" in command))
        return type("Done", (), {"returncode": 0})()

    monkeypatch.setattr(overhead.subprocess, "run", fake)
    assert main(["--whole", "--runs", "2"]) == 0
    assert calls == 2 * [("read-s", True), *2 * [("read-s", True), ("read-s", False), ("none", False)]]
    told = capsys.readouterr().out
    assert "ms a crop" in told and "2 busy" in told and "ONNX Runtime" in told
