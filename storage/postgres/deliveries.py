"""Messages on their way out, one conversation in order: the tables delivery and outbox."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import compress

from gateway.domain.audit import AuditKind
from gateway.domain.canvases import Canvas
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Button, Delivery, DeliveryClaim, NewDelivery, SendOutcome
from gateway.domain.ids import DeliveryId, WorkerId
from gateway.errors import Fenced
from storage.audit_data import delivery_claimed, delivery_settled
from storage.columns import to_number, to_place, to_state
from storage.delivery_extras import read_extras
from storage.postgres.database import Database, Row, Transaction
from storage.postgres.group import Group
from storage.postgres.locks import lock_outboxes
from storage.postgres.posts import FIRST_OPEN, Posting, enqueue, revise_stored
from storage.postgres.values import columns, storable
from storage.rules import OPEN, Standing, Standpoint, settled

DELIVERY = (
    "id, conversation, text, revision, state, attempts, created_at, receipt, turn, idx, is_draft,"
    " handle, is_private, extras, seq"
)
_COLUMNS = ", ".join(f"delivery.{column}" for column in DELIVERY.split(", "))
READY_POSTS = """
SELECT ready.conversation
FROM unnest($1::text[]) AS served (platform) CROSS JOIN LATERAL (
    SELECT conversation, ready_at FROM outbox
    WHERE outbox.platform = served.platform AND state = 1 AND ready_at <= $3
    ORDER BY ready_at, conversation LIMIT $2 FOR UPDATE SKIP LOCKED
) AS ready
ORDER BY ready.ready_at, ready.conversation LIMIT $2
"""
NEXT_POST = """
SELECT ready.ready_at
FROM unnest($1::text[]) AS served (platform) CROSS JOIN LATERAL (
    SELECT ready_at FROM outbox WHERE outbox.platform = served.platform AND state = 1
    ORDER BY ready_at, conversation LIMIT 1 FOR UPDATE SKIP LOCKED
) AS ready
ORDER BY ready.ready_at LIMIT 1
"""
TAKE_FIRST = f"""
UPDATE delivery SET state = greatest(delivery.state, 1), attempts = attempts + 1
FROM unnest($1::text[]) AS place (conversation) CROSS JOIN LATERAL (
    SELECT seq FROM delivery WHERE delivery.conversation = place.conversation AND state < 3
    ORDER BY seq LIMIT 1
) AS oldest
WHERE delivery.seq = oldest.seq RETURNING {_COLUMNS}
"""  # noqa: S608 - constants
HOLD_OUTBOXES = """
UPDATE outbox SET state = 2, ready_at = NULL, owner = $2, lease_until = $3, fence = fence + 1
WHERE conversation = ANY($1::text[]) RETURNING conversation, fence
"""
EXTEND_OUTBOXES = "UPDATE outbox SET lease_until = $2 WHERE conversation = ANY($1::text[])"
REVISIONS = "SELECT id, conversation, revision FROM delivery WHERE id = ANY($1::text[])"
SETTLE = """
UPDATE delivery SET state = now.state, next_at = now.next_at, attempts = now.attempts,
    receipt = now.receipt, error = now.error, settled_at = now.settled_at
FROM unnest(
    $1::text[], $2::smallint[], $3::timestamptz[], $4::integer[], $5::text[], $6::text[],
    $7::timestamptz[]
) AS now (id, state, next_at, attempts, receipt, error, settled_at)
WHERE delivery.id = now.id
"""
RELEASE_OUTBOXES = f"""
UPDATE outbox SET owner = NULL, lease_until = NULL,
    state = (oldest.next_at IS NOT NULL)::integer, ready_at = oldest.next_at
