"""What a run leaves in its folder."""

from readtrack.results.album import COMPARED, Album, Comparison, Picture
from readtrack.results.blurring import Blur
from readtrack.results.counting import Event, Overlay, Place, check_places, count, places, places_of, write_counts
from readtrack.results.edits import Edit, apply, read_edits, write_edits
from readtrack.results.figures import crops, timeline
from readtrack.results.folder import Results, make_cameras_folder, make_folder
from readtrack.results.formats import FORMATS, check_formats, export
from readtrack.results.painter import check_window
from readtrack.results.passages import Passage, passages_of, write_passages
from readtrack.results.summary import CORRECTIONS, Correction, PairOdds, Summary, dropped
from readtrack.results.table import Decision, Table, amend, corrected, important, read, read_decisions

__all__ = [
    "COMPARED",
    "CORRECTIONS",
    "FORMATS",
    "Album",
    "Blur",
    "Comparison",
    "Correction",
    "Decision",
    "Edit",
    "Event",
    "Overlay",
    "PairOdds",
    "Passage",
    "Picture",
    "Place",
    "Results",
    "Summary",
    "Table",
    "amend",
    "apply",
    "check_formats",
    "check_places",
    "check_window",
    "corrected",
    "count",
    "crops",
    "dropped",
    "export",
    "important",
    "make_cameras_folder",
    "make_folder",
    "passages_of",
    "places",
    "places_of",
    "read",
    "read_decisions",
    "read_edits",
    "timeline",
    "write_counts",
    "write_edits",
    "write_passages",
]
