"""Checkpoints beside the writer: what they take, what they never wait for, and what they leave."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from storage.sqlite.checkpoints import CHECKPOINT, Checkpoints
from storage.sqlite.database import Connection, connect

ROWS = 100
"""Each fills a page."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "postern.db"


@pytest.fixture
async def writing(path: Path) -> AsyncGenerator[Connection]:
    connection = await connect(path)
    await connection.execute("CREATE TABLE thing (text TEXT)")
    yield connection
    await connection.close()


async def write(connection: Connection, rows: int = ROWS) -> int:
    """Commit so many rows; returns how many were written so far."""

    def insert(raw: sqlite3.Connection) -> int:
        raw.execute("BEGIN IMMEDIATE")
        raw.executemany("INSERT INTO thing VALUES (?)", [("x" * 4000,)] * rows)
        raw.execute("COMMIT")
        return raw.total_changes

    return await connection.call(insert)


async def log_length(connection: Connection) -> int:
    _, pages, _ = await connection.call(lambda raw: raw.execute(CHECKPOINT).fetchone())
    return pages


def rows_without_the_log(path: Path) -> int:
    """Count what a database has whose log is gone."""
    alone = shutil.copy(path, path.with_name("alone.db"))
    with sqlite3.connect(alone) as connection:
        return connection.execute("SELECT count(*) FROM thing").fetchone()[0]


async def test_what_is_in_the_log_gets_into_the_database(writing: Connection, path: Path) -> None:
    checkpoints = Checkpoints(writing, path, every_rows=ROWS)
    assert await log_length(writing) > 0
    rows = await write(writing)
    assert rows_without_the_log(path) == 0

    checkpoints.committed(rows)
    await checkpoints.close()

    assert rows_without_the_log(path) == ROWS


async def test_few_rows_wait_for_more(writing: Connection, path: Path) -> None:
    checkpoints = Checkpoints(writing, path, every_rows=ROWS + 1)
    assert await log_length(writing) > 0

    checkpoints.committed(await write(writing))
    await checkpoints.close()

    assert rows_without_the_log(path) == 0


async def test_an_open_transaction_is_not_waited_for(writing: Connection, path: Path) -> None:
    checkpoints = Checkpoints(writing, path, every_rows=ROWS)
    rows = await write(writing)
    await writing.execute("BEGIN IMMEDIATE")
    await writing.execute("INSERT INTO thing VALUES ('not yet')")

    checkpoints.committed(rows)
    await checkpoints.close()

    assert rows_without_the_log(path) == ROWS
    await writing.execute("COMMIT")
    assert await log_length(writing) > ROWS


async def test_a_long_log_is_begun_anew(writing: Connection, path: Path) -> None:
    checkpoints = Checkpoints(writing, path, every_rows=ROWS, long_log=ROWS)

    checkpoints.committed(await write(writing))
    await checkpoints.close()

    await write(writing, rows=1)
    assert await log_length(writing) < 10


async def test_a_log_is_begun_anew_while_others_write(writing: Connection, path: Path) -> None:
    checkpoints = Checkpoints(writing, path, every_rows=ROWS, long_log=4 * ROWS)

    log = path.with_name("postern.db-wal")
    commits = 0
    # SQLite's own checkpoint would come after 32,000 pages.
    while log.stat().st_size >= commits * ROWS * 4096 and commits < 250:
        checkpoints.committed(await write(writing))
        commits += 1
    await checkpoints.close()

    assert commits < 250


async def test_one_that_fails_is_told_and_tried_again(
    writing: Connection, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hidden = path.with_name("hidden.db")
    checkpoints = Checkpoints(writing, hidden, every_rows=ROWS)

    with caplog.at_level(logging.WARNING):
        checkpoints.committed(await write(writing))
        await checkpoints.close()
    hidden.symlink_to(path)
    checkpoints.committed(await write(writing))
    await checkpoints.close()

    assert [record.message for record in caplog.records] == ["checkpoint_put_off"]
    assert rows_without_the_log(path) == 2 * ROWS
