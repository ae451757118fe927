"""The durable core as a whole."""

from __future__ import annotations

import asyncio
from typing import Protocol

from gateway.ports.approvals import ApprovalStore
from gateway.ports.compute import OutsideCallStore, TaskStore
from gateway.ports.dead_letters import DeadLetterStore
from gateway.ports.deliveries import DeliveryStore
from gateway.ports.errands import ErrandStore
from gateway.ports.fires import FireStore, NoteStore
from gateway.ports.history import HistoryStore
from gateway.ports.installations import InstallationStore
from gateway.ports.links import LinkStore
from gateway.ports.memory import MemoryEditStore
from gateway.ports.people import PeopleStore
from gateway.ports.privacy import PersonalStore
from gateway.ports.schedules import ScheduleStore
from gateway.ports.singles import HandedStore, LeaseStore
from gateway.ports.tokens import TokenStore
from gateway.ports.turns import TurnStore
from gateway.ports.usage import UsageStore


class Store(Protocol):
    """The durable core. One contract suite runs over every implementation."""

    turns: TurnStore
    deliveries: DeliveryStore
    people: PeopleStore
    links: LinkStore
    tokens: TokenStore
    schedules: ScheduleStore
    fires: FireStore
    notes: NoteStore
    history: HistoryStore
    leases: LeaseStore
    handed: HandedStore
    installations: InstallationStore
    dead_letters: DeadLetterStore
    usage: UsageStore
    memory_edits: MemoryEditStore
    personal: PersonalStore
    approvals: ApprovalStore
    tasks: TaskStore
    outside_calls: OutsideCallStore
    errands: ErrandStore

    turn_ready: asyncio.Event
    """Set after a commit that made a lane ready; clear it before claiming, not after."""
    turn_cancelled: asyncio.Event
    """Set after a commit that cancelled turns, which whoever runs them has to stop."""
    delivery_ready: asyncio.Event
    """Set after a commit that gave a conversation something to send."""
    delivery_stored: asyncio.Event
    """Set with `delivery_ready`, for the door that shows what any process sends."""

    async def open(self) -> None:
        """Open and migrate. Raises SettingsWrong when it can not be used as it is."""
        ...

    async def close(self) -> None:
        """Finish what was begun and close."""
        ...

    async def check(self) -> None:
        """Do one real read; raises StoreUnavailable, also while the last write has failed."""
        ...
