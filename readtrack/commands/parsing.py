"""From a command line to settings: tyro makes flags, defaults and help of frozen dataclasses and their comments.

A field becomes ``--its-name``; the comment behind it, or the lines above it, become its help. Nested dataclasses are
groups of flags, under their docstring. Modules of settings must not import PyTorch, or ``--help`` would wait for it.
"""

import io
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Collection, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import fields
from typing import Any, TypeVar

from readtrack.errors import InputError

os.environ["PYTHON_TYRO_UTF8_BOXES"] = "False"  # read when tyro is imported
os.environ["PYTHON_TYRO_ANSI_CODES"] = "False"

import tyro  # noqa: E402
from tyro.conf import Positional  # noqa: E402
from tyro.conf import UseAppendAction as Repeated  # noqa: E402

__all__ = ["Positional", "Repeated", "flag", "parse"]

Settings = TypeVar("Settings")

WIDEST, HELP_AT = 100, 27  # columns of help, and the one at which a flag's help begins
UNLIMITED = 10_000  # columns of what tyro prints, so that it breaks no lines
STATUSES = (
    "exit status: 0 done; 2 something given cannot be used; 3 done, but frames of the source were lost or it ended "
    "early; 130 stopped"
)
RULE = re.compile(r"\s*-{9,}\s*")
DEFAULT = re.compile(r"\s*\(default: (None|False|)\)$")  # says nothing
POSITIONAL = " positional arguments"  # as tyro names them
NEGATION = re.compile(r"(--[\w-]+), --no-[\w-]+")


def parse(
    settings: type[Settings],
    argv: Collection[str] | None,
    prog: str,
    description: str,
    examples: str = "",
    hidden: Collection[str] = (),
) -> Settings:
    """The settings that a command line names.

    Args:
        settings: frozen dataclass; fields that are dataclasses are groups whose flags have no prefix, and
            ``Positional[...]`` fields are also ``--flags``.
        argv: words after the program's; None: those of this process.
        prog: how the command is called, for the help.
        description: what it does, a sentence or two.
        examples: and other text for the end of the help, as it is to be printed.
        hidden: fields that only ``--help-all`` shows; they are flags like the others.

    Raises:
        InputError: a word is no flag, a value is none, or the settings refuse it.
        SystemExit: with status 0, after help was printed.
    """
    words = _words(settings, argv)
    whole = "--help-all" in words
    wants_help = whole or not {"-h", "--help"}.isdisjoint(words)
    out, err = io.StringIO(), io.StringIO()
    try:
        with redirect_stdout(out), redirect_stderr(err), _columns(UNLIMITED):
            return tyro.cli(
                settings,
                prog=prog,
                description=description,
                args=["--help"] if wants_help else words,
                config=(
                    tyro.conf.OmitArgPrefixes,
                    tyro.conf.DisallowNone,
                    tyro.conf.PositionalMetavarFromFieldName,
                ),
            )
    except SystemExit as end:
        if not end.code:
            print(_help(out.getvalue(), () if whole else hidden, examples), end="")
            raise
        raise _error(end, err.getvalue(), prog) from None


def flag(parameter: str) -> str:
    """What a setting is called on the command line."""
    return "--" + parameter.replace("_", "-")


def _words(settings: Any, argv: Collection[str] | None) -> list[str]:
    """The words of the command line, ``--source X`` as the positional that it is."""
    words = list(sys.argv[1:] if argv is None else argv)
    for name in _positionals(settings):
        for place, word in enumerate(words):
            if word == flag(name) and place + 1 < len(words):
                return [words[place + 1], *words[:place], *words[place + 2 :]]
            if word.startswith(flag(name) + "="):
                return [word.split("=", 1)[1], *words[:place], *words[place + 1 :]]
    return words


def _positionals(settings: Any) -> Iterator[str]:
    """Names of the positional fields, those of groups included."""
    for field in fields(settings):
        if tyro.conf.Positional in getattr(field.type, "__metadata__", ()):
            yield field.name
        elif hasattr(field.type, "__dataclass_fields__"):
            yield from _positionals(field.type)


