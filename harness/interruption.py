"""SIGINT and SIGTERM as a request to stop at the next safe moment."""

from __future__ import annotations

import signal
import threading
from types import FrameType


class Interrupted(Exception):
    """A signal asked the run to stop."""


class Interruption:
    """While entered, the first SIGINT or SIGTERM is noted in `signal`; a second one acts at once.

    Outside the main thread Python allows no handlers, and nothing is changed.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.signal: int | None = None

    def __enter__(self) -> Interruption:
        self._previous = {}
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._note) for number in self.SIGNALS}
        return self

    def __exit__(self, *exception) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        for each, handler in self._previous.items():
            signal.signal(each, handler)

    def check(self) -> None:
        """Raise `Interrupted` if a signal has come."""
        if self.signal is not None:
            raise Interrupted(f"stopped by {signal.Signals(self.signal).name}")
