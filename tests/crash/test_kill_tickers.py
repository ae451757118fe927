"""P7 with real processes: six workers on one database, killed at random."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
from contextlib import AsyncExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.domain.conversations import Conversation
from gateway.domain.people import Identity, Sender
from gateway.domain.schedules import Misfire, Rules, Schedule, Wakeup
from storage.sqlite.store import SqliteStore

WORKERS = 6
SCHEDULES = 40
KILLS = 20
SECOND = timedelta(seconds=1)
ADA = Sender(Identity("web", "postern", "ada"), "Ada")


class Worker:
    """One process after another, each killed in the middle of whatever it does."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.crash.ticking_process", str(self._database)
        )

    async def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()


async def _put_schedules(database: Path, start: datetime) -> None:
    store = SqliteStore(database)
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


def _rows(database: Path, sql: str) -> list[tuple[str, int]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(sql).fetchall()


async def _work_and_die(database: Path, seed: int) -> None:
    chance = random.Random(seed)
    workers = [Worker(database) for _ in range(WORKERS)]
    async with AsyncExitStack() as stack:
        for worker in workers:
            stack.push_async_callback(worker.kill)
            await worker.start()
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0.1, 0.4))
            victim = chance.choice(workers)
            await victim.kill()
            await victim.start()
        # Longer than a process needs to start and to catch up.
        await asyncio.sleep(3)


@pytest.mark.crash
async def test_workers_that_are_killed_miss_no_slot_and_fire_none_twice(tmp_path: Path) -> None:
    database = tmp_path / "postern.db"
    start = datetime.now(UTC).replace(microsecond=0) + SECOND
    await _put_schedules(database, start)

    await _work_and_die(database, seed=7)

    fires = _rows(database, "SELECT schedule, due_at FROM fire WHERE was_missed = 0")
    missed = _rows(database, "SELECT schedule, due_at FROM fire WHERE was_missed = 1")
    slots: dict[str, list[int]] = {}
    for schedule, due_at in sorted(fires):
        slots.setdefault(schedule, []).append(due_at)
    begin, second = int(start.timestamp() * 1_000_000), 1_000_000
    assert len(slots) == SCHEDULES
    assert missed == []
    for found in slots.values():
        assert found == list(range(begin, begin + len(found) * second, second))
        assert len(found) >= 5
    assert _rows(database, "SELECT 'inbox', count(*) FROM inbox") == [("inbox", len(fires))]
