"""What is tracked, as a command line names it: where frames come from, and who finds people in them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from readtrack.commands.parsing import Positional
from readtrack.detect.config import DetectorConfig
from readtrack.errors import InputError

if TYPE_CHECKING:
    from readtrack.evaluation.recordings import Recording
    from readtrack.pipeline import Detect
    from readtrack.video import Video


@dataclass(frozen=True)
class SourceSettings:
    """Where frames come from."""

    # video file, folder or 'glob' of images, MOT sequence folder, webcam number, rtsp://, http(s):// or like address;
    # street, or street:7, is a synthetic sequence that ships with its truth
    source: Positional[str] = "street"
    start: int = 0  # first frame, from 0
    end: int | None = None  # stop before this frame
    stride: int = 1  # take every so many frames
    fps: float | None = None  # frames per second, where the source is silent or wrong about it
    timeout: float = 10.0  # seconds without a frame after which a stream has stalled and is connected to again
    wait: float = 0.0  # seconds to wait for a stream that is not there yet, or that went away
    buffer: bool = False  # of a camera or stream take every frame, however late, instead of the newest each time


@dataclass(frozen=True)
class PeopleSettings:
    """How people are found."""

    # yolo11n.pt and its kin, an .onnx (YOLOX, RTMDet, D-FINE and others), rfdetr-nano, -small or -medium, hog, or none
    # with a MOT folder's own det.txt; if not given, yolo11n.pt
    detector: str | None = None
    detections: Path | None = None  # MOT det.txt instead of a detector
    cache: Path | None = None  # folder that keeps detections, so that a second run need not detect again


@dataclass(frozen=True)
class ReadSettings:
    """What compares a person with the lost."""

    weights: str = "read-s"  # read-s, a .safetensors or .onnx file, or none for motion only
    threads: int | None = None  # on a CPU; if not given, one for each core


@contextmanager
def open_source(source: SourceSettings) -> "Iterator[Video | Recording]":
    """What holds the frames."""
    from readtrack.evaluation.recordings import is_street, street_of, street_recording
    from readtrack.video import open_video

    start, end, stride = source.start, source.end, source.stride
    if is_street(source.source):
        if source.fps is not None:
            raise InputError("a street has its own frame rate: leave it out", "fps")
        yield street_recording(street_of(source.source), steps=slice(start, end, stride))
    else:
        live: dict[str, Any] = {"timeout": source.timeout, "wait": source.wait, "buffer": source.buffer}
        with open_video(source.source, start=start, end=end, stride=stride, fps=source.fps, **live) as video:
            yield video


def detect_people(
    people: PeopleSettings,
    config: DetectorConfig,
    source: str,
    video: "Video | Recording",
    stack: ExitStack,
    load: Callable[..., Any] | None = None,
) -> "Detect":
    """What finds people in a frame; the stack keeps what is to be written in the end, ``load`` loads detectors."""
    import supervision as sv

    from readtrack.detect import DetectionCache, load_detector
    from readtrack.evaluation.recordings import Recording
    from readtrack.mot import read_mot

    load = load or load_detector
    detector, file = people.detector, people.detections
    if file is not None and detector not in (None, "none"):
        raise InputError("--detector and --detections both say where people are: give one of them")
    if isinstance(video, Recording) and file is None and detector is None:
        street = video
        return lambda frame: street.detections(frame.index)
    if file is None and (detector == "none" or (detector is None and not video.pixels)):
        file = Path(source) / "det" / "det.txt"
        if not file.is_file():
            raise InputError(f"{video.name}: nothing tells where people are; give --detections det.txt")
    if file is not None:
        size, length = (None, None) if isinstance(video, Recording) else (video.size, video.length)
        table = read_mot(file, size, length, config.confidence)
        return lambda frame: table.get(frame.index, sv.Detections.empty())
    if not video.pixels:
        raise InputError(f"{video.name}: has no pixels to detect people in; give --detections det.txt")
    if people.cache is not None:
        files = () if isinstance(video, Recording) else video.files
        known = stack.enter_context(DetectionCache(people.cache, files, detector, config))
        lazily = cache(lambda: load(detector, config))
        return lambda frame: known.find(frame.index, frame.image, lambda image: lazily()(image))
    find = load(detector, config)
    return lambda frame: find(frame.image) if frame.image is not None else sv.Detections.empty()
