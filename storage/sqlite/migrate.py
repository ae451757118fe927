"""Brings a database to the newest schema: numbered SQL files, each in a transaction of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from gateway.errors import SettingsWrong

APPLICATION_ID = 1349481332
"""Marks the file as ours ("Post"); written by the first migration."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file."""

    number: int
    name: str
    sql: str


def migrations() -> list[Migration]:
    """Return all of them in order; their numbers are 1, 2, 3 …"""
    folder = resources.files("storage.sqlite") / "migrations"
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".sql")),
        key=lambda file: file.name,
    )
    return [
        Migration(int(file.name.split("_")[0]), file.name, file.read_text("utf-8"))
        for file in files
    ]


def version_of(connection: sqlite3.Connection) -> int:
    """Return the number of the last migration that the database has."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def pending(connection: sqlite3.Connection, known: list[Migration]) -> list[Migration]:
    """Return what is still to be applied."""
    version = version_of(connection)
    return [migration for migration in known if migration.number > version]


def migrate(
    connection: sqlite3.Connection, path: Path, known: list[Migration] | None = None
) -> int:
    """Apply what is missing and return how many that were.

    A migration that fails leaves nothing behind, and two processes that start
    at once apply each one once. Raises SettingsWrong for a file that is not
    ours, or that a newer Postern has written.
    """
    known = migrations() if known is None else known
    applied = 0
    _check_ours(connection, path, known)
    for migration in pending(connection, known):
        applied += _apply(connection, path, migration)
    return applied


def _check_ours(connection: sqlite3.Connection, path: Path, known: list[Migration]) -> None:
    application = int(connection.execute("PRAGMA application_id").fetchone()[0])
    has_tables = connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is not None
    if has_tables and application != APPLICATION_ID:
        raise SettingsWrong(
            f'"{path}" is a database, but not one of Postern. '
            "Set data_dir or database_url to another place."
        )
    version, newest = version_of(connection), known[-1].number
    if version > newest:
        raise SettingsWrong(
            f'The database "{path}" was written by a newer Postern (schema {version}; this one '
            f"knows {newest}). Upgrade Postern, or set data_dir or database_url to another place."
        )


def _apply(connection: sqlite3.Connection, path: Path, migration: Migration) -> bool:
    connection.execute("BEGIN IMMEDIATE")
    try:
        if version_of(connection) >= migration.number:
            connection.execute("ROLLBACK")
            return False
        for statement in _statements(migration.sql):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {migration.number:d}")
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise SettingsWrong(
            f'The database "{path}" can not be migrated: {migration.name} failed ({error}). '
            "Nothing of it was changed."
        ) from error
    return True


def _statements(sql: str) -> Iterator[str]:
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
