"""A video file as frames."""

from collections.abc import Callable, Iterator
from pathlib import Path

from readtrack.errors import InputError
from readtrack.video.decoding import Decoder, Picture, missing_at_the_end
from readtrack.video.source import Frame, Source


class VideoFile(Source):
    """A video file, upright as a phone means it.

    Args:
        path: Of the file, whatever its name.
        name: Of the source.
        fps: Frames a second where something else than the container tells them; times then follow from them.
    """

    def __init__(self, path: Path, name: str, fps: float | None = None) -> None:
        self.name, self.notes, self._path, self._told = name, [], path, fps
        self.files = [path]
        self._open()
        self.fps = fps or self._decoder.fps
        self.length = self._decoder.length
        image = self._first.image()
        self.size = (image.shape[1], image.shape[0])

    def _open(self) -> None:
        """Open from the start and read one frame, so that what cannot be read is known at once."""
        from av.error import FFmpegError

        self._decoder = Decoder(f"file:{self._path}", str(self._path))
        self._pictures = self._decoder.pictures()
        try:
            self._first = next(self._pictures)
        except (StopIteration, FFmpegError) as error:
            self._decoder.close()
            problem = "no frame can be decoded: check that it is a whole video file"
            raise InputError(f"{self._path}: {problem}") from error
        self._fresh = True

    def frames(self, steps: range, warn: Callable[[str], None]) -> Iterator[Frame]:
        """Yield frames; what lies between steps is decoded but not converted, for exact indices."""
        from av.error import FFmpegError

        if not self._fresh:
            self.close()
            self._open()
        self._fresh = False
        picture, clock, missing = self._first, Clock(self.fps), 0
        try:
            while picture.index < steps.stop:
                time = None if self._told else clock.read(picture)
                if picture.index in steps:
                    yield Frame(picture.index, picture.image(), time)
                picture = next(self._pictures)
        except (StopIteration, FFmpegError):
            missing = missing_at_the_end(self._decoder, picture.index + 1, steps)
            if missing:
                shown, length = picture.index + 1, self.length
                warn(f"{self._path}: ended after {shown} of {length} frames: it is cut short or damaged")
        finally:
            self.lost = self._decoder.lost - (self._decoder.count - picture.index - 1 if missing else 0)
            if self.lost:
                first = self._decoder.first_lost
                warn(f"{self._path}: {self.lost} frames lost, the first is frame {first}: the file is damaged")
        self.lost += missing

    def close(self) -> None:
        """Let go of the file."""
        self._decoder.close()


class Clock:
    """Seconds since the first frame, growing, of pictures in their order."""

    def __init__(self, fps: float | None) -> None:
        self._step = 1 / (fps or 25)
        self._start: float | None = None
        self._last = -1.0
        self._index = -1

    def read(self, picture: Picture) -> float:
        """The time of a picture; one that tells none, or an earlier one than the last, comes a frame after it."""
        passed = self._step * (picture.index - self._index)
        due = self._last + passed if self._last >= 0 else picture.index * self._step
        if picture.seconds is None:
            time = due
        else:
            if self._start is None:
                self._start = picture.seconds - due
            time = picture.seconds - self._start
            if time <= self._last:
                self._start, time = picture.seconds - due, due
        self._last, self._index = time, picture.index
        return time
