"""The group committer: everything that waits to be written shares one commit."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from gateway.domain.audit import AuditKind
from gateway.errors import StoreUnavailable
from storage.columns import to_json
from storage.signals import Signals
from storage.sqlite.checkpoints import Checkpoints
from storage.sqlite.database import Connection, is_about_the_file, unavailable
from storage.sqlite.values import maybe_micros

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Item = TypeVar("Item")
Value = str | int | float | bytes | None

BATCH_LIMIT = 512
"""At most so many operations share a commit, so that none waits long for its neighbours."""

ADD_AUDIT = "INSERT OR FAIL INTO audit (at, kind, subject, ref, data)"

ROWS_LIMIT = 64
"""At most so many rows are inserted by one statement."""

NEWEST_SEQUENCE = """
SELECT max(
    coalesce((SELECT max(seq) FROM inbox), 0), coalesce((SELECT max(seq) FROM delivery), 0)
)
"""


@lru_cache(maxsize=256)
def _with_rows(head: str, width: int, count: int, tail: str) -> str:
    """Return the statement for up to `count` rows, whose number is the parameter behind them."""
    row = f"({', '.join('?' * width)})"
    rows = f"VALUES {', '.join([row] * count)}"
    return f"{head} SELECT * FROM ({rows}) LIMIT ? {tail}"  # noqa: S608 - constants


class Transaction:
    """What one operation may do inside the shared transaction."""

    __slots__ = (
        "_audit",
        "_sequence",
        "execute",
        "lanes_ready",
        "posts_ready",
        "rows",
        "turns_cancelled",
    )

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.execute: Callable[[str, Sequence[Value]], sqlite3.Cursor]
        """Run one statement; its rows are read before the next one runs."""
        self.execute = connection.cursor().execute  # one cursor for all is cheaper
        self.lanes_ready = False
        """Set when a lane became ready."""
        self.posts_ready = False
        """Set when a conversation got something to send."""
        self.turns_cancelled = False
        """Set when somebody cancelled a turn."""
        self.rows = 0
        """Set at the commit: how many rows this connection has written since it was opened."""
        self._audit: list[tuple[Value, ...]] = []
        self._sequence: int | None = None

    def next_sequence(self) -> int:
        """Return the next place in the sequence that messages and deliveries share."""
        if self._sequence is None:
            self._sequence = int(self.execute(NEWEST_SEQUENCE, ()).fetchone()[0])
        self._sequence += 1
        return self._sequence

    def insert(
        self, head: str, rows: Sequence[Sequence[Value]], tail: str = "", *ending: Value
    ) -> None:
        """Run `head … tail` over the rows, in order; `ending` are the tail's parameters.

        Each run of SQLite's lets go of the interpreter and waits to get it back, so rows
        share statements, and are filled up to a power of two, so that few are prepared.
        A head that says OR FAIL spares SQLite a copy of each page that it changes: what
        a failed statement did is undone with the transaction or savepoint.
        """
        for start in range(0, len(rows), ROWS_LIMIT):
            some = rows[start : start + ROWS_LIMIT]
            width, count = len(rows[0]), 1 << (len(some) - 1).bit_length()
            values = [value for row in some for value in row]
            values += [None] * (width * count - len(values))
            self.execute(_with_rows(head, width, count, tail), (*values, len(some), *ending))

    def log(
        self,
        kind: AuditKind,
        at: datetime | None,
        subject: str,
        ref: str,
        data: Mapping[str, object],
    ) -> None:
        """Write one line of the audit log, with the commit."""
        self._audit.append((maybe_micros(at), str(kind), subject, ref, to_json(data)))

    @property
    def audit(self) -> list[tuple[Value, ...]]:
        """The lines so far."""
        return self._audit


class _Job:
    """One operation, and the future of whoever waits for it."""

    __slots__ = ("arguments", "error", "future", "is_one_of_many", "operation", "result")

    def __init__(
        self, operation: Callable[..., Any], arguments: tuple[Any, ...], *, is_one_of_many: bool
    ) -> None:
        self.operation = operation
        self.arguments = arguments
        self.is_one_of_many = is_one_of_many
        """Whether the operation takes many arguments, and does for each what it is asked."""
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.result: Any = None  # whatever the operation returns
        self.error: Exception | None = None


class Committer:
    """Runs waiting operations in one transaction per thread hop, in the order they came.

    An operation that raises fails alone; when the commit fails, all of them fail
    with StoreUnavailable and nothing of them happened. A caller that is cancelled
    leaves its operation to the batch. The running commit is the only delay.
    """

    def __init__(
        self,
        connection: Connection,
        path: Path,
        signals: Signals,
    ) -> None:
        self._connection = connection
        self._path = path
        self._signals = signals
        self._checkpoints = Checkpoints(connection, path)
        self._waiting: deque[_Job] = deque()
        self._is_running = False
        self._is_closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self.commits = 0
        """How many batches were committed."""
        self.failure: StoreUnavailable | None = None
        """Why the last batch could not be written; None when it was."""

    async def write(
        self,
        operation: Callable[Concatenate[Transaction, Arguments], Result],
        *arguments: Arguments.args,
        **_: Arguments.kwargs,
    ) -> Result:
        """Run the operation in the next batch; returns when that is on the disk."""
        return await self._submit(_Job(operation, arguments, is_one_of_many=False))

    async def write_together(
        self, operation: Callable[[Transaction, Sequence[Item]], Sequence[Result]], item: Item
    ) -> Result:
        """Run it as `write` does, once for all neighbours in the batch that run the same.

        It returns a result for each item, in their order. When it raises, each runs alone.
        """
        return await self._submit(_Job(operation, (item,), is_one_of_many=True))

    async def _submit(self, job: _Job) -> Any:
        if self._is_closed:
            raise StoreUnavailable("The store is closed.")
        self._waiting.append(job)
        self._start_soon()
        return await job.future

    async def close(self) -> None:
        """Take nothing more, and return when everything that waited is written."""
        self._is_closed = True
        await self._idle.wait()
        await self._checkpoints.close()

    def _start_soon(self) -> None:
        if self._is_running:
            return
        # What else is submitted in this turn of the loop shares the commit.
        self._is_running = True
        self._idle.clear()
        asyncio.get_running_loop().call_soon(self._start)

    def _start(self) -> None:
        batch: list[_Job] = []
        while self._waiting and len(batch) < BATCH_LIMIT:
            job = self._waiting.popleft()
            if not job.future.cancelled():
                batch.append(job)
        if not batch:
            self._is_running = False
            self._idle.set()
            return
        try:
            committed = self._connection.call(lambda connection: _commit(connection, batch))
        except ValueError:  # aiosqlite's word for a connection that is closed
            self._fail(batch, StoreUnavailable("The store is closed."))
            asyncio.get_running_loop().call_soon(self._start)
            return
        committed.add_done_callback(lambda future: self._end(batch, future))

    def _end(self, batch: list[_Job], committed: asyncio.Future[Transaction]) -> None:
        """Tell everybody, then look for more; runs in the event loop."""
        if committed.cancelled():
            self._fail(batch, StoreUnavailable("The store was stopped."))
        elif isinstance(error := committed.exception(), sqlite3.Error):
            self.failure = unavailable(self._path, error)
            self._fail(batch, self.failure)
        elif error is not None:
            self._fail(batch, error)
        else:
            self._tell(batch, committed.result())
        # After the wake-ups above, so that what those waiters ask next is in the next batch.
        asyncio.get_running_loop().call_soon(self._start)

    def _tell(self, batch: list[_Job], transaction: Transaction) -> None:
        self.commits += 1
        self.failure = None
        self._checkpoints.committed(transaction.rows)
        if transaction.lanes_ready:
            self._signals.turn_ready.set()
        if transaction.posts_ready:
            self._signals.give("01")
        if transaction.turns_cancelled:
            self._signals.turn_cancelled.set()
        for job in batch:
            if job.future.done():
                continue
            if job.error is None:
                job.future.set_result(job.result)
            else:
                job.future.set_exception(job.error)

    @staticmethod
    def _fail(batch: list[_Job], error: BaseException) -> None:
        for job in batch:
            if not job.future.done():
                job.future.set_exception(error)


def _commit(connection: sqlite3.Connection, batch: list[_Job]) -> Transaction:
    """Write the batch; in the connection's thread."""
    try:
        return _run_batch(connection, list(_neighbours(batch)), _run_bare)
    except Exception as error:
        if is_about_the_file(error):
            raise
    # One of them raised, which is rare: only now is each worth a savepoint of its own.
    return _run_batch(connection, [[job] for job in batch], _run_in_savepoint)


