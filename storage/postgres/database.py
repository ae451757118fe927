"""One Postgres database: its pool, its transactions, and the audit lines and signals in them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, TypeVar

from gateway.domain.audit import AuditKind
from gateway.errors import BadInput, StoreUnavailable
from storage.columns import to_json
from storage.postgres.client import CONNECT_TIMEOUT_SECONDS, FAILURES, connect, open_pool
from storage.postgres.errors import (
    AGAIN,
    first_line,
    is_about_the_database,
    name_of,
    not_usable,
    state_of,
    unavailable,
)
from storage.postgres.values import columns
from storage.signals import Signals, written

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Row = Any
"""An asyncpg record, which is typed by its statement alone."""

CHANNEL = "postern"
TRIES = 5
"""So often a transaction that met another one's locks in the wrong order is run."""


# The lock is shared by writers and held to their commit: whoever reads the log takes it alone
# for a moment, so that no entry can appear behind its cursor.
ADD_AUDIT = """
WITH held AS MATERIALIZED (
    SELECT pg_advisory_xact_lock_shared(1349481332, hashtext(current_schema()))
)
INSERT INTO audit (at, kind, subject, ref, data)
SELECT line.at, line.kind, line.subject, line.ref, line.data::json FROM held CROSS JOIN unnest(
    $1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[]
) WITH ORDINALITY AS line (at, kind, subject, ref, data, place) ORDER BY line.place
"""
NOTIFY = "SELECT pg_notify('postern', current_schema() || $1)"


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """How many connections one worker has, beside the one that listens."""

    size: int = 10
    wait_seconds: float = 10.0
    """How long a call waits for a connection while all are in use."""


class Transaction:
    """What one operation may do before its commit."""

    __slots__ = ("_audit", "_connection", "fetch", "lanes_ready", "posts_ready", "turns_cancelled")

    def __init__(self, connection: Any) -> None:  # asyncpg carries no types
        self._connection = connection
        self.fetch: Callable[..., Awaitable[list[Row]]] = connection.fetch
        """Run one statement and return its rows."""
        self.lanes_ready = False
        """Set when a lane became ready."""
        self.posts_ready = False
        """Set when a conversation got something to send."""
        self.turns_cancelled = False
        """Set when somebody cancelled a turn."""
        self._audit: list[tuple[Any, ...]] = []

    async def first(self, sql: str, *arguments: object) -> Row | None:
        """Run one statement and return its first row."""
        rows = await self.fetch(sql, *arguments)
        return rows[0] if rows else None

    async def count(self, sql: str, *arguments: object) -> int:
        """Run one statement that changes rows and return how many it changed."""
        status: str = await self._connection.execute(sql, *arguments)
        return int(status.rpartition(" ")[2])

    async def script(self, sql: str) -> None:
        """Run statements without parameters."""
        await self._connection.execute(sql)

    def log(
        self,
        kind: AuditKind,
        at: datetime | None,
        subject: str,
        ref: str,
        data: Mapping[str, object],
    ) -> None:
        """Write one line of the audit log, with the commit."""
        self._audit.append((at, kind.value, subject, ref, to_json(data)))

    async def end(self, sender: str) -> None:
        """Write the audit lines and the signals; the last thing before the commit."""
        if self._audit:
            await self.count(ADD_AUDIT, *columns(self._audit))
        if "1" in self.signals:
            await self.fetch(NOTIFY, f" {sender} {self.signals}")

    @property
    def signals(self) -> str:
        """What is to be told after the commit, as `Signals.give` reads it."""
        return written(
            lanes=self.lanes_ready, posts=self.posts_ready, cancelled=self.turns_cancelled
        )


class Database:
    """A pool of connections, and the events that tell this process what is new."""

    def __init__(self, url: str, pool: PoolOptions, signals: Signals) -> None:
        self.name = name_of(url)
        self.sender = secrets.token_hex(8)
        """Marks our own notifications, which bring no news to us."""
        self._url = url
        self._options = pool
        self.signals = signals
        """What this process is told after commits, its own and those it hears of."""
        self._pool: Any = None  # asyncpg carries no types
        self.failure: StoreUnavailable | None = None
        """Why the last transaction could not be written; None when it was."""

    async def open(self) -> None:
        """Connect once, so that a wrong setting shows now."""
        try:
            self._pool = await open_pool(self._url, self._options.size)
        except FAILURES as error:
            raise not_usable(self.name, error) from error

    async def close(self) -> None:
        """Wait for what runs, then close all connections."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            await asyncio.wait_for(pool.close(), CONNECT_TIMEOUT_SECONDS)
        except TimeoutError:
            pool.terminate()

    async def connect(self) -> Any:
        """Open a connection beside the pool, for whoever listens."""
        return await connect(self._url)

    async def read(self, sql: str, *arguments: object) -> list[Row]:
        """Return all rows of one statement; raises StoreUnavailable."""
        async with self._connection() as connection:
            return await connection.fetch(sql, *arguments)

    async def write(
        self,
        operation: Callable[Concatenate[Transaction, Arguments], Awaitable[Result]],
        *arguments: Arguments.args,
        **_: Arguments.kwargs,
    ) -> Result:
        """Run the operation in a transaction of its own; returns when that is on the disk.

        It is run again when it and another one waited for each other. A connection
        that breaks during the commit leaves it open whether it happened: this is
        reported as StoreUnavailable, and every operation of the port may be repeated.
        """
        try:
            result = await self._try_again(operation, *arguments)
        except StoreUnavailable as error:
            self.failure = error
            raise
        self.failure = None
        return result

    async def _try_again(
        self, operation: Callable[..., Awaitable[Result]], *arguments: Any
    ) -> Result:
        for _try in range(TRIES - 1):
            try:
                return await self._transact(operation, *arguments)
            except _Again:
                continue
        return await self._transact(operation, *arguments)

    async def _transact(
        self, operation: Callable[..., Awaitable[Result]], *arguments: Any
    ) -> Result:
        async with self._connection() as connection, connection.transaction():
            transaction = Transaction(connection)
            result = await operation(transaction, *arguments)
            await transaction.end(self.sender)
        self.signals.give(transaction.signals)
        return result

    def _translated(self, error: Exception) -> Exception:
        if state_of(error) in AGAIN:
            return _Again(f'The database "{self.name}" is too busy with others ({error}).')
        if is_about_the_database(error):
            return unavailable(self.name, error)
        return BadInput(f"This can not be stored as it is: {first_line(error)}.")

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[Any]:
        if self._pool is None:
            raise StoreUnavailable("The store is closed.")
        try:
            connection = await self._pool.acquire(timeout=self._options.wait_seconds)
        except TimeoutError as error:
            raise StoreUnavailable(
                f'The database "{self.name}" did not answer in time: all {self._options.size} '
                "connections are in use, or no new one was made."
            ) from error
        except FAILURES as error:
            raise unavailable(self.name, error) from error
        try:
            yield connection
        except FAILURES as error:
            raise self._translated(error) from error
        finally:
            await self._pool.release(connection)


class _Again(StoreUnavailable):
    """Rolled back for another transaction's sake: nothing speaks against a second try."""
