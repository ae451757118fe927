"""A whole hub in one process: a store, scripted agents, and the platform that remembers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from agents.constellation import AgentConstellation
from agents.scripted import ScriptedAgents
from gateway.backlog import Backlog
from gateway.budgets import BudgetPolicy, Budgets
from gateway.dispatcher import Dispatcher, DispatcherOptions
from gateway.domain.conversations import Conversation
from gateway.domain.ids import WorkerId
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Route, Sender
from gateway.drafts import Drafts
from gateway.freshness import Freshness
from gateway.groups import Group
from gateway.inbox import Inbox
from gateway.mind import Mind
from gateway.models import Models
from gateway.outbox import Outbox, OutboxOptions
from gateway.pauses import Pauses
from gateway.ports import (
    Adapter,
    AgentHost,
    AgentRuntime,
    ArtifactStore,
    Briefing,
    Clock,
    Store,
    Streaming,
    Toolbox,
    Transcriber,
)
from gateway.renewals import RenewalPolicy, Renewals
from gateway.retries import RetryPolicy
from gateway.rights.access import Access
from gateway.rights.allowance import Allowance, ChannelAllowance
from gateway.rights.circles import Circles
from gateway.rights.policy import AccessMode, AccessPolicy
from gateway.teamwork import Teamwork
from gateway.telemetry import Metrics
from gateway.transcripts import ListeningLimits, Transcripts
from gateway.turn_runner import TurnOptions, TurnRunner
from scheduler.desk import Desk
from scheduler.outcomes import Outcomes
from scheduler.personal import PersonalDesk
from scheduler.skips import SkipRules
from scheduler.ticker import Ticker
from tests.fakes.crashing import CrashPoints, around
from tests.fakes.platform import FakeAdapter, FakePlatform
from tests.fakes.virtual_time import LoopClock
from toolbox.asking import asking_tools
from toolbox.builtin import builtin_tools
from toolbox.executor import Executor
from toolbox.registry import Registry

WORKER = WorkerId("local")


@dataclass(frozen=True, slots=True)
class HubOptions:
    """What tests vary."""

    worker: WorkerId = WORKER
    """Whose leases they are, where several hubs share a store."""
    streaming: Streaming | None = None
    can_find: bool = True
    route: Route = field(default_factory=lambda: Route("postern"))
    routes: Mapping[str, Route] | None = None
    """All agents, where there are more than `route`."""
    doors: tuple[str, ...] = ("fake",)
    """The platforms that there are, all of them open unless `access` says otherwise."""
    access: AccessPolicy | None = None
    circles: Circles = field(default_factory=Circles)
    """Who knows which roles people have."""
    turns: TurnOptions = field(default_factory=TurnOptions)
    lease: timedelta = timedelta(seconds=30)
    sending: RetryPolicy = field(default_factory=RetryPolicy)
    freshness: Freshness = field(default_factory=Freshness)
    """How old an answer may be."""
    adapters: Callable[[], Sequence[Adapter]] | None = None
    """Makes the adapters of a new process, for other platforms than the fake one."""
    budgets: BudgetPolicy = field(default_factory=BudgetPolicy)
    max_in_flight: int = 2_000
    """How many turns run at once."""
    per_person: int = 4
    """How many of these are one person's."""
    max_backlog: int | None = None
    """How many messages may wait; None where any number may."""
    messages_per_minute: int | None = None
    """How many a person may say; None where any number."""
    channel_messages_per_minute: int | None = None
    """How many all together may say in a channel; None where any number."""
    tickers: int = 0
    """How many fire what is due, all at once."""
    is_judging: bool = False
    """Whether somebody looks at what slots came to."""
    briefing: Briefing | None = None
    artifacts: ArtifactStore | None = None
    """Where files are; None where none are taken in."""
    ears: Transcriber | None = None
    """Who listens to recordings; they need a place where files are."""
    asking: bool = False
    """Whether agents have the tool to ask others."""
    groups: Mapping[str, Group] = field(default_factory=dict[str, Group])
    models: Sequence[str] = ()
    """Handles of the models that people may choose."""
    renewals: RenewalPolicy = field(default_factory=RenewalPolicy)
    """When conversations begin anew by themselves."""
    has_constellation: bool = False
    """Whether the real one finds people's agents, instead of the scripted agents themselves."""
    mind: tuple[AgentHost, AgentRuntime] | None = None
    """Where agents are and think, instead of the scripted ones; found by the real constellation."""


