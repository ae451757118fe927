"""Messages in, and the turns that answer them: the tables mailbox, turn and tool_result."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
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
from storage.audit_data import turn_postponed
from storage.delivery_extras import write_extras
from storage.postgres.answers import Ending, finish
from storage.postgres.cancelling import cancel, cancelled
from storage.postgres.claims import claim
from storage.postgres.database import Database, Transaction
from storage.postgres.group import Group
from storage.postgres.inbox import accept, refuse, revise, withdraw
from storage.postgres.locks import fenced, is_held, lock_held, lock_lanes
from storage.postgres.posts import add_delivery
from storage.postgres.values import columns, storable
from storage.rules import Arrival
from storage.seats import Claimer

EXTEND_LANES = """
UPDATE mailbox SET lease_until = $2 WHERE lane = ANY($1::text[])
"""
ADD_RUNS = """
UPDATE turn SET runs[began.round + 1] = began.run
FROM unnest($1::text[], $2::integer[], $3::text[]) AS began (turn, round, run)
WHERE turn.id = began.turn AND began.round BETWEEN 0 AND cardinality(runs) RETURNING turn.id
"""
ADD_INTENT = """
INSERT INTO tool_result (turn, call, text, is_error, is_intent) VALUES ($1, $2, '', false, true)
ON CONFLICT (turn, call) DO NOTHING
"""
ADD_RESULT = """
INSERT INTO tool_result (turn, call, text, is_error, extras) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (turn, call) DO UPDATE SET
    text = excluded.text, is_error = excluded.is_error, extras = excluded.extras,
    is_intent = false
