"""Messages out, one conversation in order: the tables delivery and outbox."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from gateway.domain.audit import AuditKind
from gateway.domain.canvases import Canvas
from gateway.domain.deliveries import (
    Button,
    Delivery,
    DeliveryClaim,
    NewDelivery,
    SendOutcome,
)
from gateway.domain.ids import DeliveryId, TurnId, WorkerId
from gateway.errors import Fenced
from storage.audit_data import delivery_claimed, delivery_settled, delivery_stored
from storage.columns import to_number, to_place, to_state
from storage.delivery_extras import read_extras, write_extras
from storage.rules import OPEN, Standing, finals, may_be_shown, settled
from storage.sqlite.committer import Committer, Transaction
from storage.sqlite.reader import Reader
from storage.sqlite.values import from_micros, to_micros

_DELIVERY = (
    "id, conversation, text, revision, state, attempts, created_at, receipt, turn, idx, is_draft,"
    " handle, is_private, extras, seq"
)
# Left to itself, the planner takes the index over the whole history of a conversation.
_OPEN = """
SELECT next_at FROM delivery INDEXED BY delivery_open WHERE conversation = ?1 AND state < 3
"""

ADD_DELIVERY = """
INSERT INTO delivery
    (seq, id, conversation, text, turn, idx, is_draft, handle, is_private, created_at, next_at,
    extras, revision, state, attempts)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11, 1, 0, 0) ON CONFLICT (id) DO NOTHING
"""
READY_FOR_NEW = """
INSERT INTO outbox (conversation, platform, state, ready_at, fence) VALUES (?, ?, 1, ?, 0)
ON CONFLICT (conversation) DO UPDATE
SET state = 1, ready_at = iif(state = 0, excluded.ready_at, ready_at) WHERE state < 2
"""
READY_FOR_FIRST = f"""
UPDATE outbox SET
    state = EXISTS ({_OPEN}), ready_at = ({_OPEN} ORDER BY seq LIMIT 1)
WHERE conversation = ?1 AND state < 2 RETURNING state
"""  # noqa: S608 - constants
DRAFTS = """
SELECT idx, id, conversation, state, receipt FROM delivery
WHERE turn = ? AND is_draft = 1 ORDER BY idx
"""
REVISE = """
UPDATE delivery SET text = ?2, extras = ?4, revision = revision + 1, is_draft = 0,
    attempts = iif(state < 3, attempts, 0), next_at = iif(state < 3, next_at, ?3),
    settled_at = NULL,
    state = CASE WHEN state < 3 THEN state WHEN state = 4 AND receipt IS NULL AND attempts > 1
        THEN 2 ELSE 0 END
WHERE id = ?1 RETURNING revision, state
"""
DROP = "DELETE FROM delivery WHERE id = ?"
UNSENT = "SELECT id, conversation, state, receipt FROM delivery WHERE id = ? AND state < 3"
STANDING = "SELECT conversation, extras FROM delivery WHERE id = ? AND is_draft = 0"

READY_POSTS = """
SELECT conversation, ready_at, fence FROM outbox WHERE platform = ? AND state = 1
ORDER BY ready_at, conversation LIMIT ?
"""
TAKE_FIRST = f"""
UPDATE delivery SET state = max(state, 1), attempts = attempts + 1 WHERE seq = (
    SELECT seq FROM delivery INDEXED BY delivery_open
    WHERE conversation = ? AND state < 3 ORDER BY seq LIMIT 1
) RETURNING {_DELIVERY}
"""  # noqa: S608 - constants
HOLD_OUTBOX = """
UPDATE outbox SET state = 2, ready_at = NULL, owner = ?2, lease_until = ?3, fence = fence + 1
WHERE conversation = ?1
"""
EXTEND_OUTBOX = """
UPDATE outbox SET lease_until = ? WHERE conversation = ? AND state = 2 AND fence = ?
"""
HELD_REVISION = """
SELECT delivery.revision FROM outbox CROSS JOIN delivery
WHERE outbox.conversation = ? AND outbox.state = 2 AND outbox.fence = ? AND delivery.id = ?
"""
SETTLE = """
UPDATE delivery SET state = ?2, next_at = ?3, attempts = ?4, receipt = ?5, error = ?6,
    settled_at = ?7
WHERE id = ?1
"""
RELEASE_OUTBOX = f"""
UPDATE outbox SET owner = NULL, lease_until = NULL,
    state = EXISTS ({_OPEN}), ready_at = ({_OPEN} ORDER BY seq LIMIT 1)
