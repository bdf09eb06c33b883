"""A file of settings, and settings as words of the command line."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from readtrack.commands.parsing import flag
from readtrack.errors import InputError, first_line
from readtrack.tracking.config import TrackerConfig


def as_words(settings: dict[str, float]) -> list[str]:
    """Settings as flags."""
    return [f"{flag(name)}={value:g}" for name, value in settings.items()]


def read_settings(path: Path) -> dict[str, float]:
    """Settings of the tracker by name: of a JSON object, or of what it has under "settings".

    Raises:
        InputError: the file cannot be read, or holds what is no setting of the tracker.
    """
    try:
        found: Any = json.loads(path.read_text())
        found = found.get("settings", found)
        named = dict(found.items())
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: is no JSON of settings ({first_line(error)})", "settings") from error
    known = [one.name for one in fields(TrackerConfig) if one.name != "fps"]
    for name, value in named.items():
        if name not in known:
            raise InputError(f"{path}: {name!r} is no setting: it may have {', '.join(known)}", "settings")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{path}: {name} is {value!r}: give a number", "settings")
    return named
