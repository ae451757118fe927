"""A worker that does nothing but fire what is due, in the database that it is told."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from gateway.clock import SystemClock
from gateway.domain.people import Route
from gateway.telemetry import Metrics
from scheduler.ticker import Ticker
from storage.sqlite.store import SqliteStore


async def main(database: Path) -> None:
    """Tick until killed."""
    store = SqliteStore(database)
    await store.open()
    await Ticker(store, {"postern": Route("postern")}, SystemClock(), Metrics()).run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
