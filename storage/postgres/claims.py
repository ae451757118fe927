"""Taking ready lanes as turns, new ones or those that were begun before (T2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from gateway.domain.audit import AuditKind
from gateway.domain.ids import LaneId, TurnId, WorkerId
from gateway.domain.tools import ToolResult
from gateway.domain.turns import Claim, Turn, TurnRef
from storage.audit_data import turn_claimed
from storage.columns import to_place
from storage.delivery_extras import read_extras
from storage.postgres.database import Row, Transaction
from storage.postgres.inbox import MESSAGE, to_message
from storage.postgres.values import columns
from storage.rules import TURN_MESSAGES_LIMIT, WAKEUP_PATIENCE, role_of, turn_length

# What another worker holds is its business: whoever has it will signal when it is ready again.
READY_LANES = """
SELECT lane, fence, turn FROM mailbox WHERE state = 1 AND ready_at <= $2
ORDER BY ready_at, lane LIMIT $1 FOR UPDATE SKIP LOCKED
"""
NEXT_LANE = """
SELECT ready_at FROM mailbox WHERE state = 1
ORDER BY ready_at, lane LIMIT 1 FOR UPDATE SKIP LOCKED
"""
# People first: a wakeup waits until nobody does, but not for ever, and is a turn apart.
OLDEST_WAITING = f"""
SELECT held.lane, waiting.* FROM unnest($1::text[]) AS held (lane)
CROSS JOIN LATERAL (
    (
        SELECT conversation, true AS is_wakeup FROM (
            SELECT conversation, kind, received_at FROM inbox
            WHERE inbox.lane = held.lane AND state = 0 ORDER BY seq LIMIT 1
        ) AS oldest WHERE kind = 'wakeup' AND received_at <= $2
    )
    UNION ALL
    (
        SELECT conversation, false FROM inbox
        WHERE inbox.lane = held.lane AND state = 0 AND kind <> 'wakeup' ORDER BY seq LIMIT 1
    )
    UNION ALL
    (
        SELECT conversation, kind = 'wakeup' FROM inbox
        WHERE inbox.lane = held.lane AND state = 0 ORDER BY seq LIMIT 1
    )
    LIMIT 1
) AS head
CROSS JOIN LATERAL (
    SELECT seq, {MESSAGE} FROM inbox
    WHERE inbox.lane = held.lane AND state = 0 AND inbox.conversation = head.conversation
        AND (kind = 'wakeup') = head.is_wakeup
    ORDER BY seq LIMIT {TURN_MESSAGES_LIMIT}
) AS waiting
ORDER BY held.lane, waiting.seq
"""  # noqa: S608 - constants
TAKE_MESSAGES = """
UPDATE inbox SET state = 1, turn = taken.turn
FROM unnest($1::bigint[], $2::text[]) AS taken (seq, turn) WHERE inbox.seq = taken.seq
"""
ADD_TURNS = """
INSERT INTO turn
    (id, lane, person, conversation, started_at, state, attempt, runs, was_noticed, is_kept)
SELECT id, lane, person, conversation, $5, 'running', 1, '{}', false, false
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
    AS new (id, lane, person, conversation)
"""
HOLD_LANES = """
UPDATE mailbox SET state = 2, owner = $3, lease_until = $4, turn = held.turn, fence = fence + 1,
    ready_at = waiting.received_at, first_at = waiting.received_at
