"""A whole hub behind the real Discord adapter: lifecycle, store, scripted agents, HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from adapters.discord.adapter import DiscordAdapter
from adapters.discord.options import DiscordOptions
from adapters.discord.routes import make_router
from agents.scripted import ScriptedAgents
from gateway.dispatcher import Dispatcher, DispatcherOptions
from gateway.domain.commands import CommandArgument, CommandSpec
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Delivery
from gateway.domain.ids import WorkerId
from gateway.domain.messages import InboundMessage, Refusal
from gateway.domain.people import Route
from gateway.drafts import Drafts
from gateway.errors import StoreUnavailable
from gateway.freshness import Freshness
from gateway.http import HttpServer, Vitals, create_app, create_server, listen
from gateway.images import Images
from gateway.inbox import Inbox
from gateway.lifecycle import Gateway, Housekeeping, Parts, Web
from gateway.mind import Mind
from gateway.outbox import Outbox, OutboxOptions
from gateway.ports import Clock, Store, Toolbox, Transcriber
from gateway.retries import RetryPolicy
from gateway.rights.access import Access
from gateway.rights.circles import Circles
from gateway.rights.policy import AccessMode, AccessPolicy
from gateway.rivals import Rivals
from gateway.telemetry import Metrics
from gateway.transcripts import ListeningLimits, Transcripts
from gateway.turn_runner import TurnOptions, TurnRunner
from storage.artifacts import MemoryArtifacts
from storage.memory import MemoryStore
from tests.fakes.directives import follow_directives
from tests.platforms.discord_server import DiscordServer
from toolbox.builtin import builtin_tools
from toolbox.executor import Executor
from toolbox.registry import Registry

WORKER = WorkerId("local")
COLOURS = ("Amber", *(f"Blue {number}" for number in range(30)))
COMMANDS = (
    CommandSpec("ask", "Ask the agent", (CommandArgument("text", "What"),), is_private=False),
    CommandSpec("status", "How things are"),
    CommandSpec("remind", "Set a reminder", (CommandArgument("when", "When"),), is_private=False),
    CommandSpec("paint", "Pick a colour", (CommandArgument("colour", "Which", choices=COLOURS),)),
)
QUICK = RetryPolicy(first_seconds=0.05, longest_seconds=0.2)


class AdvancingClock:
    """A clock for the server: it goes on as time does, and ahead when a test says so."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        """Return seconds since 1970."""
        return time.time() + self.ahead


class ServerClock:
    """The fake Discord's time, so that both sides agree on what has expired."""

    def __init__(self, server: DiscordServer) -> None:
        self._server = server

    def now(self) -> datetime:
        """Return it, aware UTC."""
        return datetime.fromtimestamp(self._server.settings.clock.now(), UTC)


