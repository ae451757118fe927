import asyncio
import os
import sqlite3
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from agents.embedded.store.database import Database, Work, open_database
from gateway.errors import SettingsWrong


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database]:
    async with open_database(tmp_path / "a" / "letta.db") as database:
        await database.write(lambda db: db.execute("CREATE TABLE t (n INTEGER UNIQUE)"))
        yield database


def _insert(number: int, *, fail: bool = False) -> Work[int]:
    def work(db: sqlite3.Connection) -> int:
        db.execute("INSERT INTO t VALUES (?)", (number,))
        if fail:
            raise LookupError("after the insert")
        return number

    return work


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _numbers(db: sqlite3.Connection) -> list[int]:
    return [row["n"] for row in db.execute("SELECT n FROM t ORDER BY n")]


async def test_a_commit_is_synced_to_the_disk(database: Database) -> None:
    def pragmas(db: sqlite3.Connection) -> tuple[str, int, int]:
        mode = db.execute("PRAGMA journal_mode").fetchone()[0]
        full = db.execute("PRAGMA synchronous").fetchone()[0]
        return mode, full, db.execute("PRAGMA foreign_keys").fetchone()[0]

    assert await database.write(pragmas) == ("wal", 2, 1)


async def test_one_failing_transaction_leaves_its_neighbours_alone(database: Database) -> None:
    works = [database.write(_insert(number, fail=number == 2)) for number in range(5)]

    outcomes = await asyncio.gather(*works, return_exceptions=True)

    assert isinstance(outcomes[2], LookupError)
    assert await database.read(_numbers) == [0, 1, 3, 4]


async def test_what_is_read_behind_a_commit_is_what_it_stored(database: Database) -> None:
    seen = [database.write_then_read(_insert(n), lambda db, _: _numbers(db)) for n in range(3)]

    assert await asyncio.gather(*seen) == [(n, [0, 1, 2]) for n in range(3)]


async def test_nothing_is_read_behind_a_transaction_that_failed(database: Database) -> None:
    read: list[int] = []

    with pytest.raises(LookupError, match="after the insert"):
        await database.write_then_read(_insert(1, fail=True), lambda _, number: read.append(number))

    assert read == []


async def test_a_reading_that_fails_undoes_nothing(database: Database) -> None:
    def fail(_db: sqlite3.Connection, number: int) -> None:
        raise KeyError(number)

    failing, other = (
        database.write_then_read(_insert(1), fail),
        database.write_then_read(_insert(2), lambda _, number: number),
    )
    outcomes = await asyncio.gather(failing, other, return_exceptions=True)

    assert isinstance(outcomes[0], KeyError)
    assert outcomes[1] == (2, 2)
    assert await database.read(_numbers) == [1, 2]


async def test_a_read_sees_every_write_before_it(database: Database) -> None:
    for number in range(20):
        await database.write(_insert(number))
        assert (await database.read(_numbers))[-1] == number


async def test_opening_again_migrates_nothing_twice(tmp_path: Path) -> None:
    versions: list[int] = []
    for _ in range(2):
        async with open_database(tmp_path / "letta.db") as database:
            versions.append(await database.read(_version))

    assert versions[0] == versions[1] > 0


async def test_what_a_newer_postern_wrote_is_left_alone(tmp_path: Path) -> None:
    async with open_database(tmp_path / "letta.db") as database:
        await database.write(lambda db: db.execute("PRAGMA user_version = 900"))

    with pytest.raises(SettingsWrong, match="by a newer Postern"):
        async with open_database(tmp_path / "letta.db"):
            pass


async def test_two_servers_cannot_share_a_file(tmp_path: Path) -> None:
    async with open_database(tmp_path / "letta.db"):
        with pytest.raises(SettingsWrong, match=f"in use by process {os.getpid()}"):
            async with open_database(tmp_path / "letta.db"):
                pass


async def test_a_file_is_free_again_when_its_server_has_left(tmp_path: Path) -> None:
    for _ in range(2):
        async with open_database(tmp_path / "letta.db"):
            pass

    assert (tmp_path / "letta.db.lock").read_text() == ""


async def test_a_place_that_can_not_be_locked_is_told(tmp_path: Path) -> None:
    (tmp_path / "letta.db.lock").mkdir()

    with pytest.raises(SettingsWrong, match="can not be written: Is a directory"):
        async with open_database(tmp_path / "letta.db"):
            pass
