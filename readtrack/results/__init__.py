"""What a run leaves in its folder."""

from readtrack.results.folder import Results, make_folder

__all__ = ["Results", "make_folder"]
