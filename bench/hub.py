"""The whole hub on SQLite, with agents and a platform that cost nothing, beside the raw disk."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Generic, Self, TypeVar

import uvloop

from bench.measuring import milliseconds, offer, per_second
from bench.store import machine, raw_limits
from gateway.clock import SystemClock
from gateway.dispatcher import Dispatcher, DispatcherOptions
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Delivery
from gateway.domain.ids import AgentId, PersonId, PlatformMessageId, RunId, SessionId, WorkerId
from gateway.domain.messages import InboundMessage
from gateway.domain.overheard import Stretch
from gateway.domain.people import Identity, Route, Sender
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
from gateway.inbox import Inbox
from gateway.mind import Mind
from gateway.outbox import Outbox, OutboxOptions
from gateway.ports import Accept, Health, Store, Streaming
from gateway.rights.access import Access
from gateway.rights.policy import AccessMode, AccessPolicy
from gateway.telemetry import Metrics
from gateway.turn_runner import TurnOptions, TurnRunner
from storage.sqlite import SqliteStore

WORKER = WorkerId("local")
TEXT = "x" * 300
PEOPLE = 5_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be varied."""
    parser.add_argument("--seconds", type=float, default=4, help="length of each open loop")
    parser.add_argument("--turns", type=int, default=10_000, help="messages through the whole hub")
    parser.add_argument("--folder", type=Path, default=None, help="where the database is made")


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Measure everything; the raw limits first."""
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        raw = raw_limits(Path(folder))
        figures = uvloop.run(measure(Path(folder), arguments))
    return {"machine": machine(), **raw, **figures}


async def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, object]:
    """Offer load to one hub after the other, each on a database of its own."""
    async with Hub(SqliteStore(folder / "ack.db"), InstantAgents).running() as hub:
        at_1000 = await offer(1000, arguments.seconds, hub.says)
        await hub.drained()
    async with Hub(SqliteStore(folder / "dispatch.db"), InstantAgents).running() as hub:
        await offer(200, arguments.seconds, hub.says)
        await hub.drained()
        dispatch, answered = milliseconds(hub.agents.waits), milliseconds(hub.platform.waits)
    async with Hub(SqliteStore(folder / "whole.db"), InstantAgents).running() as hub:
        began, worked = time.perf_counter(), time.process_time()
        await hub.everybody_says(arguments.turns)
        await hub.drained()
        turns_per_second = per_second(hub.agents.turns, began)
        cpu_ms = (time.process_time() - worked) / arguments.turns * 1000
    return {
        "ack_at_1000_per_s": at_1000,
        "dispatch_at_200_per_s": dispatch,
        "message_to_answer_at_200_per_s": answered,
        "whole_hub_turns_per_s": turns_per_second,
        "whole_hub_cpu_ms_per_message": round(cpu_ms, 3),
    }


Agents = TypeVar("Agents", bound="InstantAgents")


class Hub(Generic[Agents]):
    """The hub as bootstrap plugs it together; at most `most` turns at once."""

    def __init__(
        self,
        store: Store,
        agents: Callable[[dict[str, float]], Agents],
        most: int = 2_000,
        people: int = PEOPLE,
    ) -> None:
        self.store = store
        self.written_at: dict[str, float] = {}
        self.agents = agents(self.written_at)
        self.platform = InstantPlatform(self.written_at)
        self._most = most
        self._people = people
        self._numbers = itertools.count()
        self._clock = SystemClock()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Self]:
        """Run it until the end of the context."""
        await self.store.open()
        inbox, outbox, dispatcher = self._parts()
        self._inbox = inbox
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(outbox.run()), group.create_task(dispatcher.run())]
            yield self
            for task in tasks:
                task.cancel()
        await self.store.close()

    def _parts(self) -> tuple[Inbox, Outbox, Dispatcher]:
        store, clock, metrics, drafts = self.store, self._clock, Metrics(), Drafts()
        adapters = {"bench": self.platform}
        mind = Mind(self.agents, self.agents, self.agents)
        runner = TurnRunner(store, adapters, mind, drafts, clock, metrics, TurnOptions())
        access = Access(AccessPolicy({"bench": AccessMode.OPEN}), store.people, clock)
        return (
            Inbox(store, access, {"postern": Route("postern")}, clock, metrics),
            Outbox(store, adapters, drafts, clock, metrics, OutboxOptions(WORKER)),
            Dispatcher(store, runner, clock, DispatcherOptions(WORKER, self._most)),
        )

    async def says(self, number: int) -> None:
        """Have one of many people write; returns when the message is on the disk."""
        user = f"u{number % self._people}"
        event = f"e{next(self._numbers)}"
        self.written_at[event] = time.perf_counter()
        sender = Sender(Identity("bench", "w", user), user)
        place = Conversation("bench", "w", user)
        await self._inbox.receive(InboundMessage(event, place, sender, TEXT, self._clock.now()))

    async def everybody_says(self, count: int) -> None:
        """Write `count` messages, 500 at a time."""
        numbers = iter(range(count))

        async def produce() -> None:
            for number in numbers:
                await self.says(number)

        async with asyncio.TaskGroup() as group:
            for _ in range(500):
                group.create_task(produce())

    async def drained(self) -> None:
        """Wait until every message has been answered."""
        await self.platform.until_answered(len(self.written_at))


class InstantAgents:
    """A mind that answers at once with the events it heard, and notes when it heard them."""

    def __init__(self, written_at: dict[str, float]) -> None:
        self._written_at = written_at
        self.waits: list[float] = []
        self.turns = 0

    async def session_for(self, turn: Turn) -> Session:
        """Make one up; its thread carries the turn's events."""
        now = time.perf_counter()
        self.turns += 1
        events = [message.event_id for message in turn.messages]
        self.waits += [now - self._written_at[event] for event in events]
        return Session(AgentId("agent"), SessionId(" ".join(events)))

    async def agent_of(self, owner: PersonId, role: str) -> AgentId | None:
        """Return the only agent."""
        return AgentId("agent")

    def forget(self, owner: PersonId, role: str) -> None:
        """Have nothing to forget."""

    async def renew_thread(
        self, agent: AgentId, conversation: Conversation, begun_by: str
    ) -> SessionId:
        """Never be called."""
        raise NotImplementedError

    async def resume_thread(
        self, agent: AgentId, conversation: Conversation, thread: SessionId, begun_by: str
    ) -> None:
        """Never be called."""
        raise NotImplementedError

    async def run(self, request: RunRequest) -> AsyncIterator[TurnEvent]:
        """Answer."""
        assert isinstance(request.input[0], InputMessage)  # noqa: S101 - no tools are offered
        yield RunStarted(RunId(request.otid))
        yield TextDelta("m", request.session.thread)
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


class InstantPlatform:
    """A platform that shows everything at once, and notes when."""

    def __init__(self, written_at: dict[str, float]) -> None:
        self._written_at = written_at
        self.waits: list[float] = []
        self._answered = asyncio.Event()

    platform = "bench"
    streaming: Streaming | None = None

    async def until_answered(self, count: int) -> None:
        """Wait until `count` messages have been answered."""
        while len(self.waits) < count:
            self._answered.clear()
            await self._answered.wait()

    async def run(self, accept: Accept) -> None:
        """Bring nothing."""

    def split(self, text: str) -> list[str]:
        """Have no limit."""
        return [text]

    async def send(self, delivery: Delivery) -> PlatformMessageId:
        """Show it."""
        now = time.perf_counter()
        self.waits += [now - self._written_at[event] for event in delivery.text.split()]
        self._answered.set()
        return PlatformMessageId(delivery.id)

    async def find(self, delivery: Delivery) -> PlatformMessageId | None:
        """Lose nothing."""
        return None

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
