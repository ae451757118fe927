"""Plugs the hub together around its spokes."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from fastapi import APIRouter

from gateway.access import Access
from gateway.bootstrap.choices import access_policy, retention, routes, secret, worker_of
from gateway.bootstrap.hooks import make_hooks
from gateway.dispatcher import Dispatcher, DispatcherOptions
from gateway.drafts import Drafts
from gateway.http import HttpServer, Vitals, create_app, create_server
from gateway.inbox import Inbox
from gateway.lifecycle import Gateway, Housekeeping, Part, Parts, Web
from gateway.outbox import Outbox, OutboxOptions
from gateway.ports import Adapter, ArtifactStore, Clock, Store
from gateway.retries import RetryPolicy
from gateway.settings import Settings
from gateway.telemetry import Metrics
from gateway.turn_runner import Mind, TurnOptions, TurnRunner


@dataclass(frozen=True, slots=True)
class Spokes:
    """What the hub is plugged into; tests put their own in some places."""

    clock: Clock
    metrics: Metrics
    store: Store
    artifacts: ArtifactStore
    mind: Mind
    adapters: Sequence[Adapter]
    routers: Sequence[APIRouter] = ()


def plug(settings: Settings, spokes: Spokes, listener: socket.socket | None = None) -> Gateway:
    """Put the hub together around its spokes; with a listener it serves HTTP there."""
    store, clock, metrics = spokes.store, spokes.clock, spokes.metrics
    worker = worker_of(settings)
    adapters = {adapter.platform: adapter for adapter in spokes.adapters}
    drafts = Drafts()
    turns = settings.turns
    retry = RetryPolicy(bug_attempts=turns.max_attempts)
    lease = timedelta(seconds=turns.lease_seconds)
    runner = TurnRunner(
        store,
        adapters,
        spokes.mind,
        drafts,
        clock,
        metrics,
        TurnOptions(turns.deadline_seconds, turns.max_tool_rounds, retry),
    )
    agents = routes(settings)
    access = Access(access_policy(settings), store.people)
    inbox = Inbox(store, access, agents, clock, metrics)
    hooks = make_hooks(settings, store, access, inbox, clock)
    parts = Parts(
        worker=worker,
        clock=clock,
        store=store,
        inbox=inbox,
        outbox=Outbox(
            store, adapters, drafts, clock, metrics, OutboxOptions(worker, lease=lease, retry=retry)
        ),
        dispatcher=Dispatcher(
            store, runner, clock, DispatcherOptions(worker, turns.max_in_flight, lease)
        ),
        adapters=spokes.adapters,
        housekeeping=Housekeeping(retention(settings)),
        beside=_wakers(settings, spokes, access),
        web=None if listener is None else Web(_server(settings, spokes, hooks), listener),
    )
    return Gateway(parts)


def _wakers(settings: Settings, spokes: Spokes, access: Access) -> list[Part]:
    """Return what fires schedules, and what looks at how it went."""
    from scheduler.outcomes import Outcomes
    from scheduler.skips import SkipRules
    from scheduler.ticker import Ticker

    store, clock, metrics, agents = spokes.store, spokes.clock, spokes.metrics, routes(settings)
    skips = SkipRules(store, access.admits)
    return [
        Ticker(store, agents, clock, metrics, skips=skips),
        Outcomes(store, next(iter(agents)), clock, metrics),
    ]


def _server(settings: Settings, spokes: Spokes, hooks: APIRouter) -> HttpServer:
    channels = {adapter.platform: adapter.health for adapter in spokes.adapters}
    vitals = Vitals(spokes.store, spokes.mind.runtime, channels)
    token = secret(settings.http.admin_token) or None
    routers = [hooks, *spokes.routers]
    return create_server(create_app(vitals, spokes.store, spokes.metrics, routers, token))
