"""Messages out, one conversation in order, in dictionaries."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.domain.audit import AuditKind
from gateway.domain.canvases import Canvas
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import (
    Button,
    Delivery,
    DeliveryClaim,
    DeliveryState,
    NewDelivery,
    SendOutcome,
)
from gateway.domain.ids import DeliveryId, WorkerId
from gateway.errors import Fenced
from storage.audit_data import delivery_claimed, delivery_settled, delivery_stored
from storage.memory.tables import DeliveryRow, OutboxRow, Tables
from storage.rules import OPEN, Standing, may_be_shown, reopened, settled


def add_delivery(tables: Tables, new: NewDelivery, now: datetime) -> bool:
    """Store a delivery; False when its id exists, which is then left alone."""
    if new.id in tables.deliveries:
        return False
    row = DeliveryRow(tables.next_sequence(), new, now, now)
    tables.deliveries[new.id] = row
    tables.posts[new.conversation.id].append(row)
    _log(tables, AuditKind.DELIVERY_STORED, now, row, delivery_stored(new, row.sequence))
    ready_outbox(tables, new.conversation)
    return True


def revise(tables: Tables, row: DeliveryRow, new: NewDelivery, now: datetime) -> None:
    """Give it another's contents for good; whatever it shows is brought to them."""
    row.new = replace(
        row.new,
        text=new.text,
        buttons=new.buttons,
        files=new.files,
        canvas=new.canvas,
        is_draft=False,
    )
    row.revision += 1
    if row.state not in OPEN:
        row.state = reopened(row.state, row.receipt, row.attempts)
        row.next_at, row.attempts, row.settled_at = now, 0, None
    data = {"revision": row.revision, "state": str(row.state)}
    _log(tables, AuditKind.DELIVERY_REVISED, now, row, data)
    ready_outbox(tables, row.new.conversation)


def take_back(tables: Tables, row: DeliveryRow, now: datetime) -> None:
    """Take back an open delivery; one that nobody can have seen is gone at once."""
    if may_be_shown(row.state, row.receipt):
        revise(tables, row, replace(row.new, text="", buttons=(), files=(), canvas=None), now)
        return
    del tables.deliveries[row.new.id]
    tables.posts[row.new.conversation.id].remove(row)
    _log(tables, AuditKind.DELIVERY_DROPPED, now, row, {})
    ready_outbox(tables, row.new.conversation)


def take_back_unsent(tables: Tables, delivery: DeliveryId, now: datetime) -> None:
    """Take a delivery back, unless it was sent or given up."""
    row = tables.deliveries.get(delivery)
    if row is not None and row.state in OPEN:
        take_back(tables, row, now)


def ready_outbox(tables: Tables, conversation: Conversation) -> None:
    """Make the conversation ready for its first open delivery, unless one is being sent."""
    outbox = tables.outboxes.setdefault(conversation.id, OutboxRow(conversation))
    if outbox.standing is Standing.BUSY:
        return
    head = tables.head(conversation.id)
    outbox.standing = Standing.READY if head else Standing.IDLE
    outbox.ready_at = head.next_at if head else None
    if head:
        tables.signals.give("01")


def _log(
    tables: Tables, kind: AuditKind, now: datetime, row: DeliveryRow, data: Mapping[str, object]
) -> None:
    tables.log(kind, now, row.new.conversation.id, row.new.id, data)


