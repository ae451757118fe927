"""Taking ready lanes as turns, new ones or those that were begun before (T2)."""

from __future__ import annotations

import json
from datetime import datetime
from typing import NamedTuple

from gateway.domain.audit import AuditKind
from gateway.domain.ids import LaneId, PersonId, TurnId
from gateway.domain.tools import ToolResult
from gateway.domain.turns import Claim, Turn, TurnRef
from storage.audit_data import turn_claimed
from storage.columns import to_place
from storage.delivery_extras import read_gifts
from storage.rules import TURN_MESSAGES_LIMIT, WAKEUP_PATIENCE, role_of, turn_length
from storage.seats import Claimer, is_for_commands, owner_of, seated
from storage.sqlite.committer import Transaction
from storage.sqlite.inbox import MESSAGE, to_message
from storage.sqlite.values import from_micros, to_micros

READY_LANES = """
SELECT lane, ready_at, fence, turn, (
    SELECT count(*) FROM mailbox AS busy
    WHERE busy.state = 2 AND busy.person = substr(ready.lane, 1, instr(ready.lane, '/') - 1)
) FROM mailbox AS ready WHERE state = 1 ORDER BY ready_at, lane LIMIT ?
"""
"""Each with the seats that are taken of whoever a person's own lane belongs to."""
# It hops from person to person, so that one with very many parked lanes is a hop too.
PARKED_LANES = """
WITH RECURSIVE owner (person) AS (
    SELECT min(person) FROM mailbox WHERE state = 3
    UNION ALL
    SELECT (SELECT min(person) FROM mailbox WHERE state = 3 AND person > owner.person)
    FROM owner WHERE owner.person IS NOT NULL
), seats (person, taken) AS (
    SELECT person, (SELECT count(*) FROM mailbox WHERE state = 2 AND person = owner.person)
    FROM owner WHERE person IS NOT NULL
)
SELECT lane, ready_at, fence, turn, taken, seats.person
FROM seats CROSS JOIN mailbox ON lane IN (
    SELECT lane FROM mailbox WHERE state = 3 AND person = seats.person
    ORDER BY ready_at, lane LIMIT ?1
) WHERE taken < ?1
"""
_WAITING = "FROM inbox INDEXED BY inbox_waiting WHERE lane = ?1 AND state = 0"
ONLY_PERSON = f"""
SELECT min(person), max(person) FROM (
    SELECT person FROM (SELECT person {_WAITING} ORDER BY seq LIMIT {TURN_MESSAGES_LIMIT})
    UNION ALL
    SELECT person FROM inbox WHERE turn = ?2
)
"""  # noqa: S608 - constants
IS_CANCELLED = "SELECT is_cancelled FROM turn WHERE id = ?"
SEATS_TAKEN = "SELECT count(*) FROM mailbox WHERE state = 2 AND person = ?"
PARK_LANE = "UPDATE mailbox SET state = 3, person = ?2 WHERE lane = ?1"
# People first: a wakeup waits until nobody does, but not for ever, and is a turn apart.
OLDEST_WAITING = f"""
WITH head AS (
    SELECT conversation, kind = 'wakeup' FROM inbox WHERE seq = coalesce(
        (
            SELECT seq FROM (SELECT seq, kind, received_at {_WAITING} ORDER BY seq LIMIT 1)
            WHERE kind = 'wakeup' AND received_at <= ?2
        ),
        (SELECT seq {_WAITING} AND kind <> 'wakeup' ORDER BY seq LIMIT 1),
        (SELECT seq {_WAITING} ORDER BY seq LIMIT 1)
    )
)
SELECT {MESSAGE} {_WAITING} AND (conversation, kind = 'wakeup') = (SELECT * FROM head)
ORDER BY seq LIMIT {TURN_MESSAGES_LIMIT}
"""  # noqa: S608 - constants
TAKE_MESSAGE = "UPDATE inbox SET state = 1, turn = ? WHERE seq = ?"
ADD_TURN = """
INSERT INTO turn
    (id, lane, person, conversation, state, attempt, started_at, runs, was_noticed, is_kept)
VALUES (?, ?, ?, ?, 'running', 1, ?, '[]', 0, 0)
"""
HOLD_LANE = """
UPDATE mailbox SET
    state = 2, owner = ?2, lease_until = ?3, turn = ?4, person = ?5, fence = fence + 1,
    (ready_at, first_at) = (
        SELECT received_at, received_at FROM inbox WHERE lane = ?1 AND state = 0
        ORDER BY seq LIMIT 1
    )
WHERE lane = ?1
"""
# The error as it is: SQLite 3.40 takes every column that RETURNING tests for NULL as not NULL.
CLAIM_AGAIN = """
UPDATE turn SET attempt = attempt + 1 WHERE id = ?
RETURNING person, conversation, attempt, started_at, runs, error, was_noticed, is_cancelled
"""
TURN_MESSAGES = f"SELECT {MESSAGE} FROM inbox WHERE turn = ? ORDER BY seq"  # noqa: S608
TURN_RESULTS = """
SELECT call, text, is_error, extras, is_intent FROM tool_result WHERE turn = ? ORDER BY seq
"""
TURN_DRAFTS = "SELECT count(*) FROM delivery WHERE turn = ? AND is_draft = 1"


class _Lane(NamedTuple):
    """A lane that could be a turn now."""

    lane: LaneId
    ready_at: int
    fence: int
    turn: TurnId | None
    taken: int
    """How many seats of its owner are taken."""
    owner: PersonId | None
    """Whose seat its turn takes; None where it takes nobody's."""
    is_parked: bool = False


