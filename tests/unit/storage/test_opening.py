"""Opening a SQLite store: made anew, brought up to date, or refused with a sentence."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import SettingsWrong, StoreUnavailable
from storage.sqlite import SqliteStore
from storage.sqlite.migrate import Migration, migrate, migrations, version_of
from tests.contracts.store.words import say


async def _open_and_close(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    await store.close()


def _names(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


async def test_a_new_database_is_made_with_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "inside" / "postern.db"

    await _open_and_close(path)

    assert path.is_file()


async def test_an_odd_file_name_is_just_a_name(tmp_path: Path) -> None:
    path = tmp_path / "what? 100% #1.db"

    await _open_and_close(path)

    assert _names(tmp_path) == [path.name]


async def test_the_database_is_written_ahead_and_synced_fully(tmp_path: Path) -> None:
    await _open_and_close(tmp_path / "postern.db")
    connection = _connect(tmp_path / "postern.db")

    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


async def test_what_was_accepted_is_there_after_reopening(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "postern.db")
    await store.open()
    first = await say(store, "e1")
    await store.close()

    await store.open()

    again = await say(store, "e1")
    await store.close()
    assert not again.is_new
    assert again.sequence == first.sequence


def test_migrations_are_numbered_without_a_gap() -> None:
    known = migrations()

    assert [migration.number for migration in known] == list(range(1, len(known) + 1))
    assert all(migration.name.startswith(f"{migration.number:04}_") for migration in known)


async def test_a_database_from_a_newer_postern_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "postern.db"
    await _open_and_close(path)
    connection = _connect(path)
    connection.execute("PRAGMA user_version = 9999")
    connection.close()

    with pytest.raises(SettingsWrong, match=r"newer Postern \(schema 9999.*Upgrade Postern"):
        await SqliteStore(path).open()


async def test_a_foreign_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "postern.db"
    connection = _connect(path)
    connection.execute("CREATE TABLE invoice (id INTEGER)")

    with pytest.raises(SettingsWrong, match="not one of Postern"):
        await SqliteStore(path).open()

    tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
    connection.close()
    assert tables == [("invoice",)]


async def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "postern.db"
    path.write_text("Dear diary, " * 1000)

    with pytest.raises(SettingsWrong, match="is not a database"):
        await SqliteStore(path).open()

    assert path.read_text().startswith("Dear diary")


async def test_a_half_broken_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "postern.db"
    await _open_and_close(path)
    content = path.read_bytes()
    path.write_bytes(content[:4096] + os.urandom(len(content) - 4096))
    store = SqliteStore(path)

    with pytest.raises((SettingsWrong, StoreUnavailable), match=r"damaged|malformed"):
        await _use(store)

    await store.close()


async def _use(store: SqliteStore) -> None:
    await store.open()
    await say(store, "e1")


async def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsWrong, match="can not be opened"):
        await SqliteStore(tmp_path).open()


async def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")

    with pytest.raises(SettingsWrong, match="can not be made"):
        await SqliteStore(tmp_path / "data" / "postern.db").open()


@pytest.fixture
def read_only_folder() -> Iterator[Path]:
    """A folder that may not be written to, by a user whom that concerns."""
    nobody, root = 65534, 0
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        is_root = os.geteuid() == root
        if is_root:
            os.seteuid(nobody)
        yield Path(folder)
        if is_root:
            os.seteuid(root)


async def test_a_read_only_folder_is_refused(read_only_folder: Path) -> None:
    with pytest.raises(SettingsWrong, match=r"can not be opened.*may read and write"):
        await SqliteStore(read_only_folder / "postern.db").open()


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "postern.db"
    connection = _connect(path)
    migrate(connection, path)
    known = migrations()
    broken = Migration(
        len(known) + 1,
        "9999_broken.sql",
        "CREATE TABLE extra (id INTEGER) STRICT;\nINSERT INTO nowhere;\n",
    )

    with pytest.raises(SettingsWrong, match=r"9999_broken\.sql failed"):
        migrate(connection, path, [*known, broken])

    tables = connection.execute("SELECT name FROM sqlite_master WHERE name = 'extra'").fetchall()
    assert (tables, version_of(connection)) == ([], len(known))
    connection.close()


def test_two_processes_that_start_at_once_migrate_once(tmp_path: Path) -> None:
    path = tmp_path / "postern.db"
    first, second = _connect(path), _connect(path)

    applied = [migrate(connection, path) for connection in (first, second)]

    assert applied == [len(migrations()), 0]
    first.close()
    second.close()


def test_a_migration_keeps_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "postern.db"
    connection = _connect(path)
    migrate(connection, path)
    connection.execute("INSERT INTO person (id, name) VALUES ('p', 'Ada')")
    number = len(migrations()) + 1
    sql = "-- one; two\nALTER TABLE person ADD COLUMN city TEXT;\n"

    assert migrate(connection, path, [*migrations(), Migration(number, "more.sql", sql)]) == 1

    assert connection.execute("SELECT * FROM person").fetchall() == [("p", "Ada", None)]
    assert version_of(connection) == number
    connection.close()
