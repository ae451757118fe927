"""One SQLite file: how it is opened, and how its errors become ours. No statements on tables."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import aiosqlite

from gateway.errors import PosternError, SettingsWrong, StoreUnavailable

Result = TypeVar("Result")

BUSY_TIMEOUT_MS = 5000
"""How long a statement waits for another process, such as the CLI, to end its transaction."""

OLDEST_SQLITE = (3, 38, 0)
"""RETURNING, STRICT tables and JSON, all built in."""

_SENTENCES = {
    "SQLITE_BUSY": "is locked by another process",
    "SQLITE_LOCKED": "is locked by another process",
    "SQLITE_FULL": "can not grow: the disk is full",
    "SQLITE_READONLY": "is read-only",
    "SQLITE_CORRUPT": "is damaged; restore it from a backup",
    "SQLITE_NOTADB": "is damaged or no SQLite database; restore it from a backup",
    "SQLITE_CANTOPEN": "can not be opened",
    "SQLITE_IOERR": "can not be read or written",
    "SQLITE_PERM": "may not be accessed",
}


class Connection(aiosqlite.Connection):
    """An aiosqlite connection that runs a whole function in its thread, in one hop.

    It uses the queue of aiosqlite's thread, which is not part of its public
    interface: aiosqlite is pinned exactly, and the tests notice a change.
    """

    def call(self, function: Callable[[sqlite3.Connection], Result]) -> asyncio.Future[Result]:
        """Run the function in the connection's thread, after those that were called before."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        work = (future, partial(function, self._conn))
        self._tx.put_nowait(work)  # pyright: ignore[reportUnknownMemberType] - a bare Future
        return future

    async def ended(self) -> None:
        """Return when the thread of a connection that could not be opened has ended."""
        await asyncio.to_thread(self._thread.join)


async def connect(path: Path, *, is_reader: bool = False) -> Connection:
    """Open the file; a reader never writes. Raises SettingsWrong or StoreUnavailable."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise SettingsWrong(
            f"This Python brings SQLite {sqlite3.sqlite_version}; Postern needs 3.38 or newer. "
            "Use a newer Python."
        )
    if not is_reader:
        _make_folder(path)
    connection = Connection(partial(_connect, path, is_reader), iter_chunk_size=64)
    try:
        await connection
    except sqlite3.Error as error:
        await connection.ended()
        raise not_usable(path, error) from error
    return connection


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsWrong(
            f'The folder "{path.parent}" of the database can not be made: {error.strerror}. '
            "Set data_dir or database_url to a place where Postern may write."
        ) from error


def _connect(path: Path, is_reader: bool) -> sqlite3.Connection:
    mode = "ro" if is_reader else "rwc"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_TIMEOUT_MS / 1000,
        isolation_level=None,
        cached_statements=256,
    )
    try:
        if not is_reader:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            connection.execute("PRAGMA synchronous = FULL")
            # Pages, 128 MB: `Checkpoints` comes before it, unless it can't.
            connection.execute("PRAGMA wal_autocheckpoint = 32000")
            # Statements that change many pages would else each make a file of their own.
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute("PRAGMA cache_size = -32000")  # KiB, of what is used
        connection.execute("PRAGMA user_version").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _code(error: sqlite3.Error) -> str:
    """Return the primary code's name; extended ones such as SQLITE_IOERR_WRITE begin with it."""
    name: str = getattr(error, "sqlite_errorname", "")
    return "_".join(name.split("_")[:2])


def unavailable(path: Path, error: sqlite3.Error) -> StoreUnavailable:
    """Return our error for a statement that failed for the file's sake."""
    what = _SENTENCES.get(_code(error), "failed")
    return StoreUnavailable(f'The database "{path}" {what} ({error}).')


def not_usable(path: Path, error: sqlite3.Error) -> PosternError:
    """Return our error for a file that could not be opened."""
    code = _code(error)
    if code in ("SQLITE_BUSY", "SQLITE_LOCKED"):
        return unavailable(path, error)
    what = _SENTENCES.get(code, "can not be used")
    if code == "SQLITE_NOTADB":
        what = "is not a database"
    return SettingsWrong(
        f'"{path}" {what} ({error}). Set data_dir or database_url to a place where Postern may '
        "read and write, or move the file away."
    )


def is_about_the_file(error: BaseException) -> bool:
    """Say whether the database failed, rather than the operation that asked it."""
    is_ours = isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError)
    return isinstance(error, sqlite3.Error) and not is_ours