def claim(tx: Transaction, claimer: Claimer) -> Claim:
    """Take ready lanes, oldest first, as turns with new fences, and park those without a seat."""
    ready = tx.execute(READY_LANES, (claimer.limit + 1,)).fetchall()
    moment = to_micros(claimer.now)
    ripe = [row for row in ready[: claimer.limit] if row[1] <= moment]
    lanes = [_to_lane(tx, *row) for row in ripe]
    if parked := tx.execute(PARKED_LANES, (claimer.per_person,)).fetchall():
        lanes += [_Lane(*row, is_parked=True) for row in parked]
        lanes.sort(key=lambda each: (each.ready_at, each.lane))
    taken = {each.owner: each.taken for each in lanes if each.owner is not None}
    seats = seated([each.owner for each in lanes], taken, claimer)
    looked = list(zip(lanes, seats, strict=False))
    lease = to_micros(claimer.lease_until)
    turns = tuple(_take(tx, each, claimer, lease) for each, has_seat in looked if has_seat)
    full = [each for each, has_seat in looked if not (has_seat or each.is_parked)]
    for each in full:
        tx.execute(PARK_LANE, (each.lane, each.owner))
    if full:
        return Claim(turns, claimer.now)
    rest = ready[sum(not each.is_parked for each, _ in looked) :]
    return Claim(turns, from_micros(rest[0][1]) if rest else None)


def _to_lane(
    tx: Transaction, lane: LaneId, ready_at: int, fence: int, turn: TurnId | None, taken: int
) -> _Lane:
    """Find out whose seat the lane's turn takes: of one that several wait for, nobody's."""
    if is_for_commands(lane) or (
        turn is not None and tx.execute(IS_CANCELLED, (turn,)).fetchone()[0]
    ):
        return _Lane(lane, ready_at, fence, turn, 0, None)
    owner = owner_of(lane)
    if owner is not None:
        return _Lane(lane, ready_at, fence, turn, taken, owner)
    first, last = tx.execute(ONLY_PERSON, (lane, turn)).fetchone()
    if first != last:
        return _Lane(lane, ready_at, fence, turn, 0, None)
    (taken,) = tx.execute(SEATS_TAKEN, (first,)).fetchone()
    return _Lane(lane, ready_at, fence, turn, taken, first)


def _take(tx: Transaction, lane: _Lane, claimer: Claimer, lease: int) -> Turn:
    if lane.turn is None:
        turn, sequences = _compose(tx, lane.lane, lane.fence + 1, claimer.now)
    else:
        turn, sequences = _claim_again(tx, TurnRef(lane.turn, lane.lane, lane.fence + 1))
    data = turn_claimed(turn, claimer.worker, sequences)
    tx.log(AuditKind.TURN_CLAIMED, claimer.now, lane.lane, turn.ref.id, data)
    tx.execute(HOLD_LANE, (lane.lane, claimer.worker, lease, turn.ref.id, lane.owner))
    return turn


def _compose(tx: Transaction, lane: LaneId, fence: int, now: datetime) -> tuple[Turn, list[int]]:
    """Make a turn of what waits longest; returned with the numbers of its messages."""
    patience = to_micros(now - WAKEUP_PATIENCE)
    rows = tx.execute(OLDEST_WAITING, (lane, patience)).fetchall()
    messages = [to_message(row) for row in rows]
    length = turn_length([message.wants_its_own_turn for message in messages])
    rows, messages = rows[:length], messages[:length]
    ref = TurnRef(TurnId(f"turn-{rows[0][0]}"), lane, fence)
    place, person = messages[0].conversation, rows[0][-1]
    for row in rows:
        tx.execute(TAKE_MESSAGE, (ref.id, row[0]))
    started_at = to_micros(now)
    tx.execute(ADD_TURN, (ref.id, lane, person, place.id, started_at))
    turn = Turn(
        ref=ref,
        person=person,
        role=role_of(lane),
        conversation=place,
        messages=tuple(messages),
        attempt=1,
        started_at=from_micros(started_at),
    )
    return turn, [row[0] for row in rows]


def _claim_again(tx: Transaction, ref: TurnRef) -> tuple[Turn, list[int]]:
    """Read a turn that was begun before; returned with the numbers of its messages."""
    row = tx.execute(CLAIM_AGAIN, (ref.id,)).fetchone()
    person, place, attempt, started_at, runs, error, was_noticed, is_cancelled = row
    messages = tx.execute(TURN_MESSAGES, (ref.id,)).fetchall()
    results = tx.execute(TURN_RESULTS, (ref.id,)).fetchall()
    turn = Turn(
        ref=ref,
        person=person,
        role=role_of(ref.lane),
        conversation=to_place(place),
        messages=tuple(to_message(message) for message in messages),
        attempt=attempt,
        started_at=from_micros(started_at),
        runs=tuple(json.loads(runs)),
        tool_results=tuple(
            ToolResult(call, text, bool(is_bad), **read_gifts(extras))
            for call, text, is_bad, extras, is_intent in results
            if not is_intent
        ),
        tool_intents=tuple(row[0] for row in results if row[-1]),
        drafts=tx.execute(TURN_DRAFTS, (ref.id,)).fetchone()[0],
        was_postponed=error is not None,
        was_noticed=bool(was_noticed),
        is_cancelled=bool(is_cancelled),
    )
    return turn, [message[0] for message in messages]