WHERE conversation = ?1 RETURNING state
"""  # noqa: S608 - constants
_STORED = f"""
SELECT {", ".join(f"delivery.{column}" for column in _DELIVERY.split(", "))}, outbox.fence
FROM delivery JOIN outbox USING (conversation)
"""  # noqa: S608 - constants
GET = f"{_STORED} WHERE id = ?"
NUMBERED = f"{_STORED} WHERE seq = ?"
EXPIRED_OUTBOXES = "SELECT conversation, fence FROM outbox WHERE state = 2 AND lease_until <= ?"
OWNED_OUTBOXES = "SELECT conversation, fence FROM outbox WHERE state = 2 AND owner = ?"
LOSE_SENDING = """
UPDATE delivery INDEXED BY delivery_open SET state = 2, next_at = ?2
WHERE conversation = ?1 AND state < 3 AND state = 1 RETURNING id
"""


def add_delivery(tx: Transaction, new: NewDelivery, now: datetime) -> bool:
    """Store a delivery; False when its id exists, which is then left alone."""
    place, moment = new.conversation, to_micros(now)
    place_id = place.id
    sequence = tx.next_sequence()
    row = (
        sequence,
        new.id,
        place_id,
        new.text,
        new.turn,
        new.index,
        int(new.is_draft),
        new.handle,
        int(new.is_private),
        moment,
        write_extras(new.buttons, new.files, new.canvas),
    )
    if tx.execute(ADD_DELIVERY, row).rowcount == 0:
        return False
    woken = tx.execute(READY_FOR_NEW, (place_id, place.platform, moment)).rowcount
    tx.posts_ready |= woken > 0
    tx.log(AuditKind.DELIVERY_STORED, now, place_id, new.id, delivery_stored(new, sequence))
    return True


def store_answer(
    tx: Transaction,
    turn: TurnId,
    deliveries: Sequence[NewDelivery],
    now: datetime,
    *,
    has_drafts: bool,
) -> list[DeliveryId]:
    """Store what a turn answers, replacing or taking back its drafts; return the ids."""
    rows = tx.execute(DRAFTS, (turn,)).fetchall() if has_drafts else []
    drafts = {row[1]: row for row in rows}
    final = finals(turn, {row[0]: row[1] for row in drafts.values()}, deliveries)
    for draft, new in final.replaced.items():
        extras = write_extras(new.buttons, new.files, new.canvas)
        _revise(tx, draft, drafts[draft][2], (new.text, extras), now)
    for draft in final.spare:
        take_back(tx, drafts[draft][1:], now)
    for new in final.fresh:
        add_delivery(tx, replace(new, is_draft=False) if new.is_draft else new, now)
    return [*final.replaced, *(new.id for new in final.fresh)]


def take_back(tx: Transaction, row: Sequence[Any], now: datetime) -> None:
    """Take back an open delivery, given as (id, conversation, state, receipt)."""
    delivery, place, state, receipt = row
    if may_be_shown(to_state(state), receipt):
        _revise(tx, delivery, place, ("", None), now)
        return
    tx.execute(DROP, (delivery,))
    ready_for_first(tx, place)
    tx.log(AuditKind.DELIVERY_DROPPED, now, place, delivery, {})


def take_back_unsent(tx: Transaction, delivery: DeliveryId, now: datetime) -> None:
    """Take a delivery back, unless it was sent or given up."""
    for row in tx.execute(UNSENT, (delivery,)).fetchall():
        take_back(tx, row, now)


def _revise(
    tx: Transaction,
    delivery: DeliveryId,
    place: str,
    contents: tuple[str, str | None],
    now: datetime,
) -> None:
    text, extras = contents
    revision, state = tx.execute(REVISE, (delivery, text, to_micros(now), extras)).fetchone()
    ready_for_first(tx, place)
    data = {"revision": revision, "state": to_state(state)}
    tx.log(AuditKind.DELIVERY_REVISED, now, place, delivery, data)


def ready_for_first(tx: Transaction, place: str) -> None:
    """Set when a conversation that nobody sends to is ready, by its first open delivery."""
    standing = tx.execute(READY_FOR_FIRST, (place,)).fetchone()
    tx.posts_ready |= standing == (Standing.READY,)


class SqliteDeliveries:
    """The DeliveryStore in SQLite."""

    def __init__(self, committer: Committer, reader: Reader) -> None:
        self._write = committer.write
        self._read = reader.read

    async def enqueue(self, deliveries: Sequence[NewDelivery], now: datetime) -> int:
        """Store proactive posts; an id that exists already is left alone. Counts the new."""
        return await self._write(_enqueue, deliveries, now)

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
        return await self._write(_extend, deliveries, now + lease)

    async def settle(self, delivery: Delivery, outcome: SendOutcome, now: datetime) -> None:
        """Record what became of a claimed delivery (T9)."""
        await self._write(_settle, delivery, outcome, now)

    async def get(self, delivery: str) -> Delivery | None:
        """Read one delivery as it stands."""
        rows = await self._read(GET, (delivery,))
        return to_delivery(rows[0], rows[0][-1]) if rows else None

    async def numbered(self, number: int) -> Delivery | None:
        """Read the delivery of this number as it stands."""
        rows = await self._read(NUMBERED, (number,))
        return to_delivery(rows[0], rows[0][-1]) if rows else None

    async def recover(self, now: datetime, predecessor: WorkerId | None = None) -> int:
        """Turn SENDING into UNKNOWN where the lease is over or was `predecessor`'s (T7)."""
        return await self._write(_recover, now, predecessor)


