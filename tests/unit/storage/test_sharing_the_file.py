"""A SQLite file that other processes, such as the CLI, write to at the same time."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from gateway.errors import StoreUnavailable
from storage.sqlite import SqliteStore
from tests.contracts.store.words import claim_turn, events, place, say


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[SqliteStore]:
    store = SqliteStore(tmp_path / "postern.db")
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def other(store: SqliteStore, tmp_path: Path) -> AsyncGenerator[SqliteStore]:
    other = SqliteStore(tmp_path / "postern.db")
    await other.open()
    yield other
    await other.close()


def lock(path: Path) -> sqlite3.Connection:
    """Begin to write, as another process would; closing the connection ends it."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    return connection


async def test_a_lock_that_ends_is_only_a_wait(store: SqliteStore, tmp_path: Path) -> None:
    locking = lock(tmp_path / "postern.db")
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(say(store, "e1"))
        done, _ = await asyncio.wait([waiting], timeout=0.05)

        locking.close()

    assert not done
    assert waiting.result().is_new


async def test_reading_goes_on_while_another_writes(store: SqliteStore, tmp_path: Path) -> None:
    await say(store, "e1")
    locking = lock(tmp_path / "postern.db")

    entries = await store.history.history(place().id, None, 10)
    await store.check()

    locking.close()
    assert [entry.text for entry in entries] == ["text of e1"]


async def test_two_stores_on_one_file_keep_one_order(
    store: SqliteStore, other: SqliteStore
) -> None:
    writers = ((store, "e1"), (other, "e2"), (store, "e3"))

    accepted = [await say(writer, event) for writer, event in writers]

    assert [a.sequence for a in accepted] == [1, 2, 3]
    assert events(await claim_turn(other)) == ["e1", "e2", "e3"]


async def test_two_stores_on_one_file_accept_an_event_once(
    store: SqliteStore, other: SqliteStore
) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(say(s, "e1")) for s in (store, other) for _ in range(50)]

    assert [task.result().is_new for task in tasks].count(True) == 1


async def test_a_store_that_is_not_open_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="not open"):
        await SqliteStore(tmp_path / "postern.db").check()


async def test_a_closed_store_is_unavailable(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "postern.db")
    await store.open()
    await store.close()

    with pytest.raises(StoreUnavailable, match="closed"):
        await store.check()
    with pytest.raises(StoreUnavailable, match="closed"):
        await say(store, "e1")


async def test_what_can_not_be_written_shows_until_it_can(
    store: SqliteStore, tmp_path: Path
) -> None:
    beside = sqlite3.connect(tmp_path / "postern.db")
    beside.execute("ALTER TABLE audit RENAME TO hidden")
    with pytest.raises(StoreUnavailable):
        await say(store, "e1")

    with pytest.raises(StoreUnavailable, match="It can be read, and the last write failed"):
        await store.check()

    beside.execute("ALTER TABLE hidden RENAME TO audit")
    beside.close()
    await say(store, "e1")
    await store.check()
