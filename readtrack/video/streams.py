"""Cameras and streams as frames, which come at their time and may stop coming."""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from readtrack.errors import InputError, first_line
from readtrack.video.decoding import Decoder, missing_at_the_end
from readtrack.video.source import Frame, Source

ANALYSIS = "1000000"  # microseconds of a stream to look at before its first frame
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0  # seconds between attempts to connect again: each is twice the last


class Stream(Source):
    """A stream from a network address. One that stalls or ends is connected to again.

    Args:
        address: rtsp://, http:// and their like.
        timeout: Seconds without a frame after which it is taken to have stalled, and without an answer when opened.
        wait: Seconds to wait for a stream that is not there yet; one that went away is waited for as long, and for
            ``timeout`` at least.

    Raises:
        InputError: it gives no picture in time.
    """

    live = True

    def __init__(self, address: str, timeout: float, wait: float) -> None:
        self.notes, self._address, self._timeout, self._wait = [], address, timeout, wait
        self._label = _without_secrets(address)
        self.name = re.sub(r"^\w+://(\*+@)?|\?.*", "", self._label)
        self._connect(wait)
        self._begin, self._index, self._last = self._arrival, 0, -1.0
        self.fps = self._decoder.fps
        self.length = self._decoder.length if address.lower().startswith("http") else None
        self.live = self.length is None  # else a file behind an address
        image = self._picture.image()
        self.size = (image.shape[1], image.shape[0])

    def _connect(self, patience: float) -> None:
        """Open the stream and read its first picture, again and again for so many seconds."""
        end, pause = time.monotonic() + patience, FIRST_PAUSE
        while True:
            try:
                self._open(max(1.0, min(self._timeout, end - time.monotonic())) if patience else self._timeout)
                return
            except InputError:
                left = end - time.monotonic()
                if left <= 0:
                    raise
            time.sleep(min(pause, left))
            pause = min(2 * pause, LONGEST_PAUSE)

    def _open(self, timeout: float) -> None:
        from av.error import FFmpegError

        options = {"analyzeduration": ANALYSIS, "rtsp_transport": "tcp"}
        try:
            self._decoder = Decoder(self._address, self._label, options, timeout)
        except InputError as error:
            why = first_line(error.__cause__) if error.__cause__ else "it has no video"
            raise InputError(f"{self._label}: gives no picture ({why}): check that it is on and reachable") from error
        self._pictures = self._decoder.pictures()
        try:
            self._picture = next(self._pictures)
        except (StopIteration, FFmpegError) as error:
            self._decoder.close()
            raise InputError(f"{self._label}: gives no picture: check that it is on, reachable and free") from error
        self._arrival = time.monotonic()
        self._start: float | None = None  # what the stream's clock showed at the first frame of all

    def frames(self, steps: range, warn: Callable[[str], None]) -> Iterator[Frame]:
        """Yield frames; they are numbered as they come, and their times tell of holes."""
        from av.error import ExitError, FFmpegError

        if self._index and not self.live:
            self.close()
            self._connect(self._wait)
            self._begin, self._index, self._last = self._arrival, 0, -1.0
        problem, lost = "", 0
        while self._index < steps.stop:
            index, image = self._index, self._picture.image() if self._index in steps else None
            seconds = self._read_clock()
            before = self._picture.index
            try:
                if image is not None:
                    yield Frame(index, image, seconds)
                self._picture = next(self._pictures)
                self._index += self._picture.index - before
                continue
            except StopIteration:
                problem = f"ended after {index + 1} frames"
            except FFmpegError as error:
                stalled = isinstance(error, ExitError | TimeoutError)
                why = f"gave nothing for {self._timeout:g} s" if stalled else f"broke off ({first_line(error)})"
                problem = f"{why} after {index + 1} frames"
            lost += self._decoder.lost
            self._index += 1
            if self._index >= steps.stop or not (self.live and self._return(problem, warn)):
                self.gone = self.live and self._index < steps.stop
                break
        self.lost = lost + self._decoder.lost
        if self.lost:
            warn(f"{self._label}: {self.lost} frames lost: they came damaged")
        if not self.live and (missing := missing_at_the_end(self._decoder, self._index, steps)):
            warn(f"{self._label}: {problem} of {self.length}: it is cut short or went away")
            self.lost += missing

    def _read_clock(self) -> float:
        """Seconds of the picture since the first one, by the stream's clock within a connection."""
        told, now = self._picture.seconds, time.monotonic() - self._begin
        if told is None:
            seconds = max(now, self._last + 1e-3)
        else:
            if self._start is None or told - self._start <= self._last:  # anew, or its clock jumped back
                least = self._last + 1 / (self.fps or 25) if self._index else 0.0
                self._start = told - max(self._arrival - self._begin, least)
            seconds = told - self._start
        self._last = seconds
        return seconds

    def _return(self, problem: str, warn: Callable[[str], None]) -> bool:
        """Whether the stream comes back; what happens is told."""
        gone = time.monotonic()
        warn(f"{self._label}: {problem}: connecting again")
        self.close()
        try:
            self._connect(max(self._wait, self._timeout))
        except InputError:
            warn(f"{self._label}: {problem} and did not come back within {time.monotonic() - gone:.0f} s")
            return False
        warn(f"{self._label}: {problem}, is back after {self._arrival - gone:.1f} s")
        return True

    def close(self) -> None:
        """Let go of the connection."""
        self._decoder.close()


class Camera(Source):
    """A camera of this computer, by its number or device, through OpenCV."""

    live = True

    def __init__(self, address: int | str) -> None:
        self.name, self.notes = f"camera{address}".replace("/dev/video", ""), []
        with _hushed():
            self._capture = cv2.VideoCapture(address, cv2.CAP_ANY)
            readable, first = self._capture.read()
        if not readable:
            self.close()
            raise InputError(f"{self.name}: gives no picture: check that it is on, reachable and free")
        self._first: np.ndarray | None = first
        told = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = told if 0 < told < 1000 else None
        self.length = None
        self.size = (first.shape[1], first.shape[0])
        self._begin, self._position = time.monotonic(), 0

    def frames(self, steps: range, warn: Callable[[str], None]) -> Iterator[Frame]:
        """Yield frames from where the camera is, with the time of their arrival."""
        while (index := self._position) < steps.stop:
            if index and not self._capture.grab():
                warn(f"{self.name}: ended after {index} frames: it went away")
                self.gone = True
                return
            seconds = time.monotonic() - self._begin if index else 0.0
            self._position += 1
            if index in steps:
                image = self._capture.retrieve()[1] if index else self._first
                if image is not None:
                    yield Frame(index, np.asarray(image, dtype=np.uint8), seconds)

    def close(self) -> None:
        """Release the device."""
        self._capture.release()


def _without_secrets(address: str) -> str:
    """An address for messages: no password, no query."""
    return re.sub(r"//[^/@]*@", "//***@", re.sub(r"(?<=\?).*", "***", address))


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep OpenCV and its FFmpeg from writing to the terminal while a camera is opened."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # read once, by the first capture of a process
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
