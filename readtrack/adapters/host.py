"""How an adapter gets at its host, installed and with the hook that the adapter needs."""

import re
from importlib import import_module, metadata
from typing import Any

from readtrack.errors import InputError

NEEDED = {  # the first version of each host that has what READ hooks into
    "boxmot": "25",
    "deep_sort_realtime": "1.3.2",
    "norfair": "2.3",
    "trackers": "2.6",
    "ultralytics": "8.4.75",
}


def hook(module: str, name: str, extra: str) -> Any:
    """An attribute of a host's module, such as ``hook("boxmot.reid", "AppearanceEncoder", "boxmot")``.

    Args:
        module: where it lives.
        name: of the attribute, with dots where it is deeper.
        extra: readtrack's extra that installs the host.

    Raises:
        InputError: the host is not installed, too old, or has no such attribute.
    """
    host = module.split(".")[0]
    advice = f'pip install --upgrade "{f"readtrack[{extra}]" if extra else host}"'
    needed = f"READ needs {host} {NEEDED[host]} or later: " if host in NEEDED else ""
    try:
        import_module(host)
    except ImportError as error:
        raise InputError(f"{host} cannot be imported ({error}): {advice}") from error
    version = _version(host)
    if version and needed and _numbers(version) < _numbers(NEEDED[host]):
        raise InputError(f"{host} {version} is too old; {needed}{advice}")
    try:
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        missing = f"{host} {version or 'as installed'} has no {module}.{name}, which READ hooks into"
        raise InputError(f"{missing}; {needed or 'upgrade it: '}{advice}") from error
    return found


def _version(host: str) -> str:
    """The installed version of a host; empty where nobody knows."""
    try:
        return metadata.version(host)
    except metadata.PackageNotFoundError:
        return ""


def _numbers(version: str) -> list[int]:
    """What versions are compared by."""
    return [int(number) for number in re.findall(r"\d+", version)[:3]]
