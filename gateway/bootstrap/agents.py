"""Where the operator looks at agents and mends them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from gateway.bootstrap.minds import constellation_options, letta_options, opened_letta
from gateway.data_dir import held
from gateway.errors import SettingsWrong
from gateway.ports import Clock, Store
from gateway.settings import Settings

if TYPE_CHECKING:
    from agents.desk import AgentDesk
    from agents.roster import AgentRoster


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

    async with AsyncExitStack() as stack:
        if settings.letta.is_embedded:
            stack.enter_context(held(settings.data_dir))
        letta = await stack.enter_async_context(opened_letta(settings))
        if letta.templates is None:
            raise SettingsWrong(
                "letta.base_url names an App Server, whose agents stay as they were made. "
                "`postern agents list` and `explain` work without it."
            )
        constellation = AgentConstellation(
            store.people, letta.host, clock, constellation_options(settings), letta.templates
        )
        roster = agent_roster(settings, store)
        yield AgentDesk(store.people, roster, constellation, letta.templates, clock)
