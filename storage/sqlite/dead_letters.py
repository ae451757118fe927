"""What was given up: failed rows of the tables turn and delivery."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gateway.domain.audit import AuditKind
from gateway.domain.dead_letters import DeadDelivery, DeadLetter, DeadTurn, Verdict
from storage.columns import to_place
from storage.sqlite.committer import Committer, Transaction
from storage.sqlite.deliveries import ready_for_first
from storage.sqlite.inbox import MESSAGE, to_message
from storage.sqlite.reader import Reader
from storage.sqlite.values import from_micros, to_micros

_TURN = "id, conversation, lane, coalesce(error, ''), ended_at"
_DELIVERY = "id, conversation, text, coalesce(error, ''), settled_at"
DEAD_TURNS = f"""
SELECT {_TURN} FROM turn INDEXED BY turn_failed WHERE state = 'failed' ORDER BY ended_at, id LIMIT ?
"""  # noqa: S608 - constants
DEAD_DELIVERIES = f"""
SELECT {_DELIVERY} FROM delivery INDEXED BY delivery_failed WHERE state = 4
ORDER BY settled_at, seq LIMIT ?
"""  # noqa: S608 - constants
DEAD_TURN = f"SELECT {_TURN} FROM turn WHERE id = ? AND state = 'failed'"  # noqa: S608 - constants
DEAD_DELIVERY = f"SELECT {_DELIVERY} FROM delivery WHERE id = ? AND state = 4"  # noqa: S608
SAID_IN_TURN = f"SELECT {MESSAGE} FROM inbox WHERE turn = ? ORDER BY seq"  # noqa: S608 - constants
CLOSE_TURN = "UPDATE turn SET state = ?2 WHERE id = ?1 AND state = 'failed' RETURNING lane"
DROP_DELIVERY = "UPDATE delivery SET state = 5 WHERE id = ? AND state = 4 RETURNING conversation"
RESEND = """
UPDATE delivery SET state = 2, attempts = 0, next_at = ?2, created_at = ?2, settled_at = NULL
WHERE id = ?1 AND state = 4 RETURNING conversation
"""


class SqliteDeadLetters:
    """The DeadLetterStore in SQLite."""

    def __init__(self, committer: Committer, reader: Reader) -> None:
        self._write = committer.write
        self._read = reader.read

    async def page(self, limit: int) -> list[DeadLetter]:
        """List the oldest of them, by the moment at which they were given up."""
        turns = [await self._to_turn(row) for row in await self._read(DEAD_TURNS, (limit,))]
        deliveries = [_to_delivery(row) for row in await self._read(DEAD_DELIVERIES, (limit,))]
        return sorted([*turns, *deliveries], key=lambda letter: letter.at)[:limit]

    async def get(self, letter: str) -> DeadLetter | None:
        """Read one; None when there is none of this id, or none any more."""
        if rows := await self._read(DEAD_TURN, (letter,)):
            return await self._to_turn(rows[0])
        rows = await self._read(DEAD_DELIVERY, (letter,))
        return _to_delivery(rows[0]) if rows else None

    async def close(self, turn: DeadTurn, verdict: Verdict, now: datetime) -> bool:
        """Take a turn off the list; False when it is not on it."""
        return await self._write(_close, turn.id, verdict, now)

    async def drop(self, delivery: DeadDelivery, now: datetime) -> bool:
        """Take a delivery off the list; False when it is not on it."""
        return await self._write(_drop, delivery.id, now)

    async def resend(self, delivery: DeadDelivery, now: datetime) -> bool:
        """Bring a delivery on its way again, as of now; False when it is not on the list."""
        return await self._write(_resend, delivery.id, now)

    async def _to_turn(self, row: tuple[Any, ...]) -> DeadTurn:
        turn, place, lane, error, at = row
        messages = await self._read(SAID_IN_TURN, (turn,))
        said = tuple(to_message(message) for message in messages)
        return DeadTurn(turn, to_place(place), lane, said, error, from_micros(at))


def _to_delivery(row: tuple[Any, ...]) -> DeadDelivery:
    delivery, place, text, error, at = row
    return DeadDelivery(delivery, to_place(place), text, error, from_micros(at))


def _close(tx: Transaction, turn: str, verdict: Verdict, now: datetime) -> bool:
    closed = tx.execute(CLOSE_TURN, (turn, verdict.value)).fetchone()
    if closed is None:
        return False
    tx.log(AuditKind.TURN_CLOSED, now, closed[0], turn, {"verdict": verdict})
    return True


def _drop(tx: Transaction, delivery: str, now: datetime) -> bool:
    dropped = tx.execute(DROP_DELIVERY, (delivery,)).fetchone()
    if dropped is None:
        return False
    data = {"verdict": Verdict.DROPPED}
    tx.log(AuditKind.DELIVERY_CLOSED, now, dropped[0], delivery, data)
    return True


def _resend(tx: Transaction, delivery: str, now: datetime) -> bool:
    resent = tx.execute(RESEND, (delivery, to_micros(now))).fetchone()
    if resent is None:
        return False
    ready_for_first(tx, resent[0])
    tx.log(AuditKind.DELIVERY_RESENT, now, resent[0], delivery, {})
    return True
