"""What was given up, in dictionaries."""

from __future__ import annotations

from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.dead_letters import DeadDelivery, DeadLetter, DeadTurn, Verdict
from gateway.domain.deliveries import DeliveryState
from gateway.domain.ids import DeliveryId, TurnId
from gateway.domain.turns import TurnState
from storage.memory.deliveries import ready_outbox
from storage.memory.tables import DeliveryRow, Tables, TurnRow


class MemoryDeadLetters:
    """The DeadLetterStore in dictionaries."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def page(self, limit: int) -> list[DeadLetter]:
        """List the oldest of them, by the moment at which they were given up."""
        turns = [self._turn(row) for row in self._tables.turns.values() if _is_dead_turn(row)]
        rows = self._tables.deliveries.values()
        deliveries = [_delivery(row) for row in rows if row.state is DeliveryState.FAILED]
        return sorted([*turns, *deliveries], key=lambda letter: letter.at)[:limit]

    async def get(self, letter: str) -> DeadLetter | None:
        """Read one; None when there is none of this id, or none any more."""
        turn = self._tables.turns.get(TurnId(letter))
        if turn is not None and _is_dead_turn(turn):
            return self._turn(turn)
        row = self._failed(letter)
        return None if row is None else _delivery(row)

    async def close(self, turn: DeadTurn, verdict: Verdict, now: datetime) -> bool:
        """Take a turn off the list; False when it is not on it."""
        row = self._tables.turns.get(TurnId(turn.id))
        if row is None or not _is_dead_turn(row):
            return False
        row.state = TurnState(verdict.value)
        self._tables.log(AuditKind.TURN_CLOSED, now, row.lane, row.id, {"verdict": verdict})
        return True

    async def drop(self, delivery: DeadDelivery, now: datetime) -> bool:
        """Take a delivery off the list; False when it is not on it."""
        row = self._failed(delivery.id)
        if row is None:
            return False
        row.state = DeliveryState.DROPPED
        place, data = row.new.conversation.id, {"verdict": Verdict.DROPPED}
        self._tables.log(AuditKind.DELIVERY_CLOSED, now, place, row.new.id, data)
        return True

    async def resend(self, delivery: DeadDelivery, now: datetime) -> bool:
        """Bring a delivery on its way again, as of now; False when it is not on the list."""
        row = self._failed(delivery.id)
        if row is None:
            return False
        row.state, row.attempts, row.settled_at = DeliveryState.UNKNOWN, 0, None
        row.next_at = row.created_at = now
        ready_outbox(self._tables, row.new.conversation)
        place = row.new.conversation.id
        self._tables.log(AuditKind.DELIVERY_RESENT, now, place, row.new.id, {})
        return True

    def _failed(self, delivery: str) -> DeliveryRow | None:
        row = self._tables.deliveries.get(DeliveryId(delivery))
        return row if row is not None and row.state is DeliveryState.FAILED else None

    def _turn(self, row: TurnRow) -> DeadTurn:
        said = [each for each in self._tables.messages.values() if each.turn == row.id]
        said.sort(key=lambda each: each.sequence)
        messages = tuple(each.message for each in said)
        at = row.ended_at or row.started_at
        return DeadTurn(row.id, row.conversation, row.lane, messages, row.error or "", at)


def _is_dead_turn(row: TurnRow) -> bool:
    return row.state is TurnState.FAILED


def _delivery(row: DeliveryRow) -> DeadDelivery:
    new, at = row.new, row.settled_at or row.created_at
    return DeadDelivery(new.id, new.conversation, new.text, row.error or "", at)
