"""Hears one run to its end, over as many connections as that takes.

A run in Letta goes on without us. So a connection that breaks at any byte is opened again
behind the last event that was read; when the stream is gone for good, what is missing comes
out of the run's stored record.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass

from letta_client.types.conversations.message_create_params import ClientTool, Message

from agents.letta.api import LettaApi
from agents.letta.events import RunReader, is_ended
from agents.letta.faults import Json, NotThere, StreamBroken, StreamGone, StreamRestarted
from agents.letta.options import LettaOptions
from agents.letta.sse import Frame
from gateway.domain.ids import RunId, SessionId
from gateway.domain.turns import TurnEvent
from gateway.errors import RunFailed, RuntimeUnavailable

_POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Sending:
    """What starts a run; its otids make it the same run however often it is sent."""

    thread: SessionId
    messages: Sequence[Message]
    tools: Sequence[ClientTool] = ()
    model: str | None = None
    """Handle of another model than the agent's own."""


class RunStream:
    """The events of one run, each once, from its beginning."""

    def __init__(
        self, api: LettaApi, options: LettaOptions, sending: Sending, run: RunId | None = None
    ) -> None:
        self._api = api
        self._options = options
        self._sending = sending
        self._reader = RunReader(run)
        self._has_stream = True
        self._heard_at = 0.0
        self._heard = 0

    async def events(self) -> AsyncGenerator[TurnEvent]:
        """Yield all events; no connection is open any more when the last one is yielded.

        Raises RunFailed, or RuntimeUnavailable in any of its kinds.
        """
        tries = 0
        while not self._reader.is_over:
            before = self._reader.progress
            try:
                async with aclosing(self._hear_or_read()) as events:
                    async for event in events:
                        yield event
            except (RunFailed, RuntimeUnavailable) as error:
                tries = 1 if self._reader.progress > before else tries + 1
                await self._get_over(error, tries)
        yield self._reader.end()

    def _hear_or_read(self) -> AsyncGenerator[TurnEvent]:
        return self._hear() if self._has_stream else self._read_record()

    async def _hear(self) -> AsyncGenerator[TurnEvent]:
        """Yield what one connection brings."""
        self._heard_at = asyncio.get_running_loop().time()
        after = self._reader.reconnect()
        async with self._open(after) as frames:
            async for frame in frames:
                for event in self._reader.read(frame):
                    yield event
                if await self._is_deaf():
                    self._has_stream = False
                    return
        if self._reader.is_over:
            return
        if not self._reader.is_done:
            raise StreamBroken("The connection to Letta ended before the run did.")
        self._has_stream = False

    def _open(self, after: int) -> AbstractAsyncContextManager[AsyncIterator[Frame]]:
        if self._reader.run is not None:
            return self._api.listen(self._reader.run, after)
        sending = self._sending
        return self._api.send(sending.thread, sending.messages, sending.tools, sending.model)

    async def _is_deaf(self) -> bool:
        """Whether nothing but pings came for long, although the run is over by its record.

        Letta 0.16.8 pings for ever over a stream that its Redis has lost.
        """
        now = asyncio.get_running_loop().time()
        if self._heard != self._reader.progress:
            self._heard, self._heard_at = self._reader.progress, now
        if self._reader.run is None or now - self._heard_at < self._options.silence_seconds:
            return False
        self._heard_at = now
        return is_ended(await self._api.run(self._reader.run))

    async def _read_record(self) -> AsyncGenerator[TurnEvent]:
        """Wait for the end of the run, and yield what was not heard of it."""
        run = self._reader.run
        if run is None:
            raise StreamBroken("Letta ended a stream without naming its run.")
        record = await self._ended_record(run)
        for event in self._reader.read_record(await self._api.run_messages(run), record):
            yield event

    async def _ended_record(self, run: RunId) -> Json:
        while True:
            record = await self._api.run(run)
            if is_ended(record):
                return record
            await asyncio.sleep(_POLL_SECONDS)

    async def _get_over(self, error: RunFailed | RuntimeUnavailable, tries: int) -> None:
        """Prepare the next try, or raise: the error belongs to whoever asked for the run."""
        if self._reader.run is None:
            await self._get_over_sending(error, tries)
        elif isinstance(error, NotThere) and self._has_stream:
            self._forget_run(error)
        elif isinstance(error, StreamGone | RunFailed) and self._has_stream:
            self._has_stream = False
        elif (
            isinstance(error, RunFailed | StreamRestarted) or tries > self._options.reconnect_tries
        ):
            raise error
        else:
            self._has_stream = self._has_stream and self._reader.can_resume
            await asyncio.sleep(self._pause(tries))

    async def _get_over_sending(self, error: RunFailed | RuntimeUnavailable, tries: int) -> None:
        """Send once more when the connection was to blame: it may have been a stale one."""
        if isinstance(error, NotThere):
            sentence = "the agent or its conversation is not where it was. Ask the operator."
            raise RunFailed(sentence, kind="not_found") from error
        if not isinstance(error, StreamBroken) or tries > 1:
            raise error

    def _forget_run(self, error: NotThere) -> None:
        """Send instead of listening: the otid decides whether that is a new run."""
        if self._reader.progress:
            raise error
        self._reader = RunReader()

    def _pause(self, tries: int) -> float:
        longest, first = (
            self._options.reconnect_longest_seconds,
            self._options.reconnect_first_seconds,
        )
        return min(longest, first * 2 ** (tries - 1))
