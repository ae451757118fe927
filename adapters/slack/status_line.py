"""The line "is thinking…" in a thread, for as long as the agent is at work there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from adapters.slack.calls import SlackCalls
from adapters.slack.options import Options
from gateway.domain.conversations import Conversation
from gateway.domain.ids import ConversationId
from gateway.errors import PosternError

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Line:
    """Those who want a line to be shown in one thread."""

    place: Conversation
    wanted: int = 0
    unwanted: asyncio.Event = field(default_factory=asyncio.Event)


class StatusLines:
    """Sets the line, refreshes it before Slack drops it, and clears it at the end.

    Slack shows it in threads only. Best effort: callers never wait, nothing raises.
    """

    def __init__(self, calls: SlackCalls, options: Options) -> None:
        self._calls = calls
        self._options = options
        self._lines: dict[ConversationId, _Line] = {}
        self._new: asyncio.Queue[_Line] = asyncio.Queue()

    def showing(self, place: Conversation) -> AbstractAsyncContextManager[None]:
        """Want the line for as long as the context is open."""
        return self._showing(place)

    async def run(self) -> None:
        """Show and clear lines until cancelled, which clears those that show."""
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._keep(await self._new.get()))

    @asynccontextmanager
    async def _showing(self, place: Conversation) -> AsyncGenerator[None]:
        if place.thread is None:
            yield
            return
        line = self._lines.get(place.id)
        if line is None:
            line = self._lines[place.id] = _Line(place)
            self._new.put_nowait(line)
        line.wanted += 1
        try:
            yield
        finally:
            line.wanted -= 1
            if not line.wanted:
                self._lines.pop(place.id)
                line.unwanted.set()

    async def _keep(self, line: _Line) -> None:
        if await _happens_within(self._options.status_delay_seconds, line.unwanted):
            return
        try:
            while not line.unwanted.is_set():
                await self._set(line.place, self._options.status)
                await _happens_within(self._options.status_refresh_seconds, line.unwanted)
        finally:
            if line.place.id not in self._lines or self._lines[line.place.id] is line:
                await self._set(line.place, "")

    async def _set(self, place: Conversation, status: str) -> None:
        args = {"channel_id": place.channel, "thread_ts": place.thread, "status": status}
        try:
            await self._calls.write(place.workspace, "assistant.threads.setStatus", args)
        except PosternError as error:
            log.info("status_not_set", extra={"error": str(error)})


async def _happens_within(seconds: float, event: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
