"""What a run leaves in its folder."""

from readtrack.results.album import COMPARED, Album, Comparison, Picture
from readtrack.results.edits import Edit, apply, read_edits, write_edits
from readtrack.results.folder import Results, make_folder
from readtrack.results.formats import FORMATS, check_formats, export
from readtrack.results.painter import check_window
from readtrack.results.table import Decision, Table, amend, corrected, important, read, read_decisions

__all__ = [
    "COMPARED",
    "FORMATS",
    "Album",
    "Comparison",
    "Decision",
    "Edit",
    "Picture",
    "Results",
    "Table",
    "amend",
    "apply",
    "check_formats",
    "check_window",
    "corrected",
    "export",
    "important",
    "make_folder",
    "read",
    "read_decisions",
    "read_edits",
    "write_edits",
]
