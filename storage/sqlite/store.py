"""The SQLite store put together: one writer, one reader, and the parts of the port."""

from __future__ import annotations

import sqlite3
from contextlib import AsyncExitStack
from pathlib import Path

from gateway.errors import StoreUnavailable
from gateway.ports import Store
from storage.rules import unwritten
from storage.signals import Signals
from storage.sqlite.approvals import SqliteApprovals
from storage.sqlite.committer import Committer
from storage.sqlite.database import connect, not_usable
from storage.sqlite.dead_letters import SqliteDeadLetters
from storage.sqlite.deliveries import SqliteDeliveries
from storage.sqlite.errands import SqliteErrands
from storage.sqlite.fires import SqliteFires, SqliteNotes
from storage.sqlite.history import SqliteHistory
from storage.sqlite.installations import SqliteInstallations
from storage.sqlite.links import SqliteLinks
from storage.sqlite.memory_edits import SqliteMemoryEdits
from storage.sqlite.migrate import migrate
from storage.sqlite.people import SqlitePeople
from storage.sqlite.personal import SqlitePersonal
from storage.sqlite.reader import Reader
from storage.sqlite.schedules import SqliteSchedules
from storage.sqlite.singles import SqliteHanded, SqliteLeases
from storage.sqlite.tasks import SqliteOutsideCalls, SqliteTasks
from storage.sqlite.tokens import SqliteTokens
from storage.sqlite.turns import SqliteTurns
from storage.sqlite.usage import SqliteUsage


class SqliteStore(Store):
    """The Store in one file on a local disk; what it acknowledged survives a loss of power.

    Other processes may read and write the same file at the same time. Its parts
    are there from `open` on.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._signals = signals = Signals()
        self.turn_ready, self.delivery_ready = signals.turn_ready, signals.delivery_ready
        self.turn_cancelled, self.delivery_stored = signals.turn_cancelled, signals.delivery_stored
        self._reader: Reader | None = None
        self._committer: Committer | None = None
        self._closing = AsyncExitStack()

    async def open(self) -> None:
        """Open and migrate. Raises SettingsWrong when it can not be used as it is."""
        async with AsyncExitStack() as stack:
            path = self._path
            writing = await connect(path)
            stack.push_async_callback(writing.close)
            try:
                await writing.call(lambda connection: migrate(connection, path))
            except sqlite3.Error as error:
                raise not_usable(path, error) from error
            reading = await connect(path, is_reader=True)
            stack.push_async_callback(reading.close)
            committer = Committer(writing, path, self._signals)
            stack.push_async_callback(committer.close)
            self._plug(committer, Reader(reading, path))
            self._closing = stack.pop_all()

    def _plug(self, committer: Committer, reader: Reader) -> None:
        self._reader, self._committer = reader, committer
        self.turns = SqliteTurns(committer, reader)
        self.deliveries = SqliteDeliveries(committer, reader)
        self.people = SqlitePeople(committer, reader)
        self.links = SqliteLinks(committer, reader)
        self.tokens = SqliteTokens(committer, reader)
        self.schedules = SqliteSchedules(committer, reader)
        self.fires = SqliteFires(committer, reader)
        self.notes = SqliteNotes(committer, reader)
        self.history = SqliteHistory(committer, reader)
        self.leases = SqliteLeases(committer, reader)
        self.handed = SqliteHanded(committer, reader)
        self.installations = SqliteInstallations(committer, reader)
        self.dead_letters = SqliteDeadLetters(committer, reader)
        self.usage = SqliteUsage(reader)
        self.memory_edits = SqliteMemoryEdits(committer, reader)
        self.personal = SqlitePersonal(committer, reader)
        self.approvals = SqliteApprovals(committer, reader)
        self.tasks = SqliteTasks(committer, reader)
        self.outside_calls = SqliteOutsideCalls(committer)
        self.errands = SqliteErrands(committer, reader)

    async def close(self) -> None:
        """Finish what was begun and close."""
        await self._closing.aclose()

    async def check(self) -> None:
        """Do one real read; raises StoreUnavailable."""
        if self._reader is None or self._committer is None:
            raise StoreUnavailable("The store is not open.")
        await self._reader.read("SELECT count(*) FROM (SELECT 1 FROM mailbox LIMIT 1)")
        if self._committer.failure is not None:
            raise unwritten(self._committer.failure)
