"""The store: acknowledgement, dispatch and whole turns, beside the raw disk or database."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import uvloop

from bench.measuring import milliseconds, offer, per_second
from bench.slow_disk import on_slow_disk
from bench.stores import NewStore, add_database, opened, raw_postgres, stores
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Delivery, NewDelivery, Sent
from gateway.domain.ids import DeliveryId, PlatformMessageId, RunId, WorkerId
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Route, Sender
from gateway.domain.turns import Turn, TurnOutcome, TurnState
from gateway.ports import Store

WORKER = WorkerId("local")
LEASE = timedelta(seconds=60)
ROUTE = Route("postern")
TEXT = "x" * 300
ACK_RATES = (100, 500, 1000, 2000)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be varied."""
    parser.add_argument("--seconds", type=float, default=4, help="length of each open loop")
    parser.add_argument("--turns", type=int, default=20_000, help="turns of the lifecycle")
    parser.add_argument(
        "--fsync-ms", type=float, default=0, help="measure acks alone, with so much on each fsync"
    )
    add_database(parser)


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Measure everything; the raw limits first."""
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        if arguments.fsync_ms:
            acks = partial(measure_acks, Path(folder), arguments.seconds)
            return {"machine": machine(), **on_slow_disk(Path(folder), arguments.fsync_ms, acks)}
        return {"machine": machine(), **uvloop.run(measure(Path(folder), arguments))}


def machine() -> dict[str, object]:
    """Return what the figures depend on."""
    return {
        "python": sys.version.split()[0],
        "sqlite": sqlite3.sqlite_version,
        "cores": os.cpu_count(),
    }


# -- the raw limits ----------------------------------------------------------------------------


def raw_limits(folder: Path) -> dict[str, object]:
    """Measure what the disk and SQLite give without us."""
    one, hundred = raw_sqlite(folder / "one.db", 1), raw_sqlite(folder / "hundred.db", 100)
    return {
        "raw_fsync_4k": raw_fsync(folder / "fsync"),
        "raw_sqlite_full_commits_per_s": one,
        "raw_sqlite_full_rows_per_s_by_100": hundred * 100,
    }


def raw_fsync(path: Path, seconds: float = 2) -> dict[str, float]:
    """Append 4 KiB and wait for the disk, again and again."""
    latencies: list[float] = []
    block = b"x" * 4096
    with path.open("wb", buffering=0) as file:
        begin = time.perf_counter()
        while time.perf_counter() - begin < seconds:
            before = time.perf_counter()
            file.write(block)
            os.fdatasync(file.fileno())
            latencies.append(time.perf_counter() - before)
        return {"per_s": per_second(len(latencies), begin), **milliseconds(latencies)}


def raw_sqlite(path: Path, batch: int, seconds: float = 2) -> int:
    """Return commits per second of `batch` rows each, WAL and synchronous=FULL."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, key TEXT UNIQUE, text TEXT)")
    commits = 0
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds:
        connection.execute("BEGIN IMMEDIATE")
        rows = [(f"k{commits}-{row}", TEXT) for row in range(batch)]
        connection.executemany("INSERT INTO event (key, text) VALUES (?, ?)", rows)
        connection.execute("COMMIT")
        commits += 1
    rate = per_second(commits, begin)
    connection.close()
    return rate


# -- the store ---------------------------------------------------------------------------------


def now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


def message(event: str, user: str) -> InboundMessage:
    """Return one person's message in a conversation of their own."""
    return InboundMessage(
        event_id=event,
        conversation=Conversation("bench", "local", user),
        sender=Sender(Identity("bench", "local", user), user),
        text=TEXT,
        sent_at=now(),
    )


def reply(turn: Turn) -> NewDelivery:
    """Return the answer to a turn."""
    name = DeliveryId(f"{turn.ref.id}.0")
    return NewDelivery(name, turn.conversation, TEXT, turn=turn.ref.id)


async def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, object]:
    """Measure the store."""
    seconds = arguments.seconds
    async with stores(arguments.database, folder) as new_store:
        is_sqlite = arguments.database == "sqlite"
        raw = raw_limits(folder) if is_sqlite else await raw_postgres()
        acks = [await ack(new_store, rate, seconds) for rate in ACK_RATES]
        return {
            **raw,
            "ack": acks,
            "dispatch_5000_lanes": await dispatch(new_store, 5000, 200, seconds),
            "lifecycle": await lifecycle(new_store, arguments.turns),
            "claim_behind_20000_waiting": await claim_behind(new_store, 20_000),
        }


def measure_acks(folder: Path, seconds: float) -> dict[str, object]:
    """Measure acknowledgements on SQLite, beside the disk as it is here."""

    async def all_rates() -> list[dict[str, float]]:
        async with stores("sqlite", folder) as new_store:
            return [await ack(new_store, rate, seconds) for rate in ACK_RATES]

    return {**raw_limits(folder), "ack": uvloop.run(all_rates())}


async def ack(new_store: NewStore, rate: float, seconds: float) -> dict[str, float]:
    """Measure the time from a message being due to its being on the disk."""
    async with opened(new_store) as store:
        return await offer_messages(store, Load(2000, rate, seconds))


@dataclass(frozen=True, slots=True)
class Load:
    """Messages that come at a fixed rate, of people who take turns."""

    people: int
    rate: float
    seconds: float
    first: int = 0
    """The number of the first message, so that one load goes on where another ended."""


async def offer_messages(store: Store, load: Load) -> dict[str, float]:
    """Offer new messages."""

    async def accept(number: int) -> None:
        nth = load.first + number
        event, user = f"e{nth}", f"u{nth * 7919 % load.people}"
        await store.turns.accept(message(event, user), ROUTE, now())

    return await offer(load.rate, load.seconds, accept)


