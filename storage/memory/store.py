"""The in-memory store: keeps every promise of the port but the one to survive the process."""

from __future__ import annotations

from gateway.errors import StoreUnavailable
from gateway.ports import Store
from storage.memory.approvals import MemoryApprovals
from storage.memory.dead_letters import MemoryDeadLetters
from storage.memory.deliveries import MemoryDeliveries
from storage.memory.errands import MemoryErrands
from storage.memory.fires import MemoryFires, MemoryNotes
from storage.memory.history import MemoryHistory
from storage.memory.installations import MemoryInstallations
from storage.memory.links import MemoryLinks
from storage.memory.memory_edits import MemoryMemoryEdits
from storage.memory.people import MemoryPeople
from storage.memory.personal import MemoryPersonal
from storage.memory.schedules import MemorySchedules
from storage.memory.singles import MemoryHanded, MemoryLeases
from storage.memory.tables import Tables
from storage.memory.tasks import MemoryOutsideCalls, MemoryTasks
from storage.memory.tokens import MemoryTokens
from storage.memory.turns import MemoryTurns
from storage.memory.usage import MemoryUsage


class MemoryStore(Store):
    """The Store in dictionaries. Closed and opened again, it still knows everything."""

    def __init__(self) -> None:
        tables = Tables()
        self.turns = MemoryTurns(tables)
        self.deliveries = MemoryDeliveries(tables)
        self.people = MemoryPeople(tables)
        self.links = MemoryLinks(tables)
        self.tokens = MemoryTokens(tables)
        self.schedules = MemorySchedules(tables)
        self.fires = MemoryFires(tables)
        self.notes = MemoryNotes(tables)
        self.history = MemoryHistory(tables)
        self.leases = MemoryLeases(tables)
        self.handed = MemoryHanded(tables)
        self.installations = MemoryInstallations(tables)
        self.dead_letters = MemoryDeadLetters(tables)
        self.usage = MemoryUsage(tables)
        self.memory_edits = MemoryMemoryEdits(tables)
        self.personal = MemoryPersonal(tables)
        self.approvals = MemoryApprovals(tables)
        self.tasks = MemoryTasks(tables)
        self.outside_calls = MemoryOutsideCalls(tables)
        self.errands = MemoryErrands(tables)
        signals = tables.signals
        self.turn_ready, self.delivery_ready = signals.turn_ready, signals.delivery_ready
        self.turn_cancelled, self.delivery_stored = signals.turn_cancelled, signals.delivery_stored
        self._is_open = False

    async def open(self) -> None:
        """Begin to answer `check`."""
        self._is_open = True

    async def close(self) -> None:
        """Stop to answer `check`."""
        self._is_open = False

    async def check(self) -> None:
        """Raise StoreUnavailable unless the store is open."""
        if not self._is_open:
            raise StoreUnavailable("The store is closed.")
