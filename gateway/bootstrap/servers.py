"""The MCP servers elsewhere whose tools agents use."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from gateway.domain.tools import is_named
from gateway.settings import Settings
from gateway.settings.mcp_servers import PREFIX, McpServerSettings

if TYPE_CHECKING:
    from toolbox.foreign.server import ForeignServer, ServerOptions
    from toolbox.foreign.servers import ForeignServers
    from toolbox.registry import Registry


def opened_tool_servers(
    settings: Settings, registry: Registry, seconds: float = 3.0
) -> AbstractAsyncContextManager[ForeignServers]:
    """Connect to the servers of the settings; their tools go into the registry.

    Those that have not answered within `seconds` come later, when they are there.
    """
    from toolbox.foreign.servers import opened_servers

    return opened_servers([_options(each) for each in settings.mcp_servers], registry, seconds)


@dataclass(frozen=True, slots=True)
class LookedAt:
    """What one look at a server found."""

    name: str
    error: str | None
    """Why it could not be looked at."""
    tools: Sequence[str] = ()
    """As agents call them."""
    left_out: Sequence[str] = ()
    """Sentences on tools that agents do not get."""
    missing: Sequence[str] = ()
    """Tools that the settings name and that are not there."""


async def looked_at(settings: Settings, seconds: float) -> list[LookedAt]:
    """Look at every server of the settings once, as a gateway would when it starts."""
    if not settings.mcp_servers:
        return []
    from toolbox.registry import Registry

    async with opened_tool_servers(settings, Registry(), seconds) as servers:
        pairs = zip(servers.servers, settings.mcp_servers, strict=True)
        return [_found(server, chosen, settings) for server, chosen in pairs]


def _found(server: ForeignServer, chosen: McpServerSettings, settings: Settings) -> LookedAt:
    if server.why_away is not None:
        return LookedAt(server.name, str(server.why_away))
    tools = [tool.spec.name for tool in server.offer.tools]
    theirs = {*(chosen.tools or ()), *chosen.pure, *chosen.idempotent, *chosen.approve} - {"*"}
    agents = (name for agent in settings.agents for name in agent.tools or ())
    prefix = f"{PREFIX}{chosen.name}_"
    ours = {name for name in (*agents, *settings.approvals.tools) if name.startswith(prefix)}
    unknown = [each for each in sorted(ours) if not any(is_named(tool, [each]) for tool in tools)]
    missing = [*server.missing(sorted(theirs)), *unknown]
    return LookedAt(server.name, None, tools, server.offer.left_out, missing)


def lent_by(settings: Settings) -> Sequence[str]:
    """Return how the names of tools begin that come from these servers."""
    return [f"{PREFIX}{server.name}_" for server in settings.mcp_servers]


def _options(server: McpServerSettings) -> ServerOptions:
    from toolbox.foreign.connection import Endpoint
    from toolbox.foreign.descriptions import Terms
    from toolbox.foreign.server import ServerOptions

    seconds = server.timeout_seconds
    endpoint = Endpoint(
        server.name, server.url, server.headers, server.limit_bytes, seconds, version("postern")
    )
    terms = Terms(
        server.tools,
        server.pure,
        server.idempotent,
        server.approve,
        seconds,
        server.longest_result,
    )
    return ServerOptions(endpoint, terms, server.refresh_seconds)
