"""A worker that does nothing but fire what is due, in the database that it is told."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from gateway.clock import SystemClock
from gateway.domain.people import Route
from gateway.ports import Store
from gateway.telemetry import Metrics
from scheduler.ticker import Ticker
from storage.postgres import PostgresStore
from storage.sqlite.store import SqliteStore


def store_at(database: str) -> Store:
    """Return the store of a file, or of a postgresql:// address."""
    is_postgres = database.startswith("postgresql://")
    return PostgresStore(database) if is_postgres else SqliteStore(Path(database))


async def main(database: str) -> None:
    """Tick until killed."""
    store = store_at(database)
    await store.open()
    await Ticker(store, {"postern": Route("postern")}, SystemClock(), Metrics()).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