class FakeHub:
    """The hub as bootstrap would plug it together, over stand-ins for the outside.

    `running` may be entered again and again over the same store, agents and
    platform: leaving it stops every task at once, as a crash would.
    """

    def __init__(
        self,
        store: Store,
        *,
        options: HubOptions | None = None,
        clock: Clock | None = None,
        toolbox: Toolbox | None = None,
    ) -> None:
        self.options = options or HubOptions()
        self.store = store
        self.clock = clock or LoopClock()
        self.agents = ScriptedAgents()
        self.platform = FakePlatform()
        one = self.options.route
        self.routes: Mapping[str, Route] = self.options.routes or {one.role: one}
        teamwork = Teamwork(store, self.clock, self.routes)
        asking = asking_tools(teamwork) if self.options.asking else []
        tools = Registry([*builtin_tools(self.clock), *asking])
        self.toolbox = toolbox or Executor(tools)
        self._events = 0
        self._points = CrashPoints()
        self.metrics = Metrics()
        self.inbox = self._new_inbox()

    def record(self, points: CrashPoints) -> None:
        """Note the moments of the processes to come."""
        self._points = points

    async def until_crash(self, points: CrashPoints) -> None:
        """Run as a process that dies at one of its moments; returns when it is dead."""
        self._points = points
        try:
            async with self.running():
                await points.crashed.wait()
        finally:
            self._points = CrashPoints()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Run all parts as a new process would; stop them dead at the end."""
        await self._recover()
        self.inbox = self._new_inbox()
        adapters = self._new_adapters()
        outbox, dispatcher, runner = self._new_parts(adapters)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(outbox.run()), group.create_task(dispatcher.run())]
            tasks += [group.create_task(runner.approvals.run())]
            tasks += [group.create_task(runner.teamwork.run())]
            tasks += [group.create_task(adapter.run(self.inbox.receive)) for adapter in adapters]
            tasks += [group.create_task(ticker.run()) for ticker in self._new_tickers()]
            if self.options.is_judging:
                judge = Outcomes(self.store, self.options.route.role, self.clock, Metrics())
                tasks.append(group.create_task(judge.run()))
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()

    def person(self, name: str) -> FakePerson:
        """Return somebody with a direct conversation of their own."""
        return self.account(Identity("fake", "w1", name), Conversation("fake", "w1", f"dm-{name}"))

    def on_slack(self, name: str, place: Conversation) -> FakePerson:
        """Return somebody of the Slack workspace T1, who talks in this place."""
        return self.account(Identity("slack", "T1", name), place)

    def account(self, identity: Identity, place: Conversation) -> FakePerson:
        """Return somebody with this account, who talks in this place."""
        return FakePerson(self, identity.user, place, identity)

    def message(self, person: FakePerson, text: str, event_id: str | None = None) -> InboundMessage:
        """Return what the platform would bring when this person writes."""
        self._events += 1
        return InboundMessage(
            event_id=event_id or f"event-{self._events}",
            conversation=person.conversation,
            sender=Sender(person.identity, person.name),
            text=text,
            sent_at=self.clock.now(),
        )

    async def _recover(self) -> None:
        now = self.clock.now()
        await self.store.turns.recover(now, predecessor=self.options.worker)
        await self.store.deliveries.recover(now, predecessor=self.options.worker)

    def _new_inbox(self) -> Inbox:
        store = around(self.store, "store", self._points)
        most = self.options.max_backlog
        backlog = None if most is None else Backlog(store.history, most)
        limit, most = self.options.messages_per_minute, self.options.channel_messages_per_minute
        channels = None if most is None else ChannelAllowance(store.usage, most)
        allowance = Allowance(store.usage, limit, channels)
        access = self._access(store)
        return Inbox(store, access, self.routes, self.clock, Metrics(), backlog, allowance)

    def _access(self, store: Store) -> Access:
        every = dict.fromkeys(self.options.doors, AccessMode.OPEN)
        return Access(
            self.options.access or AccessPolicy(modes=every),
            store.people,
            self.clock,
            self.options.circles,
        )

    def _new_adapters(self) -> Sequence[Adapter]:
        options = self.options
        if options.adapters is not None:
            return options.adapters()
        return [
            FakeAdapter(
                self.platform, streaming=options.streaming, can_find=options.can_find, name=door
            )
            for door in options.doors
        ]

    def _new_tickers(self) -> list[Ticker]:
        store = around(self.store, "store", self._points)
        skips = SkipRules(store, self._access(store), Pauses(store.notes).is_paused)
        return [
            Ticker(store, self.routes, self.clock, Metrics(), skips=skips)
            for _ in range(self.options.tickers)
        ]

    def _new_parts(self, adapters: Sequence[Adapter]) -> tuple[Outbox, Dispatcher, TurnRunner]:
        options, metrics, drafts = self.options, self.metrics, Drafts()
        store = around(self.store, "store", self._points)
        by_name = {each.platform: around(each, "platform", self._points) for each in adapters}
        turns = replace(options.turns, freshness=options.freshness)
        mind = self._new_mind(store)
        runner = TurnRunner(store, by_name, mind, drafts, self.clock, metrics, turns)
        dispatching = DispatcherOptions(
            options.worker, options.max_in_flight, options.per_person, options.lease
        )
        sending = OutboxOptions(
            options.worker,
            lease=options.lease,
            retry=options.sending,
            freshness=options.freshness,
        )
        return (
            Outbox(store, by_name, drafts, self.clock, metrics, sending),
            Dispatcher(store, runner, self.clock, dispatching),
            runner,
        )

    def _new_mind(self, store: Store) -> Mind:
        options, points, routes = self.options, self._points, self.routes
        agents = around(self.agents, "agents", points)
        host, runtime = options.mind or (agents, agents)
        people = around(self.store.people, "people", points)
        real = AgentConstellation(people, host, self.clock)
        constellation = real if options.has_constellation or options.mind else agents
        desk = Desk(store, routes, options.doors, self.clock, rights=self._access(store))
        return Mind(
            constellation,
            runtime,
            around(self.toolbox, "toolbox", points),
            routes=routes,
            memory=agents,
            artifacts=options.artifacts,
            budgets=Budgets(store.usage, options.budgets, self.clock),
            briefing=options.briefing,
            wakeups=PersonalDesk(desk, store, self.clock),
            teamwork=Teamwork(store, self.clock, routes, options.groups, circles=options.circles),
            circles=options.circles,
            models=Models(store.notes, dict.fromkeys(routes, options.models)),
            own_models=agents,
            renewals=Renewals(constellation, store.notes, options.renewals),
            archive=around(self.agents.archive, "archive", points),
            files=around(self.agents.files, "files", points),
            transcripts=self._new_transcripts(),
        )

    def _new_transcripts(self) -> Transcripts | None:
        ears, artifacts = self.options.ears, self.options.artifacts
        if ears is None or artifacts is None:
            return None
        return Transcripts(
            around(ears, "ears", self._points),
            around(artifacts, "artifacts", self._points),
            ListeningLimits(),
        )


@dataclass(frozen=True, slots=True)
class FakePerson:
    """Somebody who writes, and reads what comes back."""

    hub: FakeHub
    name: str
    conversation: Conversation
    identity: Identity

    async def says(self, text: str, *, event_id: str | None = None) -> InboundMessage:
        """Write; returns when the platform has been acknowledged."""
        message = self.hub.message(self, text, event_id)
        await self.hub.inbox.receive(message)
        return message

    async def asks(self, text: str) -> str:
        """Write; return the next that comes back."""
        return await self._asks(self.hub.message(self, text))

    async def whispers(self, text: str) -> str:
        """Write for nobody else to read; return the next that comes back."""
        return await self._asks(replace(self.hub.message(self, text), is_private=True))

    async def talks(self, text: str, answer: str) -> None:
        """Write, and read this answer of the agent."""
        self.hub.agents.will_say(answer)
        await self.asks(text)

    async def _asks(self, message: InboundMessage) -> str:
        before = len(self.sees)
        await self.hub.inbox.receive(message)
        return (await self.reads(before + 1))[-1]

    @property
    def sees(self) -> list[str]:
        """What stands in the conversation now."""
        return self.hub.platform.visible(self.conversation.id)

    async def reads(self, count: int = 1) -> list[str]:
        """Wait until so many messages stand in the conversation; return them."""
        return await self.hub.platform.until_visible(self.conversation.id, count)
