"""A SQLite file as a whole: is it sound, and a copy of it. What is in it is the store's matter."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Generator
from pathlib import Path

from gateway.errors import BadInput, StoreUnavailable

_PATIENCE_SECONDS = 30.0


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


def copy(source: Path, target: Path) -> None:
    """Write a sound copy of the moment to `target`, which others see only when it is whole.

    Raises BadInput when something is there already or it can not be written,
    StoreUnavailable when the copy failed or came out damaged.
    """
    partial = target.with_name(f".{target.name}.partial")
    _claim(target, partial)
    try:
        with _opened(source) as database:
            database.execute("VACUUM INTO ?", (str(partial),))
        found = faults(partial)
        if found:
            raise StoreUnavailable(f"The copy came out damaged: {'; '.join(found)}.")
        _sync(partial)
        _publish(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def newest(path: Path) -> int:
    """Return the number of the newest message or delivery in it; 0 when it holds none.

    Raises BadInput when it is not a database of Postern's.
    """
    with _opened(path) as database:
        try:
            (number,) = database.execute(
                "SELECT max(seq) FROM (SELECT max(seq) AS seq FROM inbox"
                " UNION ALL SELECT max(seq) FROM delivery)"
            ).fetchone()
        except sqlite3.DatabaseError as error:
            raise BadInput(f'"{path}" is no backup of Postern: {error}.') from error
    return number or 0


def replace(path: Path, backup: Path, aside: Path) -> None:
    """Put a copy of the backup in the place of a database that nobody has open.

    What was there is kept as `aside`, and is back where the copy fails.
    """
    with contextlib.ExitStack() as undo:
        if path.exists():
            _move(path, aside)
            undo.callback(_move, aside, path)
        copy(backup, path)
        undo.pop_all()


def _move(path: Path, target: Path) -> None:
    """Move a database with the files that SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(target.with_name(target.name + suffix))
    _sync(path.parent)


def _claim(target: Path, partial: Path) -> None:
    """Make the empty file that the copy goes into, readable by this user alone."""
    if target.exists():
        raise BadInput(_exists(target))
    try:
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise BadInput(f'"{target}" can not be written: {error.strerror}.') from error


def _publish(partial: Path, target: Path) -> None:
    """Give the copy its name, in one step that never replaces a file."""
    try:
        os.link(partial, target)
    except FileExistsError:
        raise BadInput(_exists(target)) from None
    except OSError:  # some file systems have no hard links; nobody else writes backups there
        partial.rename(target)
    _sync(target.parent)


def _exists(target: Path) -> str:
    return f'"{target}" exists already; name another file, a backup replaces nothing.'


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


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
