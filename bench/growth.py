"""Ack and dispatch for 100,000 people: without a history, and with a million rows of it."""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import uvloop

from bench.postgres import raw_round_trips, served_schema
from bench.store import TEXT, Load, dispatch_on, machine, raw_limits
from gateway.ports import Store
from storage.postgres import PostgresStore
from storage.sqlite import SqliteStore
from tests.fakes.postgres import execute, postgres_schema

PEOPLE = 100_000
RATE = 200.0

_MEET = (
    "INSERT INTO person (id, name) SELECT {person}, {user} FROM numbers",
    """
    INSERT INTO identity (platform, workspace, account, person)
    SELECT 'bench', 'local', {user}, {person} FROM numbers
    """,
    "INSERT INTO mailbox (lane, state, fence) SELECT {lane}, 0, 1 FROM numbers",
    """
    INSERT INTO outbox (conversation, platform, state, fence)
    SELECT {conversation}, 'bench', 0, 1 FROM numbers
    """,
)
"""People who have written before; a number is a person's."""

_GROW = (
    """
    INSERT INTO inbox (seq, key, conversation, lane, person, sender_platform, sender_workspace,
        sender_account, sender_name, kind, text, sent_at, received_at, is_private, state, turn)
    SELECT {seq}, 'bench:local:h' || n, {conversation}, {lane}, {person}, 'bench', 'local',
        {user}, {user}, 'text', {text}, {moment}, {moment}, {no}, 1, 'grown-' || n FROM numbers
    """,
    """
    INSERT INTO turn (id, lane, person, conversation, state, attempt, started_at, ended_at, runs,
        was_noticed, answers, is_kept)
    SELECT 'grown-' || n, {lane}, {person}, {conversation}, 'done', 1, {moment}, {moment}, {none},
        {no}, {none}, {yes} FROM numbers
    """,
    """
    INSERT INTO delivery (seq, id, conversation, text, idx, is_draft, revision, state, attempts,
        next_at, receipt, created_at, settled_at, is_private)
    SELECT {seq}, 'grown-' || n || '.0', {conversation}, {text}, 0, {no}, 1, 3, 1, {moment}, 'p',
        {moment}, {moment}, {no} FROM numbers
    """,
    """
    INSERT INTO audit (at, kind, subject, ref, data)
    SELECT {moment}, 'message.accepted', {lane}, 'bench:local:h' || n, {nothing} FROM numbers
    """,
)
"""Ended turns with their messages, answers and audit rows."""

