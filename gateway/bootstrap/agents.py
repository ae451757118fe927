"""Where the operator looks at agents and mends them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING

from gateway.bootstrap.letta import letta_options, opened_letta
from gateway.bootstrap.minds import constellation_options
from gateway.data_dir import held
from gateway.domain.ids import AgentId
from gateway.errors import RunFailed, SettingsWrong
from gateway.ports import AgentTemplates, Clock, Store
from gateway.settings import Settings

if TYPE_CHECKING:
    from agents.app_server.client import AppServer
    from agents.desk import AgentDesk
    from agents.letta.client import Letta
    from agents.roster import AgentRoster
    from gateway.domain.memory import MemoryBlock
    from gateway.domain.people import Person
    from scheduler.roster_desk import Claim


def agent_roster(settings: Settings, store: Store) -> AgentRoster:
    """Return what the store knows of agents; no server is needed."""
    from agents.roster import AgentRoster

    return AgentRoster(store.people, template_versions(settings))


def template_versions(settings: Settings) -> Mapping[str, str]:
    """Return the version of each role's template, the default role first."""
    options = letta_options(settings)
    return {agent.name: options.spec_of(agent.name).version for agent in settings.agents}


async def memories(
    settings: Settings, agents: Iterable[str]
) -> list[tuple[str, list[MemoryBlock]]]:
    """Return what these agents keep in mind, on the server elsewhere that has them.

    Nothing of one that is gone, and of all where the server shows no memory.
    """
    found: list[tuple[str, list[MemoryBlock]]] = []
    async with opened_letta(settings) as letta:
        if letta.memory is None:
            return found
        for agent in agents:
            with suppress(RunFailed):
                found.append((agent, await letta.memory.blocks(AgentId(agent))))
    return found


@asynccontextmanager
async def opened_agents(
    settings: Settings, store: Store, clock: Clock
) -> AsyncGenerator[AgentDesk]:
    """Open the server where the agents live; yields where they are looked at and mended.

    The embedded server lives in the gateway, so that one may not be running then.
    """
    from agents.constellation import AgentConstellation
    from agents.desk import AgentDesk

    async with _opened(settings) as (letta, templates):
        constellation = AgentConstellation(
            store.people, letta.host, clock, constellation_options(settings), templates
        )
        roster = agent_roster(settings, store)
        yield AgentDesk(store.people, roster, constellation, templates, clock, letta.memory)


@asynccontextmanager
async def claiming(settings: Settings) -> AsyncGenerator[Claim]:
    """Yield how agents that are there already become a person's.

    Their server is opened by the first call, as `opened_agents` does it.
    """
    async with AsyncExitStack() as stack:
        opened: list[AgentTemplates] = []

        async def claim(person: Person, role: str, agent: AgentId) -> None:
            if not opened:
                _, templates = await stack.enter_async_context(_opened(settings))
                opened.append(templates)
            await opened[0].claim(person, role, agent)

        yield claim


@asynccontextmanager
async def _opened(
    settings: Settings,
) -> AsyncGenerator[tuple[Letta | AppServer, AgentTemplates]]:
    async with AsyncExitStack() as stack:
        if settings.letta.is_embedded:
            stack.enter_context(held(settings.data_dir))
        letta = await stack.enter_async_context(opened_letta(settings))
        if letta.templates is None:
            raise SettingsWrong(
                "letta.base_url names an App Server, whose agents stay as they were made. "
                "`postern agents list` and `explain` work without it."
            )
        yield letta, letta.templates
