"""Which store the settings name."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from gateway.ports import Store
from gateway.settings import Settings


def make_store(settings: Settings) -> Store:
    """Return the store that the settings name, not yet open."""
    path = settings.sqlite_path
    if path is None:
        from storage.postgres import PostgresStore

        return PostgresStore(settings.database_url.get_secret_value())
    from storage.sqlite.store import SqliteStore

    return SqliteStore(path)


@asynccontextmanager
async def opened_store(settings: Settings) -> AsyncGenerator[Store]:
    """Open the store; commands do it beside a running gateway."""
    store = make_store(settings)
    await store.open()
    try:
        yield store
    finally:
        await store.close()
