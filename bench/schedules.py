"""Many schedules, some of them due at once, fired by workers that are killed meanwhile."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvloop

from bench.measuring import per_second, percentile
from gateway.clock import SystemClock
from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.people import Identity, Route, Sender
from gateway.domain.schedules import PastSlot, Schedule, Wakeup
from gateway.ports import Store
from gateway.telemetry import Metrics
from scheduler.misfires import first_fire
from scheduler.ticker import Ticker
from scheduler.triggers import Cron, next_after
from storage.postgres import PostgresStore
from storage.sqlite import SqliteStore

HEAD_START = timedelta(seconds=22)
"""From when all workers tick until the slots are due: they look around every 20 seconds."""
LIFE_SECONDS = 3.0
"""The longest that a worker ticks before it is killed."""
PATIENCE_SECONDS = 60
"""How long is waited for slots that have not fired when the killing is over."""
_PAGE = 1_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be varied."""
    parser.add_argument("--schedules", type=int, default=100_000, help="how many there are")
    parser.add_argument("--due", type=int, default=1_000, help="how many are due at once")
    parser.add_argument("--workers", type=int, default=6, help="processes that fire them")
    parser.add_argument("--seconds", type=float, default=6, help="how long workers are killed")
    parser.add_argument("--database", default="", help="an empty Postgres; else a new SQLite file")
    parser.add_argument("--work", action="store_true", help="be a worker on this database")


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Measure everything; the cost of a next slot alone first."""
    if arguments.work:
        uvloop.run(work(arguments.database))
        return {}
    with tempfile.TemporaryDirectory() as folder:
        database = arguments.database or str(Path(folder) / "postern.db")
        return {"next_slot_us": next_slot_cost(), **uvloop.run(measure(database, arguments))}


def next_slot_cost() -> dict[str, float]:
    """Return microseconds that it takes to find the slot after now."""
    now = datetime.now(UTC)
    lines = {"daily": "30 8 * * *", "quarter_hourly": "*/15 * * * *", "leap_day": "0 9 29 2 *"}
    costs: dict[str, float] = {}
    for name, line in lines.items():
        since = time.perf_counter()
        for _ in range(1_000):
            next_after(Cron(line, "Europe/Vienna"), now)
        costs[name] = round((time.perf_counter() - since) * 1_000, 1)
    return costs


async def work(database: str) -> None:
    """Fire what is due until killed; a line tells that it begins."""
    store = _store_at(database)
    await store.open()
    print("ticks", flush=True)
    await Ticker(store, {"postern": Route("postern")}, SystemClock(), Metrics()).run()


async def measure(database: str, arguments: argparse.Namespace) -> dict[str, object]:
    """Store the schedules, let workers fire those that are due, and count."""
    store = _store_at(database)
    await store.open()
    since = time.perf_counter()
    await _put(store, [_later(number) for number in range(arguments.schedules - arguments.due)])
    puts = per_second(arguments.schedules - arguments.due, since)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        places = [Place(database, number, stack) for number in range(arguments.workers)]
        await asyncio.gather(*(place.start() for place in places))
        due_at = datetime.now(UTC) + HEAD_START
        await _put(store, [_due(number, due_at) for number in range(arguments.due)])
        await asyncio.sleep((due_at - datetime.now(UTC)).total_seconds() - 0.2)
        await asyncio.gather(*(place.kill_now_and_then(arguments.seconds) for place in places))
        figures = _figures(await _slots(store, arguments.due))
        kills = sum(place.kills for place in places)
        return {"put_per_s": puts, "kills": kills, **figures, "woken": await _woken(store)}


class Place:
    """One worker after another, each killed at a random moment of its life."""

    def __init__(self, database: str, number: int, stack: AsyncExitStack) -> None:
        self._database = database
        self._chance = random.Random(number)
        self._worker: asyncio.subprocess.Process | None = None
        self.kills = 0
        stack.push_async_callback(self._kill)

    async def start(self) -> None:
        """Return when a new worker ticks."""
        command = (sys.executable, "-m", "bench", "schedules", "--work", "--database")
        pipe = asyncio.subprocess.PIPE
        self._worker = await asyncio.create_subprocess_exec(*command, self._database, stdout=pipe)
        if self._worker.stdout is None or not await self._worker.stdout.readline():
            raise RuntimeError("A worker did not start.")

    async def kill_now_and_then(self, seconds: float) -> None:
        """Kill workers for so long; one is left alive."""
        end = time.monotonic() + seconds
        while True:
            await asyncio.sleep(self._chance.uniform(0.1, LIFE_SECONDS))
            if time.monotonic() > end:
                return
            await self._kill()
            self.kills += 1
            await self.start()

    async def _kill(self) -> None:
        if self._worker is not None and self._worker.returncode is None:
            self._worker.kill()
            await self._worker.wait()


def _store_at(database: str) -> Store:
    is_postgres = database.startswith("postgresql://")
    return PostgresStore(database) if is_postgres else SqliteStore(Path(database))


async def _put(store: Store, schedules: list[Schedule]) -> None:
    for start in range(0, len(schedules), _PAGE):
        some = schedules[start : start + _PAGE]
        await asyncio.gather(*(store.schedules.put(schedule) for schedule in some))


def _later(number: int) -> Schedule:
    """Return a daily schedule that is due in hours."""
    soon = datetime.now(UTC) + timedelta(hours=1 + number % 22, minutes=number % 60)
    cron = f"cron:{soon.minute} {soon.hour} * * *"
    schedule = Schedule(f"later-{number}", cron, "UTC", None, wakeup=_wakeup(number))
    return first_fire(schedule, datetime.now(UTC))


def _due(number: int, due_at: datetime) -> Schedule:
    trigger = f"every:86400@{due_at.isoformat()}"
    return Schedule(f"due-{number}", trigger, "UTC", due_at, wakeup=_wakeup(number))


def _wakeup(number: int) -> Wakeup:
    identity = Identity("web", "postern", f"p{number}")
    place = Conversation("web", "postern", f"p{number}")
    return Wakeup(place, Sender(identity, f"P{number}"), "Look around.")


async def _slots(store: Store, due: int) -> list[PastSlot]:
    """Return what was recorded, once every schedule has its slot or the patience is over."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        pages = [await store.schedules.past_slots(f"due-{number}", 10) for number in range(due)]
        if all(pages) or time.monotonic() > end:
            return [slot for page in pages for slot in page]
        await asyncio.sleep(0.5)


async def _woken(store: Store) -> int:
    """Count the wakeups that were stored, as the audit log has them."""
    count, after = 0, 0
    while page := await store.history.audit(after, 10 * _PAGE):
        count += sum(entry.kind is AuditKind.MESSAGE_ACCEPTED for entry in page)
        after = page[-1].sequence
    return count


def _figures(slots: list[PastSlot]) -> dict[str, object]:
    late = [(slot.fired_at - slot.due_at).total_seconds() for slot in slots]
    figures: dict[str, object] = {"fired": sum(not slot.was_missed for slot in slots)}
    for name, share in (("p50", 50), ("p99", 99), ("max", 100)):
        figures[f"late_{name}_s"] = round(percentile(late, share), 3) if late else None
    return figures
