"""What turns think with: Letta, the agents in it, their tools, and what the hub lends them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from gateway.bootstrap.admission import make_circles
from gateway.bootstrap.choices import budget_policy, models, renewal_policy, routes
from gateway.bootstrap.desks import desks
from gateway.bootstrap.ears import opened_ears
from gateway.bootstrap.groups import groups
from gateway.bootstrap.hands import (
    kept_tools,
    make_registry,
    make_toolbox,
    opened_image_tools,
    shared_tools,
)
from gateway.bootstrap.letta import opened_letta
from gateway.bootstrap.servers import opened_tool_servers
from gateway.budgets import Budgets
from gateway.images import Images
from gateway.mind import Mind
from gateway.ports import ArtifactStore, Briefing, Clock, Store
from gateway.renewals import Renewals
from gateway.settings import Settings
from gateway.teamwork import Teamwork

if TYPE_CHECKING:
    from agents.constellation import ConstellationOptions


@asynccontextmanager
async def opened_mind(
    settings: Settings, store: Store, artifacts: ArtifactStore, clock: Clock
) -> AsyncGenerator[Mind]:
    """Connect to Letta, or start the embedded server; yields what turns think with."""
    from agents.constellation import AgentConstellation
    from scheduler.personal import PersonalDesk
    from toolbox.asking import asking_tools

    async with AsyncExitStack() as stack:
        letta = await stack.enter_async_context(opened_letta(settings))
        constellation = AgentConstellation(
            store.people, letta.host, clock, constellation_options(settings), letta.templates
        )
        circles = make_circles(settings, store, clock)
        teamwork = Teamwork(store, clock, routes(settings), groups(settings), circles=circles)
        kept = kept_tools(settings, store, artifacts, clock)
        shared = shared_tools(settings, letta.memory, constellation)
        painting = opened_image_tools(settings, store, artifacts, clock)
        made = await stack.enter_async_context(painting)
        registry = make_registry([*kept, *made, *asking_tools(teamwork), *shared])
        toolbox = make_toolbox(settings, registry, store)
        servers = None
        if settings.mcp_servers:
            servers = await stack.enter_async_context(opened_tool_servers(settings, registry))
        transcripts = await stack.enter_async_context(opened_ears(settings, artifacts))
        yield Mind(
            constellation,
            letta.runtime,
            toolbox,
            routes=routes(settings),
            images=Images(artifacts) if settings.letta.images else None,
            memory=letta.memory,
            artifacts=artifacts,
            budgets=Budgets(store.usage, budget_policy(settings), clock),
            briefing=_briefing(settings, store, artifacts),
            wakeups=PersonalDesk(desks(settings, store, clock).schedules, store, clock),
            teamwork=teamwork,
            models=models(settings, store.notes),
            own_models=letta.models,
            archive=letta.archive,
            files=letta.files,
            renewals=Renewals(constellation, store.notes, renewal_policy(settings)),
            servers=servers,
            circles=circles,
            transcripts=transcripts,
        )


def constellation_options(settings: Settings) -> ConstellationOptions:
    """Return how agents are made. The embedded server is near, and dies with its caller."""
    from agents.constellation import ConstellationOptions

    if settings.letta.is_embedded:
        return ConstellationOptions(settle_seconds=4.0)
    return ConstellationOptions()


def _briefing(settings: Settings, store: Store, artifacts: ArtifactStore) -> Briefing:
    """Return who hands wakeups what is new in their data sources."""
    from scheduler.sources import FetchOptions, GuardedFetch, SourceBriefing

    sources = settings.sources
    limits = FetchOptions(sources.private, sources.limit_bytes, sources.timeout_seconds)
    default_role = next(iter(routes(settings)))
    return SourceBriefing(store, artifacts, GuardedFetch(limits), default_role)
