"""What became of slots that fired, and small things to remember."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.domain.conversations import Conversation
from gateway.domain.fires import Activity, EndedSlot, Pulse, SlotVerdict
from gateway.domain.ids import LaneId, PersonId


class FireStore(Protocol):
    """What became of slots that fired."""

    async def ended(self, limit: int) -> list[EndedSlot]:
        """List slots, oldest first, whose turn and posts are settled and that nobody judged."""
        ...

    async def judge(self, verdicts: Sequence[SlotVerdict], now: datetime) -> int:
        """Record what slots came to, with all that follows, in one commit.

        A slot that was judged before changes nothing; returns how many were not.
        """
        ...

    async def activity(
        self, role: str, before: str | None, limit: int, person: PersonId | None = None
    ) -> list[Activity]:
        """List what the agents of this role did by themselves, newest first.

        With a person: only slots that woke their agent, or were missed by a schedule in
        their name. Raises ValueError when `before` is no cursor.
        """
        ...

    async def forget(self, before: datetime, limit: int) -> int:
        """Drop slots that are over and were recorded before; the audit log keeps them."""
        ...

    async def pulse(self, lane: LaneId, conversation: Conversation) -> Pulse:
        """Look whether the lane is at work, and when a person last wrote in the conversation."""
        ...


class NoteStore(Protocol):
    """Small texts that are remembered by subject and name. The last one put stays."""

    async def get(self, subject: str, name: str) -> str | None:
        """Read one; None when there is none."""
        ...

    async def all_of(self, subject: str) -> dict[str, str]:
        """Read all of a subject, by name."""
        ...

    async def put(
        self, subject: str, name: str, text: str, *, passing: datetime | None = None
    ) -> None:
        """Remember it in place of what was there.

        With `passing`, the moment that it is about, it is dropped with contents of that age.
        """
        ...

    async def drop(self, subject: str, name: str) -> None:
        """Forget it."""
        ...
