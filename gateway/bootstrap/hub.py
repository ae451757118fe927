"""Plugs the hub together around its spokes."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI

from gateway.backlog import Backlog
from gateway.bootstrap.admission import make_access
from gateway.bootstrap.choices import (
    audit_retention,
    freshness,
    place_options,
    retention,
    routes,
    secret,
    turn_options,
    worker_of,
)
from gateway.bootstrap.hooks import make_hooks
from gateway.bootstrap.mcp import make_mcp
from gateway.bootstrap.muscle import make_muscle
from gateway.dispatcher import Dispatcher, DispatcherOptions
from gateway.domain.ids import WorkerId
from gateway.drafts import Drafts
from gateway.http import Vitals, create_app, create_server
from gateway.inbox import Inbox
from gateway.lifecycle import Gateway, Housekeeping, Part, Parts, Web
from gateway.mind import Mind
from gateway.outbox import Outbox, OutboxOptions
from gateway.pauses import Pauses
from gateway.place import Place
from gateway.porter import Doors, Porter
from gateway.ports import Adapter, ArtifactStore, Clock, Store
from gateway.retries import RetryPolicy
from gateway.rights.allowance import Allowance, ChannelAllowance
from gateway.rights.circles import Circles
from gateway.settings import Settings
from gateway.telemetry import Metrics
from gateway.tracer import Tracer
from gateway.turn_runner import TurnRunner

if TYPE_CHECKING:
    from scheduler.ticker import Ticker

TRACER = "tracer"
"""The place of whoever sends traces."""
PORTER = "porter"
"""The place of whoever carries what an ingress has stored."""
_PORTER_LEASE_SECONDS = 9.0
"""Others wait for this work: a dead process is replaced within 11 s."""


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


@dataclass(frozen=True, slots=True)
class Plugged:
    """A gateway that can be run, and what others than its own server reach it by."""

    gateway: Gateway
    worker: WorkerId
    inbox: Inbox
    app: FastAPI
    """Every route: the web chat, the platforms' doors, `/ready` …"""
    vitals: Vitals
    ticker: Ticker
    doors: Doors
    """Takes requests that were verified elsewhere; for its owner to close."""


def plug(settings: Settings, spokes: Spokes, listener: socket.socket | None = None) -> Plugged:
    """Put the hub together around its spokes; with a listener it serves HTTP there."""
    store, clock, metrics = spokes.store, spokes.clock, spokes.metrics
    worker = worker_of(settings)
    adapters = {adapter.platform: adapter for adapter in spokes.adapters}
    drafts = Drafts()
    options = turn_options(settings, _retry(settings))
    runner = TurnRunner(store, adapters, spokes.mind, drafts, clock, metrics, options)
    circles = spokes.mind.circles
    inbox = make_inbox(settings, store, clock, metrics, circles)
    access = make_access(settings, store, clock, circles)
    muscle = make_muscle(settings, store, access, inbox, clock, worker)
    mcp = make_mcp(settings, spokes, access, inbox)
    routers = [*([] if muscle is None else [muscle.router]), *([] if mcp is None else [mcp])]
    vitals, app = _served(settings, spokes, inbox, routers)
    ticker = make_ticker(settings, store, clock, metrics, circles)
    doors = Doors(app, settings.discord.api_url)
    parts = Parts(
        worker=worker,
        clock=clock,
        store=store,
        inbox=inbox,
        outbox=Outbox(store, adapters, drafts, clock, metrics, _sending(settings, worker)),
        dispatcher=Dispatcher(store, runner, clock, _dispatching(settings, worker)),
        adapters=spokes.adapters,
        housekeeping=Housekeeping(retention(settings), audit_retention(settings)),
        beside=[
            runner.approvals,
            runner.teamwork,
            ticker,
            *_beside(settings, spokes, worker, doors),
            *([] if muscle is None else [muscle.worker]),
            *([] if spokes.mind.servers is None else [spokes.mind.servers]),
        ],
        web=None if listener is None else Web(create_server(app), listener),
    )
    return Plugged(Gateway(parts), worker, inbox, app, vitals, ticker, doors)


