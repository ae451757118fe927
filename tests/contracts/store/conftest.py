"""Every implementation of the store, opened for one test."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from gateway.ports import Store
from storage.memory import MemoryStore
from storage.postgres import PostgresStore
from storage.sqlite import SqliteStore
from tests.fakes.postgres import postgres_schema


@asynccontextmanager
async def memory(folder: Path) -> AsyncGenerator[Store]:
    store = MemoryStore()
    await store.open()
    yield store
    await store.close()


@asynccontextmanager
async def sqlite(folder: Path) -> AsyncGenerator[Store]:
    store = SqliteStore(folder / "postern.db")
    await store.open()
    yield store
    await store.close()


@asynccontextmanager
async def postgres(folder: Path) -> AsyncGenerator[Store]:
    async with postgres_schema() as url:
        store = PostgresStore(url)
        await store.open()
        yield store
        await store.close()


STORES: dict[str, Callable[[Path], AbstractAsyncContextManager[Store]]] = {
    "memory": memory,
    "sqlite": sqlite,
    "postgres": postgres,
}


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Store]:
    name = cast("str", request.param)
    async with STORES[name](tmp_path) as store:
        yield store
