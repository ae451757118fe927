"""The Postgres store put together: a pool, a listener, and the parts of the port."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime

from gateway.errors import StoreUnavailable
from gateway.ports import Store
from storage.postgres.approvals import PostgresApprovals
from storage.postgres.clock import DatabaseClock, machine_time
from storage.postgres.database import Database, PoolOptions
from storage.postgres.dead_letters import PostgresDeadLetters
from storage.postgres.deliveries import PostgresDeliveries
from storage.postgres.errands import PostgresErrands
from storage.postgres.fires import PostgresFires, PostgresNotes
from storage.postgres.history import PostgresHistory
from storage.postgres.installations import PostgresInstallations
from storage.postgres.links import PostgresLinks
from storage.postgres.listener import Listener
from storage.postgres.memory_edits import PostgresMemoryEdits
from storage.postgres.migrate import migrate
from storage.postgres.people import PostgresPeople
from storage.postgres.personal import PostgresPersonal
from storage.postgres.schedules import PostgresSchedules
from storage.postgres.singles import PostgresHanded, PostgresLeases
from storage.postgres.tasks import PostgresOutsideCalls, PostgresTasks
from storage.postgres.tokens import PostgresTokens
from storage.postgres.turns import PostgresTurns
from storage.postgres.usage import PostgresUsage
from storage.rules import unwritten
from storage.signals import Signals

_POOL = PoolOptions()


class PostgresStore(Store):
    """The Store in a Postgres database, shared by as many workers as there are.

    `url` is postgresql://user:password@host:5432/database; `?search_path=name`
    at its end keeps everything in a schema of that name, which must exist. Every
    worker needs a WorkerId of its own. Its parts are there from `open` on.
    """

    clock: DatabaseClock
    """By which every worker's moments must be taken, so that leases mean the same to all."""

    def __init__(
        self,
        url: str,
        pool: PoolOptions = _POOL,
        *,
        is_listening: bool = True,
        machine: Callable[[], datetime] = machine_time,
    ) -> None:
        self._url = url
        self._pool = pool
        self._listens = is_listening
        self._machine = machine
        self._signals = signals = Signals()
        self.turn_ready, self.delivery_ready = signals.turn_ready, signals.delivery_ready
        self.turn_cancelled, self.delivery_stored = signals.turn_cancelled, signals.delivery_stored
        self.is_listening = asyncio.Event()
        """Set while other workers' commits are heard of at once."""
        self._database: Database | None = None
        self._closing = AsyncExitStack()

    async def open(self) -> None:
        """Open and migrate. Raises SettingsWrong when it can not be used as it is."""
        async with AsyncExitStack() as stack:
            database = Database(self._url, self._pool, self._signals)
            await database.open()
            stack.push_async_callback(database.close)
            await migrate(database)
            workers = await stack.enter_async_context(asyncio.TaskGroup())
            await self._plug(stack, workers, database)
            self._closing = stack.pop_all()

    async def _plug(
        self, stack: AsyncExitStack, workers: asyncio.TaskGroup, database: Database
    ) -> None:
        turns, deliveries = PostgresTurns(database), PostgresDeliveries(database)
        of_turns = turns.accepting, turns.recording, turns.finishing
        for group in (*of_turns, deliveries.enqueuing, deliveries.settling):
            stack.callback(workers.create_task(group.work()).cancel)
            stack.push_async_callback(group.close)
        if self._listens:
            listener = Listener(database, self.is_listening)
            stack.callback(workers.create_task(listener.work()).cancel)
            stack.push_async_callback(listener.close)
        self.clock = DatabaseClock(database.read, self._machine)
        await self.clock.look()
        stack.callback(workers.create_task(self.clock.work()).cancel)
        self._database = database
        self.turns, self.deliveries = turns, deliveries
        self.people = PostgresPeople(database)
        self.links = PostgresLinks(database)
        self.tokens = PostgresTokens(database)
        self.schedules = PostgresSchedules(database)
        self.fires = PostgresFires(database)
        self.notes = PostgresNotes(database)
        self.history = PostgresHistory(database)
        self.leases = PostgresLeases(database)
        self.handed = PostgresHanded(database)
        self.installations = PostgresInstallations(database)
        self.dead_letters = PostgresDeadLetters(database)
        self.usage = PostgresUsage(database)
        self.memory_edits = PostgresMemoryEdits(database)
        self.personal = PostgresPersonal(database)
        self.approvals = PostgresApprovals(database)
        self.tasks = PostgresTasks(database)
        self.outside_calls = PostgresOutsideCalls(database)
        self.errands = PostgresErrands(database)

    async def close(self) -> None:
        """Finish what was begun and close."""
        await self._closing.aclose()

    async def check(self) -> None:
        """Do one real read; raises StoreUnavailable."""
        if self._database is None:
            raise StoreUnavailable("The store is not open.")
        await self._database.read("SELECT count(*) FROM (SELECT 1 FROM mailbox LIMIT 1) AS one")
        if self._database.failure is not None:
            raise unwritten(self._database.failure)
