"""Letta, as the settings name it: a server elsewhere, or the embedded one."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.bootstrap.choices import secret
from gateway.bootstrap.kept import AGENTS
from gateway.settings import AgentSettings, BlockSettings, Settings

if TYPE_CHECKING:
    from agents.app_server.client import AppServer
    from agents.embedded import EmbeddedOptions
    from agents.letta import BlockSpec, LettaOptions
    from agents.letta.client import Letta


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


@asynccontextmanager
async def _embedded(settings: Settings, options: LettaOptions) -> AsyncGenerator[LettaOptions]:
    """Run the embedded server on a free loopback port, behind a token that only we know."""
    from agents.embedded.server import serve

    token = secrets.token_urlsafe(32)
    async with serve(embedded_options(settings, token)) as base_url:
        yield replace(options, base_url=base_url, api_key=token)


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
