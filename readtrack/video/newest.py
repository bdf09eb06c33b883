"""The newest frame of what is live: a thread reads, and who is slow misses the frames in between."""

import threading
from collections.abc import Iterator

from readtrack.video.source import Frame

PATIENCE = 3.0  # seconds to wait for the thread when it is to end


class Newest:
    """Reads frames in a thread and hands out the newest one each time.

    Args:
        frames: To be read, by the thread alone.
    """

    def __init__(self, frames: Iterator[Frame]) -> None:
        self.dropped = 0  # frames that a newer one replaced before they were asked for
        self._frames = frames
        self._newest: Frame | None = None
        self._error: BaseException | None = None
        self._ended = False
        self._turn = threading.Condition()
        self._thread = threading.Thread(target=self._read, name="frames", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            for frame in self._frames:
                with self._turn:
                    self.dropped += self._newest is not None
                    self._newest = frame
                    self._turn.notify()
                    if self._ended:
                        return
        except BaseException as error:
            self._error = error
        finally:
            with self._turn:
                self._ended = True
                self._turn.notify()

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames; leaving ends the thread."""
        try:
            while True:
                with self._turn:
                    self._turn.wait_for(lambda: self._newest is not None or self._ended)
                    frame, self._newest = self._newest, None
                if frame is None:
                    break
                yield frame
            if self._error is not None:
                raise self._error
        finally:
            self.close()

    def close(self) -> bool:
        """End the thread; says whether it has ended, so that what it reads from may be closed."""
        self._ended = True
        self._thread.join(PATIENCE)
        return not self._thread.is_alive()