_WORDS = {
    "user": "('u' || (n % 100000))",
    "person": "('p' || (n % 100000))",
    "lane": "('p' || (n % 100000) || '/postern')",
    "conversation": "('bench:local:u' || (n % 100000))",
    "text": f"'{TEXT}'",
    "nothing": "'{}'",
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a database says what the statements above leave open."""

    numbers: str
    words: Mapping[str, str]

    def statements(self, people: int, rows: int) -> list[str]:
        """Return what makes so many people, and so many rows of each kind of history."""
        words = {**_WORDS, **self.words}
        meet = [self.numbers.format(last=people) + each.format(**words) for each in _MEET]
        grow = [self.numbers.format(last=rows) + each.format(**words) for each in _GROW]
        return [*meet, *(grow if rows else [])]


SQLITE = Dialect(
    "WITH RECURSIVE numbers (n) AS "
    "(SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}) ",
    {
        # Messages and deliveries share one sequence.
        "seq": "(SELECT max((SELECT ifnull(max(seq), 0) FROM inbox),"
        " (SELECT ifnull(max(seq), 0) FROM delivery))) + n",
        "moment": "n",
        "none": "'[]'",
        "no": "0",
        "yes": "1",
    },
)
POSTGRES = Dialect(
    "WITH numbers (n) AS (SELECT * FROM generate_series(1, {last})) ",
    {
        "seq": "nextval('place')",
        "moment": "now()",
        "none": "'{}'",
        "no": "false",
        "yes": "true",
    },
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be varied."""
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--rows", type=int, default=1_000_000, help="history rows to grow to")
    parser.add_argument("--seconds", type=float, default=3, help="length of each measurement")
    parser.add_argument("--rounds", type=int, default=10, help="measurements of each")
    parser.add_argument("--folder", type=Path, default=None, help="where the database is made")


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Measure both."""
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder)
        raw = raw_limits(path) if arguments.database == "sqlite" else {}
        measured = uvloop.run(_measured(path, arguments))
    return {"machine": machine(), **raw, "rows": arguments.rows, **measured}


async def _measured(folder: Path, arguments: argparse.Namespace) -> dict[str, object]:
    rounds, seconds, rows = arguments.rounds, arguments.seconds, arguments.rows
    if arguments.database == "sqlite":
        async with (
            _sqlite(folder / "small.db", 0) as small,
            _sqlite(folder / "large.db", rows) as large,
        ):
            return await compared(small, large, rounds, seconds)
    async with served_schema() as url, _postgres(url, 0) as small, postgres_schema() as other:
        raw = await raw_round_trips(url)
        async with _postgres(other, rows) as large:
            measured = await compared(small, large, rounds, seconds)
    return {"raw_postgres_round_trip": raw, **measured}


@asynccontextmanager
async def _sqlite(path: Path, rows: int) -> AsyncGenerator[Store]:
    async with AsyncExitStack() as stack:
        store = SqliteStore(path)
        await store.open()
        await store.close()
        connection = sqlite3.connect(path)
        for statement in SQLITE.statements(PEOPLE, rows):
            connection.execute(statement)
        connection.commit()
        connection.close()
        await store.open()
        stack.push_async_callback(store.close)
        yield store


@asynccontextmanager
async def _postgres(url: str, rows: int) -> AsyncGenerator[Store]:
    async with AsyncExitStack() as stack:
        store = PostgresStore(url)
        await store.open()
        stack.push_async_callback(store.close)
        for statement in POSTGRES.statements(PEOPLE, rows):
            await execute(url, statement)
        await execute(url, "VACUUM ANALYZE")
        await execute(url, "CHECKPOINT")
        yield store


async def compared(small: Store, large: Store, rounds: int, seconds: float) -> dict[str, object]:
    """Measure one, then the other, again and again, so that both meet the same machine.

    What else the machine does comes and goes; a ratio within one round has seen
    the same of it, and the median of the ratios is not moved by a bad round.
    """
    found: dict[str, list[dict[str, float]]] = {"small": [], "large": []}
    stores, numbers = {"small": small, "large": large}, count()
    for nth in range(-1, rounds):  # the first is for warming up, and is not counted
        load = Load(PEOPLE, RATE, seconds, first=next(numbers) * int(RATE * seconds))
        for name in sorted(stores, reverse=nth % 2 == 0):
            figures = await _probe(stores[name], load)
            if nth >= 0:
                found[name].append(figures)
    names = list(found["small"][0])
    ratios = {name: _ratio(name, found["small"], found["large"]) for name in names}
    return {
        "ratio": ratios,
        **{size: {name: _median(name, each) for name in names} for size, each in found.items()},
    }


async def _probe(store: Store, load: Load) -> dict[str, float]:
    began = time.process_time()
    found = await dispatch_on(store, load)
    cpu_us = (time.process_time() - began) / (load.rate * load.seconds) * 1e6
    return {
        "ack_p50_ms": found["ack_p50_ms"],
        "dispatch_p50_ms": found["p50_ms"],
        "dispatch_p99_ms": found["p99_ms"],
        "cpu_us": cpu_us,
    }


def _ratio(
    name: str, small: Sequence[Mapping[str, float]], large: Sequence[Mapping[str, float]]
) -> float:
    pairs = zip(small, large, strict=True)
    return round(statistics.median(after[name] / before[name] for before, after in pairs), 2)


def _median(name: str, figures: Sequence[Mapping[str, float]]) -> float:
    return round(statistics.median(each[name] for each in figures), 3)
