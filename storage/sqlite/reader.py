"""The read connection: never in the way of the writer, and never writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway.errors import StoreUnavailable
from storage.sqlite.committer import Value
from storage.sqlite.database import Connection, unavailable


class Reader:
    """Reads what is committed."""

    def __init__(self, connection: Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    async def read(self, sql: str, parameters: Sequence[Value] = ()) -> list[Any]:
        """Return all rows of one statement; raises StoreUnavailable."""
        try:
            return await self._connection.call(
                lambda connection: connection.execute(sql, parameters).fetchall()
            )
        except ValueError as error:  # aiosqlite's word for a connection that is closed
            raise StoreUnavailable("The store is closed.") from error
        except sqlite3.Error as error:
            raise unavailable(self._path, error) from error
