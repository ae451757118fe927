"""Messages out. Each method is one transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from gateway.domain.canvases import Canvas
from gateway.domain.deliveries import Button, Delivery, DeliveryClaim, NewDelivery, SendOutcome
from gateway.domain.ids import DeliveryId, WorkerId


class DeliveryStore(Protocol):
    """Messages out. Each method is one commit; StoreUnavailable means nothing happened."""

    async def enqueue(self, deliveries: Sequence[NewDelivery], now: datetime) -> int:
        """Store proactive posts; an id that exists already is left alone. Counts the new."""
        ...

    async def revise(
        self,
        delivery: DeliveryId,
        text: str,
        buttons: tuple[Button, ...],
        now: datetime,
        *,
        canvas: Canvas | None = None,
    ) -> bool:
        """Give a stored message a new text, buttons and canvas; False when there is none.

        What its platform shows is brought to them by an edit, in the order of its
        conversation. Its files stay. A draft belongs to its turn and is left alone.
        """
        ...

    async def claim(
        self,
        worker: WorkerId,
        platforms: Collection[str],
        limit: int,
        lease: timedelta,
        now: datetime,
    ) -> DeliveryClaim:
        """Take the first open delivery of up to `limit` conversations and mark it (T8).

        A pending one is returned as SENDING, one whose outcome was not seen as
        UNKNOWN. No other delivery of that conversation is claimed until it is settled.
        """
        ...

    async def extend(
        self, deliveries: Collection[Delivery], lease: timedelta, now: datetime
    ) -> Collection[Delivery]:
        """Prolong the leases of what is still being sent; return those that are lost."""
        ...

    async def settle(self, delivery: Delivery, outcome: SendOutcome, now: datetime) -> None:
        """Record what became of a claimed delivery (T9).

        When its text changed meanwhile, or nothing was settled for good, the
        conversation becomes ready again. Raises Fenced.
        """
        ...

    async def get(self, delivery: str) -> Delivery | None:
        """Read one delivery as it stands."""
        ...

    async def numbered(self, number: int) -> Delivery | None:
        """Read the delivery of this number as it stands. What may be shown has one for ever."""
        ...

    async def recover(self, now: datetime, predecessor: WorkerId | None = None) -> int:
        """Turn SENDING into UNKNOWN where the lease is over or was `predecessor`'s (T7)."""
        ...
