"""What a run leaves in its folder."""

from readtrack.results.folder import Results, make_folder
from readtrack.results.painter import check_window

__all__ = ["Results", "check_window", "make_folder"]
