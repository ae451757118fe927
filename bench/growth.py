"""Ack and dispatch on an empty database, and on one that has served 100,000 people for long."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import uvloop

from bench.postgres import raw_round_trips, served_schema
from bench.store import TEXT, dispatch_on, growth, machine, ratios, raw_limits
from storage.postgres import PostgresStore
from tests.fakes.postgres import execute

PEOPLE = 100_000
LANES = "'p' || (n % 100000)"
PLACE = "'bench:local:u' || (n % 100000)"
GROW = (
    f"""
    INSERT INTO inbox (seq, key, conversation, lane, person, sender_platform, sender_workspace,
        sender_account, sender_name, kind, text, sent_at, received_at, is_private, state, turn)
    SELECT nextval('place'), 'bench:local:h' || n, {PLACE}, {LANES}, 'p', 'bench', 'local', 'u',
        'u', 'text', $2, now(), now(), false, 1, 'grown-' || n
    FROM generate_series(1, $1::integer) n
    """,  # noqa: S608 - our own words
    f"""
    INSERT INTO turn (id, lane, person, conversation, state, attempt, started_at, ended_at, runs,
        was_noticed, answers, is_kept)
    SELECT 'grown-' || n, {LANES}, 'p', {PLACE}, 'done', 1, now(), now(), '{{}}', false,
        '{{}}', true
    FROM generate_series(1, $1::integer) n WHERE $2 <> ''
    """,  # noqa: S608 - our own words
    f"""
    INSERT INTO delivery (seq, id, conversation, text, idx, is_draft, revision, state, attempts,
        next_at, receipt, created_at, settled_at, is_private)
    SELECT nextval('place'), 'grown-' || n || '.0', {PLACE}, $2, 0, false, 1, 3, 1, now(), 'p',
        now(), now(), false FROM generate_series(1, $1::integer) n
    """,  # noqa: S608 - our own words
    """
    INSERT INTO audit (at, kind, subject, ref, data)
    SELECT now(), 'message.accepted', 'p', 'bench:local:h' || n, '{}'
    FROM generate_series(1, $1::integer) n WHERE $2 <> ''
    """,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be varied."""
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--rows", type=int, default=1_000_000, help="history rows to grow to")
    parser.add_argument("--seconds", type=float, default=8, help="length of each measurement")
    parser.add_argument("--folder", type=Path, default=None, help="where the database is made")


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Measure both."""
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        if arguments.database == "postgres":
            return {"machine": machine(), **uvloop.run(_on_postgres(arguments))}
        path = Path(folder)
        grown = uvloop.run(growth(path / "growth.db", arguments.rows, arguments.seconds))
        return {"machine": machine(), **raw_limits(path), **grown}


async def _on_postgres(arguments: argparse.Namespace) -> dict[str, object]:
    load = (PEOPLE, 200.0, arguments.seconds)
    async with served_schema() as url:
        raw = await raw_round_trips(url)
        empty = await _measured(url, "g0-", load)
        for statement in GROW:
            await execute(url, statement, arguments.rows, TEXT)
        await execute(url, "ANALYZE")
        full = await _measured(url, "g1-", load)
    figures = {"raw_postgres_round_trip": raw, "rows": arguments.rows}
    return {**figures, **ratios(empty, full), "empty": empty, "full": full}


async def _measured(url: str, prefix: str, load: tuple[int, float, float]) -> dict[str, float]:
    store = PostgresStore(url)
    await store.open()
    try:
        return await dispatch_on(store, prefix, load)
    finally:
        await store.close()
