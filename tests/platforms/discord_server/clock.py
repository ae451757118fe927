"""The server's time: the real one, or one that tests move by hand."""

import time
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Give seconds since the Unix epoch."""
        ...


class SystemClock:
    def now(self) -> float:
        return time.time()


class ManualClock:
    """Stands still until a test advances it, so that 15-minute tokens expire at once."""

    def __init__(self, start: float | None = None) -> None:
        self._now = time.time() if start is None else start

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds
