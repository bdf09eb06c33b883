"""Pictures out of a container or stream, by FFmpeg: numbered, with their times, past damaged packets."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from readtrack.errors import InputError, first_line
from readtrack.images import Image

RECOVERY = 2.0  # seconds after a damaged packet in which only a key frame is believed; then any picture is


@dataclass(frozen=True)
class Picture:
    """A decoded picture, not yet converted."""

    index: int  # from 0, with those that were lost
    seconds: float | None  # of the container's clock
    frame: Any  # av.VideoFrame

    def image(self) -> Image:
        """BGR (H, W, 3), upright, as OpenCV gives it."""
        image = self.frame.to_ndarray(format="bgr24")
        turns = round(self.frame.rotation / 90) % 4
        return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


class Decoder:
    """The video in an opened container or stream.

    Pictures that depend on a damaged packet are left out: until the next key frame, or for ``RECOVERY`` seconds where
    none comes. They keep their numbers, since each packet is one picture.

    Args:
        address: A path or address, as FFmpeg takes it.
        label: What to call it in messages.
        options: FFmpeg's, for the container.
        timeout: Seconds to wait for it to open, and for each packet; None waits for ever.

    Raises:
        InputError: it cannot be opened, or has no video.
    """

    def __init__(
        self, address: str, label: str, options: dict[str, str] | None = None, timeout: float | None = None
    ) -> None:
        import av

        self.count = 0  # pictures so far, with those that were lost
        self.lost = 0
        self.first_lost: int | None = None
        try:
            self._container = av.open(address, options=options or {}, timeout=timeout, metadata_errors="ignore")
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise InputError(f"{label}: no frame can be decoded ({first_line(error)})") from error
        streams = [s for s in self._container.streams.video if s.codec_context and not _is_cover(s)]
        if not streams or self._container.format.name == "tty":  # FFmpeg would film a text file
            self.close()
            raise InputError(f"{label}: no frame can be decoded: it has no video")
        self._stream = streams[0]
        self._stream.thread_type = "AUTO" if timeout is None else "SLICE"  # whole frames at once come later
        self.fps = self._rate()
        frames, duration = self._stream.frames, self._container.duration
        self.exact = frames > 0  # whether the length is not an estimate
        self.length = frames or (round(duration / 1e6 * self.fps) if duration and duration > 0 and self.fps else None)

    def _rate(self) -> float | None:
        """Frames per second: the usual one that FFmpeg guesses, or the mean where the rate varies."""
        guessed, mean = (float(rate or 0) for rate in (self._stream.guessed_rate, self._stream.average_rate))
        rate = guessed if not mean or abs(guessed - mean) < 0.05 * mean else mean
        return rate if 0 < rate < 1000 else None

    def pictures(self) -> Iterator[Picture]:
        """Yield what can be decoded, once.

        Raises:
            av.error.FFmpegError: nothing more can be read, or not within the timeout.
        """
        from av.error import InvalidDataError

        due: list[int] = []  # presentation times of packets whose pictures have not come
        damaged, since = False, 0.0
        for packet in self._container.demux(self._stream):
            if packet.pts is not None and packet.size and not packet.is_discard:
                heapq.heappush(due, packet.pts)
            damaged |= bool(packet.size and packet.is_corrupt)
            try:
                frames = packet.decode()
            except InvalidDataError:
                damaged, frames = True, []
            for frame in frames:
                damaged |= bool(frame.is_corrupt)
                skipped = _skipped(due, frame.pts)
                if damaged and skipped:
                    self._lose(skipped)
                seconds = frame.time
                if damaged and not frame.key_frame and (seconds or 0) < since + RECOVERY:
                    self._lose(1)
                    continue
                damaged, since = False, seconds or 0.0
                self.count += 1
                yield Picture(self.count - 1, seconds, frame)
        if damaged:
            self._lose(len(due))

    def _lose(self, count: int) -> None:
        if self.first_lost is None:
            self.first_lost = self.count
        self.lost += count
        self.count += count

    def close(self) -> None:
        """Let go of the file or connection; harmless when done twice."""
        self._container.close()


def missing_at_the_end(decoder: Decoder, shown: int, steps: range) -> int:
    """How many more frames than those shown a container promised; 0 within the error of an estimate."""
    due = min(steps.stop, decoder.length or 0)
    return max(0, due - shown) if decoder.exact or shown < due - max(2, due // 20) else 0


def _skipped(due: list[int], time: int | None) -> int:
    """How many packets were to be shown before a picture of that time; they and its own are taken off the heap."""
    count = -1
    while due and time is not None and due[0] <= time:
        heapq.heappop(due)
        count += 1
    return max(0, count)


def _is_cover(stream: Any) -> bool:
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)
