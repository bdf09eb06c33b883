"""The page of a run: who, when, why, and how far to trust it."""

from readtrack.report.page import write_report

__all__ = ["write_report"]
