"""Many schedules, some of them due at once, fired by workers that are killed meanwhile."""

from __future__ import annotations

import argparse
import asyncio
import random
import sqlite3
import sys
import tempfile
import time
from contextlib import AsyncExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvloop

from bench.measuring import per_second, percentile
from gateway.clock import SystemClock
from gateway.domain.conversations import Conversation
from gateway.domain.people import Identity, Route, Sender
from gateway.domain.schedules import Schedule, Wakeup
from gateway.telemetry import Metrics
from scheduler.misfires import first_fire
from scheduler.ticker import Ticker
from scheduler.triggers import Cron, next_after
from storage.sqlite import SqliteStore

HEAD_START = timedelta(seconds=4)
"""From the start of the workers to the moment in which the slots are due."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be varied."""
    parser.add_argument("--schedules", type=int, default=100_000, help="how many there are")
    parser.add_argument("--due", type=int, default=1_000, help="how many are due at once")
    parser.add_argument("--workers", type=int, default=6, help="processes that fire them")
    parser.add_argument("--seconds", type=float, default=6, help="how long workers are killed")
    parser.add_argument("--work", type=Path, default=None, help="be a worker on this database")


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Measure everything; the cost of a next slot alone first."""
    if arguments.work is not None:
        uvloop.run(work(arguments.work))
        return {}
    with tempfile.TemporaryDirectory() as folder:
        return {
            "next_slot_us": next_slot_cost(),
            **uvloop.run(measure(Path(folder) / "postern.db", arguments)),
        }


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


async def work(database: Path) -> None:
    """Fire what is due until killed."""
    store = SqliteStore(database)
    await store.open()
    await Ticker(store, {"postern": Route("postern")}, SystemClock(), Metrics()).run()


async def measure(database: Path, arguments: argparse.Namespace) -> dict[str, object]:
    """Store the schedules, let workers fire those that are due, and count."""
    store = SqliteStore(database)
    await store.open()
    since = time.perf_counter()
    await _put(store, [_later(number) for number in range(arguments.schedules - arguments.due)])
    puts = per_second(arguments.schedules - arguments.due, since)
    due_at = datetime.now(UTC) + HEAD_START
    await _put(store, [_due(number, due_at) for number in range(arguments.due)])
    await store.close()
    kills = await _fire_and_kill(database, arguments)
    return {"put_per_s": puts, "kills": kills, **_figures(database, arguments.due)}


async def _put(store: SqliteStore, schedules: list[Schedule]) -> None:
    for start in range(0, len(schedules), 1_000):
        some = schedules[start : start + 1_000]
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


async def _fire_and_kill(database: Path, arguments: argparse.Namespace) -> int:
    chance = random.Random(7)
    workers = [await _start(database) for _ in range(arguments.workers)]
    async with AsyncExitStack() as stack:
        stack.callback(lambda: [worker.kill() for worker in workers if worker.returncode is None])
        await asyncio.sleep(HEAD_START.total_seconds() - 0.5)
        kills, end = 0, time.monotonic() + arguments.seconds
        while time.monotonic() < end:
            place = chance.randrange(len(workers))
            workers[place].kill()
            await workers[place].wait()
            workers[place] = await _start(database)
            kills += 1
            await asyncio.sleep(chance.uniform(0.05, 0.4))
    for worker in workers:
        await worker.wait()
    return kills


async def _start(database: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench", "schedules", "--work", str(database)
    )


def _figures(database: Path, due: int) -> dict[str, object]:
    with closing(sqlite3.connect(database)) as connection:
        late = [row[0] / 1e6 for row in connection.execute("SELECT fired_at - due_at FROM fire")]
        woken = connection.execute("SELECT count(*) FROM inbox").fetchone()[0]
    return {
        "due": due,
        "fired": len(late),
        "woken": woken,
        "late_p50_s": round(percentile(late, 50), 3) if late else None,
        "late_p99_s": round(percentile(late, 99), 3) if late else None,
        "late_max_s": round(max(late), 3) if late else None,
    }
