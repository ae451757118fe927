"""A worker over Postgres: dispatcher, outbox and turn runner; mind and platform are over a socket.

Run as a program: `python -m tests.crash.crowd_worker URL PORT NAME`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import timedelta
from typing import Any

import uvloop

from gateway.clock import SystemClock
from gateway.dispatcher import Dispatcher, DispatcherOptions
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Delivery
from gateway.domain.ids import AgentId, PersonId, PlatformMessageId, RunId, SessionId, WorkerId
from gateway.domain.overheard import Stretch
from gateway.domain.people import Identity
from gateway.domain.tools import ToolCall, ToolResult, ToolSpec
from gateway.domain.turns import (
    InputMessage,
    RunEnded,
    RunRequest,
    RunStarted,
    Session,
    TextDelta,
    Turn,
    TurnEvent,
)
from gateway.drafts import Drafts
from gateway.mind import Mind
from gateway.outbox import Outbox, OutboxOptions
from gateway.ports import Accept, Health, Streaming
from gateway.telemetry import Metrics
from gateway.turn_runner import TurnOptions, TurnRunner
from storage.postgres import PoolOptions, PostgresStore

PLATFORM = "crowd"
LEASE = timedelta(seconds=3)


class Line:
    """Asks the ledger's process, one line a question; answers come in order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._waiting: deque[asyncio.Future[Any]] = deque()

    async def ask(self, *question: object) -> Any:  # Any: JSON
        """Return the answer."""
        answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(answered)
        self._writer.write(json.dumps(question).encode() + b"\n")
        return await answered

    async def run(self) -> None:
        """Take answers until the other side is gone."""
        while line := await self._reader.readline():
            answered = self._waiting.popleft()
            if not answered.done():
                answered.set_result(json.loads(line))


class FarMind:
    """Answers a turn with the numbers that it heard; every begin and end is told."""

    def __init__(self, line: Line, think_seconds: float) -> None:
        self._line = line
        self._think_seconds = think_seconds

    async def session_for(self, turn: Turn) -> Session:
        """Name the lane."""
        return Session(AgentId("agent"), SessionId(turn.conversation.channel))

    async def agent_of(self, owner: PersonId, role: str) -> AgentId | None:
        """Know nobody's."""
        return None

    def forget(self, owner: PersonId, role: str) -> None:
        """Have nothing kept."""

    async def renew_thread(
        self, agent: AgentId, conversation: Conversation, begun_by: str
    ) -> SessionId:
        """Have one thread only."""
        raise NotImplementedError

    async def resume_thread(
        self, agent: AgentId, conversation: Conversation, thread: SessionId, begun_by: str
    ) -> None:
        """Have one thread only."""
        raise NotImplementedError

    async def run(self, request: RunRequest) -> AsyncIterator[TurnEvent]:
        """Answer."""
        said = [each.text for each in request.input if isinstance(each, InputMessage)]
        heard = [int(text.rpartition("\n")[2]) for text in said]
        await self._line.ask("begins", request.session.thread, request.otid, heard)
        yield RunStarted(RunId(request.otid))
        await asyncio.sleep(self._think_seconds)
        yield TextDelta("m", " ".join(map(str, heard)))
        await self._line.ask("ends", request.session.thread)
        yield RunEnded("end_turn")

    async def cancel(self, request: RunRequest) -> None:
        """Have nothing to stop."""

    async def health(self) -> Health:
        """Be well."""
        return Health(is_ready=True, sentence="serves")

    def specs(self, turn: Turn) -> tuple[ToolSpec, ...]:
        """Offer no tools."""
        return ()

    async def call(self, turn: Turn, call: ToolCall) -> ToolResult:
        """Never be called."""
        raise NotImplementedError


class FarPlatform:
    """A platform that remembers what was posted for which delivery."""

    platform = PLATFORM
    streaming: Streaming | None = None

    def __init__(self, line: Line) -> None:
        self._line = line

    async def run(self, accept: Accept) -> None:
        """Bring nothing."""

    def split(self, text: str) -> list[str]:
        """Have no limit."""
        return [text]

    async def send(self, delivery: Delivery) -> PlatformMessageId:
        """Post it."""
        await self._line.ask("shows", delivery.id, delivery.conversation.channel, delivery.text)
        return PlatformMessageId(f"p-{delivery.id}")

    async def find(self, delivery: Delivery) -> PlatformMessageId | None:
        """Ask whether it is there."""
        is_there = await self._line.ask("has_shown", delivery.id)
        return PlatformMessageId(f"p-{delivery.id}") if is_there else None

    async def show_draft(self, delivery: Delivery, text: str) -> None:
        """Show no drafts."""

    async def overheard(self, stretch: Stretch) -> None:
        """Tell nothing: nobody talks to anybody else here."""

    def show_typing(self, conversation: Conversation) -> AbstractAsyncContextManager[None]:
        """Show nothing."""
        return nullcontext()

    async def direct_with(self, identity: Identity) -> Conversation | None:
        """Know nobody."""
        return None

    def health(self) -> Health:
        """Be well."""
        return Health(is_ready=True, sentence="connected")


async def main(url: str, port: int, name: str, think_seconds: float) -> None:
    """Work until killed, or until the ledger is gone."""
    logging.disable(logging.CRITICAL)
    worker, clock, metrics, drafts = WorkerId(name), SystemClock(), Metrics(), Drafts()
    store = PostgresStore(url, PoolOptions(6))
    await store.open()
    line = Line(*await asyncio.open_connection("127.0.0.1", port))
    mind, adapters = FarMind(line, think_seconds), {PLATFORM: FarPlatform(line)}
    runner = TurnRunner(
        store, adapters, Mind(mind, mind, mind), drafts, clock, metrics, TurnOptions()
    )
    outbox = Outbox(store, adapters, drafts, clock, metrics, OutboxOptions(worker, lease=LEASE))
    dispatcher = Dispatcher(store, runner, clock, DispatcherOptions(worker, lease=LEASE))
    async with asyncio.TaskGroup() as group:
        answers = group.create_task(line.run())
        await line.ask("is", name)
        tasks = [group.create_task(outbox.run()), group.create_task(dispatcher.run())]
        await answers
        for task in tasks:
            task.cancel()
    await store.close()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4])))
