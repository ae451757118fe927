"""A Postgres for benches, as the tests start it, and what its machine gives without us."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from bench.measuring import milliseconds, per_second
from storage.postgres.client import connect
from tests.fakes.postgres import postgres_schema, stop_server


@asynccontextmanager
async def served_schema() -> AsyncGenerator[str]:
    """Serve an empty schema; the server goes at the end. It does not wait for the disk."""
    try:
        async with postgres_schema() as url:
            yield url
    finally:
        stop_server()


async def raw_round_trips(url: str, seconds: float = 2) -> dict[str, float]:
    """Ask for nothing, one question after the other on one connection."""
    connection, latencies = await connect(url), list[float]()
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds:
        before = time.perf_counter()
        await connection.fetch("SELECT 1")
        latencies.append(time.perf_counter() - before)
    figures = {"per_s": per_second(len(latencies), begin), **milliseconds(latencies)}
    await connection.close()
    return figures