FROM unnest($1::text[]) AS place (conversation) {FIRST_OPEN}
WHERE outbox.conversation = place.conversation RETURNING outbox.state
"""  # noqa: S608 - constants
_STORED = f"""
SELECT {_COLUMNS}, outbox.fence FROM delivery JOIN outbox USING (conversation)
"""  # noqa: S608 - constants
GET = f"{_STORED} WHERE delivery.id = $1"
NUMBERED = f"{_STORED} WHERE delivery.seq = $1"
EXPIRED_OUTBOXES = """
SELECT conversation, fence FROM outbox WHERE state = 2 AND lease_until <= $1
ORDER BY conversation FOR UPDATE
"""
OWNED_OUTBOXES = """
SELECT conversation, fence FROM outbox WHERE state = 2 AND owner = $1
ORDER BY conversation FOR UPDATE
"""
LOSE_SENDING = """
UPDATE delivery SET state = 2, next_at = $2
WHERE conversation = $1 AND state < 3 AND state = 1 RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a claimed delivery."""

    delivery: Delivery
    outcome: SendOutcome
    now: datetime


class PostgresDeliveries:
    """The DeliveryStore in Postgres."""

    def __init__(self, database: Database) -> None:
        self._write = database.write
        self._read = database.read
        self.enqueuing = Group(database, enqueue)
        """Posts that share a commit, and keep the order of the calls."""
        self.settling = Group(database, settle, key=lambda one: one.delivery.conversation.id)
        """Settlements that share a commit."""

    async def enqueue(self, deliveries: Sequence[NewDelivery], now: datetime) -> int:
        """Store proactive posts; an id that exists already is left alone. Counts the new."""
        return await self.enqueuing(Posting(deliveries, now)) if deliveries else 0

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
        return await self._write(revise_stored, delivery, (text, buttons, canvas), now)

    async def claim(
        self,
        worker: WorkerId,
        platforms: Collection[str],
        limit: int,
        lease: timedelta,
        now: datetime,
    ) -> DeliveryClaim:
        """Take the first open delivery of up to `limit` conversations and mark it (T8)."""
        return await self._write(_claim, worker, sorted(set(platforms)), limit, (now, now + lease))

    async def extend(
        self, deliveries: Collection[Delivery], lease: timedelta, now: datetime
    ) -> Collection[Delivery]:
        """Prolong the leases of what is still being sent; return those that are lost."""
        return await self._write(_extend, deliveries, now + lease) if deliveries else []

    async def settle(self, delivery: Delivery, outcome: SendOutcome, now: datetime) -> None:
        """Record what became of a claimed delivery (T9)."""
        await self.settling(Settlement(delivery, outcome, now))

    async def get(self, delivery: str) -> Delivery | None:
        """Read one delivery as it stands."""
        rows = await self._read(GET, delivery)
        return to_delivery(rows[0], rows[0]["fence"]) if rows else None

    async def numbered(self, number: int) -> Delivery | None:
        """Read the delivery of this number as it stands."""
        rows = await self._read(NUMBERED, number)
        return to_delivery(rows[0], rows[0]["fence"]) if rows else None

    async def recover(self, now: datetime, predecessor: WorkerId | None = None) -> int:
        """Turn SENDING into UNKNOWN where the lease is over or was `predecessor`'s (T7)."""
        return await self._write(_recover, now, predecessor)


async def _claim(
    tx: Transaction,
    worker: WorkerId,
    platforms: Sequence[str],
    limit: int,
    moments: tuple[datetime, datetime],
) -> DeliveryClaim:
    now, lease_until = moments
    ready = await tx.fetch(READY_POSTS, platforms, limit, now)
    places = [row["conversation"] for row in ready]
    claimed: list[Delivery] = []
    if places:
        taken = {row["conversation"]: row for row in await tx.fetch(TAKE_FIRST, places)}
        held = await tx.fetch(HOLD_OUTBOXES, places, worker, lease_until)
        fences = {row["conversation"]: row["fence"] for row in held}
        claimed = [to_delivery(taken[place], fences[place]) for place in places]
    for delivery in claimed:
        _log(tx, AuditKind.DELIVERY_CLAIMED, now, delivery, delivery_claimed(delivery, worker))
    following = await tx.first(NEXT_POST, platforms)
    return DeliveryClaim(tuple(claimed), following["ready_at"] if following else None)


async def _extend(
    tx: Transaction, deliveries: Collection[Delivery], lease: datetime
) -> Collection[Delivery]:
    outboxes = await lock_outboxes(tx, [delivery.conversation for delivery in deliveries])
    held = [delivery.conversation.id for delivery in deliveries if _holds(delivery, outboxes)]
    await tx.count(EXTEND_OUTBOXES, held, lease)
    return [delivery for delivery in deliveries if not _holds(delivery, outboxes)]


