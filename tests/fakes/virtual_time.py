"""An event loop whose time jumps to the next due moment as soon as nothing else is to be done."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from selectors import SelectorKey
from typing import Any

EPOCH = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""When virtual time begins: a Monday morning."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Runs hours of waiting in no time. For code without threads and sockets."""

    def __init__(self) -> None:
        self._virtual_seconds = 0.0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        """Return the seconds since the loop was made, as its timers count them."""
        return self._virtual_seconds

    def jump(self, seconds: float) -> None:
        """Let time pass."""
        self._virtual_seconds += seconds


class _JumpingSelector(selectors.BaseSelector):
    """Instead of waiting for a timer, moves the loop's time to it."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        self._loop = loop
        self._real = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """Return what is ready now; with nothing ready, jump by the timeout."""
        ready = self._real.select(0)
        if not ready and timeout is None:
            raise RuntimeError("Every task waits for something that can never come.")
        if not ready and timeout:
            self._loop.jump(timeout)
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        """Pass on."""
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> SelectorKey:
        """Pass on."""
        return self._real.unregister(fileobj)

    def get_map(self) -> Mapping[Any, SelectorKey]:
        """Pass on."""
        return self._real.get_map()

    def close(self) -> None:
        """Pass on."""
        self._real.close()


class LoopClock:
    """A clock that follows the running loop's time, virtual or not."""

    def __init__(self, start: datetime = EPOCH) -> None:
        self._start = start

    def step(self, by: timedelta) -> None:
        """Set the clock forward or back, as an operator would; timers do not notice."""
        self._start += by

    def now(self) -> datetime:
        """Return the moment that the loop has come to."""
        return self._start + timedelta(seconds=asyncio.get_running_loop().time())
