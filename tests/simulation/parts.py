"""The parts of a store, each stood before by something of the simulator's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, get_type_hints

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
    Store,
    TaskStore,
    TokenStore,
    TurnStore,
    UsageStore,
)

PARTS = {name: kind for name, kind in get_type_hints(Store).items() if kind is not asyncio.Event}
"""What a store consists of, by name."""


class StoreBehind:
    """A store whose every part is behind something; it is open, and stays so."""

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
    errands: ErrandStore
    outside_calls: OutsideCallStore

    def __init__(self, store: Store, before: Callable[[Any, str], Any]) -> None:
        self.turn_ready = store.turn_ready
        self.delivery_ready = store.delivery_ready
        self.turn_cancelled = store.turn_cancelled
        self.delivery_stored = store.delivery_stored
        for name in PARTS:
            setattr(self, name, before(getattr(store, name), f"store.{name}"))

    async def open(self) -> None:
        """Be open."""

    async def close(self) -> None:
        """Leave it to whoever opened it."""

    async def check(self) -> None:
        """Be well."""
