"""Letta or the embedded server, and what turns think with."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.bootstrap.admission import make_circles
from gateway.bootstrap.choices import budget_policy, models, renewal_policy, routes, secret
from gateway.bootstrap.desks import desks
from gateway.bootstrap.groups import groups
from gateway.bootstrap.kept import AGENTS
from gateway.bootstrap.servers import lent_by, opened_tool_servers
from gateway.budgets import Budgets
from gateway.errors import SettingsWrong
from gateway.images import Images
from gateway.mind import Mind
from gateway.ports import ArtifactStore, Briefing, Clock, Constellation, Store
from gateway.renewals import Renewals
from gateway.settings import AgentSettings, BlockSettings, Settings
from gateway.teamwork import Teamwork

if TYPE_CHECKING:
    from agents.app_server.client import AppServer
    from agents.constellation import ConstellationOptions
    from agents.embedded import EmbeddedOptions
    from agents.letta import BlockSpec, LettaOptions
    from agents.letta.client import Letta
    from toolbox.executor import Executor
    from toolbox.registry import Registry, Tool


@asynccontextmanager
async def opened_mind(
    settings: Settings, store: Store, artifacts: ArtifactStore, clock: Clock
) -> AsyncGenerator[Mind]:
    """Connect to Letta, or start the embedded server; yields what turns think with."""
    from agents.constellation import AgentConstellation
    from scheduler.limits import WakeupLimits
    from scheduler.personal import PersonalDesk
    from toolbox.asking import asking_tools

    async with AsyncExitStack() as stack:
        letta = await stack.enter_async_context(opened_letta(settings))
        constellation = AgentConstellation(
            store.people, letta.host, clock, constellation_options(settings), letta.templates
        )
        circles = make_circles(settings, store, clock)
        teamwork = Teamwork(store, clock, routes(settings), groups(settings), circles=circles)
        tools = [
            *_tools(settings, store, artifacts, clock),
            *asking_tools(teamwork),
            *_shared(settings, letta, constellation),
        ]
        registry = _registry(tools)
        toolbox = WakeupLimits(_executor(settings, registry), store.schedules)
        servers = None
        if settings.mcp_servers:
            servers = await stack.enter_async_context(opened_tool_servers(settings, registry))
        images = Images(artifacts) if settings.letta.images else None
        yield Mind(
            constellation,
            letta.runtime,
            toolbox,
            routes(settings),
            images,
            letta.memory,
            artifacts,
            Budgets(store.usage, budget_policy(settings), clock),
            _briefing(settings, store, artifacts),
            PersonalDesk(desks(settings, store, clock).schedules, store, clock),
            teamwork,
            models(settings, store.notes),
            letta.models,
            letta.archive,
            letta.files,
            Renewals(constellation, store.notes, renewal_policy(settings)),
            servers,
            circles,
        )


def _tools(settings: Settings, store: Store, artifacts: ArtifactStore, clock: Clock) -> list[Tool]:
    """Return the tools that need nothing but what the gateway keeps."""
    from scheduler.reminders import ReminderDesk
    from toolbox.builtin import builtin_tools
    from toolbox.canvas import canvas_tools
    from toolbox.files import file_tools
    from toolbox.notes import note_tools
    from toolbox.registry import third_party_tools
    from toolbox.reminders import reminder_tools
    from toolbox.shared_state import shared_state_tools
    from toolbox.talking import talking_tools

    return [
        *builtin_tools(clock),
        *reminder_tools(ReminderDesk(store.schedules, clock, notes=store.notes)),
        *file_tools(artifacts),
        *note_tools(artifacts),
        *shared_state_tools(artifacts),
        *canvas_tools(store, clock, settings.canvas.picture_hosts),
        *talking_tools(store, clock, {each.name: each.posts for each in settings.agents}),
        *third_party_tools(),
    ]


def _shared(
    settings: Settings, letta: Letta | AppServer, constellation: Constellation
) -> list[Tool]:
    """Return the tools for what agents keep in mind together; none where that can't be reached."""
    from toolbox.shared_memory import shared_memory_tools

    if letta.memory is None:
        return []
    labels = {each.name: [block.label for block in each.shared_blocks] for each in settings.agents}
    return shared_memory_tools(letta.memory, constellation, labels)


def _briefing(settings: Settings, store: Store, artifacts: ArtifactStore) -> Briefing:
    """Return who hands wakeups what is new in their data sources."""
    from scheduler.sources import FetchOptions, GuardedFetch, SourceBriefing

    sources = settings.sources
    limits = FetchOptions(sources.private, sources.limit_bytes, sources.timeout_seconds)
    default_role = next(iter(routes(settings)))
    return SourceBriefing(store, artifacts, GuardedFetch(limits), default_role)


