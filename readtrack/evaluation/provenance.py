"""What tasks leave behind: files, and what was scored by which software."""

import json
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from readtrack.files import replacing, sha256
from readtrack.read.matcher import Matcher
from readtrack.read.weights import find_weights


def about_weights(weights: str, matcher: Matcher) -> dict[str, Any]:
    """Name, SHA-256 and network of what was scored."""
    return {
        "name": weights,
        "sha256": sha256(find_weights(weights)),
        "network": asdict(replace(matcher.config, persons=())),
    }


def versions(*others: str) -> dict[str, str]:
    """Of the packages that figures depend on, and of others by name."""
    return {name: version(name) for name in ("readtrack", "torch", "numpy", *others)}


def write_json(file: Path, content: dict[str, Any]) -> None:
    """Whole or not at all."""
    with replacing(file) as partial:
        partial.write_text(json.dumps(content, indent=2, default=str) + "\n")
