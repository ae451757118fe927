"""A real process, killed in the middle of writing: what it acknowledged is there."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
from pathlib import Path

import pytest

from storage.sqlite import SqliteStore
from tests.contracts.store.words import WORKER, at, claim_turns, done, part, send_all
from tests.unit.storage.test_stores_agree import check_invariants

KILLS = 5


async def _write_until_killed(path: Path, prefix: str, lines: int) -> list[tuple[str, str]]:
    """Run the writer, kill it after so many lines; return all that it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.unit.storage.writer", path, prefix,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    said = [await process.stdout.readline() for _ in range(lines)]
    process.kill()
    rest, _ = await process.communicate()
    lines_said = (b"".join(said) + rest).decode().splitlines()
    return [(kind, name) for kind, _, name in (line.partition(" ") for line in lines_said)]


async def _settle_everything(store: SqliteStore) -> None:
    await store.turns.recover(at(0), predecessor=WORKER)
    await store.deliveries.recover(at(0), predecessor=WORKER)
    while turns := await claim_turns(store):
        for turn in turns:
            await store.turns.finish(turn.ref, done(part(turn, 0)), at(0))
    await send_all(store)


@pytest.mark.crash
async def test_what_a_killed_process_acknowledged_is_there(tmp_path: Path) -> None:
    path = tmp_path / "postern.db"
    said: list[tuple[str, str]] = []
    for kill in range(KILLS):
        said += await _write_until_killed(path, f"k{kill}", random.randint(1, 600))
    store = SqliteStore(path)
    await store.open()

    await _settle_everything(store)

    await store.close()
    check_invariants(path)
    assert _lost(path, said) == set()
    assert _unanswered(path) == []


def _lost(path: Path, said: list[tuple[str, str]]) -> set[tuple[str, str]]:
    connection = sqlite3.connect(path)
    messages = connection.execute("SELECT key FROM inbox").fetchall()
    turns = connection.execute("SELECT id FROM turn WHERE state = 'done'").fetchall()
    sent = connection.execute("SELECT id FROM delivery WHERE receipt = 'p-' || id").fetchall()
    connection.close()
    kept = {("accepted", key.rpartition(":")[2]) for (key,) in messages}
    kept |= {("finished", turn) for (turn,) in turns} | {("sent", name) for (name,) in sent}
    return set(said) - kept


def _unanswered(path: Path) -> list[tuple[str]]:
    connection = sqlite3.connect(path)
    rows = connection.execute("""
        SELECT key FROM inbox LEFT JOIN delivery ON delivery.id = inbox.turn || '.0'
        WHERE delivery.state IS NOT 3
    """).fetchall()
    connection.close()
    return rows
