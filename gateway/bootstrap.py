"""Settings → Gateway. The only place that names concrete classes; vendors load when they are on."""

from __future__ import annotations

import asyncio
import getpass
import os
import secrets
import socket
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter
from pydantic import SecretStr

from gateway.access import Access, AccessMode, AccessPolicy
from gateway.clock import SystemClock
from gateway.commands import SPECS
from gateway.data_dir import held
from gateway.dispatcher import Dispatcher, DispatcherOptions
from gateway.domain.ids import WorkerId
from gateway.domain.manifests import Manifest
from gateway.domain.people import Identity, Route
from gateway.drafts import Drafts
from gateway.http import HttpServer, Vitals, create_app, create_server, listen
from gateway.inbox import Inbox
from gateway.lifecycle import Gateway, Housekeeping, Parts, Web
from gateway.outbox import Outbox, OutboxOptions
from gateway.ports import Adapter, Clock, Store
from gateway.retries import RetryPolicy
from gateway.settings import Settings
from gateway.telemetry import Metrics
from gateway.turn_runner import Mind, TurnOptions, TurnRunner

if TYPE_CHECKING:
    from agents.constellation import ConstellationOptions
    from agents.embedded import EmbeddedOptions
    from agents.letta import BlockSpec, LettaOptions
    from scheduler.desk import Desk
    from scheduler.roster_desk import RosterDesk

TERMINAL_TOKEN = "terminal.token"  # noqa: S105 - a file's name
"""In the data directory: makes `postern chat` the same person with and without `postern up`."""


Door = tuple[Adapter, APIRouter | None]
"""A platform, and the routes by which it calls us, if it does."""


PLATFORMS = ("discord", "slack", "web")
"""Where a schedule can wake an agent: places that last, unlike a terminal."""


@dataclass(frozen=True, slots=True)
class Desks:
    """Where schedules are made and changed."""

    schedules: Desk
    rosters: RosterDesk


@dataclass(frozen=True, slots=True)
class Spokes:
    """What the hub is plugged into; tests put their own in some places."""

    clock: Clock
    metrics: Metrics
    store: Store
    mind: Mind
    adapters: Sequence[Adapter]
    routers: Sequence[APIRouter] = ()


@asynccontextmanager
async def opened_gateway(settings: Settings) -> AsyncGenerator[Gateway]:
    """Make everything that the settings turn on; yields it ready to run.

    Raises SettingsWrong when the data directory or the port is taken.
    """
    async with AsyncExitStack() as stack:
        data_dir = stack.enter_context(held(settings.data_dir))
        listener = stack.enter_context(listen(settings.http.host, settings.http.port))
        data_dir.announce(_url(settings, listener))
        clock = SystemClock()
        store = await stack.enter_async_context(opened_store(settings))
        mind = await stack.enter_async_context(opened_mind(settings, store, clock))
        adapters, routers = make_doors(settings, store, clock)
        spokes = Spokes(clock, Metrics(), store, mind, adapters, routers)
        yield plug(settings, spokes, listener)


async def chat_here(settings: Settings, stop: asyncio.Event) -> None:
    """Run a gateway for this terminal alone, until its input ends or `stop` is set."""
    from adapters.console.adapter import ConsoleAdapter, ConsoleOptions
    from adapters.console.terminal import Terminal

    async with AsyncExitStack() as stack:
        stack.enter_context(held(settings.data_dir))
        clock = SystemClock()
        store = await stack.enter_async_context(opened_store(settings))
        mind = await stack.enter_async_context(opened_mind(settings, store, clock))
        options = ConsoleOptions(getpass.getuser(), identity=_terminal_identity(settings))
        console = ConsoleAdapter(clock, store.history, Terminal(), options)
        gateway = plug(settings, Spokes(clock, Metrics(), store, mind, [console]))
        await gateway.run(stop, until=console.platform)


async def chat_with(settings: Settings, url: str) -> None:
    """Talk from this terminal to the gateway that runs at `url`, until the input ends."""
    from adapters.console.remote import RemoteChat, RemoteOptions, load_token
    from adapters.console.terminal import Terminal

    token = load_token(settings.data_dir / TERMINAL_TOKEN)
    role = next(iter(routes(settings)))
    await RemoteChat(RemoteOptions(url, token, role), Terminal()).run()


def _terminal_identity(settings: Settings) -> Identity | None:
    """Return whom a running gateway's web door takes this terminal for: the same person."""
    from adapters.console.remote import load_token
    from adapters.web.sessions import visitor_of

    visitor = visitor_of(load_token(settings.data_dir / TERMINAL_TOKEN))
    return visitor.sender.identity if visitor is not None else None


@asynccontextmanager
async def served_letta(
    settings: Settings, host: str, port: int, database: Path
) -> AsyncGenerator[str]:
    """Serve the embedded Letta-compatible server alone; yields its address."""
    from agents.embedded.server import serve

    token = _secret(settings.letta.api_key) or None
    options = replace(embedded_options(settings, token), database=database)
    async with serve(options, host, port) as url:
        yield url