WHERE tool_result.is_intent
"""
POSTPONE_LANE = """
UPDATE mailbox SET state = 1, ready_at = $2, owner = NULL, lease_until = NULL WHERE lane = $1
"""
POSTPONE_TURN = "UPDATE turn SET error = $1 WHERE id = $2"
NOTICE_TURN = "UPDATE turn SET was_noticed = true WHERE id = $1 AND NOT was_noticed"
EXPIRED_LANES = """
SELECT lane, turn, fence FROM mailbox WHERE state = 2 AND lease_until <= $1
ORDER BY lane FOR UPDATE
"""
OWNED_LANES = """
SELECT lane, turn, fence FROM mailbox WHERE state = 2 AND owner = $1 ORDER BY lane FOR UPDATE
"""
LOSE_LANES = """
UPDATE mailbox SET state = 1, ready_at = $2, owner = NULL, lease_until = NULL
WHERE lane = ANY($1::text[])
"""


@dataclass(frozen=True, slots=True)
class Began:
    """A run that answers a round of a turn."""

    turn: TurnRef
    round_index: int
    run: RunId


class PostgresTurns:
    """The TurnStore in Postgres."""

    def __init__(self, database: Database) -> None:
        self._database, self._write = database, database.write
        self.accepting = Group(database, accept)
        """Messages that share a commit."""
        self.recording = Group(database, record_runs, key=lambda began: began.turn.lane)
        """Runs of turns whose records share a commit."""
        self.finishing = Group(database, finish, key=lambda ending: ending.turn.lane)
        """Turns whose ends share a commit."""

    async def accept(self, message: InboundMessage, route: Route, now: datetime) -> Accepted:
        """Store the message once and make its lane ready (T1)."""
        return await self.accepting(Arrival(message, route, now))

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
        return await self._write(_extend, turns, now + lease) if turns else []

    async def record_run(self, turn: TurnRef, round_index: int, run: RunId) -> None:
        """Remember which run answers this round, so that it can be re-attached (T4)."""
        await self.recording(Began(turn, round_index, run))

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
        if outcome.state is TurnState.RUNNING:
            raise ValueError(f'Turn "{turn.id}" can not end as running.')
        await self.finishing(Ending(turn, outcome, now))

    async def postpone(
        self, turn: TurnRef, until: datetime, error: str, notice: NewDelivery | None, now: datetime
    ) -> None:
        """Give the turn back, to be claimed again at `until`, with at most one notice (T6)."""
        await self._write(_postpone, turn, (until, error), notice, now)

    async def cancel(self, turn: TurnRef, cancellation: Cancellation, now: datetime) -> Cancelled:
        """Cancel the open turns of its lanes, and withdraw what its person said and waits."""
        return await self._write(cancel, turn, cancellation, now)

    async def cancelled(self) -> Collection[TurnId]:
        """Return the cancelled turns that have not ended yet."""
        return await cancelled(self._database)

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


async def _extend(
    tx: Transaction, turns: Collection[TurnRef], lease: datetime
) -> Collection[TurnRef]:
    lanes = await lock_lanes(tx, [turn.lane for turn in turns])
    held = [turn.lane for turn in turns if is_held(lanes, turn)]
    await tx.count(EXTEND_LANES, held, lease)
    return [turn for turn in turns if not is_held(lanes, turn)]


async def record_runs(tx: Transaction, runs: Sequence[Began]) -> list[Fenced | None]:
    """Remember which runs answer rounds, each of another lane (T4)."""
    lanes = await lock_lanes(tx, [began.turn.lane for began in runs])
    held = [began for began in runs if is_held(lanes, began.turn)]
    rows = [(began.turn.id, began.round_index, began.run) for began in held]
    added = await tx.fetch(ADD_RUNS, *columns(rows)) if rows else []
    stored = {row["id"] for row in added}
    for began in held:
        turn, round_index = began.turn, began.round_index
        if turn.id not in stored:
            raise ValueError(f'Round {round_index} of turn "{turn.id}" has no round before it.')
        _log(tx, AuditKind.TURN_RUN, None, turn, {"round": round_index, "run": began.run})
    return [None if is_held(lanes, began.turn) else fenced(began.turn) for began in runs]


async def _intend_tool_call(tx: Transaction, turn: TurnRef, call: ToolCall) -> None:
    await lock_held(tx, turn)
    if await tx.count(ADD_INTENT, turn.id, call.id) == 1:
        _log(tx, AuditKind.TURN_TOOL_BEGUN, None, turn, {"call": call.id, "tool": call.name})


async def _record_tool_result(
    tx: Transaction, turn: TurnRef, call: ToolCall, result: ToolResult
) -> None:
    await lock_held(tx, turn)
    extras = write_extras(result.buttons, result.files)
    row = (turn.id, call.id, storable(result.text), result.is_error, extras)
    if await tx.count(ADD_RESULT, *row) == 0:
        return
    data = {"call": call.id, "tool": call.name, "is_error": result.is_error}
    _log(tx, AuditKind.TURN_TOOL, None, turn, data)


async def _open_draft(tx: Transaction, turn: TurnRef, draft: NewDelivery, now: datetime) -> None:
    await lock_held(tx, turn)
    await add_delivery(tx, replace(draft, turn=turn.id, is_draft=True), now)


async def _postpone(
    tx: Transaction,
    turn: TurnRef,
    why: tuple[datetime, str],
    notice: NewDelivery | None,
    now: datetime,
) -> None:
    until, error = why
    await lock_held(tx, turn)
    await tx.count(POSTPONE_LANE, turn.lane, until)
    tx.lanes_ready = True
    await tx.count(POSTPONE_TURN, storable(error), turn.id)
    if notice is not None and await tx.count(NOTICE_TURN, turn.id) == 0:
        notice = None
    _log(tx, AuditKind.TURN_POSTPONED, now, turn, turn_postponed(until, error, notice))
    if notice is not None:
        await add_delivery(tx, replace(notice, is_draft=False), now)


async def _recover(tx: Transaction, now: datetime, predecessor: WorkerId | None) -> int:
    rows = await tx.fetch(EXPIRED_LANES, now)
    if predecessor is not None:
        rows += await tx.fetch(OWNED_LANES, predecessor)
    lost = {row["lane"]: row for row in rows}
    if not lost:
        return 0
    await tx.count(LOSE_LANES, sorted(lost), now)
    for lane in sorted(lost):
        data = {"fence": lost[lane]["fence"]}
        tx.log(AuditKind.TURN_LOST, now, lane, lost[lane]["turn"], data)
    tx.lanes_ready = True
    return len(lost)