@asynccontextmanager
async def opened_letta(settings: Settings) -> AsyncGenerator[Letta | AppServer]:
    """Connect to the Letta server that the settings name, or start the embedded one."""
    async with AsyncExitStack() as stack:
        options = letta_options(settings)
        if settings.letta.is_embedded:
            options = await stack.enter_async_context(_embedded(settings, options))
        yield await stack.enter_async_context(_opened(settings, options))


def _opened(
    settings: Settings, options: LettaOptions
) -> AbstractAsyncContextManager[Letta | AppServer]:
    """Open what the address names: Letta's REST API, or its App Server."""
    if settings.letta.is_app_server:
        from agents.app_server.client import open_app_server

        return open_app_server(options)
    from agents.letta.client import open_letta

    return open_letta(options)


def _registry(tools: Sequence[Tool]) -> Registry:
    """Return the gateway's own tools by name. Raises SettingsWrong."""
    from toolbox.registry import Registry

    try:
        return Registry(tools)
    except ValueError as error:
        raise SettingsWrong(str(error)) from error


def _executor(settings: Settings, registry: Registry) -> Executor:
    """Return the tools at work, each role with those that it may use. Raises SettingsWrong.

    Which tools there are elsewhere is not known here: of these, names are taken as they stand.
    """
    from toolbox.executor import Executor

    allowed = {each.name: each.tools for each in settings.agents if each.tools is not None}
    named = {*settings.approvals.tools, *(name for names in allowed.values() for name in names)}
    lent = tuple(lent_by(settings))
    for name in sorted(named - set(registry.names())):
        if name.startswith(lent):
            continue
        known = ", ".join([*registry.names(), *(f"{prefix}*" for prefix in lent)])
        raise SettingsWrong(f'The settings name a tool "{name}". There is only {known}.')
    for agent in settings.agents:
        for name in sorted(set(agent.server_tools) & set(registry.names())):
            raise SettingsWrong(
                f'The agent "{agent.name}" has a tool "{name}" on its server, and the gateway has '
                "one of the same name: take it out of server_tools."
            )
    return Executor(registry, allowed)


@asynccontextmanager
async def served_letta(
    settings: Settings, host: str, port: int, database: Path
) -> AsyncGenerator[str]:
    """Serve the embedded Letta-compatible server alone; yields its address."""
    from agents.embedded.server import serve

    token = secret(settings.letta.api_key) or None
    options = replace(embedded_options(settings, token), database=database)
    async with serve(options, host, port) as url:
        yield url


def constellation_options(settings: Settings) -> ConstellationOptions:
    """Return how agents are made. The embedded server is near, and dies with its caller."""
    from agents.constellation import ConstellationOptions

    if settings.letta.is_embedded:
        return ConstellationOptions(settle_seconds=4.0)
    return ConstellationOptions()


def letta_options(settings: Settings) -> LettaOptions:
    """Return what the Letta adapter is told; an embedded server adds its address later."""
    from agents.letta import AgentSpec, LettaOptions

    letta = settings.letta
    return LettaOptions(
        base_url=letta.server_url or "",
        api_key=secret(letta.api_key),
        model=letta.model,
        embedding=letta.embedding,
        roles={
            agent.name: AgentSpec(
                blocks=_blocks(agent),
                shared_blocks=tuple(_block(block) for block in agent.shared_blocks),
                model=agent.model,
                system=agent.system,
                tools=agent.server_tools,
            )
            for agent in settings.agents
        },
    )


def _blocks(agent: AgentSettings) -> tuple[BlockSpec, ...]:
    from agents.letta import BlockSpec

    return (
        BlockSpec("persona", agent.persona, description="Who I am and how I behave."),
        BlockSpec("human", agent.human, description="What I know about my person."),
        *(_block(block) for block in agent.blocks),
    )


def _block(block: BlockSettings) -> BlockSpec:
    from agents.letta import BlockSpec

    return BlockSpec(block.label, block.value, block.limit, block.description, block.read_only)


def embedded_options(settings: Settings, token: str | None) -> EmbeddedOptions:
    """Return what the embedded server is started with."""
    from agents.embedded import EmbeddedOptions, ModelOptions

    model = settings.model
    return EmbeddedOptions(
        database=settings.data_dir / AGENTS,
        token=token,
        model=None
        if model.is_offline
        else ModelOptions(
            name=model.name,
            api_key=secret(model.api_key),
            base_url=model.server_url,
            context_window=model.context_window,
        ),
        embedding=model.embedding,
        word_delay_seconds=model.word_seconds,
    )


@asynccontextmanager
async def _embedded(settings: Settings, options: LettaOptions) -> AsyncGenerator[LettaOptions]:
    """Run the embedded server on a free loopback port, behind a token that only we know."""
    from agents.embedded.server import serve

    token = secrets.token_urlsafe(32)
    async with serve(embedded_options(settings, token)) as base_url:
        yield replace(options, base_url=base_url, api_key=token)
