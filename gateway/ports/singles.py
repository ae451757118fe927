"""What the processes that share a store settle among themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from gateway.domain.handed import Handed, Kept
from gateway.domain.ids import WorkerId
from gateway.domain.leases import Lease


class LeaseStore(Protocol):
    """Places of which each has one holder at a time. Fences only ever grow."""

    async def take(
        self, place: str, holder: WorkerId, now: datetime, length: timedelta
    ) -> Lease | None:
        """Take the place or keep it for longer; None while another one's lease still runs."""
        ...

    async def let_go(self, place: str, lease: Lease, now: datetime) -> None:
        """End a lease early; nothing happens when somebody else has the place."""
        ...

    async def held(self, place: str) -> Lease | None:
        """Return the newest lease, which may be over; None when there never was one."""
        ...


class HandedStore(Protocol):
    """Verified requests that wait for a worker to read them, oldest first."""

    async def keep(self, handed: Handed, now: datetime) -> None:
        """Store it; when this returns, the platform may be acknowledged."""
        ...

    async def oldest(self, path: str, limit: int) -> list[Kept]:
        """List those for this path that came first."""
        ...

    async def drop(self, numbers: Sequence[int]) -> None:
        """Forget those that their doors have stored."""
        ...
