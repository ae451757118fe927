"""One worker process: the real parts, plugged together as bootstrap does, over simulated ports."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from agents.constellation import AgentConstellation, ConstellationOptions
from gateway.approvals import ApprovalOptions
from gateway.dispatcher import Dispatcher, DispatcherOptions
from gateway.domain.ids import WorkerId
from gateway.domain.people import Identity, Mode, Route
from gateway.drafts import Drafts
from gateway.freshness import Freshness
from gateway.inbox import Inbox
from gateway.lifecycle import Gateway, Housekeeping, Parts
from gateway.mind import Mind
from gateway.outbox import Outbox, OutboxOptions
from gateway.ports import Adapter, Constellation, Store
from gateway.retries import RetryPolicy
from gateway.rights.access import Access
from gateway.rights.policy import AccessMode, AccessPolicy
from gateway.telemetry import Metrics
from gateway.turn_runner import TurnOptions, TurnRunner
from scheduler.limits import WakeupLimits
from scheduler.ticker import Ticker
from tests.fakes.crashing import around
from tests.fakes.virtual_time import LoopClock
from tests.simulation.edges import Edges
from tests.simulation.minds import PAY, SimMinds, SimToolbox
from tests.simulation.parts import StoreBehind
from tests.simulation.platforms import Kind

OWN = Route("postern")
TEAM = Route("team", Mode.SHARED, quiet_seconds=0.5, max_wait_seconds=2.0)
SCRIBE = Route("scribe")
ROUTES: Mapping[str, Route] = {route.role: route for route in (OWN, TEAM, SCRIBE)}
"""Two agents for each person, and one that all share."""
NAMES = ("ada", "bo", "cy")
"""Who may talk; on the mute platform, nobody else."""

PER_PERSON = 1
"""Turns of one person at once: with few lanes each, one tells most."""
TURN_LEASE = timedelta(seconds=12)
SEND_LEASE = timedelta(seconds=15)
POLL = timedelta(seconds=5)
RETRY = RetryPolicy(first_seconds=0.5, longest_seconds=6.0)
FRESHNESS = Freshness(late=timedelta(seconds=20), unsent=timedelta(seconds=40))
"""Short, so that answers are late, and stay unsent, now and then."""
SETTLE_SECONDS = 4.0
APPROVALS = ApprovalOptions(tools=frozenset({PAY}), wait=timedelta(minutes=1), poll=POLL)


class WorkerStore(StoreBehind):
    """The shared store as one worker has it: with signals of its own, and faults at each call."""

    def __init__(self, store: Store, edges: Edges) -> None:
        super().__init__(store, lambda part, name: around(part, name, edges))
        self.schedules.changed = asyncio.Event()
        self.turn_ready = asyncio.Event()
        self.delivery_ready = asyncio.Event()
        self.turn_cancelled = asyncio.Event()


@dataclass(frozen=True, slots=True)
class Ports:
    """What a worker is plugged into."""

    store: WorkerStore
    minds: SimMinds
    toolbox: SimToolbox
    adapters: Sequence[Adapter]
    edges: Edges
    clock: LoopClock
    worker: WorkerId
    metrics: Metrics = field(default_factory=Metrics)


class Build:
    """How the parts are made. A twin overrides one of these with a broken one."""

    approvals = APPROVALS
    """What needs a yes, and for how long it waits for one."""

    def base_store(self, store: Store) -> Store:
        """Return what all workers share."""
        return store

    def worker_store(self, store: WorkerStore) -> Store:
        """Return the store as this worker has it."""
        return store

    def inbox(self, store: Store, ports: Ports) -> Inbox:
        """Return the way in."""
        modes = {str(kind): AccessMode.OPEN for kind in Kind}
        listed = frozenset(Identity(Kind.MUTE, "w", name).key for name in NAMES)
        policy = AccessPolicy({**modes, str(Kind.MUTE): AccessMode.ALLOWLIST}, listed)
        access = Access(policy, store.people, ports.clock)
        return Inbox(store, access, ROUTES, ports.clock, ports.metrics)

    def adapter(self, adapter: Adapter) -> Adapter:
        """Return the way to a platform."""
        return adapter

    def outbox(
        self, store: Store, adapters: Mapping[str, Adapter], drafts: Drafts, ports: Ports
    ) -> Outbox:
        """Return the way out."""
        options = OutboxOptions(
            ports.worker, lease=SEND_LEASE, poll=POLL, retry=RETRY, freshness=FRESHNESS
        )
        return Outbox(store, adapters, drafts, ports.clock, ports.metrics, options)

    def constellation(self, store: Store, minds: SimMinds, ports: Ports) -> Constellation:
        """Return who makes and finds agents."""
        options = ConstellationOptions(settle_seconds=SETTLE_SECONDS)
        return AgentConstellation(store.people, minds, ports.clock, options)

    def runner(
        self, store: Store, adapters: Mapping[str, Adapter], drafts: Drafts, ports: Ports
    ) -> TurnRunner:
        """Return who answers turns."""
        minds = around(ports.minds, "agents", ports.edges)
        limits = WakeupLimits(around(ports.toolbox, "toolbox", ports.edges), store.schedules)
        mind = Mind(self.constellation(store, minds, ports), minds, limits, routes=ROUTES)
        options = TurnOptions(retry=RETRY, approvals=self.approvals, freshness=FRESHNESS)
        return TurnRunner(store, adapters, mind, drafts, ports.clock, ports.metrics, options)

    def dispatcher(self, store: Store, runner: TurnRunner, ports: Ports) -> Dispatcher:
        """Return who claims lanes."""
        options = DispatcherOptions(
            ports.worker, per_person=PER_PERSON, lease=TURN_LEASE, poll=POLL
        )
        return Dispatcher(store, runner, ports.clock, options)

    def ticker(self, store: Store, ports: Ports) -> Ticker:
        """Return who fires schedules."""
        return Ticker(store, ROUTES, ports.clock, ports.metrics)

    def gateway(self, ports: Ports) -> Gateway:
        """Plug all of it together."""
        store = self.worker_store(ports.store)
        adapters = {
            each.platform: around(self.adapter(each), "platform", ports.edges)
            for each in ports.adapters
        }
        drafts = Drafts()
        runner = self.runner(store, adapters, drafts, ports)
        return Gateway(
            Parts(
                worker=ports.worker,
                clock=ports.clock,
                store=store,
                inbox=self.inbox(store, ports),
                outbox=self.outbox(store, adapters, drafts, ports),
                dispatcher=self.dispatcher(store, runner, ports),
                adapters=list(adapters.values()),
                housekeeping=Housekeeping(retention=None),
                beside=[self.ticker(store, ports), runner.approvals],
            )
        )