class MemoryDeliveries:
    """The DeliveryStore in dictionaries."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def enqueue(self, deliveries: Sequence[NewDelivery], now: datetime) -> int:
        """Store proactive posts; an id that exists already is left alone. Counts the new."""
        return sum(add_delivery(self._tables, new, now) for new in deliveries)

    async def revise(
        self,
        delivery: DeliveryId,
        text: str,
        buttons: tuple[Button, ...],
        now: datetime,
        *,
        canvas: Canvas | None = None,
    ) -> bool:
        """Give a stored message a new text, buttons and canvas; False when there is none."""
        row = self._tables.deliveries.get(delivery)
        if row is None or row.new.is_draft:
            return False
        new = replace(row.new, text=text, buttons=buttons, canvas=canvas)
        revise(self._tables, row, new, now)
        return True

    async def claim(
        self,
        worker: WorkerId,
        platforms: Collection[str],
        limit: int,
        lease: timedelta,
        now: datetime,
    ) -> DeliveryClaim:
        """Take the first open delivery of up to `limit` conversations and mark it (T8)."""
        ready = [
            outbox
            for outbox in self._tables.outboxes.values()
            if outbox.standing is Standing.READY and outbox.conversation.platform in platforms
        ]
        ready.sort(key=lambda outbox: (outbox.ready_at or now, outbox.conversation.id))
        ripe = [o for o in ready if o.ready_at is None or o.ready_at <= now][:limit]
        claimed = tuple(self._claim_head(outbox, worker, now + lease, now) for outbox in ripe)
        rest = ready[len(ripe) :]
        return DeliveryClaim(claimed, rest[0].ready_at if rest else None)

    def _claim_head(
        self, outbox: OutboxRow, worker: WorkerId, lease_until: datetime, now: datetime
    ) -> Delivery:
        row = self._tables.head(outbox.conversation.id)
        assert row is not None, "a ready conversation has an open delivery"  # noqa: S101 - invariant
        if row.state is DeliveryState.PENDING:
            row.state = DeliveryState.SENDING
        row.attempts += 1
        outbox.standing, outbox.owner = Standing.BUSY, worker
        outbox.ready_at, outbox.lease_until = None, lease_until
        outbox.fence += 1
        delivery = _delivery(row, outbox.fence)
        data = delivery_claimed(delivery, worker)
        _log(self._tables, AuditKind.DELIVERY_CLAIMED, now, row, data)
        return delivery

    async def extend(
        self, deliveries: Collection[Delivery], lease: timedelta, now: datetime
    ) -> Collection[Delivery]:
        """Prolong the leases of what is still being sent; return those that are lost."""
        lost: list[Delivery] = []
        for delivery in deliveries:
            try:
                self._tables.held_outbox(delivery).lease_until = now + lease
            except Fenced:
                lost.append(delivery)
        return lost

    async def settle(self, delivery: Delivery, outcome: SendOutcome, now: datetime) -> None:
        """Record what became of a claimed delivery (T9)."""
        outbox = self._tables.held_outbox(delivery)
        row = self._tables.deliveries[delivery.id]
        stands = settled(delivery, row.revision, outcome, now)
        row.state, row.next_at, row.attempts = stands.state, stands.next_at, stands.attempts
        row.receipt, row.error = stands.receipt, stands.error
        row.settled_at = None if stands.state in OPEN else now
        data = delivery_settled(delivery, stands)
        _log(self._tables, AuditKind.DELIVERY_SETTLED, now, row, data)
        outbox.standing = Standing.IDLE
        outbox.owner = outbox.lease_until = None
        ready_outbox(self._tables, outbox.conversation)

    async def get(self, delivery: str) -> Delivery | None:
        """Read one delivery as it stands."""
        row = self._tables.deliveries.get(DeliveryId(delivery))
        if row is None:
            return None
        return _delivery(row, self._tables.outboxes[row.new.conversation.id].fence)

    async def numbered(self, number: int) -> Delivery | None:
        """Read the delivery of this number as it stands."""
        rows = self._tables.deliveries.values()
        found = next((row for row in rows if row.sequence == number), None)
        return None if found is None else await self.get(found.new.id)

    async def recover(self, now: datetime, predecessor: WorkerId | None = None) -> int:
        """Turn SENDING into UNKNOWN where the lease is over or was `predecessor`'s (T7)."""
        lost = [
            outbox
            for outbox in self._tables.outboxes.values()
            if outbox.lease_until is not None
            and (outbox.lease_until <= now or outbox.owner == predecessor)
        ]
        for outbox in sorted(lost, key=lambda outbox: outbox.conversation.id):
            self._lose(outbox, now)
        return len(lost)

    def _lose(self, outbox: OutboxRow, now: datetime) -> None:
        posts = self._tables.posts[outbox.conversation.id]
        for row in (row for row in posts if row.state is DeliveryState.SENDING):
            row.state, row.next_at = DeliveryState.UNKNOWN, now
            _log(self._tables, AuditKind.DELIVERY_LOST, now, row, {"fence": outbox.fence})
        outbox.standing = Standing.IDLE
        outbox.owner = outbox.lease_until = None
        ready_outbox(self._tables, outbox.conversation)


def _delivery(row: DeliveryRow, fence: int) -> Delivery:
    return Delivery(
        id=row.new.id,
        conversation=row.new.conversation,
        text=row.new.text,
        revision=row.revision,
        state=row.state,
        attempts=row.attempts,
        fence=fence,
        created_at=row.created_at,
        receipt=row.receipt,
        turn=row.new.turn,
        index=row.new.index,
        is_draft=row.new.is_draft,
        handle=row.new.handle,
        is_private=row.new.is_private,
        buttons=row.new.buttons,
        files=row.new.files,
        canvas=row.new.canvas,
        number=row.sequence,
    )