def _enqueue(tx: Transaction, deliveries: Sequence[NewDelivery], now: datetime) -> int:
    return sum(add_delivery(tx, new, now) for new in deliveries)


def revise_stored(
    tx: Transaction,
    delivery: DeliveryId,
    contents: tuple[str, tuple[Button, ...], Canvas | None],
    now: datetime,
) -> bool:
    """Give a stored message a new text, buttons and canvas; False when there is none."""
    text, buttons, canvas = contents
    found = tx.execute(STANDING, (delivery,)).fetchone()
    if found is None:
        return False
    place, extras = found
    written = write_extras(buttons, read_extras(extras)["files"], canvas)
    _revise(tx, delivery, place, (text, written), now)
    return True


def _claim(
    tx: Transaction,
    worker: WorkerId,
    platforms: Sequence[str],
    limit: int,
    moments: tuple[datetime, datetime],
) -> DeliveryClaim:
    now, lease_until = moments
    ready: list[tuple[int, str, int]] = []
    for platform in platforms:
        rows = tx.execute(READY_POSTS, (platform, limit + 1)).fetchall()
        ready += [(ready_at, place, fence) for place, ready_at, fence in rows]
    ready.sort()
    moment, lease = to_micros(now), to_micros(lease_until)
    claimed: list[Delivery] = []
    for ready_at, place, fence in ready[:limit]:
        if ready_at > moment:
            break
        delivery = to_delivery(tx.execute(TAKE_FIRST, (place,)).fetchone(), fence + 1)
        tx.execute(HOLD_OUTBOX, (place, worker, lease))
        _log(tx, AuditKind.DELIVERY_CLAIMED, now, delivery, delivery_claimed(delivery, worker))
        claimed.append(delivery)
    rest = ready[len(claimed) :]
    return DeliveryClaim(tuple(claimed), from_micros(rest[0][0]) if rest else None)


def _extend(
    tx: Transaction, deliveries: Collection[Delivery], lease_until: datetime
) -> Collection[Delivery]:
    lease = to_micros(lease_until)
    return [
        delivery
        for delivery in deliveries
        if tx.execute(EXTEND_OUTBOX, (lease, delivery.conversation.id, delivery.fence)).rowcount
        == 0
    ]


def _settle(tx: Transaction, delivery: Delivery, outcome: SendOutcome, now: datetime) -> None:
    place = delivery.conversation.id
    held = tx.execute(HELD_REVISION, (place, delivery.fence, delivery.id)).fetchone()
    if held is None:
        raise Fenced(f'Delivery "{delivery.id}" with fence {delivery.fence} is not held.')
    stands = settled(delivery, held[0], outcome, now)
    row = (
        delivery.id,
        to_number(stands.state),
        to_micros(stands.next_at),
        stands.attempts,
        stands.receipt,
        stands.error,
        None if stands.state in OPEN else to_micros(now),
    )
    tx.execute(SETTLE, row)
    is_ready = tx.execute(RELEASE_OUTBOX, (place,)).fetchone()[0]
    tx.posts_ready |= bool(is_ready)
    _log(tx, AuditKind.DELIVERY_SETTLED, now, delivery, delivery_settled(delivery, stands))


def _recover(tx: Transaction, now: datetime, predecessor: WorkerId | None) -> int:
    moment = to_micros(now)
    lost = set(tx.execute(EXPIRED_OUTBOXES, (moment,)).fetchall())
    if predecessor is not None:
        lost.update(tx.execute(OWNED_OUTBOXES, (predecessor,)).fetchall())
    for place, fence in sorted(lost):
        for (delivery,) in tx.execute(LOSE_SENDING, (place, moment)).fetchall():
            tx.log(AuditKind.DELIVERY_LOST, now, place, delivery, {"fence": fence})
        tx.execute(RELEASE_OUTBOX, (place,))
    tx.posts_ready |= bool(lost)
    return len(lost)


def _log(
    tx: Transaction,
    kind: AuditKind,
    now: datetime,
    delivery: Delivery,
    data: Mapping[str, object],
) -> None:
    tx.log(kind, now, delivery.conversation.id, delivery.id, data)


def to_delivery(row: tuple[Any, ...], fence: int) -> Delivery:
    """Read the columns of a delivery, with the fence of its conversation."""
    return Delivery(
        id=row[0],
        conversation=to_place(row[1]),
        text=row[2],
        revision=row[3],
        state=to_state(row[4]),
        attempts=row[5],
        fence=fence,
        created_at=from_micros(row[6]),
        receipt=row[7],
        turn=row[8],
        index=row[9],
        is_draft=bool(row[10]),
        handle=row[11],
        is_private=bool(row[12]),
        number=row[14],
        **read_extras(row[13]),
    )