@dataclass
class DiscordHub:
    """The hub as bootstrap would plug it together; it can be run, killed, and run again.

    Store and agents outlive it, as files and servers do.
    """

    server: DiscordServer
    store: Store = field(default_factory=MemoryStore)
    agents: ScriptedAgents = field(default_factory=lambda: ScriptedAgents(follow_directives))
    settings: dict[str, object] = field(default_factory=dict[str, object])
    """Options of the adapter that a test varies."""
    access: AccessPolicy = field(default_factory=lambda: AccessPolicy({"discord": AccessMode.OPEN}))
    circles: Circles = field(default_factory=Circles)
    """Who knows which roles people have."""
    route: Route = field(default_factory=lambda: Route("postern"))
    turns: TurnOptions = field(default_factory=TurnOptions)
    freshness: Freshness = field(default_factory=Freshness)
    toolbox: Toolbox | None = None
    """The tools that come with Postern and need no file when not set."""
    ears: Transcriber | None = None
    """Who listens to recordings."""
    artifacts: MemoryArtifacts = field(init=False)
    """Where files are kept."""
    stored: dict[str, InboundMessage] = field(default_factory=dict[str, InboundMessage])
    """Every message that was taken in by whichever life of the hub, by event id, in order."""
    stored_at: dict[str, float] = field(default_factory=dict[str, float])
    """When, on `time.perf_counter`, by event id."""
    is_store_down: bool = False
    knows_marks: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared, the store takes its time to say what the newest messages are."""
    url: str = ""

    def __post_init__(self) -> None:
        """Make the first adapter, to be looked at before the hub runs."""
        self.knows_marks.set()
        self.artifacts = MemoryArtifacts(self.clock)
        self.adapter = self.new_adapter()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[DiscordHub]:
        """Run as a new process would; leaving stops every task at once, as a crash does."""
        self.adapter = self.new_adapter()
        await self.store.open()
        with contextlib.closing(listen("127.0.0.1", 0)) as listener:
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/discord/interactions"
            gateway = self._new_gateway(Web(self._new_server(), listener))
            async with asyncio.TaskGroup() as group:
                life = group.create_task(gateway.run(asyncio.Event()))
                try:
                    yield self
                finally:
                    life.cancel()
        await self.store.close()

    @property
    def heard(self) -> list[str]:
        """The texts that were taken in, in order."""
        return [message.text for message in self.stored.values()]

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncGenerator[DiscordHub]:
        """Run, and wait until Discord's session has begun."""
        async with self.running():
            await self.server.connected()
            yield self

    async def has_heard(self, count: int) -> None:
        """Wait until so many messages are stored."""
        await self.server.until(lambda: len(self.heard) >= count)

    async def newest_events(self) -> Sequence[tuple[Conversation, str]]:
        """Return the newest message of every conversation, when the test lets it be known."""
        if self.is_store_down:
            raise StoreUnavailable("The database is away.")
        await self.knows_marks.wait()
        return await self.store.history.newest_events("discord")

    def new_adapter(self) -> DiscordAdapter:
        """Return one that does not run yet."""
        options = DiscordOptions(
            token=self.server.token,
            newest_events=self.newest_events,
            admits=lambda sender, place: self._new_access().hears(sender, place),
            artifacts=self.artifacts,
            find_approval=lambda approval: self.store.approvals.get(approval),
            find_delivery=self._find_delivery,
            note_refusal=self._note_refusal,
            heard_own=self._heard_own,
            api_url=self.server.api_url,
            commands=COMMANDS,
            identify_pause_seconds=0.0,
            retry_seconds=0.05,
            stream_interval_seconds=0.1,
            stream_hold_seconds=0.05,
            typing_after_seconds=0.05,
        )
        return DiscordAdapter(replace(options, **self.settings), self.clock)  # pyright: ignore[reportArgumentType] - tests name the fields

    async def _find_delivery(self, number: int) -> Delivery | None:
        if self.is_store_down:
            raise StoreUnavailable("The database is away.")
        return await self.store.deliveries.numbered(number)

    async def _note_refusal(self, message: InboundMessage, reason: str) -> None:
        if self.is_store_down:
            raise StoreUnavailable("The database is away.")
        await self.store.turns.refuse(Refusal(message, reason), self.clock.now())

    async def _heard_own(self, conversation: Conversation, nonce: str) -> None:
        rivals = Rivals(self.store.deliveries, self.store.leases, self.clock)
        await rivals.heard_own(conversation, nonce)

    def _new_access(self) -> Access:
        return Access(self.access, self.store.people, self.clock, self.circles)

    @property
    def clock(self) -> Clock:
        """The fake Discord's time."""
        return ServerClock(self.server)

    def _new_server(self) -> HttpServer:
        router = make_router(self.adapter, self.server.signer.public_key)
        return create_server(create_app(self.vitals, self.store, Metrics(), [router]))

    @property
    def vitals(self) -> Vitals:
        """How its parts are, as `/ready` tells it."""
        return Vitals(self.store, self.agents, {"discord": self.adapter.health})

    def _new_gateway(self, web: Web) -> Gateway:
        store, clock, metrics, drafts = self.store, self.clock, Metrics(), Drafts()
        adapters = {"discord": self.adapter}
        toolbox = self.toolbox or Executor(Registry(builtin_tools(clock)))
        ears, images = self.ears, Images(self.artifacts)
        heard = None if ears is None else Transcripts(ears, self.artifacts, ListeningLimits())
        mind = Mind(self.agents, self.agents, toolbox, images=images, transcripts=heard)
        runner = TurnRunner(store, adapters, mind, drafts, clock, metrics, self.turns)
        poll = timedelta(seconds=0.05)
        access = self._new_access()
        return Gateway(
            Parts(
                worker=WORKER,
                clock=clock,
                store=store,
                inbox=_WatchedInbox(self, access, metrics),
                outbox=Outbox(
                    store,
                    adapters,
                    drafts,
                    clock,
                    metrics,
                    OutboxOptions(WORKER, poll=poll, retry=QUICK, freshness=self.freshness),
                ),
                dispatcher=Dispatcher(store, runner, clock, DispatcherOptions(WORKER, poll=poll)),
                adapters=[self.adapter],
                housekeeping=Housekeeping(retention=None),
                web=web,
            )
        )


class _WatchedInbox(Inbox):
    """The inbox, which remembers for the test what the store has."""

    def __init__(self, hub: DiscordHub, access: Access, metrics: Metrics) -> None:
        routes = {hub.route.role: hub.route}
        super().__init__(hub.store, access, routes, ServerClock(hub.server), metrics)
        self._hub = hub

    async def receive(self, message: InboundMessage) -> None:
        """Store the message."""
        if self._hub.is_store_down:
            raise StoreUnavailable("The database is away.")
        await super().receive(message)
        self._hub.stored.setdefault(message.event_id, message)
        self._hub.stored_at.setdefault(message.event_id, time.perf_counter())
