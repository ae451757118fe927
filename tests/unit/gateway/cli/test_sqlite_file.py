import contextlib
import sqlite3
import stat
from pathlib import Path

import pytest

from gateway.cli.sqlite_file import copy, faults
from gateway.errors import BadInput, StoreUnavailable


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "postern.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE message (id INTEGER PRIMARY KEY, text TEXT)")
        connection.executemany("INSERT INTO message (text) VALUES (?)", [("x" * 500,)] * 500)
        connection.commit()
    return path


def count(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM message").fetchone()[0])


def test_a_sound_file_has_no_faults(database: Path) -> None:
    assert faults(database) == []


def test_a_damaged_file_is_told(database: Path) -> None:
    content = bytearray(database.read_bytes())
    content[4096 * 3 : 4096 * 4] = b"\xff" * 4096
    database.write_bytes(content)

    assert faults(database)


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database" * 100)

    with pytest.raises(StoreUnavailable, match="file is not a database"):
        faults(path)


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        faults(tmp_path / "none.db")

    assert not (tmp_path / "none.db").exists()


def test_a_row_that_points_to_nothing_is_told(database: Path) -> None:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE reply (message INTEGER REFERENCES message (id))")
        connection.execute("INSERT INTO reply VALUES (-1)")
        connection.commit()

    assert faults(database) == ["1 rows point to nothing"]


def test_a_copy_holds_all_that_was_committed_while_a_writer_goes_on(
    database: Path, tmp_path: Path
) -> None:
    with contextlib.closing(sqlite3.connect(database)) as writer:
        writer.execute("INSERT INTO message (text) VALUES ('committed')")
        writer.commit()
        writer.execute("INSERT INTO message (text) VALUES ('not yet')")

        copy(database, tmp_path / "backup.db")

    assert count(tmp_path / "backup.db") == 501
    assert faults(tmp_path / "backup.db") == []


def test_a_copy_is_for_this_user_alone_and_leaves_nothing_else(
    database: Path, tmp_path: Path
) -> None:
    target = tmp_path / "backups" / "backup.db"
    target.parent.mkdir()

    copy(database, target)

    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(target.parent.iterdir()) == [target]


def test_a_copy_replaces_nothing(database: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup.db"
    target.write_text("precious")

    with pytest.raises(BadInput, match="exists already"):
        copy(database, target)

    assert target.read_text() == "precious"


def test_a_copy_to_a_place_that_is_not_there_is_one_sentence(
    database: Path, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=r"can not be written: No such file or directory\."):
        copy(database, tmp_path / "none" / "backup.db")


def test_a_copy_that_failed_leaves_nothing_behind(database: Path, tmp_path: Path) -> None:
    database.write_bytes(b"not a database" * 1000)
    target = tmp_path / "backups" / "backup.db"
    target.parent.mkdir()

    with pytest.raises(StoreUnavailable):
        copy(database, target)

    assert list(target.parent.iterdir()) == []
