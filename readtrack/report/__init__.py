"""The page of a run: who, when, why, and how far to trust it; and that of several cameras."""

from readtrack.report.cameras import CameraPage, write_cameras_report
from readtrack.report.page import write_report

__all__ = ["CameraPage", "write_cameras_report", "write_report"]
