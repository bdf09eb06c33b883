"""Flags, defaults and help from frozen dataclasses; whatever is wrong is one line."""

import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from readtrack.commands.console import exit_status
from readtrack.commands.parsing import Positional, parse
from readtrack.errors import InputError, first_line


@dataclass(frozen=True)
class Frames:
    """Where frames come from."""

    source: Positional[str] = "street"  # video file, or street:7
    end: int | None = None  # stop before this frame


@dataclass(frozen=True)
class Memory:
    """Times in seconds."""

    max_age: float = 60.0  # how long a lost person can be brought back
    min_hits: int = 3  # detections before a track is believed

    def __post_init__(self):
        if self.max_age < 0:
            raise InputError(f"max_age={self.max_age}: must not be negative", "max_age")


@dataclass(frozen=True)
class Job:
    frames: Frames = field(default_factory=Frames)
    memory: Memory = field(default_factory=Memory)
    precision: Literal["fp32", "bf16"] = "fp32"  # of the network
    out: Path | None = None  # folder to write
    classes: tuple[int, ...] = (0,)  # to track
    overwrite: bool = False  # replace what is there
    video: bool = True  # write tracks.mp4

    def __post_init__(self):
        if not self.classes:
            raise InputError("holds an earlier run", parameter="overwrite")


@dataclass(frozen=True)
class Needy:
    tracks: Positional[Path]  # of any tracker
    root: Path  # folder of the data set
    out: Path | None = None  # file to write


def job(*words):
    return parse(Job, words, "readtrack job", "Do a job.", "examples:\n  readtrack job --end 5", hidden=["min_hits"])


def test_defaults_are_those_of_the_dataclasses():
    assert job() == Job()


def test_flags_are_the_names_of_fields():
    found = job("a.mp4", "--end", "5", "--max-age", "3", "--min-hits", "1", "--classes", "0", "2", "--no-video")
    assert found == Job(Frames("a.mp4", 5), Memory(3.0, 1), classes=(0, 2), video=False)
    assert job("--overwrite", "--out", "x", "--precision", "bf16") == Job(
        out=Path("x"), overwrite=True, precision="bf16"
    )


@pytest.mark.parametrize("words", [["a.mp4"], ["--source", "a.mp4"], ["--source=a.mp4"]])
def test_what_is_positional_has_a_flag_as_well(words):
    assert job(*words, "--end", "2") == job("--end", "2", *words) == Job(Frames("a.mp4", 2))


def test_a_list_does_not_swallow_the_source():
    assert job("--classes", "1", "2", "--source", "a.mp4") == Job(Frames("a.mp4"), classes=(1, 2))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--max-age", "-1"], "max_age=-1.0: must not be negative (--max-age)"),
        (["--classes"], "holds an earlier run (--overwrite)"),
        (["--max-age", "long"], "--max-age"),
        (["--end", "None"], "error: --end: 'None' is no INT (see"),
        (["--max-ago", "3"], "did you mean --max-age?"),
        (["--precision", "fp8"], "'fp32', 'bf16'"),
        (["a.mp4", "b.mp4"], "b.mp4"),
        (["--source"], "--source"),
    ],
)
def test_what_is_wrong_is_one_line(words, told, capsys):
    assert exit_status(lambda: job(*words)) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and told in err and err.count("\n") == 1


def test_what_is_missing_is_named(capsys):
    assert exit_status(lambda: parse(Needy, [], "readtrack job", "Do a job.")) == 2
    assert capsys.readouterr().err == "error: TRACKS, --root: required (see readtrack job --help)\n"


def test_help_teaches(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as end:
        job("--help")
    assert not end.value.code
    text = capsys.readouterr().out
    assert text == HELP
    with pytest.raises(SystemExit):
        job("--help-all")
    assert "--min-hits INT           detections before a track is believed (default: 3)" in capsys.readouterr().out


HELP = """\
usage: readtrack job [-h] [OPTIONS] [SOURCE]

Do a job.

options:
  [SOURCE]                 video file, or street:7 (default: street)
  --precision {fp32,bf16}  of the network (default: fp32)
  --out PATH               folder to write
  --classes [INT [INT ...]]
                           to track (default: 0)
  --overwrite              replace what is there
  --video, --no-video      write tracks.mp4 (default: True)

frames: where frames come from
  --end INT                stop before this frame

memory: times in seconds
  --max-age FLOAT          how long a lost person can be brought back (default:
                           60.0)

--help-all shows 1 more, each with its default

exit status: 0 done; 2 something given cannot be used; 3 done, but frames of the
source were lost or it ended early; 130 stopped

examples:
  readtrack job --end 5
"""


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_is_130(name, capsys):
    ignored = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs do not hear Ctrl-C
    before = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGHUP)]
    try:
        assert exit_status(lambda: signal.raise_signal(name)) == 130
    finally:
        signal.signal(signal.SIGINT, ignored)
    assert capsys.readouterr().err == "stopped\n"
    assert [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGHUP)] == before
    assert exit_status(lambda: None) == 0 and exit_status(lambda: 130) == 130


def test_a_closed_terminal_does_not_end_what_nohup_began():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert exit_status(lambda: signal.raise_signal(signal.SIGHUP)) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 12 bytes")])
def test_memory_that_runs_out_is_one_line(error, capsys):
    def work():
        raise error

    assert exit_status(work) == 2
    assert capsys.readouterr().err == "error: memory ran out: close other programs, or take less at once\n"


def test_the_first_line_of_an_error():
    assert first_line(RuntimeError("\n  no room \nat all")) == "no room"
    assert first_line(KeyError()) == "KeyError"
