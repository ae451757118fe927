"""Deliveries as they are stored, given other words, and taken back; never sent here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.canvases import Canvas
from gateway.domain.deliveries import Button, NewDelivery
from gateway.domain.ids import DeliveryId
from storage.audit_data import delivery_stored
from storage.columns import to_place, to_state
from storage.delivery_extras import read_extras, write_extras
from storage.postgres.database import Row, Transaction
from storage.postgres.locks import lock_outboxes
from storage.postgres.values import columns, storable
from storage.rules import Standing, may_be_shown

FIRST_OPEN = """
LEFT JOIN LATERAL (
    SELECT next_at FROM delivery WHERE delivery.conversation = place.conversation AND state < 3
    ORDER BY seq LIMIT 1
) AS oldest ON true
"""
"""Finds when the first open delivery of each place is due."""

# Numbers are drawn only for what is new, in order, and under the outbox's lock.
ADD_DELIVERIES = """
INSERT INTO delivery
    (seq, id, conversation, text, turn, idx, is_draft, handle, is_private, extras, created_at,
    next_at, revision, state, attempts)
SELECT nextval('place'), id, conversation, text, turn, idx, is_draft, handle, is_private, extras,
    created_at, created_at, 1, 0, 0
FROM (
    SELECT * FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::boolean[], $7::text[],
        $8::boolean[], $9::text[], $10::timestamptz[]
    ) WITH ORDINALITY AS new (
        id, conversation, text, turn, idx, is_draft, handle, is_private, extras, created_at, nth
    )
    WHERE NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.id = new.id)
    ORDER BY nth
) AS fresh
ON CONFLICT (id) DO NOTHING RETURNING id, seq
"""
READY_FOR_FIRST = f"""
UPDATE outbox SET state = (oldest.next_at IS NOT NULL)::integer, ready_at = oldest.next_at
FROM unnest($1::text[]) AS place (conversation) {FIRST_OPEN}
WHERE outbox.conversation = place.conversation AND outbox.state < 2
RETURNING state
"""  # noqa: S608 - constants
STANDING = "SELECT conversation, extras FROM delivery WHERE id = $1 AND NOT is_draft"
REVISE = """
UPDATE delivery SET text = final.text, extras = final.extras, revision = revision + 1,
    is_draft = false, attempts = CASE WHEN state < 3 THEN attempts ELSE 0 END,
    next_at = CASE WHEN state < 3 THEN next_at ELSE final.at END,
    settled_at = NULL,
    state = CASE WHEN state < 3 THEN state
        WHEN state = 4 AND receipt IS NULL AND attempts > 1 THEN 2 ELSE 0 END
FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[])
    AS final (id, text, extras, at)
WHERE delivery.id = final.id RETURNING delivery.id, revision, state
"""
DROP = "DELETE FROM delivery WHERE id = ANY($1::text[])"


@dataclass(frozen=True, slots=True)
class Posting:
    """Deliveries that ask to be stored."""

    deliveries: Sequence[NewDelivery]
    now: datetime


async def add_delivery(tx: Transaction, new: NewDelivery, now: datetime) -> None:
    """Store a delivery, unless its id exists."""
    await enqueue(tx, [Posting([new], now)])


async def enqueue(tx: Transaction, postings: Sequence[Posting]) -> list[int]:
    """Store deliveries in order; return how many of each posting are new."""
    new = [(each, posting.now) for posting in postings for each in posting.deliveries]
    await lock_outboxes(tx, [each.conversation for each, _ in new])
    stored = await add_deliveries(tx, new)
    counts = [
        sum(log_stored(tx, each, stored, posting.now) for each in posting.deliveries)
        for posting in postings
    ]
    await ready_for_first(tx, {each.conversation.id for each, _ in new})
    return counts


async def revise_stored(
    tx: Transaction,
    delivery: DeliveryId,
    contents: tuple[str, tuple[Button, ...], Canvas | None],
    now: datetime,
) -> bool:
    """Give a stored message a new text, buttons and canvas; False when there is none."""
    row = await tx.first(STANDING, delivery)
    if row is None:
        return False
    await lock_outboxes(tx, [to_place(row["conversation"])])
    text, buttons, canvas = contents
    extras = write_extras(buttons, read_extras(row["extras"])["files"], canvas)
    (revised,) = await tx.fetch(REVISE, *columns([(delivery, storable(text), extras, now)]))
    await ready_for_first(tx, [row["conversation"]])
    log_revised(tx, row["conversation"], delivery, revised, now)
    return True


async def take_back(tx: Transaction, rows: Sequence[Row], now: datetime) -> None:
    """Take back open deliveries whose outboxes are locked: id, conversation, state, receipt."""
    shown = [row["id"] for row in rows if may_be_shown(to_state(row["state"]), row["receipt"])]
    empty = [(delivery, "", None, now) for delivery in shown]
    revised = {row["id"]: row for row in await tx.fetch(REVISE, *columns(empty))} if empty else {}
    await tx.count(DROP, [row["id"] for row in rows if row["id"] not in revised])
    await ready_for_first(tx, {row["conversation"] for row in rows})
    for row in rows:
        log_revised(tx, row["conversation"], row["id"], revised.get(row["id"]), now)


def log_revised(
    tx: Transaction, place: str, delivery: DeliveryId, revised: Row | None, now: datetime
) -> None:
    """Log a delivery's new words by its row; without one it was dropped, for nobody has seen it."""
    if revised is None:
        tx.log(AuditKind.DELIVERY_DROPPED, now, place, delivery, {})
        return
    data = {"revision": revised["revision"], "state": to_state(revised["state"])}
    tx.log(AuditKind.DELIVERY_REVISED, now, place, delivery, data)


async def add_deliveries(
    tx: Transaction, deliveries: Sequence[tuple[NewDelivery, datetime]]
) -> dict[str, int]:
    """Store deliveries whose outboxes are locked; return the numbers of those that are new."""
    rows = {new.id: _to_row(new, now) for new, now in reversed(deliveries)}
    in_order = [rows[place] for place in dict.fromkeys(new.id for new, _ in deliveries)]
    stored = await tx.fetch(ADD_DELIVERIES, *columns(in_order))
    return {row["id"]: row["seq"] for row in stored}


def log_stored(tx: Transaction, new: NewDelivery, stored: dict[str, int], now: datetime) -> bool:
    """Log a delivery, once, if it is one of those that were stored."""
    sequence = stored.pop(new.id, None)
    if sequence is None:
        return False
    data = delivery_stored(new, sequence)
    tx.log(AuditKind.DELIVERY_STORED, now, new.conversation.id, new.id, data)
    return True


async def ready_for_first(tx: Transaction, places: Collection[str]) -> None:
    """Set when conversations that nobody sends to are ready, by their first open delivery."""
    standing = await tx.fetch(READY_FOR_FIRST, sorted(places))
    tx.posts_ready |= any(row["state"] == Standing.READY for row in standing)


def _to_row(new: NewDelivery, now: datetime) -> tuple[object, ...]:
    return (
        new.id,
        new.conversation.id,
        storable(new.text),
        new.turn,
        new.index,
        new.is_draft,
        new.handle,
        new.is_private,
        write_extras(new.buttons, new.files, new.canvas),
        now,
    )
