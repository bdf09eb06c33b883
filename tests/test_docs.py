"""README and docs: every command is parsed by its own parser, every program runs, every link leads somewhere."""

import importlib
import pkgutil
import re
import shlex
import warnings
from importlib.util import find_spec
from pathlib import Path

import cv2
import pytest
from painted import at, paint
from test_house import TASKS

from readtrack import commands, tracking
from readtrack.commands import parsing

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "weights/README.md", *(ROOT / "docs").glob("*.md")])
DOORS = {"run": "track"}  # where the command is called otherwise than its door


def blocks(page, language):
    """Fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.M | re.S)


def commands_of(page):
    """Command lines as lists of words: of fenced blocks, and of code within the text."""
    text = page.read_text()
    fenced = [line for block in blocks(page, "") for line in block.replace("\\\n", " ").splitlines()]
    inline = re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    for line in fenced + [" ".join(code.split()) for code in inline]:
        for part in line.split(" && "):
            if re.match(r"(python3? |readtrack |torchrun )", part):
                yield shlex.split(part, comments=True)


def command_of(words):
    """The name of one of our commands and its arguments; None where the program is another's."""
    if words[0] == "readtrack":
        return words[1], words[2:]
    module = words[words.index("-m") + 1] if "-m" in words else ""
    if module == "readtrack":
        return words[words.index("-m") + 2], words[words.index("-m") + 3 :]
    if module.startswith("readtrack.") and module.count(".") == 1:
        door = module.removeprefix("readtrack.")
        assert (ROOT / "readtrack" / f"{door}.py").exists(), module
        return DOORS.get(door, door), words[words.index("-m") + 2 :]
    if len(words) > 1 and words[1].startswith("demos/"):
        assert (ROOT / words[1]).exists(), words
    return None


COMMANDS = [
    pytest.param(*command, id=f"{page.name}: {shlex.join(words)}")
    for page in PAGES
    for words in commands_of(page)
    if (command := command_of(words))
]


class Parsed(BaseException):
    """Ends a command once its command line is understood."""


@pytest.fixture(scope="module")
def only_parsing():
    """Commands end when they have read their command line."""
    names = [module.name for module in pkgutil.walk_packages(commands.__path__, "readtrack.commands.")]
    modules = [importlib.import_module(name) for name in names]  # before any is changed: they import from each other
    parse = parsing.parse

    def stop(*args, **settings):
        raise Parsed(parse(*args, **settings))

    with pytest.MonkeyPatch.context() as patch:
        for module in modules:
            if getattr(module, "parse", None) is parse:
                patch.setattr(module, "parse", stop)
        yield


@pytest.mark.parametrize(("name", "words"), COMMANDS)
def test_commands_are_understood(name, words, only_parsing, capsys):
    assert name.replace("-", "_") in TASKS
    main = importlib.import_module(f"readtrack.commands.{name.replace('-', '_')}").main
    if {"--help", "--help-all"} & set(words):
        with pytest.raises(SystemExit) as end:
            main(words)
        assert not end.value.code and capsys.readouterr().out
    else:
        try:
            status = main(words)
        except Parsed:
            return
        raise AssertionError(f"status {status}: {capsys.readouterr().err}")


def test_commands_are_found():
    assert len(COMMANDS) > 30 and {
        name.replace("-", "_") for name, _ in (param.values for param in COMMANDS)
    } >= TASKS - {"bench"}


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.name)
def test_programs_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    places = [{"ann": at(120.0 + 4 * i), "bob": at(400.0 - 4 * i)} for i in range(4)]
    frames = [paint(each) for each in places]
    for name in ("ann1", "ann2", "bob"):
        cv2.imwrite(f"{name}.jpg", frames[0][0][150:300, 100:170])
    names = {"frames": frames, "images": [image for image, _ in frames], "image": frames[0][0]}
    names |= {"detections": frames[0][1], "my_detector": lambda image: frames[0][1]}
    for block in blocks(page, "python"):
        program = compile(block, page.name, "exec")
        hosts = re.findall(r"^(?:from|import) (\w+)", block, re.M) + re.findall(r"adapters\.(\w+)", block)
        if any(find_spec({"roboflow": "trackers"}.get(host, host)) is None for host in hosts) or "YOLO(" in block:
            continue  # a host that is not installed, or weights that would be fetched
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the host's own
            exec(program, names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        path, _, heading = target.partition("#")
        if not path.startswith("http"):
            there = (page.parent / path) if path else page
            assert there.exists(), target
            headings = (
                [
                    re.sub(r"[^\w -]", "", h).lower().replace(" ", "-")
                    for h in re.findall(r"^#+ (.*)", there.read_text(), re.M)
                ]
                if heading
                else [""]
            )
            assert heading in headings, target


def test_settings_that_the_docs_name_exist():
    table = (ROOT / "docs/settings.md").read_text().split("## Which setting when")[1]
    named = set(re.findall(r"`([a-z]\w+)", table))
    assert len(named) > 8 and named <= set(tracking.TrackerConfig.__dataclass_fields__)
