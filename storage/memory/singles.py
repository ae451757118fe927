"""Leases of places, and verified requests that wait, in dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.domain.handed import Handed, Kept
from gateway.domain.ids import WorkerId
from gateway.domain.leases import Lease, decide_lease
from storage.memory.tables import Tables


class MemoryLeases:
    """The LeaseStore in a dictionary."""

    def __init__(self, tables: Tables) -> None:
        self._leases = tables.leases

    async def take(
        self, place: str, holder: WorkerId, now: datetime, length: timedelta
    ) -> Lease | None:
        """Take the place or keep it for longer; see the port."""
        lease = decide_lease(self._leases.get(place), holder, now, length)
        if lease is not None:
            self._leases[place] = lease
        return lease

    async def let_go(self, place: str, lease: Lease, now: datetime) -> None:
        """End a lease early; see the port."""
        held = self._leases.get(place)
        if held is not None and held.fence == lease.fence:
            self._leases[place] = replace(held, until=now)

    async def held(self, place: str) -> Lease | None:
        """Return the newest lease, which may be over."""
        return self._leases.get(place)


class MemoryHanded:
    """The HandedStore in a dictionary."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def keep(self, handed: Handed, now: datetime) -> None:
        """Store it."""
        self._tables.handed_so_far += 1
        self._tables.handed[self._tables.handed_so_far] = handed

    async def oldest(self, path: str, limit: int) -> list[Kept]:
        """List those for this path that came first."""
        kept = [Kept(number, handed) for number, handed in self._tables.handed.items()]
        return [each for each in kept if each.handed.path == path][:limit]

    async def drop(self, numbers: Sequence[int]) -> None:
        """Forget those that their doors have stored."""
        for number in numbers:
            self._tables.handed.pop(number, None)
