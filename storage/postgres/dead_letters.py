"""What was given up: failed rows of the tables turn and delivery."""

from __future__ import annotations

from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.dead_letters import DeadDelivery, DeadLetter, DeadTurn, Verdict
from storage.columns import to_place
from storage.postgres.database import Database, Row, Transaction
from storage.postgres.inbox import MESSAGE, to_message
from storage.postgres.locks import lock_outboxes
from storage.postgres.posts import ready_for_first

_TURN = "id, conversation, lane, coalesce(error, '') AS error, ended_at AS at"
_DELIVERY = "id, conversation, text, coalesce(error, '') AS error, settled_at AS at"
DEAD_TURNS = f"""
SELECT {_TURN} FROM turn WHERE state = 'failed' ORDER BY ended_at, id LIMIT $1
"""  # noqa: S608 - constants
DEAD_DELIVERIES = f"""
SELECT {_DELIVERY} FROM delivery WHERE state = 4 ORDER BY settled_at, seq LIMIT $1
"""  # noqa: S608 - constants
DEAD_TURN = f"SELECT {_TURN} FROM turn WHERE id = $1 AND state = 'failed'"  # noqa: S608
DEAD_DELIVERY = f"SELECT {_DELIVERY} FROM delivery WHERE id = $1 AND state = 4"  # noqa: S608
SAID_IN_TURN = f"SELECT seq, {MESSAGE} FROM inbox WHERE turn = $1 ORDER BY seq"  # noqa: S608
CLOSE_TURN = "UPDATE turn SET state = $2 WHERE id = $1 AND state = 'failed' RETURNING lane"
DROP_DELIVERY = "UPDATE delivery SET state = 5 WHERE id = $1 AND state = 4 RETURNING conversation"
RESEND = """
UPDATE delivery SET state = 2, attempts = 0, next_at = $2, created_at = $2, settled_at = NULL
WHERE id = $1 AND state = 4 RETURNING conversation
"""


class PostgresDeadLetters:
    """The DeadLetterStore in Postgres."""

    def __init__(self, database: Database) -> None:
        self._write = database.write
        self._read = database.read

    async def page(self, limit: int) -> list[DeadLetter]:
        """List the oldest of them, by the moment at which they were given up."""
        turns = [await self._to_turn(row) for row in await self._read(DEAD_TURNS, limit)]
        deliveries = [_to_delivery(row) for row in await self._read(DEAD_DELIVERIES, limit)]
        return sorted([*turns, *deliveries], key=lambda letter: letter.at)[:limit]

    async def get(self, letter: str) -> DeadLetter | None:
        """Read one; None when there is none of this id, or none any more."""
        if rows := await self._read(DEAD_TURN, letter):
            return await self._to_turn(rows[0])
        rows = await self._read(DEAD_DELIVERY, letter)
        return _to_delivery(rows[0]) if rows else None

    async def close(self, turn: DeadTurn, verdict: Verdict, now: datetime) -> bool:
        """Take a turn off the list; False when it is not on it."""
        return await self._write(_close, turn.id, verdict, now)

    async def drop(self, delivery: DeadDelivery, now: datetime) -> bool:
        """Take a delivery off the list; False when it is not on it."""
        return await self._write(_drop, delivery.id, now)

    async def resend(self, delivery: DeadDelivery, now: datetime) -> bool:
        """Bring a delivery on its way again, as of now; False when it is not on the list."""
        return await self._write(_resend, delivery, now)

    async def _to_turn(self, row: Row) -> DeadTurn:
        messages = await self._read(SAID_IN_TURN, row["id"])
        said = tuple(to_message(message) for message in messages)
        place = to_place(row["conversation"])
        return DeadTurn(row["id"], place, row["lane"], said, row["error"], row["at"])


def _to_delivery(row: Row) -> DeadDelivery:
    place = to_place(row["conversation"])
    return DeadDelivery(row["id"], place, row["text"], row["error"], row["at"])


async def _close(tx: Transaction, turn: str, verdict: Verdict, now: datetime) -> bool:
    closed = await tx.first(CLOSE_TURN, turn, verdict.value)
    if closed is None:
        return False
    tx.log(AuditKind.TURN_CLOSED, now, closed["lane"], turn, {"verdict": verdict})
    return True


async def _drop(tx: Transaction, delivery: str, now: datetime) -> bool:
    dropped = await tx.first(DROP_DELIVERY, delivery)
    if dropped is None:
        return False
    data = {"verdict": Verdict.DROPPED}
    tx.log(AuditKind.DELIVERY_CLOSED, now, dropped["conversation"], delivery, data)
    return True


async def _resend(tx: Transaction, delivery: DeadDelivery, now: datetime) -> bool:
    await lock_outboxes(tx, [delivery.conversation])
    resent = await tx.first(RESEND, delivery.id, now)
    if resent is None:
        return False
    await ready_for_first(tx, [resent["conversation"]])
    tx.log(AuditKind.DELIVERY_RESENT, now, resent["conversation"], delivery.id, {})
    return True
