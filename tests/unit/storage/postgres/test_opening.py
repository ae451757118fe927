"""Databases that can not be used, and servers that go away, told in sentences."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from gateway.domain.messages import Accepted
from gateway.errors import BadInput, SettingsWrong, StoreUnavailable
from storage.postgres import PoolOptions, PostgresStore
from storage.postgres.client import PostgresError, connect
from storage.postgres.migrate import migrations
from tests.contracts.store.words import ROUTE, at, claim_turn, message, say
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.ports import port_of_our_own
from tests.fakes.postgres import execute, postgres_schema

END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@pytest.fixture
async def url() -> AsyncGenerator[str]:
    async with postgres_schema() as url:
        yield url


@pytest.fixture
async def store(url: str) -> AsyncGenerator[PostgresStore]:
    store = PostgresStore(url, PoolOptions(2))
    await store.open()
    yield store
    await store.close()


async def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    port = port_of_our_own()
    store = PostgresStore(f"postgresql://ada:s3cret@127.0.0.1:{port}/chat")

    with pytest.raises(StoreUnavailable, match="is it running") as raised:
        await store.open()

    assert f'"127.0.0.1:{port}/chat"' in str(raised.value)
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["postgresql://ada:s3cret/@host:5432/chat", "mysql://ada:s3cret@host/chat"]
)
async def test_a_url_that_can_not_be_read_is_not_repeated(url: str) -> None:
    with pytest.raises(SettingsWrong, match="postgresql://user:password") as raised:
        await PostgresStore(url).open()

    assert "s3cret" not in str(raised.value)


async def test_a_database_that_does_not_exist_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(SettingsWrong, match="does not exist"):
        await PostgresStore(url.replace("/postgres?", "/nowhere?")).open()


async def test_a_database_of_a_newer_postern_is_left_alone(url: str, store: PostgresStore) -> None:
    await execute(url, "INSERT INTO postern_schema (version, name) VALUES (999, 'later')")

    with pytest.raises(SettingsWrong, match="newer Postern"):
        await PostgresStore(url).open()


async def test_a_schema_of_another_program_is_left_alone(url: str) -> None:
    await execute(url, "CREATE TABLE inbox (mail text)")

    with pytest.raises(SettingsWrong, match="another program"):
        await PostgresStore(url).open()


async def test_workers_that_start_at_once_make_one_schema(url: str) -> None:
    stores = [PostgresStore(url, PoolOptions(2)) for _ in range(4)]

    await asyncio.gather(*(store.open() for store in stores))

    rows = await execute(url, "SELECT version FROM postern_schema")
    for store in stores:
        await store.close()
    assert [row["version"] for row in rows] == [each.number for each in migrations()]


async def test_a_read_only_database_says_so(url: str, store: PostgresStore) -> None:
    reader = PostgresStore(f"{url}&default_transaction_read_only=on")
    await reader.open()

    with pytest.raises(StoreUnavailable, match="is read-only"):
        await say(reader, "e1")

    with pytest.raises(StoreUnavailable, match=r"the last write failed: .*is read-only"):
        await reader.check()
    await reader.close()


async def test_lost_connections_are_made_anew(url: str, store: PostgresStore) -> None:
    await say(store, "e1")
    async with asyncio.timeout(PATIENCE_SECONDS):
        await store.is_listening.wait()
        await execute(url, END_OTHERS)

        accepted = await _say_until_stored(store)

        await store.is_listening.wait()
    assert accepted.is_new


async def _say_until_stored(store: PostgresStore) -> Accepted:
    while True:
        try:
            return await say(store, "e2")
        except StoreUnavailable:
            await asyncio.sleep(0)


async def test_a_server_without_room_says_so(url: str, store: PostgresStore) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(100):
            try:
                stack.push_async_callback((await connect(url)).close)
            except PostgresError:
                break

        with pytest.raises(StoreUnavailable, match="too many clients"):
            await PostgresStore(url).open()


async def test_a_pool_that_stays_busy_is_told_in_time(url: str) -> None:
    store = PostgresStore(url, PoolOptions(1, wait_seconds=0.2), is_listening=False)
    await store.open()
    holder = await connect(url)
    async with (
        asyncio.TaskGroup() as group,
        asyncio.timeout(PATIENCE_SECONDS),
        holder.transaction(),
    ):
        await holder.execute("LOCK TABLE inbox")
        group.create_task(store.history.newest_events("fake"))
        while not await holder.fetch("SELECT 1 FROM pg_locks WHERE NOT granted"):
            pass

        with pytest.raises(StoreUnavailable, match="all 1 connections are in use"):
            await store.check()
    await holder.close()
    await store.close()


async def test_a_busy_pool_makes_calls_wait_and_not_fail(store: PostgresStore) -> None:
    names = [f"e{n}" for n in range(40)]

    await asyncio.gather(*(say(store, name) for name in names))
    read = await asyncio.gather(*(store.history.answer(message(name)) for name in names))

    assert read == [None] * 40


async def test_a_text_with_nul_is_stored_with_a_mark_in_its_place(store: PostgresStore) -> None:
    await store.turns.accept(message("e1", text="a\0b"), ROUTE, at(0))

    assert (await claim_turn(store)).messages[0].text == "a\N{REPLACEMENT CHARACTER}b"


async def test_what_can_not_be_stored_harms_no_neighbour(store: PostgresStore) -> None:
    bad = replace(message("e1"), event_id="e\0")

    results = await asyncio.gather(
        store.turns.accept(bad, ROUTE, at(0)), say(store, "e2"), return_exceptions=True
    )

    assert isinstance(results[0], BadInput)
    assert not isinstance(results[1], BaseException)


async def test_a_closed_store_takes_nothing(store: PostgresStore) -> None:
    await store.close()

    with pytest.raises(StoreUnavailable, match="is closed"):
        await say(store, "e1")
    with pytest.raises(StoreUnavailable, match="is closed"):
        await store.check()
