"""Ctrl-C, and the SIGTERM of batch systems, without losing a step."""

import logging
import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Interruption:
    """Notes signals while its block runs, so that work can be brought to a good end first; a second ends it at once."""

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():  # signals reach no other
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raise KeyboardInterrupt where a signal came."""
        if self.asked:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.check()
        self.asked = True
        logging.getLogger("readtrack").warning("stopping after this step; once more stops at once, without saving")
