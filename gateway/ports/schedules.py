"""Schedules, and the slots in which they fired."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.domain.ids import ConversationId
from gateway.domain.messages import Accepted, InboundMessage
from gateway.domain.people import Route
from gateway.domain.schedules import Fire, PastSlot, Schedule


class ScheduleStore(Protocol):
    """Schedules, and the slots in which they fired."""

    changed: asyncio.Event
    """Set when a schedule was put or removed through this store; a poll finds the others'."""

    async def put(self, schedule: Schedule) -> None:
        """Add it, or replace the one with its id; the revision goes up."""
        ...

    async def due(self, now: datetime, limit: int) -> list[Schedule]:
        """List schedules that are due and not paused, oldest slot first."""
        ...

    async def fire(self, fires: Sequence[Fire], now: datetime) -> int:
        """Record slots, advance schedules and accept their messages in one commit (T10).

        A slot that fired before, or a schedule that changed, does nothing.
        """
        ...

    async def wake(self, message: InboundMessage, route: Route, now: datetime) -> Accepted:
        """Accept a wakeup that no schedule made, once, as a slot named by its event: one commit."""
        ...

    async def next_due(self) -> datetime | None:
        """Return the earliest `next_at` of all that are not paused."""
        ...

    async def get(self, schedule: str) -> Schedule | None:
        """Read one."""
        ...

    async def page(self, after: str, limit: int) -> list[Schedule]:
        """List the next ones by id; pass the last one's id as `after` for more, "" to begin."""
        ...

    async def in_conversation(self, conversation: ConversationId, limit: int) -> list[Schedule]:
        """List those that wake somebody there, by id."""
        ...

    async def remove(self, schedule: str) -> bool:
        """Drop it; its slots stay known. False when there is none.

        The notes on `schedule:<its id>` go with it.
        """
        ...

    async def past_slots(self, schedule: str, limit: int) -> list[PastSlot]:
        """List its newest slots that fired or were missed, newest first."""
        ...
