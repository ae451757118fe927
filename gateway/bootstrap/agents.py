"""Where the operator looks at agents and mends them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from gateway.bootstrap.minds import constellation_options, letta_options, opened_letta
from gateway.data_dir import held
from gateway.errors import SettingsWrong
from gateway.ports import AgentHost, AgentTemplates, Clock, Store
from gateway.settings import Settings

if TYPE_CHECKING:
    from agents.desk import AgentDesk
    from agents.roster import AgentRoster
    from gateway.domain.ids import AgentId
    from gateway.domain.people import Person
    from scheduler.roster_desk import Claim


def agent_roster(settings: Settings, store: Store) -> AgentRoster:
    """Return what the store knows of agents; no server is needed."""
    from agents.roster import AgentRoster

    options = letta_options(settings)
    versions = {agent.name: options.spec_of(agent.name).version for agent in settings.agents}
    return AgentRoster(store.people, versions)


@asynccontextmanager
async def opened_agents(
    settings: Settings, store: Store, clock: Clock
) -> AsyncGenerator[AgentDesk]:
    """Open the server where the agents live; yields where they are looked at and mended.

    The embedded server lives in the gateway, so that one may not be running then.
    """
    from agents.constellation import AgentConstellation
    from agents.desk import AgentDesk

    async with _opened(settings) as (host, templates):
        constellation = AgentConstellation(
            store.people, host, clock, constellation_options(settings), templates
        )
        roster = agent_roster(settings, store)
        yield AgentDesk(store.people, roster, constellation, templates, clock)


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
async def _opened(settings: Settings) -> AsyncGenerator[tuple[AgentHost, AgentTemplates]]:
    async with AsyncExitStack() as stack:
        if settings.letta.is_embedded:
            stack.enter_context(held(settings.data_dir))
        letta = await stack.enter_async_context(opened_letta(settings))
        if letta.templates is None:
            raise SettingsWrong(
                "letta.base_url names an App Server, whose agents stay as they were made. "
                "`postern agents list` and `explain` work without it."
            )
        yield letta.host, letta.templates
