"""What networks run on: devices by name, for PyTorch and for ONNX Runtime, and how many threads."""

import ctypes
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast
from weakref import WeakSet

from readtrack.errors import InputError, first_line

if TYPE_CHECKING:
    import torch
    from onnxruntime import InferenceSession

Precision = Literal["fp32", "bf16", "fp16"]
PROVIDERS = {  # kind of device -> ONNX Runtime's name of what runs on it
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}
UNASKED = ("cuda", "openvino")  # are taken without being named where they are installed, in this order
MOST_THREADS = 8  # more cores do not make small networks faster


def torch_device(name: str | None = None) -> "torch.device":
    """PyTorch's device of a name such as "cpu", "cuda", "cuda:1", "1" or "mps"; None takes a GPU where there is one.

    Raises:
        InputError: it is not on this computer.
    """
    import torch

    gpus = ["cuda"] * torch.cuda.is_available() + [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    there = ["cpu", *gpus, *["mps"] * torch.backends.mps.is_available()]
    wanted = (gpus or ["cpu"])[0] if name is None else f"cuda:{name}" if name.isdecimal() else name
    if wanted not in there:
        raise InputError(f"device {name!r} is not on this computer: choose from {', '.join(there)}", "device")
    return torch.device(wanted)


def onnx_session(file: str | Path, device: str | None = None, threads: int | None = None) -> "InferenceSession":
    """A session of ONNX Runtime whose threads sleep while they wait, so that a busy machine costs its share, not more.

    Args:
        file: of the network.
        device: "cpu", a GPU such as "cuda:1" or "1", "openvino" or "coreml"; None takes the first of a GPU and OpenVINO
            that this ONNX Runtime was built with, else the CPU.
        threads: on the CPU; None takes one for each core that this process may use.

    Returns:
        It can be pickled, and used after a fork: it is then opened again from its file.

    Raises:
        InputError: no such file, no network, or this ONNX Runtime has no such device.
    """
    return cast("InferenceSession", _Session(file, device, threads))


class _Session:
    """Opens its session again in a forked process, since threads do not outlive a fork."""

    def __init__(self, file: str | Path, device: str | None, threads: int | None) -> None:
        self._made = (Path(file).absolute(), device, threads)
        self._session: InferenceSession | None = _open(file, device, threads)
        _SESSIONS.add(self)

    def __getattr__(self, name: str) -> Any:
        if self._session is None:
            self._session = _open(*self._made)
        return getattr(self._session, name)

    def drop(self) -> None:
        """Let go of the session without ending it, which would wait for threads that are gone."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._session))
        self._session = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _Session, self._made


_SESSIONS: "WeakSet[_Session]" = WeakSet()  # that are open in this process


def _after_fork() -> None:
    for session in _SESSIONS:
        session.drop()


if hasattr(os, "register_at_fork"):  # Windows has no forks
    os.register_at_fork(after_in_child=_after_fork)


def _open(file: str | Path, device: str | None, threads: int | None) -> "InferenceSession":
    """The session itself."""
    import onnxruntime

    if not Path(file).is_file():
        raise InputError(f"{file}: no such file")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    options.intra_op_num_threads = threads or core_count()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    provider, settings = _provider(device)
    others = [] if provider == PROVIDERS["cpu"] else [PROVIDERS["cpu"]]
    try:
        session = onnxruntime.InferenceSession(str(file), options, providers=[(provider, settings), *others])
    except Exception as error:  # its own kinds of exception have no public base
        raise InputError(f"{file}: is no model that ONNX Runtime loads ({first_line(error)})") from error
    if device is not None and session.get_providers()[0] != provider:
        raise InputError(f"device {device!r}: ONNX Runtime could not start it", "device")
    return session


def onnx_device(session: "InferenceSession") -> str:
    """What a session runs on, such as "cpu" or "cuda"."""
    first = session.get_providers()[0]
    return next((kind for kind, provider in PROVIDERS.items() if provider == first), first)


def core_count() -> int:
    """Physical cores that this process may use, at most ``MOST_THREADS`` and what OMP_NUM_THREADS says."""
    try:
        allowed = os.sched_getaffinity(0)
        topology = Path("/sys/devices/system/cpu")
        count = len({(topology / f"cpu{i}/topology/thread_siblings_list").read_text() for i in allowed})
    except (AttributeError, OSError):  # not Linux, or no such files: two threads a core are usual
        count = max(1, (os.cpu_count() or 2) // 2)
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(MOST_THREADS, count, max(1, int(asked)) if asked.isdecimal() else MOST_THREADS)


def has_onnx_device(device: str) -> bool:
    """Whether this ONNX Runtime was built for a device."""
    import onnxruntime

    kind, number = _kind(device)
    return PROVIDERS.get(kind) in onnxruntime.get_available_providers() and (not number or number.isdecimal())


def _kind(device: str) -> tuple[str, str]:
    """A device's name and number, if any; "1" is the second GPU."""
    kind, _, number = (f"cuda:{device}" if device.isdecimal() else device).partition(":")
    return "coreml" if kind == "mps" else kind, number


def _provider(device: str | None) -> tuple[str, dict[str, Any]]:
    """ONNX Runtime's name and options of a device. Raises InputError where it has none such."""
    import onnxruntime

    there = onnxruntime.get_available_providers()
    if device is None:
        return PROVIDERS[next((kind for kind in UNASKED if PROVIDERS[kind] in there), "cpu")], {}
    if not has_onnx_device(device):
        known = [kind for kind, provider in PROVIDERS.items() if provider in there]
        raise InputError(f"device {device!r}: this ONNX Runtime has {', '.join(known)}", "device")
    kind, number = _kind(device)
    return PROVIDERS[kind], {"device_id": number} if kind == "cuda" and number else {}
