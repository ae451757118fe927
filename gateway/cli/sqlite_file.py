"""A SQLite file as a whole: is it sound, and a copy of it. What is in it is the store's matter."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Generator, Sequence
from pathlib import Path

from gateway.cli.new_file import new_file
from gateway.errors import BadInput, StoreUnavailable

_PATIENCE_SECONDS = 30.0

SUFFIXES = ("-wal", "-shm", "-journal", "")
"""Of the files that SQLite keeps beside a database, and of the database itself."""


def faults(path: Path) -> list[str]:
    """Return the first things wrong with the file; none for a sound one. Reads all of it."""
    with _opened(path) as database:
        try:
            rows = database.execute("PRAGMA integrity_check(3)").fetchall()
            orphans = database.execute("PRAGMA foreign_key_check").fetchall()
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_CORRUPT:
                raise
            return [str(error)]
    lines = [line for row in rows for line in str(row[0]).splitlines()]
    found = [line for line in lines if line != "ok" and not line.startswith("***")]
    return [*found, f"{len(orphans)} rows point to nothing"] if orphans else found


def schema_of(path: Path) -> int:
    """Return the number of the last migration that the file has."""
    with _opened(path) as database:
        return int(database.execute("PRAGMA user_version").fetchone()[0])


def copy(source: Path, target: Path) -> None:
    """Write a sound copy of the moment to `target`, which others see only when it is whole.

    Raises BadInput when something is there already or it can not be written,
    StoreUnavailable when the copy failed or came out damaged.
    """
    with new_file(target) as partial:
        with _opened(source) as database:
            _copy_into(database, source, partial)
        found = faults(partial)
        if found:
            raise StoreUnavailable(f"The copy came out damaged: {'; '.join(found)}.")


def _copy_into(database: sqlite3.Connection, source: Path, target: Path) -> None:
    try:
        database.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as error:
        raise StoreUnavailable(
            f'The database "{source}" can not be copied into "{target.parent}": {error}.'
        ) from error


def newest(path: Path, query: str) -> int:
    """Return the number of what came last in it, by this query; 0 when it holds nothing.

    Raises BadInput when it is not a database of Postern's.
    """
    with _opened(path) as database:
        try:
            (number,) = database.execute(query).fetchone()
        except sqlite3.DatabaseError as error:
            raise BadInput(f'"{path}" is no backup of Postern: {error}.') from error
    return number or 0


def rows(path: Path, query: str) -> list[str]:
    """Return the texts that a query finds."""
    with _opened(path) as database:
        return [text for (text,) in database.execute(query)]


def change(path: Path, statements: Sequence[str]) -> None:
    """Carry out the statements in one transaction."""
    with _opened(path) as database:
        database.execute("BEGIN IMMEDIATE")
        for statement in statements:
            database.execute(statement)
        database.execute("COMMIT")


@contextlib.contextmanager
def _opened(path: Path) -> Generator[sqlite3.Connection]:
    uri = f"{path.absolute().as_uri()}?mode=rw"
    try:
        with contextlib.closing(
            sqlite3.connect(uri, uri=True, timeout=_PATIENCE_SECONDS, isolation_level=None)
        ) as database:
            yield database
    except sqlite3.Error as error:
        raise StoreUnavailable(f'The database "{path}" can not be read: {error}.') from error
