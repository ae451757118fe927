"""Brings SQLite's write-ahead log into the database file, beside the writer."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from storage.sqlite.database import Connection

log = logging.getLogger(__name__)

EVERY_ROWS = 5_000
"""Rows that are written between two checkpoints; one takes one to three pages of the log."""

LONG_LOG = 8_000
"""Pages, 32 MB: a log of this length is begun anew."""

CHECKPOINT = "PRAGMA wal_checkpoint(PASSIVE)"
"""Takes what it can without waiting for anybody; answers (0, pages of the log, pages taken)."""


class Checkpoints:
    """Begins a checkpoint whenever enough was written; commits go on meanwhile.

    SQLite by itself makes them a part of a commit, and 32 MB of pages then hold up
    whoever waits for it. It begins a log anew only when all of it has been taken, which
    never comes to pass while others write: so what has come meanwhile is taken, of a
    long log, between two commits. One that fails is tried again after more rows.
    """

    def __init__(
        self,
        writing: Connection,
        path: Path,
        *,
        every_rows: int = EVERY_ROWS,
        long_log: int = LONG_LOG,
    ) -> None:
        self._writing = writing
        self._path = path
        self._every_rows = every_rows
        self._long_log = long_log
        self._rows_before = 0
        self._running: asyncio.Task[None] | None = None

    def committed(self, rows: int) -> None:
        """Be told after a commit how many rows the writer has written since it was opened."""
        if rows - self._rows_before < self._every_rows or self._running is not None:
            return
        self._rows_before = rows
        self._running = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Return when none is running."""
        if self._running is not None:
            await self._running

    async def _run(self) -> None:
        try:
            pages = await asyncio.to_thread(_checkpoint_beside, self._path)
            if pages >= self._long_log:
                await self._writing.call(_checkpoint)
        except sqlite3.Error as error:
            log.warning("checkpoint_put_off", extra={"error": str(error)})
        finally:
            self._running = None


def _checkpoint_beside(path: Path) -> int:
    """Make a checkpoint on a connection of its own, and return how long the log is."""
    uri = f"{path.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
        return _checkpoint(connection)


def _checkpoint(connection: sqlite3.Connection) -> int:
    _, pages, _ = connection.execute(CHECKPOINT).fetchone()
    return int(pages)
