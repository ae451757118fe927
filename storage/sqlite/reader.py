"""The read connection: never in the way of the writer, and never writes."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway.errors import StoreUnavailable
from storage.sqlite.committer import Value
from storage.sqlite.database import Connection, unavailable

BATCH_LIMIT = 32
"""At most so many share a hop to the connection's thread, so that none waits long for others."""

_CLOSED = "The store is closed."


class _Question:
    """One statement, and the future of whoever waits for its rows."""

    __slots__ = ("error", "future", "parameters", "rows", "sql")

    def __init__(self, sql: str, parameters: Sequence[Value]) -> None:
        self.sql = sql
        self.parameters = parameters
        self.future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self.rows: list[Any] = []
        self.error: BaseException | None = None

    def answer(self) -> None:
        """Tell whoever still waits."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.rows)
        else:
            self.future.set_exception(self.error)


class Reader:
    """Reads what is committed. What waits together is asked in one hop, in the order it came."""

    def __init__(self, connection: Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._waiting: deque[_Question] = deque()
        self._is_asking = False

    async def read(self, sql: str, parameters: Sequence[Value] = ()) -> list[Any]:
        """Return all rows of one statement; raises StoreUnavailable."""
        question = _Question(sql, parameters)
        self._waiting.append(question)
        if not self._is_asking:
            self._ask_next()
        try:
            return await question.future
        except sqlite3.Error as error:
            raise unavailable(self._path, error) from error

    def _ask_next(self) -> None:
        batch: list[_Question] = []
        while self._waiting and len(batch) < BATCH_LIMIT:
            question = self._waiting.popleft()
            if not question.future.cancelled():
                batch.append(question)
        self._is_asking = bool(batch)
        if not batch:
            return
        try:
            asked = self._connection.call(lambda connection: _ask(connection, batch))
        except ValueError:  # aiosqlite's word for a connection that is closed
            self._end(batch, StoreUnavailable(_CLOSED))
            return
        asked.add_done_callback(lambda future: self._end(batch, _failure(future)))

    def _end(self, batch: Sequence[_Question], failure: BaseException | None) -> None:
        """Tell everybody, then look for more; runs in the event loop."""
        for question in batch:
            question.error = question.error or failure
            question.answer()
        self._ask_next()


def _ask(connection: sqlite3.Connection, batch: Sequence[_Question]) -> None:
    """Run each; in the connection's thread."""
    for question in batch:
        try:
            question.rows = connection.execute(question.sql, question.parameters).fetchall()
        except (sqlite3.Error, OverflowError, ValueError) as error:  # of numbers and texts
            question.error = error


def _failure(asked: asyncio.Future[None]) -> BaseException | None:
    """Return what to tell of a hop that did not come to its end."""
    return StoreUnavailable(_CLOSED) if asked.cancelled() else asked.exception()
