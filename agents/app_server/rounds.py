"""What came of a round, kept so that it can be heard again from its beginning."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from gateway.domain.ids import RunId
from gateway.domain.turns import RunEnded, RunStarted, ToolsAsked, TurnEvent
from gateway.errors import PosternError, RetryLater


class Round:
    """The events of one round, for any number of listeners, each from the first on."""

    def __init__(self, otid: str) -> None:
        self._run = RunId(f"app-server-{otid}")
        self._events: list[TurnEvent] = []
        self._error: PosternError | None = None
        self._changed = asyncio.Event()
        self.is_over = False

    def start(self) -> None:
        """Announce the run, once. Its id is ours: the server's own do not outlive it."""
        if not self._events:
            self._events.append(RunStarted(self._run))
            self._wake()

    def add(self, event: TurnEvent) -> None:
        """Take the next event; what comes after the end is not heard."""
        if self.is_over:
            return
        self.start()
        self._events.append(event)
        self.is_over = isinstance(event, ToolsAsked | RunEnded)
        self._wake()

    def fail(self, error: PosternError) -> None:
        """End it with an error, which every listener gets."""
        if not self.is_over:
            self._error, self.is_over = error, True
            self._wake()

    async def follow(self) -> AsyncGenerator[TurnEvent]:
        """Yield all events, those to come included. Raises the error that it ended with."""
        heard = 0
        while True:
            while heard < len(self._events):
                heard += 1
                yield self._events[heard - 1]
            if self._error is not None:
                raise self._error
            if self.is_over:
                return
            await self._changed.wait()

    async def ended(self) -> None:
        """Wait for its end."""
        while not self.is_over:
            await self._changed.wait()

    @property
    def is_unsettled(self) -> bool:
        """Whether it ended in a way that says nothing of how the round goes on."""
        return isinstance(self._error, RetryLater)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