def _retry(settings: Settings) -> RetryPolicy:
    return RetryPolicy(bug_attempts=settings.turns.max_attempts)


def _lease(settings: Settings) -> timedelta:
    return timedelta(seconds=settings.turns.lease_seconds)


def _sending(settings: Settings, worker: WorkerId) -> OutboxOptions:
    fresh, retry = freshness(settings), _retry(settings)
    longest = max(retry.give_up_after, fresh.unsent or timedelta())
    retry = replace(retry, give_up_after=longest)
    return OutboxOptions(worker, lease=_lease(settings), retry=retry, freshness=fresh)


def _dispatching(settings: Settings, worker: WorkerId) -> DispatcherOptions:
    turns = settings.turns
    return DispatcherOptions(worker, turns.max_in_flight, turns.per_person, _lease(settings))


def make_inbox(
    settings: Settings,
    store: Store,
    clock: Clock,
    metrics: Metrics,
    circles: Circles | None = None,
) -> Inbox:
    """Return the way in."""
    access = make_access(settings, store, clock, circles)
    backlog = Backlog(store.history, settings.turns.max_backlog)
    allowance = make_allowance(settings, store)
    return Inbox(store, access, routes(settings), clock, metrics, backlog, allowance)


def make_allowance(settings: Settings, store: Store) -> Allowance | None:
    """Return how much may be said in a minute; None where that does not matter."""
    most = settings.access.messages_per_minute
    in_channel = settings.access.channel_messages_per_minute
    channels = ChannelAllowance(store.usage, in_channel) if in_channel else None
    return Allowance(store.usage, most or None, channels) if most or in_channel else None


def make_ticker(
    settings: Settings,
    store: Store,
    clock: Clock,
    metrics: Metrics,
    circles: Circles | None = None,
) -> Ticker:
    """Return who fires what is due."""
    from scheduler.skips import SkipRules
    from scheduler.ticker import Ticker

    access = make_access(settings, store, clock, circles)
    skips = SkipRules(store, access, Pauses(store.notes).is_paused)
    return Ticker(store, routes(settings), clock, metrics, skips=skips)


def _beside(settings: Settings, spokes: Spokes, worker: WorkerId, doors: Doors) -> list[Part]:
    """Return who looks at how wakeups went, and who carries what an ingress has stored.

    On SQLite no ingress can have stored anything.
    """
    from scheduler.outcomes import Outcomes

    store, clock = spokes.store, spokes.clock
    default = next(iter(routes(settings)))
    parts: list[Part] = [Outcomes(store, default, clock, spokes.metrics)]
    if settings.traces.otlp_url is not None:
        parts.append(_make_tracer(settings, settings.traces.otlp_url, spokes, worker))
    if settings.sqlite_path is None:
        options = place_options(settings, _PORTER_LEASE_SECONDS)
        place = Place(PORTER, worker, store.leases, clock, options)
        parts.append(Porter(store.handed, doors.take, place, clock))
    return parts


def _make_tracer(settings: Settings, url: str, spokes: Spokes, worker: WorkerId) -> Tracer:
    from gateway.telemetry.otlp import OtlpCollector

    place = Place(TRACER, worker, spokes.store.leases, spokes.clock)
    return Tracer(spokes.store.history, OtlpCollector(url), place, settings.traces.share)


def _served(
    settings: Settings, spokes: Spokes, inbox: Inbox, more: Sequence[APIRouter]
) -> tuple[Vitals, FastAPI]:
    channels = {adapter.platform: adapter.health for adapter in spokes.adapters}
    vitals = Vitals(spokes.store, spokes.mind.runtime, channels, spokes.mind.servers)
    token = secret(settings.http.admin_token) or None
    access = make_access(settings, spokes.store, spokes.clock, spokes.mind.circles)
    hooks = make_hooks(settings, spokes.store, access, inbox, spokes.clock)
    routers = [hooks, *more, *spokes.routers]
    return vitals, create_app(vitals, spokes.store, spokes.metrics, routers, token)
