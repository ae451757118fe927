"""Opens Letta for the gateway. The only place that constructs letta-client, and how."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from letta_client import AsyncLetta

from agents.letta.archive import LettaArchive
from agents.letta.files import LettaFiles
from agents.letta.host import LettaHost
from agents.letta.memory import LettaMemory
from agents.letta.models import LettaModels
from agents.letta.options import LettaOptions
from agents.letta.runtime import LettaRuntime
from agents.letta.templates import LettaTemplates

_KEPT_ALIVE = 100


@dataclass(frozen=True, slots=True)
class Letta:
    """What the gateway has of a Letta server: where agents think, are made, and remember."""

    runtime: LettaRuntime
    host: LettaHost
    memory: LettaMemory
    archive: LettaArchive
    files: LettaFiles
    templates: LettaTemplates
    models: LettaModels


@asynccontextmanager
async def open_letta(options: LettaOptions) -> AsyncGenerator[Letta]:
    """Yield the runtime and the host, over one pool of connections; no call is made yet."""
    async with make_client(options) as client:
        archive, files = LettaArchive(client), LettaFiles(client, options)
        yield Letta(
            LettaRuntime(client, options),
            LettaHost(client, options),
            LettaMemory(client, archive, files),
            archive,
            files,
            LettaTemplates(client, options),
            LettaModels(client),
        )


def make_client(options: LettaOptions) -> AsyncLetta:
    """Return a client, for the caller to close.

    It never retries by itself: letta-client sends no idempotency key, so that its
    default of two retries made three turns out of one message that timed out.
    """
    timeout = httpx.Timeout(
        connect=options.connect_seconds,
        read=options.read_seconds,
        write=options.write_seconds,
        pool=options.pool_seconds,
    )
    limits = httpx.Limits(
        max_connections=options.max_connections,
        max_keepalive_connections=min(_KEPT_ALIVE, options.max_connections),
    )
    return AsyncLetta(
        base_url=options.base_url,
        api_key=options.api_key or "unused",
        project=options.project,
        timeout=timeout,
        max_retries=0,
        http_client=httpx.AsyncClient(
            base_url=options.base_url, timeout=timeout, limits=limits, follow_redirects=True
        ),
    )
