"""A database that goes away, slows down or fills up under a working hub, and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from agents.scripted import Say, Wait
from gateway.domain.messages import InboundMessage
from gateway.errors import PosternError, StoreUnavailable
from gateway.retries import RetryPolicy
from storage.postgres import PoolOptions, PostgresStore
from storage.postgres.migrate import migrations
from tests.contracts.store.words import say
from tests.fakes.hub import FakeHub, HubOptions
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.postgres import execute, postgres_of_ones_own, postgres_schema
from tests.fakes.wire import Wire, wire_to

FILL_UP = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION refuse()
"""
QUICK = HubOptions(
    lease=timedelta(seconds=2), sending=RetryPolicy(first_seconds=0.05, longest_seconds=0.5)
)


@dataclass
class Setting:
    """A database behind a wire, and a hub over it."""

    wire: Wire
    url: str
    """Past the wire."""
    store: PostgresStore
    hub: FakeHub


@pytest.fixture
async def setting() -> AsyncGenerator[Setting]:
    async with postgres_schema() as url:
        port = urlsplit(url).port
        assert port is not None
        async with wire_to(port) as wire:
            store = PostgresStore(url.replace(f":{port}/", f":{wire.port}/"), PoolOptions(4))
            await store.open()
            yield Setting(wire, url, store, FakeHub(store, options=QUICK))
            await store.close()


async def receive_until_stored(hub: FakeHub, message: InboundMessage) -> int:
    """Send a message again and again, as a platform does; returns how often it was refused."""
    refused = 0
    while True:
        try:
            await hub.inbox.receive(message)
        except StoreUnavailable:
            refused += 1
            await asyncio.sleep(0.01)
        else:
            return refused


async def test_a_database_that_goes_away_in_mid_turn_comes_back_to_a_hub_that_goes_on(
    setting: Setting,
) -> None:
    hub, wire = setting.hub, setting.wire
    ada, bob = hub.person("ada"), hub.person("bob")
    hub.agents.will(Wait(0.3), Say("For the first."))
    hub.agents.will_say("For the second.")
    late = hub.message(bob, "second")

    async with asyncio.timeout(PATIENCE_SECONDS), hub.running(), asyncio.TaskGroup() as group:
        await ada.says("first")
        while not hub.agents.heard:  # noqa: ASYNC110 - until the turn runs
            await asyncio.sleep(0.01)
        wire.cut()
        sending = group.create_task(receive_until_stored(hub, late))
        await asyncio.sleep(0.6)  # longer than the turn, whose end can't be stored
        await wire.mend()
        refused = await sending
        await bob.reads(1)
        await ada.reads(1)

    assert refused
    assert len(hub.agents.heard) == 2, "a turn was run again"
    assert (ada.sees, bob.sees) == (["For the first."], ["For the second."])


async def test_a_server_that_crashes_and_is_a_standby_for_a_while_loses_and_doubles_nothing() -> (
    None
):
    async with postgres_of_ones_own() as server, asyncio.timeout(PATIENCE_SECONDS):
        store = PostgresStore(server.url(), PoolOptions(4))
        await store.open()
        hub = FakeHub(store, options=QUICK)
        ada, bob = hub.person("ada"), hub.person("bob")
        hub.agents.will(Wait(0.3), Say("For the first."))
        hub.agents.will_say("For the second.")

        async with hub.running():
            await ada.says("first")
            while not hub.agents.heard:  # noqa: ASYNC110 - until the turn runs
                await asyncio.sleep(0.01)
            await execute(server.url(), "ALTER SYSTEM SET default_transaction_read_only = on")
            server.crash()
            server.serve()
            await _until_refused(hub, hub.message(bob, "too early"), "is read-only")
            await execute(server.url(), "ALTER SYSTEM RESET default_transaction_read_only")
            await execute(server.url(), "SELECT pg_reload_conf()")
            await receive_until_stored(hub, hub.message(bob, "second"))
            await bob.reads(1)
            await ada.reads(1)
        await store.close()

    assert len(hub.agents.heard) == 2, "a turn was run again"
    assert (ada.sees, bob.sees) == (["For the first."], ["For the second."])


async def _until_refused(hub: FakeHub, message: InboundMessage, why: str) -> None:
    """Send a message until it is refused for this reason; it must never be taken."""
    while True:
        with pytest.raises(StoreUnavailable) as refused:
            await hub.inbox.receive(message)
        if why in str(refused.value):
            return
        await asyncio.sleep(0.01)


async def test_a_slow_database_is_only_slow(setting: Setting) -> None:
    ada = setting.hub.person("ada")
    setting.hub.agents.will_say("Here.")
    setting.wire.delay_seconds = 0.1

    async with asyncio.timeout(PATIENCE_SECONDS), setting.hub.running():
        await ada.says("hello")
        await ada.reads(1)

    assert ada.sees == ["Here."]


async def test_a_full_disk_takes_no_message_and_says_so_until_there_is_room(
    setting: Setting,
) -> None:
    await execute(setting.url, FILL_UP)

    with pytest.raises(StoreUnavailable, match="disk is full"):
        await say(setting.store, "e1")
    await execute(setting.url, "DROP TRIGGER full_disk ON inbox")

    assert (await say(setting.store, "e1")).is_new


async def test_a_migration_that_was_cut_off_half_way_is_finished_at_the_next_start() -> None:
    async with postgres_schema() as url, asyncio.timeout(PATIENCE_SECONDS):
        port = urlsplit(url).port
        assert port is not None
        async with wire_to(port) as wire:
            wire.delay_seconds = 0.02
            there = url.replace(f":{port}/", f":{wire.port}/")
            async with asyncio.TaskGroup() as group:
                opening = group.create_task(_refused(PostgresStore(there)))
                while len(await _versions(url)) < 2:  # noqa: ASYNC110 - another process's state
                    await asyncio.sleep(0.01)
                wire.cut()
            half = await _versions(url)
            await wire.mend()

            store = PostgresStore(there)
            await store.open()
            whole = await _versions(url)
            accepted = await say(store, "e1")
            await store.close()

    everything = [migration.number for migration in migrations()]
    assert isinstance(opening.result(), StoreUnavailable)
    assert half == everything[: len(half)]
    assert len(half) < len(everything)
    assert whole == everything
    assert accepted.is_new


async def _refused(store: PostgresStore) -> PosternError | None:
    try:
        await store.open()
    except PosternError as error:
        return error
    return None


async def _versions(url: str) -> list[int]:
    """Return the numbers of the migrations that the database has; none before the first."""
    exists = await execute(url, "SELECT to_regclass('postern_schema') IS NOT NULL AS is_there")
    if not exists[0]["is_there"]:
        return []
    rows = await execute(url, "SELECT version FROM postern_schema ORDER BY version")
    return [row["version"] for row in rows]
