"""The SQLite file: opening, migrations, group commit. Knows no table.

One connection writes and one reads, each in aiosqlite's own thread. Transactions that wait
while another commits share the next commit, so a busy server pays one fsync for many.
"""

import asyncio
import sqlite3
import stat
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from agents.embedded.store.alone import TAKE_ANOTHER, owned_alone
from agents.embedded.tasks import companions
from gateway.errors import SettingsWrong, StoreUnavailable

T = TypeVar("T")
R = TypeVar("R")
Work = Callable[[sqlite3.Connection], T]
Reading = Callable[[sqlite3.Connection, T], R]

_BATCH_LIMIT = 256


class _Connection(aiosqlite.Connection):
    """An aiosqlite connection that can run a whole function in its thread, in one hop."""

    async def run(self, work: Work[T]) -> T:
        result: T = await self._execute(work, self._conn)  # pyright: ignore[reportUnknownMemberType] - untyped there
        return result

    async def ended(self) -> None:
        """Return when the thread of a connection that could not be opened has ended."""
        await asyncio.to_thread(self._thread.join)


class _Waiting:
    """One transaction that waits for the next commit."""

    def __init__(
        self, work: Work[Any], future: asyncio.Future[Any], reading: Reading[Any, Any] | None = None
    ) -> None:
        self.work = work
        self.future = future
        self.reading = reading

    def settle(self, outcome: object) -> None:
        if self.future.done():
            return
        if isinstance(outcome, BaseException):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


class Database:
    """Runs functions as transactions; what `write` returned is on the disk (fsync)."""

    def __init__(self, writer: _Connection, reader: _Connection) -> None:
        self._writer = writer
        self._reader = reader
        self._waiting: list[_Waiting] = []
        self._wake = asyncio.Event()

    async def write(self, work: Work[T]) -> T:
        """Run `work` in a write transaction of its own; raises what it raised, rolled back."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._add(_Waiting(work, future))
        return await future

    async def write_then_read(self, work: Work[T], reading: Reading[T, R]) -> tuple[T, R]:
        """Run `work` as `write` does and then, in the same hop, read what is on the disk now.

        `reading` gets what `work` returned; what it raises is raised, and `work` is done anyhow.
        """
        future: asyncio.Future[tuple[T, R]] = asyncio.get_running_loop().create_future()
        self._add(_Waiting(work, future, reading))
        return await future

    async def read(self, work: Work[T]) -> T:
        """Run `work` on the reading connection: it sees every commit before this call."""
        return await self._reader.run(work)

    def _add(self, waiting: _Waiting) -> None:
        self._waiting.append(waiting)
        self._wake.set()

    def refuse_waiting(self) -> None:
        """Nothing is committed any more: whoever still waits is told."""
        for waiting in self._waiting:
            waiting.settle(StoreUnavailable("The agents' database is closed."))
        self._waiting = []

    async def commit_forever(self) -> None:
        """Commit what waits, batch by batch, until cancelled."""
        while True:
            await self._wake.wait()
            batch, self._waiting = self._waiting[:_BATCH_LIMIT], self._waiting[_BATCH_LIMIT:]
            if not self._waiting:
                self._wake.clear()
            await self._commit(batch)

    async def _commit(self, batch: list[_Waiting]) -> None:
        try:
            outcomes = await self._writer.run(lambda db: _run_batch(db, batch))
        except sqlite3.Error as error:
            outcomes = [error] * len(batch)
        for waiting, outcome in zip(batch, outcomes, strict=True):
            waiting.settle(outcome)


def _run_batch(db: sqlite3.Connection, batch: list[_Waiting]) -> list[object]:
    db.execute("BEGIN IMMEDIATE")
    try:
        outcomes = [_run_one(db, waiting.work) for waiting in batch]
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return [
        _seen(db, outcome, waiting.reading)
        for waiting, outcome in zip(batch, outcomes, strict=True)
    ]


def _run_one(db: sqlite3.Connection, work: Work[Any]) -> object:
    db.execute("SAVEPOINT one")
    try:
        result = work(db)
    except Exception as error:  # noqa: BLE001 - handed to the caller whose work it was
        db.execute("ROLLBACK TO one")
        result = error
    db.execute("RELEASE one")
    return result


def _seen(db: sqlite3.Connection, outcome: object, reading: Reading[Any, Any] | None) -> object:
    if reading is None or isinstance(outcome, Exception):
        return outcome
    try:
        return outcome, reading(db, outcome)
    except Exception as error:  # noqa: BLE001 - handed to the caller whose reading it was
        return error


@asynccontextmanager
async def open_database(path: Path) -> AsyncGenerator[Database]:
    """Open the file, bring its schema up to date, and commit until the caller leaves.

    Raises SettingsWrong when it is in use, damaged, a newer Postern's, or can not be a file.
    """
    _prepare(path)
    with owned_alone(path):
        async with _connected(path) as writer, _connected(path) as reader, companions() as tasks:
            database = Database(writer, reader)
            committer = tasks.create_task(database.commit_forever())
            try:
                yield database
            finally:
                committer.cancel()
                database.refuse_waiting()


def _prepare(path: Path) -> None:
    """Make the file's folder, and refuse what no file can be: SQLite would not say why."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = f'"{path.parent}" is no folder and can not become one ({error.strerror})'
        raise _not_usable(path, why) from error
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _not_usable(path, error.strerror or str(error)) from error
    if is_folder:
        raise _not_usable(path, "it is a folder")


def _not_usable(path: Path, why: str) -> SettingsWrong:
    return SettingsWrong(
        f'The agents\' database "{path}" can not be used: {why}. Put that right, or {TAKE_ANOTHER}'
    )


@asynccontextmanager
async def _connected(path: Path) -> AsyncGenerator[_Connection]:
    connection = _Connection(lambda: _connect(path), 64)
    try:
        await connection
    except SettingsWrong:
        await connection.ended()
        raise
    try:
        yield connection
    finally:
        await connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(path, isolation_level=None, timeout=10)
        try:
            _set_up(db, path)
        except BaseException:
            db.close()
            raise
    except sqlite3.Error as error:
        raise _not_usable(path, str(error)) from error
    return db


def _set_up(db: sqlite3.Connection, path: Path) -> None:
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    # Else every savepoint that changes some pages makes a file in the system's folder for them.
    db.execute("PRAGMA temp_store = MEMORY")
    _migrate(db, path)


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    known = _migrations()
    if version > known[-1][0]:
        raise SettingsWrong(
            f'The agents\' database "{path}" was written by a newer Postern (schema {version}; '
            f"this one knows {known[-1][0]}). Upgrade Postern."
        )
    for number, script in known:
        if number <= version:
            continue
        db.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")


def newest_schema() -> int:
    """Return the number of the last migration that this version knows."""
    return _migrations()[-1][0]


def _migrations() -> list[tuple[int, str]]:
    folder = resources.files("agents.embedded.store.migrations")
    files = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    return [(int(name[:4]), (folder / name).read_text("utf-8")) for name in files]
