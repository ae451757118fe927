"""Stores to measure, each with an empty database of its own."""

from __future__ import annotations

import argparse
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path

from bench.postgres import raw_round_trips
from gateway.ports import Store
from storage.postgres import PostgresStore
from storage.sqlite import SqliteStore
from tests.fakes.postgres import postgres_schema, stop_server

NewStore = Callable[[], AbstractAsyncContextManager[Store]]
"""Gives a store that is not open yet, with a database that nobody has used."""


def add_database(parser: argparse.ArgumentParser) -> None:
    """Let the database be chosen."""
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--folder", type=Path, default=None, help="where SQLite's files are made")


@asynccontextmanager
async def stores(database: str, folder: Path) -> AsyncGenerator[NewStore]:
    """Serve the database for as long as stores are wanted. Postgres does not wait for the disk."""
    numbers = count()

    @asynccontextmanager
    async def on_sqlite() -> AsyncGenerator[Store]:
        yield SqliteStore(folder / f"{next(numbers)}.db")

    @asynccontextmanager
    async def on_postgres() -> AsyncGenerator[Store]:
        async with postgres_schema() as url:
            yield PostgresStore(url)

    if database == "sqlite":
        yield on_sqlite
        return
    try:
        yield on_postgres
    finally:
        stop_server()


async def raw_postgres() -> dict[str, object]:
    """Measure what the Postgres of these stores gives without us."""
    async with postgres_schema() as url:
        return {"raw_postgres_round_trip": await raw_round_trips(url)}


@asynccontextmanager
async def opened(new_store: NewStore) -> AsyncGenerator[Store]:
    """Open a new store, and close it."""
    async with new_store() as store:
        await store.open()
        try:
            yield store
        finally:
            await store.close()