async def dispatch(
    new_store: NewStore, lanes: int, rate: float, seconds: float
) -> dict[str, float]:
    """Measure the time from accepting a message to its turn being in our hands."""
    async with opened(new_store) as store:
        return await dispatch_on(store, Load(lanes, rate, seconds))


async def dispatch_on(store: Store, load: Load) -> dict[str, float]:
    """Offer messages while a dispatcher claims and finishes turns; measure both."""
    expected, waits = int(load.rate * load.seconds), list[float]()

    async def work(group: asyncio.TaskGroup) -> None:
        while len(waits) < expected:
            store.turn_ready.clear()
            claim = await store.turns.claim(WORKER, 256, LEASE, now())
            taken = now()
            for turn in claim.turns:
                waits.extend((taken - m.sent_at).total_seconds() for m in turn.messages)
                group.create_task(store.turns.finish(turn.ref, done(turn), now()))
            if not claim.turns and len(waits) < expected:
                await store.turn_ready.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(work(group))
        acked = await offer_messages(store, load)
    return {
        "ack_p50_ms": acked["p50_ms"],
        "ack_p99_ms": acked["p99_ms"],
        **milliseconds(waits),
    }


def done(turn: Turn) -> TurnOutcome:
    """Return how a turn ends here: with one answer."""
    return TurnOutcome(TurnState.DONE, (reply(turn),))


async def lifecycle(new_store: NewStore, turns: int, people: int = 500) -> dict[str, object]:
    """Measure whole turns per second: people who each write again when they are answered.

    A turn is accepted, claimed, run (its run id is stored) and finished with one
    answer; once counted to there, and once until the answer is sent and settled.
    """
    return {
        "to_finished": await lifecycle_of(new_store, turns, people, is_sent=False),
        "to_sent": await lifecycle_of(new_store, turns, people, is_sent=True),
    }


async def lifecycle_of(
    new_store: NewStore, turns: int, people: int, *, is_sent: bool
) -> dict[str, float]:
    """Measure `turns` turns of people who have all written before."""
    async with opened(new_store) as store:
        await Lifecycle(store, people, is_sent=is_sent).run(people)
        logged = (await store.history.audit(0, 10**9))[-1].sequence
        begin, cpu = time.perf_counter(), time.process_time()
        await Lifecycle(store, people, is_sent=is_sent).run(turns)
        rate, used = per_second(turns, begin), time.process_time() - cpu
        entries = len(await store.history.audit(logged, 10**9))
    return {
        "turns_per_s": rate,
        "cpu_us_per_turn": round(used / turns * 1e6),
        "audit_rows_per_turn": round(entries / turns, 1),
    }


class Lifecycle:
    """Writers, a dispatcher and an outbox as in the hub; its agents answer at once."""

    def __init__(self, store: Store, people: int, *, is_sent: bool) -> None:
        self._store = store
        self._people = people
        self._is_sent = is_sent
        self._answered: dict[str, asyncio.Event] = {}

    async def run(self, turns: int) -> None:
        """Return when so many turns are over."""
        numbers = iter(range(turns))
        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(self._dispatch(group))]
            if self._is_sent:
                workers.append(group.create_task(self._send(group)))
            async with asyncio.TaskGroup() as writers:
                for number in range(self._people):
                    writers.create_task(self._write(f"u{number}", numbers))
            for worker in workers:
                worker.cancel()

    async def _write(self, user: str, numbers: Iterator[int]) -> None:
        answered = self._answered[user] = asyncio.Event()
        for _ in numbers:
            event = f"{random.getrandbits(128):032x}"  # uuid4 would ask the kernel each time
            await self._store.turns.accept(message(event, user), ROUTE, now())
            await answered.wait()
            answered.clear()

    async def _dispatch(self, group: asyncio.TaskGroup) -> None:
        while True:
            self._store.turn_ready.clear()
            claim = await self._store.turns.claim(WORKER, 256, LEASE, now())
            for turn in claim.turns:
                group.create_task(self._answer(turn))
            if not claim.turns:
                await self._store.turn_ready.wait()

    async def _answer(self, turn: Turn) -> None:
        await self._store.turns.record_run(turn.ref, 0, RunId(f"run-{turn.ref.id}"))
        await self._store.turns.finish(turn.ref, done(turn), now())
        if not self._is_sent:
            self._answered[turn.conversation.channel].set()

    async def _send(self, group: asyncio.TaskGroup) -> None:
        while True:
            self._store.delivery_ready.clear()
            claim = await self._store.deliveries.claim(WORKER, ["bench"], 256, LEASE, now())
            for delivery in claim.deliveries:
                group.create_task(self._settle(delivery))
            if not claim.deliveries:
                await self._store.delivery_ready.wait()

    async def _settle(self, delivery: Delivery) -> None:
        sent = Sent(PlatformMessageId(f"p-{delivery.id}"))
        await self._store.deliveries.settle(delivery, sent, now())
        self._answered[delivery.conversation.channel].set()


async def claim_behind(new_store: NewStore, waiting: int) -> dict[str, float]:
    """Measure a claim while one busy lane has very many messages waiting."""
    async with opened(new_store) as store:
        await store.turns.accept(message("first", "busy"), ROUTE, now())
        await store.turns.claim(WORKER, 1, LEASE, now())
        async with asyncio.TaskGroup() as group:
            for number in range(waiting):
                accepting = store.turns.accept(message(f"w{number}", "busy"), ROUTE, now())
                group.create_task(accepting)
        times: list[float] = []
        for number in range(200):
            await store.turns.accept(message(f"n{number}", f"u{number}"), ROUTE, now())
            begin = time.perf_counter()
            await store.turns.claim(WORKER, 1, LEASE, now())
            times.append(time.perf_counter() - begin)
        return milliseconds(times)
