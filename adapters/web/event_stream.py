"""Server-sent events as an answer: sent one by one, until they end or their reader leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

SEND_SECONDS = 20.0
"""A reader that takes longer for one event is given up."""


class _Left(Exception):
    """The reader is gone."""


class EventStream(Response):
    """Sends what a generator yields, and closes it whatever happens."""

    def __init__(self, events: AsyncGenerator[str], send_seconds: float = SEND_SECONDS) -> None:
        # Proxies keep nothing back of it.
        headers = {"X-Accel-Buffering": "no"}
        super().__init__(headers=headers, media_type="text/event-stream; charset=utf-8")
        del self.headers["content-length"]
        self._events = events
        self._send_seconds = send_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all events. One that can not be sent ends it, as a reader does that leaves."""
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        async with aclosing(self._events) as events:
            await send(start)
            try:
                async with asyncio.TaskGroup() as tasks:
                    leaving = tasks.create_task(_leave(receive))
                    async for event in events:
                        await self._send(send, event.encode(), more_body=True)
                    leaving.cancel()
                await self._send(send, b"", more_body=False)
            except* (_Left, TimeoutError, OSError):
                pass  # who reads no more is told no more

    async def _send(self, send: Send, body: bytes, *, more_body: bool) -> None:
        async with asyncio.timeout(self._send_seconds):
            await send({"type": "http.response.body", "body": body, "more_body": more_body})


async def _leave(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
    raise _Left
