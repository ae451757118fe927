"""Taking ready lanes as turns, new ones or those that were begun before (T2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from gateway.domain.audit import AuditKind
from gateway.domain.ids import LaneId, PersonId, TurnId
from gateway.domain.tools import ToolResult
from gateway.domain.turns import Claim, Turn, TurnRef
from storage.audit_data import turn_claimed
from storage.columns import to_place
from storage.delivery_extras import read_gifts
from storage.postgres.database import Row, Transaction
from storage.postgres.inbox import MESSAGE, to_message
from storage.postgres.values import columns
from storage.rules import TURN_MESSAGES_LIMIT, WAKEUP_PATIENCE, Standing, role_of, turn_length
from storage.seats import Claimer, is_for_commands, owner_of, seated

MOMENT = timedelta(milliseconds=20)
"""As long as another worker's claim may take, before its people are looked at again."""

# What another worker holds is its business: whoever has it will signal when it is ready again.
READY_LANES = """
SELECT lane, ready_at, state, fence, turn, person FROM mailbox WHERE state = 1 AND ready_at <= $2
ORDER BY ready_at, lane LIMIT $1 FOR UPDATE SKIP LOCKED
"""
# It hops from person to person, so that one with very many parked lanes is a hop too.
PARKED_LANES = """
WITH RECURSIVE owner (person) AS (
    (SELECT person FROM mailbox WHERE state = 3 ORDER BY person LIMIT 1)
    UNION ALL
    SELECT (
        SELECT person FROM mailbox WHERE state = 3 AND person > owner.person
        ORDER BY person LIMIT 1
    ) FROM owner WHERE owner.person IS NOT NULL
)
SELECT lane, ready_at, state, fence, turn, person FROM mailbox WHERE state = 3 AND lane IN (
    SELECT oldest.lane FROM owner CROSS JOIN LATERAL (
        SELECT lane FROM mailbox WHERE state = 3 AND person = owner.person
        ORDER BY ready_at, lane LIMIT $1
    ) AS oldest
    WHERE (SELECT count(*) FROM mailbox WHERE state = 2 AND person = owner.person) < $1
) FOR UPDATE SKIP LOCKED
"""
ONLY_PEOPLE = f"""
SELECT shared.lane, min(said.person) AS person
FROM unnest($1::text[], $2::text[]) AS shared (lane, turn) CROSS JOIN LATERAL (
    (
        SELECT person FROM inbox WHERE inbox.lane = shared.lane AND state = 0
        ORDER BY seq LIMIT {TURN_MESSAGES_LIMIT}
    )
    UNION ALL
    SELECT person FROM inbox WHERE inbox.turn = shared.turn
) AS said GROUP BY shared.lane HAVING min(said.person) = max(said.person)
"""  # noqa: S608 - constants
# In a statement of its own too: nobody cancels in a lane that this claim holds.
CANCELLED_AMONG = "SELECT id FROM turn WHERE id = ANY($1::text[]) AND is_cancelled"
# Two workers that count the same person's turns would each find room for all that there is. So one
# at a time claims for a person, and the other one passes over that person's lanes for a moment:
# nobody ever waits for a claim. A person who was forgotten meanwhile has no row to hold.
HOLD_PEOPLE = """
WITH held AS MATERIALIZED (
    SELECT id FROM person WHERE id = ANY($1::text[]) FOR NO KEY UPDATE SKIP LOCKED
)
SELECT asked.id FROM unnest($1::text[]) AS asked (id)
WHERE asked.id IN (SELECT id FROM held)
    OR NOT EXISTS (SELECT 1 FROM person WHERE person.id = asked.id)
"""
SEATS_TAKEN = """
SELECT person, count(*) FROM mailbox WHERE state = 2 AND person = ANY($1::text[]) GROUP BY person
"""
PARK_LANES = """
UPDATE mailbox SET state = 3, person = parked.person
FROM unnest($1::text[], $2::text[]) AS parked (lane, person) WHERE mailbox.lane = parked.lane
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
UPDATE mailbox SET state = 2, owner = $4, lease_until = $5, turn = held.turn, fence = fence + 1,
    person = held.person, ready_at = waiting.received_at, first_at = waiting.received_at
FROM unnest($1::text[], $2::text[], $3::text[]) AS held (lane, turn, person) LEFT JOIN LATERAL (
    SELECT received_at FROM inbox WHERE inbox.lane = held.lane AND state = 0 ORDER BY seq LIMIT 1
) AS waiting ON true
WHERE mailbox.lane = held.lane
"""
CLAIM_AGAIN = """
UPDATE turn SET attempt = attempt + 1 WHERE id = ANY($1::text[])
RETURNING id, person, conversation, attempt, started_at, runs, is_cancelled,
    error IS NOT NULL AS was_postponed, was_noticed
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


@dataclass(frozen=True, slots=True)
class _Seating:
    """What becomes of the lanes that could be turns now."""

    taken: list[Row]
    full: list[Row]
    """Those that were ready, and have no seat."""
    owners: dict[str, PersonId]
    """By lane: whose seat its turn takes, where it takes one."""
    is_complete: bool
    """False when somebody else claims for one of these people at this moment."""

    def with_owners(self, rows: Sequence[Row]) -> list[tuple[str, PersonId | None]]:
        """Return the lanes of the rows, each with its owner."""
        return [(row["lane"], self.owners.get(row["lane"])) for row in rows]


async def claim(tx: Transaction, claimer: Claimer) -> Claim:
    """Take ready lanes, oldest first, as turns with new fences, and park those without a seat."""
    now = claimer.now
    ready = await tx.fetch(READY_LANES, claimer.limit, now)
    parked = await tx.fetch(PARKED_LANES, claimer.per_person)
    ripe = sorted([*ready, *parked], key=lambda lane: (lane["ready_at"], lane["lane"]))
    seating = await _seat(tx, ripe, claimer)
    turns = await _take(tx, seating.taken, claimer) if seating.taken else []
    if turns:
        ids = [turn.ref.id for turn in turns]
        lanes, owners = columns(seating.with_owners(seating.taken))
        await tx.count(HOLD_LANES, lanes, ids, owners, claimer.worker, claimer.lease_until)
    if seating.full:
        await tx.count(PARK_LANES, *columns(seating.with_owners(seating.full)))
        return Claim(tuple(turns), now)
    if not seating.is_complete:
        return Claim(tuple(turns), now + MOMENT)
    following = await tx.first(NEXT_LANE)
    return Claim(tuple(turns), following["ready_at"] if following else None)


async def _seat(tx: Transaction, ripe: Sequence[Row], claimer: Claimer) -> _Seating:
    """Count whose seats are taken, as nobody can change it but by ending a turn."""
    owners = await _owners(tx, ripe)
    people = sorted(set(owners.values()))
    held = {row["id"] for row in await tx.fetch(HOLD_PEOPLE, people)} if people else set[str]()
    # In a statement of its own: what others committed before the lock is seen.
    rows = await tx.fetch(SEATS_TAKEN, people) if people else []
    taken = {row["person"]: row["count"] for row in rows}
    mine = [lane for lane in ripe if owners.get(lane["lane"]) in {None, *held}]
    seats = seated([owners.get(lane["lane"]) for lane in mine], taken, claimer)
    looked = list(zip(mine, seats, strict=False))
    full = [lane for lane, has_seat in looked if not has_seat]
    return _Seating(
        taken=[lane for lane, has_seat in looked if has_seat],
        full=[lane for lane in full if lane["state"] == Standing.READY],
        owners=owners,
        is_complete=len(held) == len(people),
    )


async def _owners(tx: Transaction, lanes: Sequence[Row]) -> dict[str, PersonId]:
    """Find out whose seats turns take: of a lane that several wait for, nobody's."""
    begun = [lane["turn"] for lane in lanes if lane["turn"] is not None]
    rows = await tx.fetch(CANCELLED_AMONG, begun) if begun else []
    cancelled = {row["id"] for row in rows}
    owners: dict[str, PersonId] = {}
    shared: list[tuple[str, str | None]] = []
    for lane in lanes:
        name = LaneId(lane["lane"])
        owner = lane["person"] if lane["state"] == Standing.PARKED else owner_of(name)
        if is_for_commands(name) or lane["turn"] in cancelled:
            continue
        if owner is None:
            shared.append((name, lane["turn"]))
        else:
            owners[name] = owner
    rows = await tx.fetch(ONLY_PEOPLE, *columns(shared)) if shared else []
    return owners | {row["lane"]: row["person"] for row in rows}


async def _take(tx: Transaction, lanes: Sequence[Row], claimer: Claimer) -> list[Turn]:
    now = claimer.now
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
        data = turn_claimed(turn, claimer.worker, sequences[turn.ref.lane])
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
        was_postponed=row["was_postponed"],
        was_noticed=row["was_noticed"],
        is_cancelled=row["is_cancelled"],
    )


def _to_result(row: Row) -> ToolResult:
    gifts = read_gifts(row["extras"])
    return ToolResult(row["call"], row["text"], row["is_error"], **gifts)
