"""Opens the App Server for the gateway: two connections, and what thinks and is made over them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass

from agents.app_server.host import AppServerHost
from agents.app_server.link import Link
from agents.app_server.runtime import AppServerRuntime
from agents.embedded.tasks import companions
from agents.letta import LettaOptions


@dataclass(frozen=True, slots=True)
class AppServer:
    """What the gateway has of an App Server: where agents think, and where they are made."""

    runtime: AppServerRuntime
    host: AppServerHost
    memory: None = None
    """An App Server does not show what its agents keep in mind."""
    archive: None = None
    """Nor what they look up."""
    files: None = None
    """Nor takes it files for them."""
    templates: None = None
    """Its agents stay as they were made."""
    models: None = None
    """Nobody chooses another for a while, so nobody asks."""


@asynccontextmanager
async def open_app_server(options: LettaOptions) -> AsyncGenerator[AppServer]:
    """Yield the runtime and the host; the connections are made when they are first needed."""
    link = Link(options)
    started: set[asyncio.Task[None]] = set()
    async with companions() as tasks:

        def start(work: Coroutine[object, object, None]) -> None:
            task = tasks.create_task(work)
            started.add(task)
            task.add_done_callback(started.discard)

        start(link.main.keep())
        start(link.keeper.keep())
        try:
            yield AppServer(AppServerRuntime(link, options, start), AppServerHost(link, options))
        finally:
            for task in tuple(started):
                task.cancel()
