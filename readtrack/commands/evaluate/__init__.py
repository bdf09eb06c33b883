"""Command: score READ and what it is measured against. ``python -m readtrack.evaluate --help``."""

from readtrack.commands.evaluate.command import main

__all__ = ["main"]
