"""Messages in, and the turns that answer them: the tables inbox, mailbox, turn, tool_result."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.domain.audit import AuditKind
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import RunId, TurnId, WorkerId
from gateway.domain.messages import Accepted, InboundMessage, Refusal
from gateway.domain.people import Route
from gateway.domain.tools import ToolCall, ToolResult
from gateway.domain.turns import (
    NO_LIMIT,
    Cancellation,
    Cancelled,
    Claim,
    TurnOutcome,
    TurnRef,
    TurnState,
)
from gateway.errors import Fenced
from storage.audit_data import turn_ended, turn_postponed
from storage.columns import to_json
from storage.delivery_extras import write_extras
from storage.rules import Arrival
from storage.seats import Claimer
from storage.sqlite.cancelling import cancel, cancelled
from storage.sqlite.claims import claim
from storage.sqlite.committer import Committer, Transaction
from storage.sqlite.deliveries import add_delivery, store_answer, take_back_unsent
from storage.sqlite.inbox import accept, refuse, revise, withdraw
from storage.sqlite.reader import Reader
from storage.sqlite.usage import add_charge
from storage.sqlite.values import to_micros

IS_HELD = "SELECT 1 FROM mailbox WHERE lane = ? AND state = 2 AND fence = ? AND turn = ?"
EXTEND_LANE = """
UPDATE mailbox SET lease_until = ? WHERE lane = ? AND state = 2 AND fence = ? AND turn = ?
"""
ADD_RUN = """
UPDATE turn SET runs = json_set(runs, '$[' || ?4 || ']', ?5)
WHERE id = ?3 AND json_array_length(runs) >= ?4
    AND EXISTS (SELECT 1 FROM mailbox WHERE lane = ?1 AND state = 2 AND fence = ?2 AND turn = ?3)
"""
ADD_INTENT = """
INSERT INTO tool_result (turn, call, text, is_error, is_intent) VALUES (?, ?, '', 0, 1)
ON CONFLICT (turn, call) DO NOTHING
"""
ADD_RESULT = """
INSERT INTO tool_result (turn, call, text, is_error, extras) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (turn, call) DO UPDATE SET
    text = excluded.text, is_error = excluded.is_error, extras = excluded.extras, is_intent = 0
WHERE is_intent = 1
"""

RELEASE_LANE = """
UPDATE mailbox SET owner = NULL, lease_until = NULL, turn = NULL,
    state = EXISTS (SELECT 1 FROM inbox WHERE lane = ?1 AND state = 0),
    ready_at = coalesce(ready_at, ?4)
WHERE lane = ?1 AND state = 2 AND fence = ?2 AND turn = ?3
RETURNING
    state OR EXISTS (
        SELECT 1 FROM mailbox AS parked WHERE parked.state = 3 AND parked.person = mailbox.person
    ),
    EXISTS (SELECT 1 FROM delivery WHERE delivery.turn = ?3 AND is_draft = 1)
