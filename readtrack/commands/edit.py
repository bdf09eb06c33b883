"""Command: correct the people of a finished run. ``readtrack edit --help``."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from readtrack.commands.console import exit_status, output
from readtrack.commands.parsing import Positional, parse
from readtrack.errors import InputError

if TYPE_CHECKING:
    from readtrack.results import Edit, Table

DESCRIPTION = "Correct who is who in a run's folder; corrections stay and are applied again when the run is repeated."
EXAMPLES = """what to do:
  merge 3 7             3 and 7 are one person, who goes by 3
  split 3 --at 120      from frame 120 (of the source, from 0) on 3 is somebody else, who gets a new number
  rename 3 courier      3 has a name, in the page, the video and all formats but MOTChallenge's
  drop 9                9 is no person, or none who counts
  undo                  take the last correction back
  list                  show the corrections
  People may be called by their names as well as by their numbers.

  Corrections are kept in edits.json, each with a box of whom it is about, so that it finds them again whatever their
  numbers are then. tracks.txt and report.html are written anew at once; what the run found stays in
  tracks.unedited.txt. tracks.mp4 shows corrections after the run is repeated into the same folder (--overwrite), whose
  links then are made anew around them: who was merged is certainly one person, who was split certainly two.

examples:
  readtrack edit runs/video merge 3 7
  readtrack edit runs/video split 3 --at 120
  readtrack edit runs/video rename 3 "Ann, the courier"
  readtrack edit runs/video undo
"""
WORDS = {"merge": 2, "split": 1, "rename": 2, "drop": 1, "undo": 0, "list": 0}  # words that follow


@dataclass(frozen=True)
class EditSettings:
    """A correction."""

    folder: Positional[Path]  # of the run
    do: Positional[str]  # merge, split, rename, drop, undo or list
    words: Positional[tuple[str, ...]] = ()  # the people that it is about, and a name
    at: int | None = None  # frame of the source, from 0, at which somebody is split
    quiet: bool = False  # print errors only

    def __post_init__(self) -> None:
        if self.do not in WORDS:
            raise InputError(f"{self.do!r} is no correction: give one of {', '.join(WORDS)}")
        if len(self.words) != WORDS[self.do]:
            raise InputError(f"{self.do}: takes {WORDS[self.do]} words after it, not {len(self.words)}")
        if (self.at is not None) != (self.do == "split"):
            raise InputError("split needs the frame at which somebody else begins, and nothing else does", "at")


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, correct, print. Returns the exit status: 0, 2 for bad input, 130 after Ctrl-C."""
    return exit_status(lambda: _edit(parse(EditSettings, argv, "readtrack edit", DESCRIPTION, EXAMPLES)))


def _edit(settings: EditSettings) -> None:
    """Make the correction that the command line names, and write everything anew."""
    from readtrack.report import write_report
    from readtrack.results import Album, amend, corrected, export, read_edits, write_counts, write_edits
    from readtrack.results.folder import EXPORTS

    folder, console = settings.folder, output(settings.quiet)
    if not (folder / "tracks.txt").is_file():
        raise InputError(f"{folder}: holds no run: give the folder that has tracks.txt in it")
    edits, (before, _) = read_edits(folder), corrected(folder)
    if settings.do == "list":
        console.print("\n".join(edit.words for edit in edits) or "no corrections")
        return
    if settings.do == "undo":
        if not edits:
            raise InputError(f"{folder}: has no corrections to take back")
        told, edits = f"taken back: {edits[-1].words}", edits[:-1]
    else:
        edits.append(_made(settings, before))
        told = f"corrected: {edits[-1].words}"
    write_edits(folder, edits)
    table, left_out = amend(folder)
    write_counts(folder, table)
    export(table, folder, [name for name, file in EXPORTS.items() if (folder / file).is_file()])
    if (folder / "report.html").is_file():
        write_report(folder, Album.load(folder / "pictures.zip"), table)
    console.print(f"{told}; {len(set(table.id.tolist()))} people")
    if settings.do == "undo" and table.id.tolist() == before.id.tolist() and table.names == before.names:
        console.print("the run itself had taken it: repeat the run into this folder (--overwrite) to be rid of it")
    for line in left_out:
        console.print(line)


def _made(settings: EditSettings, table: "Table") -> "Edit":
    """The correction that the command line names."""
    from readtrack.results import edits

    one = _person(settings.words[0], table)
    if settings.do == "merge":
        return edits.merge(table, one, _person(settings.words[1], table))
    if settings.do == "split":
        return edits.split(table, one, settings.at or 0)
    if settings.do == "rename":
        return edits.rename(table, one, settings.words[1])
    return edits.drop(table, one)


def _person(word: str, table: "Table") -> int:
    """The number of somebody who is called by it or by name."""
    named = [track for track, name in table.names.items() if name == word]
    if len(named) == 1:
        return named[0]
    if not word.isdecimal():
        raise InputError(f"{word!r} is nobody: give a number, or a name that one person has")
    return int(word)
