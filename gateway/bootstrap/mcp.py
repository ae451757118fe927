"""The MCP servers: which tools agents may call from outside of their turns."""

from __future__ import annotations

from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi import APIRouter

from gateway.bootstrap.choices import routes, secret
from gateway.bootstrap.muscle import make_backend
from gateway.domain.compute import RunLimits
from gateway.domain.conversations import Conversation
from gateway.domain.ids import PersonId
from gateway.domain.people import Identity, Person, Sender
from gateway.domain.tools import Caller
from gateway.inbox import Inbox
from gateway.ports import Store
from gateway.rights.access import Access
from gateway.settings import Settings

if TYPE_CHECKING:
    from gateway.bootstrap.hub import Spokes
    from toolbox.registry import Tool

_CODE_SECONDS = 30.0


def make_mcp(settings: Settings, spokes: Spokes, access: Access, inbox: Inbox) -> APIRouter | None:
    """Return the routes; None where they are off, or no token could be made."""
    from adapters.api.mcp import McpParts, make_mcp_router
    from toolbox.executor import Executor
    from toolbox.registry import Registry

    token = secret(settings.http.admin_token)
    if not (settings.mcp.on and token):
        return None
    known = _Known(settings, spokes.store, access)
    servers = _servers(settings, spokes, known, inbox)
    return make_mcp_router(
        McpParts(
            servers={name: Executor(Registry(tools)) for name, tools in servers.items()},
            find=known.find,
            is_still=known.is_still,
            log=spokes.store.outside_calls,
            clock=spokes.clock,
            admin_token=token,
            calls_per_minute=settings.mcp.calls_per_minute,
            version=version("postern"),
        )
    )


def _servers(
    settings: Settings, spokes: Spokes, known: _Known, inbox: Inbox
) -> dict[str, list[Tool]]:
    """Return the tools of each server, by its name."""
    from toolbox import mcp

    store, clock, compute = spokes.store, spokes.clock, settings.compute
    limits = RunLimits(min(_CODE_SECONDS, compute.seconds), compute.memory_bytes)
    web = mcp.WebOptions(timedelta(seconds=settings.mcp.web_cache_seconds))
    roles, memory = list(routes(settings)), spokes.mind.memory
    agents = mcp.AgentParts(store, roles, memory, inbox.wake, known.sender, clock)
    return {
        "filesystem": mcp.filesystem_tools(spokes.artifacts),
        "web": mcp.web_tools(_Reader(settings).read, clock, web),
        "code": mcp.code_tools(make_backend(settings), limits, compute.at_once),
        "agents": mcp.agent_tools(agents),
    }


class _Known:
    """Who an agent is, asked of the store at every call."""

    def __init__(self, settings: Settings, store: Store, access: Access) -> None:
        self._routing = routes(settings)
        self._people = store.people
        self._access = access

    async def find(self, person: str, role: str) -> Caller | None:
        """Return a person's agent by the person's account or id."""
        found = await self._person(person)
        binding = None if found is None else await self._people.binding(found.id, role)
        if found is None or binding is None or binding.agent_id is None or "#" in role:
            return None
        return Caller(found.id, role, binding.agent_id)

    async def is_still(self, caller: Caller) -> bool:
        """Whether this still is the person's agent, and the person may talk."""
        binding = await self._people.binding(caller.person, caller.role)
        if binding is None or binding.agent_id != caller.agent:
            return False
        return await self._admitted(caller.person) is not None

    async def sender(self, caller: Caller, place: Conversation, role: str) -> Sender | None:
        """Return in whose name an agent of this role is written to; None when not allowed."""
        identity = await self._admitted(caller.person)
        person = await self._people.get_person(caller.person)
        if identity is None or person is None or role not in self._routing:
            return None
        circles = await self._access.circles_of(identity)
        decided = self._routing.decide(place, identity, role, circles)
        return Sender(identity, person.name) if decided.is_allowed else None

    async def _person(self, readable: str) -> Person | None:
        parts = readable.split(":", 2)
        if len(parts) == 3:
            return await self._people.find_person(Identity(*parts))
        return await self._people.get_person(PersonId(readable))

    async def _admitted(self, person: PersonId) -> Identity | None:
        for identity in await self._people.identities(person):
            if await self._access.admits(identity, identity.platform):
                return identity
        return None


class _Reader:
    """Reads pages for agents, with the guard of data sources."""

    def __init__(self, settings: Settings) -> None:
        from scheduler.sources import FetchOptions, GuardedFetch

        sources = settings.sources
        limits = FetchOptions(sources.private, sources.limit_bytes, sources.timeout_seconds)
        self._fetch = GuardedFetch(limits)

    async def read(self, url: str) -> str:
        """Return a page as text. Raises BadInput where it refuses."""
        from scheduler.sources.feeds import read_entries

        fetched = await self._fetch.get(url, {})
        if fetched is None:
            return ""
        entries = read_entries(fetched.text, fetched.media_type)
        return "\n\n".join(entry.text for entry in entries)
