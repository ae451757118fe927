"""Turns that people cancel: marks on the table turn, and messages taken out of the inbox."""

from __future__ import annotations

from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.ids import LaneId, TurnId
from gateway.domain.turns import Cancellation, Cancelled, TurnRef
from storage.cancelling import SAID, call_of, read_cancelled, write_cancelled
from storage.postgres.database import Database, Transaction
from storage.postgres.inbox import FORGET_WAITING
from storage.postgres.locks import fenced, is_held, lock_lanes
from storage.rules import Standing

CANCELLED_TURNS = "SELECT id FROM turn WHERE is_cancelled AND state = 'running'"
KNOWN_RESULT = "SELECT text FROM tool_result WHERE turn = $1 AND call = $2"
ADD_RESULT = "INSERT INTO tool_result (turn, call, text, is_error) VALUES ($1, $2, $3, false)"
PLACE_OF = "SELECT seq FROM inbox WHERE key = $1"
OPEN_TURNS = """
SELECT lane, turn FROM mailbox WHERE lane = ANY($1::text[]) AND turn IS NOT NULL
    AND (SELECT min(seq) FROM inbox WHERE inbox.turn = mailbox.turn) < $2
ORDER BY lane
"""
CANCEL_TURNS = """
UPDATE turn SET is_cancelled = true WHERE id = ANY($1::text[]) AND NOT is_cancelled RETURNING id
"""
# Parked ones too: what was cancelled needs no seat.
HURRY_LANES = """
UPDATE mailbox SET
    state = CASE WHEN state = 3 THEN 1 ELSE state END,
    ready_at = CASE WHEN state IN (1, 3) THEN $2 ELSE ready_at END
WHERE lane = ANY($1::text[]) RETURNING state
"""
WITHDRAW_SAID = """
UPDATE inbox SET state = 4, text = '' WHERE lane = $1 AND state = 0 AND seq < $2
    AND conversation = $3 AND person = $4 AND kind = ANY($5::text[])
RETURNING seq, key
"""


async def cancelled(database: Database) -> list[TurnId]:
    """Return the cancelled turns that have not ended yet."""
    return [row["id"] for row in await database.read(CANCELLED_TURNS)]


async def cancel(
    tx: Transaction, turn: TurnRef, cancellation: Cancellation, now: datetime
) -> Cancelled:
    """Cancel what was begun before the command, and withdraw what was said before it."""
    command, lanes = cancellation.command, sorted(set(cancellation.lanes))
    if not is_held(await lock_lanes(tx, [turn.lane, *lanes]), turn):
        raise fenced(turn)
    call = call_of(command)
    known = await tx.first(KNOWN_RESULT, turn.id, call)
    if known is not None:
        return read_cancelled(known["text"])
    (place,) = await tx.fetch(PLACE_OF, command.idempotency_key)
    turns = await _cancel_turns(tx, lanes, place["seq"], turn, now)
    messages = [await _withdraw(tx, lane, place["seq"], cancellation, now) for lane in lanes]
    cancelled = Cancelled(turns, sum(messages))
    await tx.count(ADD_RESULT, turn.id, call, write_cancelled(cancelled))
    return cancelled


async def _cancel_turns(
    tx: Transaction, lanes: list[LaneId], before: int, by: TurnRef, now: datetime
) -> int:
    found = await tx.fetch(OPEN_TURNS, lanes, before)
    if not found:
        return 0
    fresh = {row["id"] for row in await tx.fetch(CANCEL_TURNS, [row["turn"] for row in found])}
    for row in found:
        if row["turn"] in fresh:
            tx.log(AuditKind.TURN_CANCELLED, now, row["lane"], row["turn"], {"by": by.id})
    hurried = await tx.fetch(HURRY_LANES, [row["lane"] for row in found], now)
    tx.lanes_ready |= any(row["state"] == Standing.READY for row in hurried)
    tx.turns_cancelled = True
    return len(found)


async def _withdraw(
    tx: Transaction, lane: LaneId, before: int, cancellation: Cancellation, now: datetime
) -> int:
    place, kinds = cancellation.command.conversation.id, [kind.value for kind in SAID]
    said = (lane, before, place, cancellation.person, kinds)
    withdrawn = sorted((row["seq"], row["key"]) for row in await tx.fetch(WITHDRAW_SAID, *said))
    for _, key in withdrawn:
        tx.log(AuditKind.MESSAGE_WITHDRAWN, now, lane, key, {})
    if withdrawn:
        await tx.count(FORGET_WAITING, lane)
    return len(withdrawn)