"""
END_TURN = """
UPDATE turn SET state = ?, ended_at = ?, error = ?, answers = ?, is_kept = 1 WHERE id = ?
"""
POSTPONE_LANE = """
UPDATE mailbox SET state = 1, ready_at = ?4, owner = NULL, lease_until = NULL
WHERE lane = ?1 AND state = 2 AND fence = ?2 AND turn = ?3
"""
POSTPONE_TURN = "UPDATE turn SET error = ? WHERE id = ?"
NOTICE_TURN = "UPDATE turn SET was_noticed = 1 WHERE id = ? AND was_noticed = 0"
EXPIRED_LANES = "SELECT lane, turn, fence FROM mailbox WHERE state = 2 AND lease_until <= ?"
OWNED_LANES = "SELECT lane, turn, fence FROM mailbox WHERE state = 2 AND owner = ?"
LOSE_LANE = """
UPDATE mailbox SET state = 1, ready_at = ?, owner = NULL, lease_until = NULL WHERE lane = ?
"""


class SqliteTurns:
    """The TurnStore in SQLite."""

    def __init__(self, committer: Committer, reader: Reader) -> None:
        self._reader = reader
        self._write = committer.write
        self._write_together = committer.write_together

    async def accept(self, message: InboundMessage, route: Route, now: datetime) -> Accepted:
        """Store the message once and make its lane ready (T1)."""
        return await self._write_together(accept, Arrival(message, route, now))

    async def refuse(self, refusal: Refusal, now: datetime) -> Accepted:
        """Store that a message was turned away; its text is not kept."""
        return await self._write(refuse, refusal, now)

    async def revise(self, edit: InboundMessage, now: datetime) -> bool:
        """Replace the text of the message `edit.target` while it waits."""
        return await self._write(revise, edit, now)

    async def withdraw(self, deletion: InboundMessage, now: datetime) -> bool:
        """Drop the message `deletion.target` while it waits."""
        return await self._write(withdraw, deletion, now)

    async def claim(
        self,
        worker: WorkerId,
        limit: int,
        lease: timedelta,
        now: datetime,
        per_person: int = NO_LIMIT,
    ) -> Claim:
        """Take up to `limit` ready lanes, oldest first, as turns with new fences (T2)."""
        return await self._write(claim, Claimer(worker, limit, per_person, now + lease, now))

    async def extend(
        self, turns: Collection[TurnRef], lease: timedelta, now: datetime
    ) -> Collection[TurnRef]:
        """Prolong the leases (T3); return those that are lost, whose work must stop."""
        return await self._write(_extend, turns, now + lease)

    async def record_run(self, turn: TurnRef, round_index: int, run: RunId) -> None:
        """Remember which run answers this round, so that it can be re-attached (T4)."""
        await self._write(_record_run, turn, round_index, run)

    async def intend_tool_call(self, turn: TurnRef, call: ToolCall) -> None:
        """Note that a call is about to be made (T4). Idempotent."""
        await self._write(_intend_tool_call, turn, call)

    async def record_tool_result(self, turn: TurnRef, call: ToolCall, result: ToolResult) -> None:
        """Journal the result of a call, so that it is never carried out again (T4)."""
        await self._write(_record_tool_result, turn, call, result)

    async def open_draft(self, turn: TurnRef, draft: NewDelivery, now: datetime) -> None:
        """Store a delivery that streaming will show before the turn ends (T4). Idempotent."""
        await self._write(_open_draft, turn, draft, now)

    async def finish(self, turn: TurnRef, outcome: TurnOutcome, now: datetime) -> None:
        """End the turn: messages done, deliveries stored, lane idle or ready again (T5)."""
        await self._write(_finish, turn, outcome, now)

    async def postpone(
        self, turn: TurnRef, until: datetime, error: str, notice: NewDelivery | None, now: datetime
    ) -> None:
        """Give the turn back, to be claimed again at `until`, with at most one notice (T6)."""
        await self._write(_postpone, turn, (until, error), notice, now)

    async def cancel(self, turn: TurnRef, cancellation: Cancellation, now: datetime) -> Cancelled:
        """Cancel the open turns of its lanes, and withdraw what its person said and waits."""
        return await self._write(_cancel, turn, cancellation, now)

    async def cancelled(self) -> Collection[TurnId]:
        """Return the cancelled turns that have not ended yet."""
        return await cancelled(self._reader)

    async def recover(self, now: datetime, predecessor: WorkerId | None = None) -> int:
        """Make lanes ready whose lease is over, or was held by `predecessor`; count them (T7)."""
        return await self._write(_recover, now, predecessor)


def _log(
    tx: Transaction,
    kind: AuditKind,
    now: datetime | None,
    turn: TurnRef,
    data: Mapping[str, object],
) -> None:
    tx.log(kind, now, turn.lane, turn.id, data)


def _extend(
    tx: Transaction, turns: Collection[TurnRef], lease_until: datetime
) -> Collection[TurnRef]:
    lease = to_micros(lease_until)
    return [
        turn
        for turn in turns
        if tx.execute(EXTEND_LANE, (lease, turn.lane, turn.fence, turn.id)).rowcount == 0
    ]


def _check_held(tx: Transaction, turn: TurnRef) -> None:
    if tx.execute(IS_HELD, (turn.lane, turn.fence, turn.id)).fetchone() is None:
        raise _fenced(turn)


def _fenced(turn: TurnRef) -> Fenced:
    return Fenced(f'Turn "{turn.id}" with fence {turn.fence} does not hold its lane.')


def _record_run(tx: Transaction, turn: TurnRef, round_index: int, run: RunId) -> None:
    row = (turn.lane, turn.fence, turn.id, round_index, run)
    if round_index < 0 or tx.execute(ADD_RUN, row).rowcount == 0:
        _check_held(tx, turn)
        raise ValueError(f'Round {round_index} of turn "{turn.id}" has no round before it.')
    _log(tx, AuditKind.TURN_RUN, None, turn, {"round": round_index, "run": run})


def _intend_tool_call(tx: Transaction, turn: TurnRef, call: ToolCall) -> None:
    _check_held(tx, turn)
    if tx.execute(ADD_INTENT, (turn.id, call.id)).rowcount == 1:
        _log(tx, AuditKind.TURN_TOOL_BEGUN, None, turn, {"call": call.id, "tool": call.name})


def _record_tool_result(tx: Transaction, turn: TurnRef, call: ToolCall, result: ToolResult) -> None:
    _check_held(tx, turn)
    extras = write_extras(result.buttons, result.files)
    row = (turn.id, call.id, result.text, int(result.is_error), extras)
    if tx.execute(ADD_RESULT, row).rowcount == 0:
        return
    data = {"call": call.id, "tool": call.name, "is_error": result.is_error}
    _log(tx, AuditKind.TURN_TOOL, None, turn, data)


def _open_draft(tx: Transaction, turn: TurnRef, draft: NewDelivery, now: datetime) -> None:
    _check_held(tx, turn)
    add_delivery(tx, replace(draft, turn=turn.id, is_draft=True), now)


def _finish(tx: Transaction, turn: TurnRef, outcome: TurnOutcome, now: datetime) -> None:
    if outcome.state is TurnState.RUNNING:
        raise ValueError(f'Turn "{turn.id}" can not end as running.')
    moment = to_micros(now)
    released = tx.execute(RELEASE_LANE, (turn.lane, turn.fence, turn.id, moment)).fetchone()
    if released is None:
        raise _fenced(turn)
    has_more, has_drafts = released
    tx.lanes_ready |= bool(has_more)
    answers = store_answer(tx, turn.id, outcome.deliveries, now, has_drafts=bool(has_drafts))
    for notice in outcome.outdated:
        take_back_unsent(tx, notice, now)
    row = (outcome.state.value, moment, outcome.error, to_json(answers), turn.id)
    tx.execute(END_TURN, row)
    if outcome.charge is not None:
        add_charge(tx, outcome.charge, now)
    _log(tx, AuditKind.TURN_ENDED, now, turn, turn_ended(outcome, answers))


def _postpone(
    tx: Transaction,
    turn: TurnRef,
    why: tuple[datetime, str],
    notice: NewDelivery | None,
    now: datetime,
) -> None:
    until, error = why
    lane = (turn.lane, turn.fence, turn.id, to_micros(until))
    if tx.execute(POSTPONE_LANE, lane).rowcount == 0:
        raise _fenced(turn)
    tx.lanes_ready = True
    tx.execute(POSTPONE_TURN, (error, turn.id))
    if notice is not None and tx.execute(NOTICE_TURN, (turn.id,)).rowcount == 0:
        notice = None
    _log(tx, AuditKind.TURN_POSTPONED, now, turn, turn_postponed(until, error, notice))
    if notice is not None:
        add_delivery(tx, replace(notice, is_draft=False), now)


def _cancel(tx: Transaction, turn: TurnRef, cancellation: Cancellation, now: datetime) -> Cancelled:
    _check_held(tx, turn)
    return cancel(tx, turn, cancellation, now)


def _recover(tx: Transaction, now: datetime, predecessor: WorkerId | None) -> int:
    moment = to_micros(now)
    lost = set(tx.execute(EXPIRED_LANES, (moment,)).fetchall())
    if predecessor is not None:
        lost.update(tx.execute(OWNED_LANES, (predecessor,)).fetchall())
    for lane, turn, fence in sorted(lost):
        tx.execute(LOSE_LANE, (moment, lane))
        tx.log(AuditKind.TURN_LOST, now, lane, turn, {"fence": fence})
    tx.lanes_ready |= bool(lost)
    return len(lost)