FROM unnest($1::text[], $2::text[]) AS held (lane, turn) LEFT JOIN LATERAL (
    SELECT received_at FROM inbox WHERE inbox.lane = held.lane AND state = 0 ORDER BY seq LIMIT 1
) AS waiting ON true
WHERE mailbox.lane = held.lane
"""
CLAIM_AGAIN = """
UPDATE turn SET attempt = attempt + 1 WHERE id = ANY($1::text[])
RETURNING id, person, conversation, attempt, started_at, runs, was_noticed, is_cancelled
"""
TURN_MESSAGES = f"""
SELECT turn, seq, {MESSAGE} FROM inbox WHERE turn = ANY($1::text[]) ORDER BY turn, seq
"""  # noqa: S608 - constants
TURN_RESULTS = """
SELECT turn, call, text, is_error, extras, is_intent FROM tool_result
WHERE turn = ANY($1::text[]) ORDER BY seq
"""
TURN_DRAFTS = """
SELECT turn, count(*) FROM delivery WHERE turn = ANY($1::text[]) AND is_draft GROUP BY turn
"""


async def claim(
    tx: Transaction, worker: WorkerId, limit: int, lease_until: datetime, now: datetime
) -> Claim:
    """Take up to `limit` ready lanes, oldest first, as turns with new fences."""
    ripe = await tx.fetch(READY_LANES, limit, now)
    turns = await _take(tx, ripe, worker, now) if ripe else []
    if turns:
        held = [(turn.ref.lane, turn.ref.id) for turn in turns]
        await tx.count(HOLD_LANES, *columns(held), worker, lease_until)
    following = await tx.first(NEXT_LANE)
    return Claim(tuple(turns), following["ready_at"] if following else None)


async def _take(
    tx: Transaction, lanes: Sequence[Row], worker: WorkerId, now: datetime
) -> list[Turn]:
    fresh = [lane for lane in lanes if lane["turn"] is None]
    begun = [lane for lane in lanes if lane["turn"] is not None]
    turns: dict[str, Turn] = {}
    sequences: dict[str, list[int]] = {}
    for turn, messages in [
        *(await _compose(tx, fresh, now) if fresh else []),
        *(await _claim_again(tx, begun) if begun else []),
    ]:
        turns[turn.ref.lane] = turn
        sequences[turn.ref.lane] = messages
    taken = [turns[lane["lane"]] for lane in lanes]
    for turn in taken:
        data = turn_claimed(turn, worker, sequences[turn.ref.lane])
        tx.log(AuditKind.TURN_CLAIMED, now, turn.ref.lane, turn.ref.id, data)
    return taken


async def _compose(
    tx: Transaction, lanes: Sequence[Row], now: datetime
) -> list[tuple[Turn, list[int]]]:
    """Make turns of what waits longest; return each with the numbers of its messages."""
    fences = {lane["lane"]: lane["fence"] + 1 for lane in lanes}
    waiting = await tx.fetch(OLDEST_WAITING, list(fences), now - WAKEUP_PATIENCE)
    turns = [
        _compose_one(LaneId(lane), fences[lane], list(rows), now)
        for lane, rows in groupby(waiting, key=lambda row: row["lane"])
    ]
    taken = [(number, turn.ref.id) for turn, numbers in turns for number in numbers]
    await tx.count(TAKE_MESSAGES, *columns(taken))
    new = [(turn.ref.id, turn.ref.lane, turn.person, turn.conversation.id) for turn, _ in turns]
    await tx.count(ADD_TURNS, *columns(new), now)
    return turns


def _compose_one(
    lane: LaneId, fence: int, rows: list[Row], now: datetime
) -> tuple[Turn, list[int]]:
    rows = rows[: turn_length([to_message(row).wants_its_own_turn for row in rows])]
    turn = Turn(
        ref=TurnRef(TurnId(f"turn-{rows[0]['seq']}"), lane, fence),
        person=rows[0]["person"],
        role=role_of(lane),
        conversation=to_place(rows[0]["conversation"]),
        messages=tuple(to_message(row) for row in rows),
        attempt=1,
        started_at=now,
    )
    return turn, [row["seq"] for row in rows]


async def _claim_again(tx: Transaction, lanes: Sequence[Row]) -> list[tuple[Turn, list[int]]]:
    """Read turns that were begun before; return each with the numbers of its messages."""
    ids = sorted(lane["turn"] for lane in lanes)
    turns = {row["id"]: row for row in await tx.fetch(CLAIM_AGAIN, ids)}
    messages = await tx.fetch(TURN_MESSAGES, ids)
    results = await tx.fetch(TURN_RESULTS, ids)
    drafts = {row["turn"]: row["count"] for row in await tx.fetch(TURN_DRAFTS, ids)}
    again: list[tuple[Turn, list[int]]] = []
    for lane in lanes:
        ref = TurnRef(lane["turn"], lane["lane"], lane["fence"] + 1)
        mine = [row for row in messages if row["turn"] == ref.id]
        called = [row for row in results if row["turn"] == ref.id]
        turn = _to_turn(ref, turns[ref.id], mine, called, drafts.get(ref.id, 0))
        again.append((turn, [row["seq"] for row in mine]))
    return again


def _to_turn(ref: TurnRef, row: Row, messages: list[Row], results: list[Row], drafts: int) -> Turn:
    return Turn(
        ref=ref,
        person=row["person"],
        role=role_of(ref.lane),
        conversation=to_place(row["conversation"]),
        messages=tuple(to_message(message) for message in messages),
        attempt=row["attempt"],
        started_at=row["started_at"],
        runs=tuple(row["runs"]),
        tool_results=tuple(_to_result(result) for result in results if not result["is_intent"]),
        tool_intents=tuple(result["call"] for result in results if result["is_intent"]),
        drafts=drafts,
        was_noticed=row["was_noticed"],
        is_cancelled=row["is_cancelled"],
    )


def _to_result(row: Row) -> ToolResult:
    extras = read_extras(row["extras"])
    return ToolResult(row["call"], row["text"], row["is_error"], **extras)
