"""What was given up, until the operator has dealt with it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from gateway.domain.dead_letters import DeadDelivery, DeadLetter, DeadTurn, Verdict


class DeadLetterStore(Protocol):
    """What was given up. Nothing leaves it but by the operator's word."""

    async def page(self, limit: int) -> list[DeadLetter]:
        """List the oldest of them, by the moment at which they were given up."""
        ...

    async def get(self, letter: str) -> DeadLetter | None:
        """Read one; None when there is none of this id, or none any more."""
        ...

    async def close(self, turn: DeadTurn, verdict: Verdict, now: datetime) -> bool:
        """Take a turn off the list; False when it is not on it."""
        ...

    async def drop(self, delivery: DeadDelivery, now: datetime) -> bool:
        """Take a delivery off the list; False when it is not on it."""
        ...

    async def resend(self, delivery: DeadDelivery, now: datetime) -> bool:
        """Bring a delivery on its way again, as of now; False when it is not on the list.

        Its platform is asked first, because an earlier try may have been seen.
        """
        ...
