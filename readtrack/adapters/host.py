"""How an adapter gets at its host, installed and with the hook that the adapter needs, and at the network."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from readtrack.errors import InputError

if TYPE_CHECKING:
    from readtrack.read.matcher import Matcher


def hook(module: str, name: str, extra: str) -> Any:
    """An attribute of a host's module, such as ``hook("boxmot.reid", "AppearanceEncoder", "boxmot")``.

    Args:
        module: where it lives.
        name: of the attribute, with dots where it is deeper.
        extra: readtrack's extra that installs the host.

    Raises:
        InputError: the host is not installed, or has no such attribute.
    """
    host = module.split(".")[0]
    advice = f'pip install --upgrade "readtrack[{extra}]"' if extra else f"pip install --upgrade {host}"
    try:
        import_module(host)
    except ImportError as error:
        raise InputError(f"{host} cannot be imported ({error}): {advice}") from error
    try:
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise InputError(f"this version of {host} has no {module}.{name}, which READ hooks into: {advice}") from error
    return found


def load_matcher(weights: "str | Path | Matcher", device: str | None) -> "Matcher":
    """The network by a shipped name or a file; a loaded matcher stays what it is.

    Raises:
        InputError: weights or device cannot be used.
    """
    if isinstance(weights, str | Path):
        from readtrack.read.matcher import Matcher  # PyTorch

        return Matcher.load(weights, device)
    return weights
