"""Workers whose machines tell different times go by the database's, and agree on every lease."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from gateway.domain.ids import WorkerId
from gateway.errors import StoreUnavailable
from storage.postgres import PoolOptions, PostgresStore
from tests.contracts.store.words import ROUTE, message
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.postgres import postgres_schema
from tests.fakes.wire import wire_to

LEASE = timedelta(seconds=30)
HOURS = timedelta(hours=2)
A_MOMENT = timedelta(minutes=1)
"""Far more than a slow machine needs for a few calls, and far less than the clocks differ."""


@dataclass
class Machine:
    """A machine whose clock somebody sets."""

    wrong_by: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        """Return what it takes for the present."""
        return datetime.now(UTC) + self.wrong_by


@dataclass
class Worker:
    """A store, and the machine that it runs on."""

    machine: Machine
    store: PostgresStore

    def now(self) -> datetime:
        """Return the moment as its hub sees it."""
        return self.store.clock.now()


@pytest.fixture
async def url() -> AsyncGenerator[str]:
    async with postgres_schema() as url:
        yield url


@pytest.fixture
async def workers(url: str) -> AsyncGenerator[tuple[Worker, Worker]]:
    """One whose machine is right, and one whose machine is hours ahead."""
    async with AsyncExitStack() as stack:
        made: list[Worker] = []
        for machine in (Machine(), Machine(HOURS)):
            store = PostgresStore(url, PoolOptions(2), is_listening=False, machine=machine)
            await store.open()
            stack.push_async_callback(store.close)
            made.append(Worker(machine, store))
        yield made[0], made[1]


async def test_a_worker_whose_clock_is_hours_ahead_takes_nobodys_turns(
    workers: tuple[Worker, Worker],
) -> None:
    right, ahead = workers
    await right.store.turns.accept(message("e1"), ROUTE, right.now())
    claim = await right.store.turns.claim(WorkerId("right"), 1, LEASE, right.now())

    by_the_database = await ahead.store.turns.recover(ahead.now())
    by_its_machine = await ahead.store.turns.recover(ahead.machine())

    assert len(claim.turns) == 1
    assert (by_the_database, by_its_machine) == (0, 1)


async def test_a_place_belongs_to_one_whatever_the_clocks_say(
    workers: tuple[Worker, Worker],
) -> None:
    right, ahead = workers
    held = await right.store.leases.take("ear", WorkerId("right"), right.now(), LEASE)

    taken = await ahead.store.leases.take("ear", WorkerId("ahead"), ahead.now(), LEASE)

    assert held is not None
    assert taken is None


async def test_a_clock_that_is_set_wrong_later_is_right_again_after_the_next_look(
    workers: tuple[Worker, Worker],
) -> None:
    right, other = workers
    other.machine.wrong_by = -HOURS
    misled_by = abs(right.now() - other.now())

    await other.store.clock.look()

    assert misled_by > HOURS
    assert abs(right.now() - other.now()) < A_MOMENT


async def test_while_the_database_is_away_the_last_correction_stays(url: str) -> None:
    port = urlsplit(url).port
    assert port is not None
    async with wire_to(port) as wire, asyncio.timeout(PATIENCE_SECONDS):
        there = url.replace(f":{port}/", f":{wire.port}/")
        machine = Machine(HOURS)
        store = PostgresStore(there, PoolOptions(1), is_listening=False, machine=machine)
        await store.open()
        wire.cut()

        with pytest.raises(StoreUnavailable):
            await store.clock.look()

        assert abs(store.clock.now() - datetime.now(UTC)) < A_MOMENT
        await store.close()