@asynccontextmanager
async def opened_store(settings: Settings) -> AsyncGenerator[Store]:
    """Open the store; commands do it beside a running gateway."""
    store = make_store(settings)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def opened_mind(settings: Settings, store: Store, clock: Clock) -> AsyncGenerator[Mind]:
    """Connect to Letta, or start the embedded server; yields what turns think with."""
    from agents.constellation import AgentConstellation
    from agents.letta.client import open_letta
    from scheduler.limits import WakeupLimits
    from scheduler.reminders import ReminderDesk
    from toolbox.builtin import builtin_tools
    from toolbox.executor import Executor
    from toolbox.registry import Registry
    from toolbox.reminders import reminder_tools

    async with AsyncExitStack() as stack:
        options = letta_options(settings)
        if settings.letta.is_embedded:
            options = await stack.enter_async_context(_embedded(settings, options))
        letta = await stack.enter_async_context(open_letta(options))
        constellation = AgentConstellation(
            store.people, letta.host, clock, constellation_options(settings)
        )
        reminders = reminder_tools(ReminderDesk(store.schedules, clock))
        tools = Executor(Registry([*builtin_tools(clock), *reminders]))
        toolbox = WakeupLimits(tools, store.schedules)
        yield Mind(constellation, letta.runtime, toolbox, routes(settings))


def desks(settings: Settings, store: Store, clock: Clock) -> Desks:
    """Return where schedules are made and changed, by commands and by agents."""
    from scheduler.desk import Desk
    from scheduler.roster_desk import RosterDesk

    desk = Desk(store, routes(settings), PLATFORMS, clock)
    return Desks(desk, RosterDesk(desk, store.people, list(routes(settings)), clock))


def make_store(settings: Settings) -> Store:
    """Return the store that the settings name, not yet open."""
    path = settings.sqlite_path
    if path is None:
        from storage.postgres import PostgresStore

        return PostgresStore(settings.database_url.get_secret_value())
    from storage.sqlite.store import SqliteStore

    return SqliteStore(path)


def worker_of(settings: Settings) -> WorkerId:
    """Return the name under which this process holds leases.

    On SQLite one process serves a data directory, so its predecessor's leases
    are its own; on Postgres each of many has a name that was never used before.
    """
    if settings.sqlite_path is not None:
        return WorkerId("local")
    return WorkerId(f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}")


def make_doors(
    settings: Settings, store: Store, clock: Clock
) -> tuple[list[Adapter], list[APIRouter]]:
    """Return every platform that is turned on, and the routes by which they call us."""
    doors: list[Door] = [make_web(settings, store, clock)]
    if settings.discord.is_on:
        doors.append(make_discord(settings, store, clock))
    if settings.slack.is_on:
        doors.append(make_slack(settings, store, clock))
    return [adapter for adapter, _ in doors], [router for _, router in doors if router]


def make_discord(settings: Settings, store: Store, clock: Clock) -> Door:
    """Return Discord: its gateway and REST, and the route for signed interactions."""
    from adapters.discord.adapter import DiscordAdapter
    from adapters.discord.options import BotPolicy, DiscordOptions, ReactionPolicy
    from adapters.discord.routes import make_router

    discord = settings.discord
    adapter = DiscordAdapter(
        DiscordOptions(
            token=_secret(discord.token),
            newest_events=lambda: store.history.newest_events("discord"),
            application_id=discord.application_id,
            has_gateway=discord.connects,
            api_url=discord.api_url,
            gateway_url=discord.gateway_url,
            commands=SPECS,
            wants_content=discord.message_content,
            bots=BotPolicy(discord.bots),
            reactions=ReactionPolicy(discord.reactions),
            threads_on_mention=discord.threads_on_mention,
            max_parts=discord.max_parts,
        ),
        clock,
    )
    key = discord.public_key
    return adapter, None if key is None else make_router(adapter, key)


def make_slack(settings: Settings, store: Store, clock: Clock) -> Door:
    """Return Slack: Socket Mode with an app token, signed requests with a signing secret."""
    from adapters.slack.adapter import SlackAdapter
    from adapters.slack.options import Options
    from adapters.slack.routes import make_router

    slack = settings.slack
    adapter = SlackAdapter(
        Options(
            bot_token=_secret(slack.bot_token),
            signing_secret=_secret(slack.signing_secret) or None,
            app_token=_secret(slack.app_token) or None,
            api_url=slack.api_url,
            commands=SPECS,
            hears_reactions=slack.reactions,
            prompts=slack.prompts,
        ),
        store.history,
        clock,
    )
    return adapter, make_router(adapter) if slack.has_webhook else None


def manifests(settings: Settings) -> Mapping[str, Manifest]:
    """Return, by platform, how an app is made that fits the settings."""
    from adapters.discord.manifest import discord_manifest
    from adapters.slack.manifest import slack_manifest

    url = settings.http.public_url
    return {
        "discord": discord_manifest(settings.discord, url),
        "slack": slack_manifest(settings.slack, url, SPECS),
    }


