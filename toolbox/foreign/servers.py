"""All MCP servers that the settings name, as one part of the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from gateway.ports import Health
from toolbox.foreign.server import ForeignServer, ServerOptions
from toolbox.registry import Registry

FIRST_LOOK_SECONDS = 3.0
"""The start of a gateway waits no longer for what is elsewhere."""


class ForeignServers:
    """Implements `ToolServers`. One that is away is looked for while the others serve."""

    def __init__(self, servers: Iterable[ForeignServer]) -> None:
        self.servers = tuple(servers)

    async def run(self) -> None:
        """Keep them in sight, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for server in self.servers:
                group.create_task(server.run())

    def health(self) -> Mapping[str, Health]:
        """Say how each of them is."""
        return {server.name: server.health() for server in self.servers}

    async def look(self, seconds: float) -> None:
        """Ask each for its tools, for at most so long."""
        async with asyncio.TaskGroup() as group:
            for server in self.servers:
                group.create_task(_looked(server, seconds))


@asynccontextmanager
async def opened_servers(
    options: Iterable[ServerOptions], registry: Registry, seconds: float = FIRST_LOOK_SECONDS
) -> AsyncGenerator[ForeignServers]:
    """Open connections, look for at most `seconds`, and close them at the end.

    What was not there then is found by `run`, which is the caller's to keep going.
    """
    async with AsyncExitStack() as stack:
        servers = ForeignServers(ForeignServer(each, registry) for each in options)
        for server in servers.servers:
            stack.push_async_callback(server.close)
        await servers.look(seconds)
        yield servers


async def _looked(server: ForeignServer, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await server.look()
    except TimeoutError:
        return