async def settle(tx: Transaction, settlements: Sequence[Settlement]) -> list[Fenced | None]:
    """Record what became of deliveries, each of another conversation (T9)."""
    outboxes = await lock_outboxes(tx, [one.delivery.conversation for one in settlements])
    rows = await tx.fetch(REVISIONS, [one.delivery.id for one in settlements])
    revisions = {row["id"]: row for row in rows}
    are_held = [_is_held(one.delivery, outboxes, revisions) for one in settlements]
    if any(are_held):
        await _settle_held(tx, list(compress(settlements, are_held)), revisions)
    return [
        None if is_held else _fenced(one.delivery)
        for one, is_held in zip(settlements, are_held, strict=True)
    ]


def _is_held(delivery: Delivery, outboxes: dict[str, Row], revisions: dict[str, Row]) -> bool:
    return _holds(delivery, outboxes) and delivery.id in revisions


def _holds(delivery: Delivery, outboxes: dict[str, Row]) -> bool:
    outbox = outboxes[delivery.conversation.id]
    return (outbox["state"], outbox["fence"]) == (Standing.BUSY, delivery.fence)


def _fenced(delivery: Delivery) -> Fenced:
    return Fenced(f'Delivery "{delivery.id}" with fence {delivery.fence} is not held.')


async def _settle_held(
    tx: Transaction, held: Sequence[Settlement], revisions: dict[str, Row]
) -> None:
    rows: list[tuple[object, ...]] = []
    for one in held:
        delivery, now = one.delivery, one.now
        stands = settled(delivery, revisions[delivery.id]["revision"], one.outcome, now)
        rows.append(_to_settled(delivery, stands, now))
        _log(tx, AuditKind.DELIVERY_SETTLED, now, delivery, delivery_settled(delivery, stands))
    await tx.count(SETTLE, *columns(rows))
    await _release(tx, [one.delivery.conversation for one in held])


def _to_settled(delivery: Delivery, stands: Standpoint, now: datetime) -> tuple[object, ...]:
    return (
        delivery.id,
        to_number(stands.state),
        stands.next_at,
        stands.attempts,
        stands.receipt,
        None if stands.error is None else storable(stands.error),
        None if stands.state in OPEN else now,
    )


async def _release(tx: Transaction, places: Sequence[Conversation]) -> None:
    released = await tx.fetch(RELEASE_OUTBOXES, sorted({place.id for place in places}))
    tx.posts_ready |= any(row["state"] == Standing.READY for row in released)


async def _recover(tx: Transaction, now: datetime, predecessor: WorkerId | None) -> int:
    rows = await tx.fetch(EXPIRED_OUTBOXES, now)
    if predecessor is not None:
        rows += await tx.fetch(OWNED_OUTBOXES, predecessor)
    lost = {row["conversation"]: row["fence"] for row in rows}
    for place, fence in sorted(lost.items()):
        for row in await tx.fetch(LOSE_SENDING, place, now):
            tx.log(AuditKind.DELIVERY_LOST, now, place, row["id"], {"fence": fence})
    if lost:
        await _release(tx, [to_place(place) for place in lost])
        tx.posts_ready = True
    return len(lost)


def _log(
    tx: Transaction,
    kind: AuditKind,
    now: datetime,
    delivery: Delivery,
    data: Mapping[str, object],
) -> None:
    tx.log(kind, now, delivery.conversation.id, delivery.id, data)


def to_delivery(row: Row, fence: int) -> Delivery:
    """Read the columns of a delivery, with the fence of its conversation."""
    return Delivery(
        id=row["id"],
        conversation=to_place(row["conversation"]),
        text=row["text"],
        revision=row["revision"],
        state=to_state(row["state"]),
        attempts=row["attempts"],
        fence=fence,
        created_at=row["created_at"],
        receipt=row["receipt"],
        turn=row["turn"],
        index=row["idx"],
        is_draft=row["is_draft"],
        handle=row["handle"],
        is_private=row["is_private"],
        number=row["seq"],
        **read_extras(row["extras"]),
    )