def _neighbours(batch: Sequence[_Job]) -> Generator[list[_Job]]:
    """Yield those that run together, and each other one alone."""

    def kind(job: _Job) -> object:
        return job.operation if job.is_one_of_many else job

    for _, jobs in groupby(batch, kind):
        yield list(jobs)


def _run_batch(
    connection: sqlite3.Connection,
    batch: Sequence[Sequence[_Job]],
    run: Callable[[Transaction, Sequence[_Job]], None],
) -> Transaction:
    connection.execute("BEGIN IMMEDIATE")
    try:
        transaction = Transaction(connection)
        for jobs in batch:
            run(transaction, jobs)
        transaction.insert(ADD_AUDIT, transaction.audit)
        # By the cursor of all statements: so the last of them is over, read to its end or not.
        transaction.execute("COMMIT", ())
        transaction.rows = connection.total_changes
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return transaction


def _run_bare(transaction: Transaction, jobs: Sequence[_Job]) -> None:
    first = jobs[0]
    if not first.is_one_of_many:
        first.result = first.operation(transaction, *first.arguments)
        return
    results = first.operation(transaction, [job.arguments[0] for job in jobs])
    for job, result in zip(jobs, results, strict=True):
        job.result = result


def _run_in_savepoint(transaction: Transaction, jobs: Sequence[_Job]) -> None:
    (job,) = jobs
    logged = len(transaction.audit)
    transaction.execute("SAVEPOINT job", ())
    try:
        _run_bare(transaction, jobs)
    except Exception as error:  # the batch's edge: one operation's error is its caller's only
        if is_about_the_file(error):
            raise
        transaction.execute("ROLLBACK TO job", ())
        del transaction.audit[logged:]
        job.error = error
    transaction.execute("RELEASE job", ())
