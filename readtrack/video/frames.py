"""Any source of frames as one ``Video``."""

import logging
import math
import re
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from readtrack.errors import InputError
from readtrack.images import Image, resize
from readtrack.video.newest import Newest
from readtrack.video.opening import open_source
from readtrack.video.source import Frame, Source

log = logging.getLogger("readtrack")

USUAL_FPS = 25.0  # assumed where a source does not say
TIMEOUT = 10.0  # seconds
LATELY = 100  # frames that the rate is measured over


class Video:
    """An opened source: iterate it for its ``Frame``s, close it or use it in a ``with``.

    Files and folders can be iterated again; cameras and streams go on where they are. A source that turns out
    shorter, or in part unreadable, ends or skips with a line in ``warnings``, which is logged as well. A stream that
    stalls or ends is connected to again, which is told there too.

    Attributes:
        name: Short and safe as a folder's name.
        fps: Frames per second of the source, before ``stride``.
        size: Width and height in pixels; None where unknown.
        pixels: Whether frames carry images; a MOT sequence may come without.
        length: Frames of the source itself; None where unknown, an estimate for some containers.
        total: How many frames will be yielded; None where unknown, an estimate for some containers.
        dropped: Frames of a camera or stream that came while an earlier one was worked on, and were left out.
        measured: Frames per second that came of it lately, those left out among them; None where unknown.
        warnings: What was noticed so far, one line each.
    """

    def __init__(self, source: Source, steps: range, fps: float | None = None, buffer: bool = True) -> None:
        self._source = source
        self._steps = steps
        self.name = re.sub(r"[^\w-]+", "_", source.name).strip("_")[:80] or "video"
        self.size = source.size
        self.length = source.length
        self.pixels = source.pixels
        self.warnings: list[str] = []
        self.fps = fps or source.fps or USUAL_FPS
        if not fps and not source.fps:
            self._warn(f"{self.name}: tells no frame rate, taken as {USUAL_FPS:g} a second: set fps if it differs")
        self.total = source.count(steps)
        self.dropped = 0
        self.measured: float | None = None
        self._buffer = buffer or not source.live
        self._newest: Newest | None = None
        self._even = fps is not None and not source.live  # whether frames come at the given rate, whatever they say
        for note in source.notes:
            self._warn(note)

    def __iter__(self) -> Iterator[Frame]:
        came: deque[Frame] = deque(maxlen=LATELY)  # without images
        for frame in self._arriving():
            if self._source.live and frame.time is not None:
                came.append(replace(frame, image=None))
                self.measured = _rate(came)
            if frame.image is not None and self.size not in (None, frame.image.shape[1::-1]):
                frame = replace(frame, image=self._as_before(frame.image))
            yield replace(frame, time=frame.index / self.fps) if self._even or frame.time is None else frame

    def _arriving(self) -> Iterator[Frame]:
        """The source's frames: all of them, or the newest each time."""
        frames = self._source.frames(self._steps, self._warn)
        if self._buffer:
            yield from frames
            return
        self._newest = Newest(frames)
        before = self.dropped
        for frame in self._newest:
            self.dropped = before + self._newest.dropped
            yield frame
        if self.dropped:
            self._warn(f"{self.name}: {self.dropped} frames left out, which came while others were worked on")

    def _as_before(self, image: Image) -> Image:
        """An image of a source that changes its size, at the size of the first one: boxes stay comparable."""
        width, height = self.size or image.shape[1::-1]
        self._warn(f"{self.name}: images of other sizes are stretched to the first one's, {width} x {height} pixels")
        return resize(image, height, width)

    @property
    def lost(self) -> int:
        """Frames that were there and could not be decoded, as far as the last iteration went."""
        return self._source.lost

    @property
    def gone(self) -> bool:
        """Whether a camera or stream ended before the last frame that was asked for, and did not come back."""
        return self._source.gone

    @property
    def files(self) -> Sequence[Path]:
        """Files that frames are read from; none of cameras and streams."""
        return self._source.files

    def _warn(self, message: str) -> None:
        if message not in self.warnings:
            self.warnings.append(message)
            log.warning(message)

    def close(self) -> None:
        """Let go of the file, camera or stream; harmless when done twice."""
        if self._newest is None or self._newest.close():  # what a thread still reads from goes with the process
            self._source.close()

    def __enter__(self) -> "Video":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _rate(came: Sequence[Frame]) -> float | None:
    """Frames a second, by numbers and times."""
    first, last = came[0], came[-1]
    seconds = (last.time or 0.0) - (first.time or 0.0)
    return (last.index - first.index) / seconds if seconds > 0 else None


def open_video(
    source: str | Path | int,
    *,
    start: int = 0,
    end: int | None = None,
    stride: int = 1,
    fps: float | None = None,
    timeout: float = TIMEOUT,
    wait: float = 0.0,
    buffer: bool = False,
) -> Video:
    """Open whatever holds frames.

    Args:
        source: A video file, a folder or glob of images (in natural order; where they are numbered, these are the
            frames' numbers), a MOT sequence folder (its images, else its video, else frames without pixels), a
            camera's number or device, or an address: rtsp, http(s), rtmp, rtp, udp, tcp, srt or file.
        start: First frame, counted in the source from 0.
        end: Where to stop, exclusive; None for the end.
        stride: Take every ``stride``-th frame, from ``start`` on.
        fps: Overrides what the source says of its frame rate, and of its times unless it is live.
        timeout: Seconds without a frame after which a stream has stalled.
        wait: Seconds to wait for a stream that is not there yet, or that went away; for the latter at least
            ``timeout``.
        buffer: Of a camera or stream hand out every frame, however late, instead of the newest each time.

    Raises:
        InputError: nothing can be read there, or the options name no frame.
    """
    if any(not isinstance(n, int | np.integer) for n in (start, end or 0, stride)) or start < 0 or stride < 1:
        raise InputError(f"start {start}, end {end}, stride {stride}: give whole numbers, start >= 0 and stride >= 1")
    if end is not None and end <= start:
        raise InputError(f"end {end} is not after start {start}: no frame is left, give a larger end", "end")
    if fps is not None and not 0 < fps < 1000:
        raise InputError(f"fps {fps}: give frames per second, above 0 and below 1000", "fps")
    if not 0 < timeout < math.inf or not 0 <= wait < math.inf:
        raise InputError(f"timeout {timeout}, wait {wait}: give seconds, a timeout above 0")
    try:
        opened = open_source(source, timeout, wait)
    except (OSError, RuntimeError) as error:  # rights, names too long, an unknown ~user
        raise InputError(f"{source}: cannot be opened ({error}): check the path and its rights") from error
    if opened.length is not None and start >= opened.length:
        opened.close()
        raise InputError(f"{opened.name}: start {start} is past its {opened.length} frames: start earlier", "start")
    steps = range(start, sys.maxsize if end is None else end, stride)
    return Video(opened, steps, fps, buffer)
