"""Turns that people cancel: marks on the table turn, and messages taken out of the inbox."""

from __future__ import annotations

from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.ids import LaneId, TurnId
from gateway.domain.turns import Cancellation, Cancelled, TurnRef
from storage.cancelling import SAID, call_of, read_cancelled, write_cancelled
from storage.sqlite.committer import Transaction
from storage.sqlite.inbox import forget_waiting
from storage.sqlite.reader import Reader
from storage.sqlite.values import to_micros

CANCELLED_TURNS = "SELECT id FROM turn WHERE is_cancelled = 1 AND state = 'running'"
KNOWN_RESULT = "SELECT text FROM tool_result WHERE turn = ? AND call = ?"
ADD_RESULT = "INSERT INTO tool_result (turn, call, text, is_error) VALUES (?, ?, ?, 0)"
PLACE_OF = "SELECT seq FROM inbox WHERE key = ?"
OPEN_TURN = """
SELECT turn FROM mailbox WHERE lane = ? AND turn IS NOT NULL
    AND (SELECT min(seq) FROM inbox WHERE inbox.turn = mailbox.turn) < ?
"""
CANCEL_TURN = "UPDATE turn SET is_cancelled = 1 WHERE id = ? AND is_cancelled = 0"
HURRY_LANE = "UPDATE mailbox SET state = 1, ready_at = ? WHERE lane = ? AND state IN (1, 3)"
"""A parked one too: what was cancelled needs no seat."""
WITHDRAW_SAID = f"""
UPDATE inbox INDEXED BY inbox_waiting SET state = 4, text = ''
WHERE lane = ? AND state = 0 AND seq < ?
    AND conversation = ? AND person = ? AND kind IN ({", ".join("?" * len(SAID))})
RETURNING seq, key
"""  # noqa: S608 - constants


async def cancelled(reader: Reader) -> list[TurnId]:
    """Return the cancelled turns that have not ended yet."""
    return [row[0] for row in await reader.read(CANCELLED_TURNS)]


def cancel(tx: Transaction, turn: TurnRef, cancellation: Cancellation, now: datetime) -> Cancelled:
    """Cancel what was begun before the command, and withdraw what was said before it.

    The caller has seen that the command's turn holds its lane.
    """
    command = cancellation.command
    call = call_of(command)
    known = tx.execute(KNOWN_RESULT, (turn.id, call)).fetchone()
    if known is not None:
        return read_cancelled(known[0])
    (before,) = tx.execute(PLACE_OF, (command.idempotency_key,)).fetchone()
    lanes = sorted(set(cancellation.lanes))
    turns = sum(_cancel_turn(tx, lane, before, turn, now) for lane in lanes)
    messages = sum(_withdraw(tx, lane, before, cancellation, now) for lane in lanes)
    cancelled = Cancelled(turns, messages)
    tx.execute(ADD_RESULT, (turn.id, call, write_cancelled(cancelled)))
    return cancelled


def _cancel_turn(tx: Transaction, lane: LaneId, before: int, by: TurnRef, now: datetime) -> bool:
    found = tx.execute(OPEN_TURN, (lane, before)).fetchone()
    if found is None:
        return False
    if tx.execute(CANCEL_TURN, found).rowcount == 1:
        tx.log(AuditKind.TURN_CANCELLED, now, lane, found[0], {"by": by.id})
    tx.lanes_ready |= tx.execute(HURRY_LANE, (to_micros(now), lane)).rowcount == 1
    tx.turns_cancelled = True
    return True


def _withdraw(
    tx: Transaction, lane: LaneId, before: int, cancellation: Cancellation, now: datetime
) -> int:
    place = cancellation.command.conversation.id
    said = (lane, before, place, cancellation.person, *(kind.value for kind in SAID))
    withdrawn = sorted(tx.execute(WITHDRAW_SAID, said).fetchall())
    for _, key in withdrawn:
        tx.log(AuditKind.MESSAGE_WITHDRAWN, now, lane, key, {})
    if withdrawn:
        forget_waiting(tx, lane)
    return len(withdrawn)