@contextmanager
def _columns(count: int) -> Iterator[None]:
    """Let whoever asks how wide the terminal is be told so."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(count)
    try:
        yield
    finally:
        del os.environ["COLUMNS"]
        if before is not None:
            os.environ["COLUMNS"] = before


def _help(text: str, hidden: Collection[str], examples: str) -> str:
    """tyro's help, plain and in columns, without the hidden flags and without defaults that say nothing."""
    head, *groups = _groups(text)
    unseen, left_out = {flag(name) for name in hidden}, 0
    parts = ["\n".join("\n".join(_wrapped(line)) for line in head)]
    for title, description, entries in _tidied(groups):
        shown = [entry for entry in entries if entry[0].split()[0].rstrip(",") not in unseen]
        left_out += len(entries) - len(shown)
        heading = f"{title}: {description[:1].lower()}{description[1:].rstrip('.')}" if description else f"{title}:"
        parts.append("\n".join([heading, *(_entry(*entry) for entry in shown)]))
    if left_out:
        parts.append(f"--help-all shows {left_out} more, each with its default")
    return "\n\n".join([*parts, "\n".join(_wrapped(STATUSES)), examples.strip("\n")]).rstrip() + "\n"


def _groups(text: str) -> list[list[str]]:
    """The lines of what stands before the first group of flags, then those of each group, its title first."""
    groups: list[list[str]] = [[]]
    lines = [line.rstrip() for line in text.splitlines()]
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith(" ") and not line.startswith("  ") and RULE.fullmatch(following):
            groups.append([])
        if not RULE.fullmatch(line):
            groups[-1].append(line)
    while not groups[0][-1]:
        groups[0].pop()
    return [groups[0], *([line for line in group if line] for group in groups[1:])]


def _tidied(groups: list[list[str]]) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """Title, description and (flag, help) of each group; what is positional leads the first of them."""
    leading: list[tuple[str, str]] = []
    for title, *lines in groups:
        entries: list[tuple[str, str]] = []
        description = ""
        for line in lines:
            if line.startswith("   ") and entries:
                entries[-1] = (entries[-1][0], line.strip())
            elif title == POSITIONAL or line.startswith("  -"):
                invocation, _, help_ = line.strip().partition("  ")
                entries.append((invocation, help_.strip()))
            else:
                description = description or line.strip()
        entries = [entry for entry in entries if not entry[0].startswith("-h, ")]
        if title == POSITIONAL:
            leading = entries
        elif entries:
            yield title.strip().removesuffix(" options"), description, leading + entries
            leading = []
    if leading:
        yield "arguments", "", leading


def _entry(invocation: str, told: str) -> str:
    """A flag and its help, in two columns."""
    if told.endswith("(default: False)"):
        invocation = NEGATION.sub(r"\1", invocation)
    lines = _wrapped(DEFAULT.sub("", told), HELP_AT)
    first = f"  {invocation}"
    if len(first) + 2 > HELP_AT:
        lines.insert(0, first)
    else:
        lines[0] = first.ljust(HELP_AT) + lines[0]
    return "\n".join([lines[0], *(" " * HELP_AT + line for line in lines[1:])])


def _wrapped(text: str, indent: int = 0) -> list[str]:
    """A text in lines that fit the terminal beside so much indentation; one line at least."""
    width = min(shutil.get_terminal_size().columns, WIDEST) - indent
    return textwrap.wrap(text, max(width, 20), break_on_hyphens=False) or [""]


def _error(end: SystemExit, told: str, prog: str) -> InputError:
    """Why tyro ends: the settings' own InputError where there is one, else the first lines of what it told."""
    cause: BaseException | None = end
    while cause is not None:
        if isinstance(cause, InputError):
            return cause
        cause = cause.__cause__ or cause.__context__
    _, message, *_ = [line.strip() for line in told.splitlines() if line.strip(" -")] + ["", ""]
    if message.startswith("Missing from "):
        wanted = re.findall(r"^ {6}(\S+)", told.split("For full")[0], flags=re.MULTILINE)
        message = f"{', '.join(wanted)}: required"
    choices = re.search(r"Perhaps you meant:\s+(--[\w-]+)", told)
    message = re.sub(r"no type matching (\S+) could be instantiated from \['(.*)'\]", r"'\2' is no \1", message)
    message = message.removeprefix("Error parsing ").rstrip(".") + (f": did you mean {choices[1]}?" if choices else "")
    return InputError(f"{message} (see {prog} --help)")
