"""The in-memory store: keeps every promise of the port but the one to survive the process."""

from __future__ import annotations

from gateway.errors import StoreUnavailable
from gateway.ports import (
    ApprovalStore,
    DeadLetterStore,
    DeliveryStore,
    ErrandStore,
    FireStore,
    HandedStore,
    HistoryStore,
    InstallationStore,
    LeaseStore,
    LinkStore,
    MemoryEditStore,
    NoteStore,
    OutsideCallStore,
    PeopleStore,
    PersonalStore,
    ScheduleStore,
    TaskStore,
    TurnStore,
    UsageStore,
)
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
from storage.memory.turns import MemoryTurns
from storage.memory.usage import MemoryUsage


class MemoryStore:
    """The Store in dictionaries. Closed and opened again, it still knows everything."""

    def __init__(self) -> None:
        tables = Tables()
        self.turns: TurnStore = MemoryTurns(tables)
        self.deliveries: DeliveryStore = MemoryDeliveries(tables)
        self.people: PeopleStore = MemoryPeople(tables)
        self.links: LinkStore = MemoryLinks(tables)
        self.schedules: ScheduleStore = MemorySchedules(tables)
        self.fires: FireStore = MemoryFires(tables)
        self.notes: NoteStore = MemoryNotes(tables)
        self.history: HistoryStore = MemoryHistory(tables)
        self.leases: LeaseStore = MemoryLeases(tables)
        self.handed: HandedStore = MemoryHanded(tables)
        self.installations: InstallationStore = MemoryInstallations(tables)
        self.dead_letters: DeadLetterStore = MemoryDeadLetters(tables)
        self.usage: UsageStore = MemoryUsage(tables)
        self.memory_edits: MemoryEditStore = MemoryMemoryEdits(tables)
        self.personal: PersonalStore = MemoryPersonal(tables)
        self.approvals: ApprovalStore = MemoryApprovals(tables)
        self.tasks: TaskStore = MemoryTasks(tables)
        self.outside_calls: OutsideCallStore = MemoryOutsideCalls(tables)
        self.errands: ErrandStore = MemoryErrands(tables)
        self.turn_ready = tables.turn_ready
        self.delivery_ready = tables.delivery_ready
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
