"""The group committer: one commit for all who wait, and each gets what is theirs."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest

from gateway.domain.audit import AuditKind
from gateway.errors import StoreUnavailable
from storage.signals import Signals
from storage.sqlite.committer import BATCH_LIMIT, Committer, Transaction
from storage.sqlite.database import Connection, connect
from storage.sqlite.migrate import migrate


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncGenerator[Connection]:
    path = tmp_path / "postern.db"
    connection = await connect(path)
    await connection.call(lambda raw: migrate(raw, path))
    yield connection
    await connection.close()


@pytest.fixture
async def committer(connection: Connection, tmp_path: Path) -> AsyncGenerator[Committer]:
    committer = Committer(connection, tmp_path / "postern.db", Signals())
    yield committer
    await committer.close()


def add(tx: Transaction, name: str) -> str:
    tx.execute("INSERT INTO person (id, name) VALUES (?, ?)", (name, name))
    tx.log(AuditKind.PERSON_MET, None, name, name, {})
    return name


def add_and_stumble(tx: Transaction, name: str) -> str:
    add(tx, name)
    raise ValueError(name)


def break_the_file(tx: Transaction, name: str) -> None:
    add(tx, name)
    tx.execute("SELECT * FROM nowhere", ())


def people(tx: Transaction) -> list[str]:
    return [name for (name,) in tx.execute("SELECT id FROM person ORDER BY id", ()).fetchall()]


def told(tx: Transaction) -> list[str]:
    return [ref for (ref,) in tx.execute("SELECT ref FROM audit ORDER BY seq", ()).fetchall()]


async def test_all_who_wait_share_one_commit(committer: Committer) -> None:
    names = [f"p{n:03}" for n in range(BATCH_LIMIT)]

    returned = await asyncio.gather(*(committer.write(add, name) for name in names))

    assert returned == names
    assert committer.commits == 1
    assert await committer.write(people) == names


async def test_every_line_of_the_audit_log_is_written_with_its_commit(
    committer: Committer,
) -> None:
    names = [f"p{n:02}" for n in range(70)]

    await asyncio.gather(*(committer.write(add, name) for name in names))

    assert committer.commits == 1
    assert await committer.write(told) == names


async def test_a_batch_has_a_limit(committer: Committer) -> None:
    await asyncio.gather(*(committer.write(add, f"p{n}") for n in range(BATCH_LIMIT + 1)))

    assert committer.commits == 2


async def test_operations_run_in_the_order_in_which_they_came(committer: Committer) -> None:
    *_, seen = await asyncio.gather(
        committer.write(add, "a"), committer.write(add, "b"), committer.write(people)
    )

    assert seen == ["a", "b"]


async def test_an_operation_that_raises_fails_alone_and_leaves_nothing(
    committer: Committer,
) -> None:
    results = await asyncio.gather(
        committer.write(add, "a"),
        committer.write(add_and_stumble, "b"),
        committer.write(add, "a"),
        committer.write(add, "c"),
        return_exceptions=True,
    )

    assert [type(result) for result in results] == [str, ValueError, sqlite3.IntegrityError, str]
    assert await committer.write(people) == ["a", "c"]
    assert await committer.write(told) == ["a", "c"]


async def test_neighbours_that_run_the_same_run_it_once(committer: Committer) -> None:
    sizes: list[int] = []

    def add_all(tx: Transaction, names: Sequence[str]) -> list[str]:
        sizes.append(len(names))
        tx.insert("INSERT INTO person (id, name)", [(name, name) for name in names])
        return [name.upper() for name in names]

    names = [f"p{n:02}" for n in range(43)]
    *first, between, last = await asyncio.gather(
        *(committer.write_together(add_all, name) for name in names),
        committer.write(people),
        committer.write_together(add_all, "q"),
    )

    assert sizes == [43, 1]
    assert [*first, last] == [name.upper() for name in (*names, "q")]
    assert between == names
    assert await committer.write(people) == [*names, "q"]


async def test_of_neighbours_that_run_the_same_one_fails_alone(committer: Committer) -> None:
    def add_all(tx: Transaction, names: Sequence[str]) -> list[str]:
        return [add(tx, name) if name != "b" else add_and_stumble(tx, name) for name in names]

    results = await asyncio.gather(
        *(committer.write_together(add_all, name) for name in "abc"), return_exceptions=True
    )

    assert [str(result) for result in results] == ["a", "b", "c"]
    assert isinstance(results[1], ValueError)
    assert await committer.write(people) == ["a", "c"]
    assert await committer.write(told) == ["a", "c"]


async def test_an_operation_alone_that_raises_leaves_nothing(committer: Committer) -> None:
    with pytest.raises(ValueError, match="b"):
        await committer.write(add_and_stumble, "b")

    assert await committer.write(people) == []


async def test_a_database_that_fails_fails_all_and_nothing_of_them_happened(
    committer: Committer,
) -> None:
    results = await asyncio.gather(
        committer.write(add, "a"),
        committer.write(break_the_file, "b"),
        committer.write(add, "c"),
        return_exceptions=True,
    )

    assert [type(result) for result in results] == [StoreUnavailable] * 3
    assert await committer.write(people) == []


async def test_a_lock_that_stays_fails_all_until_it_is_gone(
    committer: Committer, connection: Connection, tmp_path: Path
) -> None:
    await connection.call(lambda raw: raw.execute("PRAGMA busy_timeout = 50"))
    locking = sqlite3.connect(tmp_path / "postern.db", isolation_level=None)
    locking.execute("BEGIN IMMEDIATE")

    results = await asyncio.gather(
        committer.write(add, "a"), committer.write(add, "b"), return_exceptions=True
    )

    locking.close()
    assert [type(result) for result in results] == [StoreUnavailable] * 2
    assert "is locked by another process" in str(results[0])
    assert await committer.write(add, "a") == "a"


async def test_a_full_disk_fails_all_until_there_is_room(
    committer: Committer, connection: Connection
) -> None:
    await connection.call(lambda raw: raw.execute("PRAGMA max_page_count = 60"))

    results = await asyncio.gather(
        committer.write(add, "a"), committer.write(add, "b" * 1_000_000), return_exceptions=True
    )

    assert [type(result) for result in results] == [StoreUnavailable] * 2
    assert "the disk is full" in str(results[0])
    assert await committer.write(people) == []
    assert await committer.write(add, "a") == "a"


async def test_a_read_only_database_says_so(committer: Committer, connection: Connection) -> None:
    await connection.call(lambda raw: raw.execute("PRAGMA query_only = ON"))

    with pytest.raises(StoreUnavailable, match="is read-only"):
        await committer.write(add, "a")


async def test_a_cancelled_caller_takes_nobody_along(committer: Committer) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(committer.write(add, f"p{n}")) for n in range(5)]
        await asyncio.sleep(0)
        tasks[2].cancel()

    assert [task.cancelled() for task in tasks] == [False, False, True, False, False]
    seen = await committer.write(people)
    assert set(seen) >= {"p0", "p1", "p3", "p4"}


async def test_a_caller_cancelled_during_the_commit_takes_nobody_along(
    committer: Committer,
) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(committer.write(add, f"p{n}")) for n in range(5)]
        for _ in range(3):
            await asyncio.sleep(0)
        tasks[0].cancel()

    assert await committer.write(people) == ["p0", "p1", "p2", "p3", "p4"]


async def test_closing_writes_what_waits_and_takes_no_more(committer: Committer) -> None:
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(committer.write(add, f"p{n}")) for n in range(5)]
        await asyncio.sleep(0)
        await committer.close()

    assert [task.result() for task in waiting] == [f"p{n}" for n in range(5)]
    with pytest.raises(StoreUnavailable, match="closed"):
        await committer.write(add, "late")


async def test_a_connection_that_is_gone_fails_who_waits(
    committer: Committer, connection: Connection
) -> None:
    await connection.close()

    with pytest.raises(StoreUnavailable):
        await committer.write(add, "a")
