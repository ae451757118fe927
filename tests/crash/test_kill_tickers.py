"""P7 with real processes: six workers on one database of either kind, killed at random."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.people import Identity, Sender
from gateway.domain.schedules import Misfire, PastSlot, Rules, Schedule, Wakeup
from tests.crash.ticking_process import store_at
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.postgres import postgres_schema

WORKERS = 6
SCHEDULES = 40
KILLS = int(os.environ.get("POSTERN_TEST_KILLS", "3"))
"""More of them take more time: a worker that takes a dead one's place has to start."""
SECOND = timedelta(seconds=1)
ADA = Sender(Identity("web", "postern", "ada"), "Ada")


class Worker:
    """One process after another, each killed in the middle of whatever it does."""

    def __init__(self, database: str) -> None:
        self._database = database
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.crash.ticking_process", self._database
        )

    async def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()


async def _put_schedules(database: str, start: datetime) -> None:
    store = store_at(database)
    await store.open()
    rules = Rules(Misfire.ALL, max_catch_up=100)
    for number in range(SCHEDULES):
        place = Conversation("web", "postern", f"c{number}")
        wakeup = Wakeup(place, ADA, "Look.")
        every = f"every:1@{start.isoformat()}"
        await store.schedules.put(
            Schedule(f"s{number}", every, "UTC", start, wakeup=wakeup, rules=rules)
        )
    await store.close()


async def _slots(database: str) -> dict[str, list[PastSlot]]:
    """Return the slots of every schedule, oldest first."""
    store = store_at(database)
    await store.open()
    names = [f"s{number}" for number in range(SCHEDULES)]
    found = {name: (await store.schedules.past_slots(name, 1_000))[::-1] for name in names}
    await store.close()
    return found


async def _all_fired(database: str, upto: datetime) -> None:
    """Wait until every schedule has fired up to this moment, whoever was left to do it."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while any(not found or found[-1].due_at < upto for found in await _all_slots(database)):  # noqa: ASYNC110
            await asyncio.sleep(0.2)  # other processes write: there is nothing to await


async def _all_slots(database: str) -> list[list[PastSlot]]:
    return list((await _slots(database)).values())


async def _messages(database: str) -> int:
    """Count the wakeups in the inbox, as the audit log has them."""
    store = store_at(database)
    await store.open()
    entries = await store.history.audit(0, 100_000)
    await store.close()
    return sum(entry.kind is AuditKind.MESSAGE_ACCEPTED for entry in entries)


async def _work_and_die(database: str, seed: int) -> None:
    chance = random.Random(seed)
    workers = [Worker(database) for _ in range(WORKERS)]
    async with AsyncExitStack() as stack:
        for worker in workers:
            stack.push_async_callback(worker.kill)
            await worker.start()
        await _all_fired(database, datetime.now(UTC))
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0.1, 0.4))
            victim = chance.choice(workers)
            await victim.kill()
            await victim.start()
        await _all_fired(database, datetime.now(UTC) + SECOND)


@pytest.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[str]:
    if request.param == "sqlite":
        yield str(tmp_path / "postern.db")
        return
    async with postgres_schema() as url:
        yield url


@pytest.mark.crash
async def test_workers_that_are_killed_miss_no_slot_and_fire_none_twice(database: str) -> None:
    start = datetime.now(UTC).replace(microsecond=0) + SECOND
    await _put_schedules(database, start)

    await _work_and_die(database, seed=7)

    slots = await _slots(database)
    for found in slots.values():
        assert [slot.due_at for slot in found] == [start + n * SECOND for n in range(len(found))]
        assert not any(slot.was_missed for slot in found)
        assert len(found) >= 3
    assert await _messages(database) == sum(len(found) for found in slots.values())
