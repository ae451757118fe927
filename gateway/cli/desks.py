"""The desks of schedules and rosters for one command, over a store opened beside a gateway."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.bootstrap import Desks


@asynccontextmanager
async def opened_desks() -> AsyncGenerator[Desks]:
    """Open the store that the settings name; yields where its schedules are made and changed."""
    from gateway import bootstrap
    from gateway.cli.loading import load
    from gateway.clock import SystemClock
    from gateway.data_dir import prepare

    settings = load()
    prepare(settings.data_dir)
    async with bootstrap.opened_store(settings) as store:
        yield bootstrap.desks(settings, store, SystemClock())
