"""What every command's help promises: it comes at once, and its examples can be typed."""

import re
import shlex
import subprocess
import sys
from importlib import import_module

import pytest

from readtrack import __main__ as readtrack
from readtrack.errors import InputError

WORDS = ("track", "edit", "export_tracks", "gallery", "relink", "tune", "train", "average")
WORDS += ("fleet", "calibrate", "convert", "export", "bench")
HEAVY = {"torch", "numpy", "supervision", "cv2", "scipy", "onnxruntime", "ultralytics"}
DOORS = {"run": "track"}  # whose door has another name
EXAMPLE = re.compile(r"^  (?:\w+=\S+ )?(?:python -m readtrack\.(\w+)|readtrack ([\w-]+))((?: \S+)*)", re.MULTILINE)


def help_of(word, capsys):
    with pytest.raises(SystemExit) as end:
        import_module(f"readtrack.commands.{word}").main(["--help"])
    assert not end.value.code
    return capsys.readouterr().out


def test_help_waits_for_nothing_heavy():
    code = (
        "import sys, importlib\n"
        f"for word in {WORDS}:\n"
        "    try: importlib.import_module(f'readtrack.commands.{word}').main(['--help'])\n"
        "    except SystemExit: pass\n"
        f"print(*{HEAVY} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""
    assert done.stdout.count("usage: ") == len(WORDS)


@pytest.mark.parametrize("word", WORDS)
def test_help_ends_in_examples_that_can_be_typed(word, capsys, monkeypatch):
    examples = EXAMPLE.findall(help_of(word, capsys).split("examples:")[1])
    assert examples
    parsed = []
    for door, other, rest in examples:
        command = import_module(f"readtrack.commands.{DOORS.get(door, door) or other.replace('-', '_')}")
        if not hasattr(command, "parse"):
            continue  # of a package of tasks, tested there
        with monkeypatch.context() as patch:
            parse = command.parse

            def stop(*args, parse=parse):
                parsed.append(parse(*args))
                raise InputError("parsed")

            patch.setattr(command, "parse", stop)
            before = len(parsed)
            status = command.main(shlex.split(rest))
            told = capsys.readouterr().err
            assert (status, told) == (2, "error: parsed\n") or (status == 0 and "--list-recipes" in rest), (rest, told)
            assert len(parsed) > before or "--list-recipes" in rest
    assert parsed


@pytest.mark.parametrize("word", WORDS)
def test_bad_words_are_one_line(word, capsys):
    assert import_module(f"readtrack.commands.{word}").main(["--no-such-flag"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1


def test_readtrack_lists_its_words(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["readtrack", "--help"])
    assert readtrack.main() == 0
    told = capsys.readouterr().out
    assert all(re.search(rf"^  {word.replace('_', '-')} +\w", told, re.MULTILINE) for word in (*WORDS, "evaluate"))
    monkeypatch.setattr(sys, "argv", ["readtrack", "trakc"])
    assert readtrack.main() == 2
    assert capsys.readouterr().err == "error: trakc: no such command (see readtrack --help)\n"
