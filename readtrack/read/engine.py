"""Which network runs weights, and on what: ONNX Runtime where nothing but answers is asked for, else PyTorch."""

import ctypes
import logging
import os
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any, get_args

from readtrack.devices import Precision, has_onnx_device
from readtrack.errors import InputError
from readtrack.files import sha256
from readtrack.read.network import Network
from readtrack.read.onnx_network import OnnxNetwork
from readtrack.read.weights import find_weights, shipped

log = logging.getLogger("readtrack")


def load_network(
    weights: str | Path,
    device: str | None = None,
    precision: str = "fp32",
    rank: int | None = None,
    clip_length: int | None = None,
    threads: int | None = None,
) -> Network:
    """The network of a shipped name or file, as ``Matcher.load`` takes them.

    Weights that ship run on ONNX Runtime where it has the device, without PyTorch; others on PyTorch.

    Raises:
        InputError: it cannot be used or compressed.
    """
    _check(precision)
    if Path(weights).suffix == ".onnx":
        if rank is not None:
            raise InputError(f"{weights}: cannot be compressed any more; export it again at that rank", "rank")
        return OnnxNetwork(weights, device, clip_length, threads)
    path = find_weights(weights)
    if path.stem in shipped() and path == find_weights(path.stem) and precision == "fp32" and rank is None:
        wanted = device or ("cuda" if _has_gpu() else None)
        if wanted is None or has_onnx_device(wanted):
            try:
                return _on_onnx(path, device, clip_length, threads)
            except InputError as error:
                log.warning(f"{error}; runs on PyTorch instead, which is slower on a CPU")
    return _on_torch(path, device, precision, rank, clip_length, threads)


def network_of(model: Any, device: str | None, precision: str) -> Network:
    """A copy of a ``Read`` on a device and at a precision; a network that is ready to run stays as it is.

    Raises:
        InputError: no such device or precision.
    """
    _check(precision)
    if isinstance(model, Network):
        return model
    from readtrack.read.torch_network import TorchNetwork

    return TorchNetwork(deepcopy(model), device, precision)


def _on_onnx(path: Path, device: str | None, clip_length: int | None, threads: int | None) -> OnnxNetwork:
    """Weights by their graph: beside them or in the user's cache; drawn up anew where neither is of these weights."""
    digest = sha256(path)
    places = (path.with_suffix(".onnx"), _cache() / digest[:16] / f"{path.stem}.onnx")
    for graph in places:
        try:
            return OnnxNetwork(graph, device, clip_length, threads, path, digest)
        except InputError:  # missing, broken or of other weights
            continue
    from readtrack.read.checkpoint import load_checkpoint
    from readtrack.read.graphs import write_onnx

    model, provenance = load_checkpoint(path)
    graph = places[0] if os.access(path.parent, os.W_OK) else places[1]
    write_onnx(graph, model, provenance, source=digest)
    return OnnxNetwork(graph, device, clip_length, threads, path, digest)


def _on_torch(
    path: Path, device: str | None, precision: str, rank: int | None, clip_length: int | None, threads: int | None
) -> Network:
    """Weights on PyTorch."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read once, by the first OpenMP of a process
    from readtrack.read.checkpoint import load_checkpoint
    from readtrack.read.compression import compress
    from readtrack.read.torch_network import TorchNetwork

    model = load_checkpoint(path)[0]
    return TorchNetwork(model if rank is None else compress(model, rank), device, precision, clip_length, threads)


def _cache() -> Path:
    """The user's folder for what can be made again."""
    usual = os.environ.get("LOCALAPPDATA", "~") if sys.platform == "win32" else "~/.cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or usual).expanduser() / "readtrack"


def _has_gpu() -> bool:
    """Whether there is a GPU that PyTorch could take, without loading PyTorch: the driver counts them."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count = ctypes.c_int(0)
        return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
    except (OSError, AttributeError):
        return False


def _check(precision: str) -> None:
    """Raise InputError for a precision that nothing has."""
    if precision not in (known := get_args(Precision)):
        raise InputError(f"precision {precision!r} is unknown: choose one of {', '.join(known)}", "precision")
