"""Brings a database to the newest schema: numbered SQL files, each in a transaction of its own."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

from gateway.errors import SettingsWrong
from storage.postgres.database import Database, Transaction

# One process migrates at a time; the others wait here and then find nothing to do.
HOLD_SCHEMA = "SELECT pg_advisory_xact_lock(1349481333, hashtext(current_schema()))"
HAS_VERSION = "SELECT to_regclass('postern_schema') IS NOT NULL AS is_ours"
HAS_TABLES = "SELECT to_regclass('inbox') IS NOT NULL OR to_regclass('turn') IS NOT NULL AS is_used"
ADD_VERSION = """
CREATE TABLE postern_schema (version integer NOT NULL, name text NOT NULL, applied_at timestamptz)
"""
VERSION = "SELECT coalesce(max(version), 0) AS version FROM postern_schema"
APPLIED = "INSERT INTO postern_schema (version, name, applied_at) VALUES ($1, $2, now())"


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file."""

    number: int
    name: str
    sql: str


def migrations() -> list[Migration]:
    """Return all of them in order; their numbers are 1, 2, 3 …"""
    folder = resources.files("storage.postgres") / "migrations"
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".sql")),
        key=lambda file: file.name,
    )
    return [
        Migration(int(file.name.split("_")[0]), file.name, file.read_text("utf-8"))
        for file in files
    ]


async def migrate(database: Database, known: list[Migration] | None = None) -> int:
    """Apply what is missing and return how many that were.

    A migration that fails leaves nothing behind, and processes that start at
    once apply each one once. Raises SettingsWrong for a database that is not
    ours, or that a newer Postern has written.
    """
    known = migrations() if known is None else known
    version = await database.write(_version, database.name)
    if version > known[-1].number:
        raise SettingsWrong(
            f'The database "{database.name}" was written by a newer Postern (schema {version}; '
            f"this one knows {known[-1].number}). Upgrade Postern, or set database_url to another "
            "database."
        )
    pending = [migration for migration in known if migration.number > version]
    return sum([await database.write(_apply, migration) for migration in pending])


async def _version(tx: Transaction, name: str) -> int:
    await tx.fetch(HOLD_SCHEMA)
    (row,) = await tx.fetch(HAS_VERSION)
    if not row["is_ours"]:
        (row,) = await tx.fetch(HAS_TABLES)
        if row["is_used"]:
            raise SettingsWrong(
                f'The database "{name}" has tables of another program. Set database_url to a '
                "database of Postern's own, or add ?search_path= with a schema of its own."
            )
        await tx.script(ADD_VERSION)
    (row,) = await tx.fetch(VERSION)
    return row["version"]


async def _apply(tx: Transaction, migration: Migration) -> bool:
    await tx.fetch(HOLD_SCHEMA)
    (row,) = await tx.fetch(VERSION)
    if row["version"] >= migration.number:
        return False
    await tx.script(migration.sql)
    await tx.count(APPLIED, migration.number, migration.name)
    return True