def make_web(settings: Settings, store: Store, clock: Clock) -> Door:
    """Return the web chat: its adapter, and the routes by which browsers reach it."""
    from adapters.web.adapter import WebAdapter
    from adapters.web.guard import WebOptions
    from adapters.web.routes import make_router

    adapter = WebAdapter(clock)
    options = WebOptions(
        host=settings.http.host,
        public_url=settings.http.public_url,
        admin_token=_secret(settings.http.admin_token) or None,
    )
    return adapter, make_router(adapter, store.history, list(routes(settings)), options)


def plug(settings: Settings, spokes: Spokes, listener: socket.socket | None = None) -> Gateway:
    """Put the hub together around its spokes; with a listener it serves HTTP there."""
    from scheduler.ticker import Ticker

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
    parts = Parts(
        worker=worker,
        clock=clock,
        store=store,
        inbox=Inbox(
            store, Access(access_policy(settings), store.people), routes(settings), clock, metrics
        ),
        outbox=Outbox(
            store, adapters, drafts, clock, metrics, OutboxOptions(worker, lease=lease, retry=retry)
        ),
        dispatcher=Dispatcher(
            store, runner, clock, DispatcherOptions(worker, turns.max_in_flight, lease)
        ),
        adapters=spokes.adapters,
        housekeeping=Housekeeping(_retention(settings)),
        beside=[Ticker(store, routes(settings), clock, metrics)],
        web=None if listener is None else Web(_server(settings, spokes), listener),
    )
    return Gateway(parts)


def _server(settings: Settings, spokes: Spokes) -> HttpServer:
    channels = {adapter.platform: adapter.health for adapter in spokes.adapters}
    vitals = Vitals(spokes.store, spokes.mind.runtime, channels)
    token = _secret(settings.http.admin_token) or None
    return create_server(create_app(vitals, spokes.store, spokes.metrics, spokes.routers, token))


def routes(settings: Settings) -> Mapping[str, Route]:
    """Return the agents that messages can be for, the default one first."""
    return {
        agent.name: Route(
            role=agent.name,
            is_shared=agent.shared,
            quiet_seconds=settings.turns.quiet_seconds,
            max_wait_seconds=settings.turns.max_wait_seconds,
        )
        for agent in settings.agents
    }


def access_policy(settings: Settings) -> AccessPolicy:
    """Return who may talk on each platform; whoever has this machine's terminal may."""
    access = settings.access
    modes = {
        "discord": access.discord,
        "slack": access.slack,
        "web": access.web,
        "console": AccessMode.OPEN,
    }
    return AccessPolicy(modes, frozenset(access.allow))


def constellation_options(settings: Settings) -> ConstellationOptions:
    """Return how agents are made. The embedded server is near, and dies with its caller."""
    from agents.constellation import ConstellationOptions

    shared = [agent.name for agent in settings.agents if agent.shared]
    if settings.letta.is_embedded:
        return ConstellationOptions(shared, settle_seconds=4.0)
    return ConstellationOptions(shared)


def letta_options(settings: Settings) -> LettaOptions:
    """Return what the Letta adapter is told; an embedded server adds its address later."""
    from agents.letta import AgentSpec, LettaOptions

    letta = settings.letta
    return LettaOptions(
        base_url=letta.server_url or "",
        api_key=_secret(letta.api_key),
        model=letta.model,
        embedding=letta.embedding,
        roles={
            agent.name: AgentSpec(blocks=_blocks(agent.persona), model=agent.model)
            for agent in settings.agents
        },
    )


def _blocks(persona: str) -> tuple[BlockSpec, ...]:
    from agents.letta import BlockSpec

    return (
        BlockSpec("persona", persona, description="Who I am and how I behave."),
        BlockSpec("human", "Their name is {name}.", description="What I know about my person."),
    )


def embedded_options(settings: Settings, token: str | None) -> EmbeddedOptions:
    """Return what the embedded server is started with."""
    from agents.embedded import EmbeddedOptions, ModelOptions

    model = settings.model
    return EmbeddedOptions(
        database=settings.data_dir / "letta.db",
        token=token,
        model=None
        if model.is_offline
        else ModelOptions(
            name=model.name,
            api_key=_secret(model.api_key),
            base_url=model.server_url,
        ),
    )


@asynccontextmanager
async def _embedded(settings: Settings, options: LettaOptions) -> AsyncGenerator[LettaOptions]:
    """Run the embedded server on a free loopback port, behind a token that only we know."""
    from agents.embedded.server import serve

    token = secrets.token_urlsafe(32)
    async with serve(embedded_options(settings, token)) as base_url:
        yield replace(options, base_url=base_url, api_key=token)


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value is not None else ""


def _url(settings: Settings, listener: socket.socket) -> str:
    host = settings.http.host
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"


def _retention(settings: Settings) -> timedelta | None:
    days = settings.retention.days
    return None if days is None else timedelta(days=days)
