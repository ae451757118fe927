"""The store for one command, opened beside a gateway that may be running."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.ports import Clock, Store


@asynccontextmanager
async def opened() -> AsyncGenerator[tuple[Store, Clock]]:
    """Open the store that the settings name; yields it with the clock that tells its moments."""
    from gateway import bootstrap
    from gateway.cli.loading import load
    from gateway.clock import SystemClock
    from gateway.data_dir import prepare

    settings = load()
    prepare(settings.data_dir)
    async with bootstrap.opened_store(settings) as store:
        yield store, SystemClock()
