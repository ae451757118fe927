"""Schedules, and the slots in which they fired: the tables schedule and fire."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.ids import ConversationId
from gateway.domain.messages import Accepted, InboundMessage
from gateway.domain.people import Route
from gateway.domain.schedules import Fire, PastSlot, Schedule
from storage.audit_data import slot_came
from storage.postgres.database import Database, Row, Transaction
from storage.postgres.inbox import accept
from storage.postgres.values import columns
from storage.rules import Arrival
from storage.schedule_details import read_details, write_details

SCHEDULE = "id, timing, zone, next_at, is_paused, revision, slot_at, details, failures, rest_until"
"""The columns that `_to_schedule` reads."""

PUT = """
INSERT INTO schedule
    (id, timing, zone, next_at, is_paused, revision, slot_at, conversation, details)
VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8)
ON CONFLICT (id) DO UPDATE SET timing = excluded.timing, zone = excluded.zone,
    next_at = excluded.next_at, is_paused = excluded.is_paused, revision = schedule.revision + 1,
    slot_at = excluded.slot_at, conversation = excluded.conversation, details = excluded.details,
    failures = 0, rest_until = NULL
RETURNING revision
"""
REMOVE = "DELETE FROM schedule WHERE id = $1"
DROP_NOTES_OF = "DELETE FROM note WHERE subject = 'schedule:' || $1"
DUE = f"""
SELECT {SCHEDULE} FROM schedule
WHERE NOT is_paused AND next_at <= $1 ORDER BY next_at, id LIMIT $2
"""  # noqa: S608 - constants
NEXT_DUE = "SELECT min(next_at) AS next_at FROM schedule WHERE NOT is_paused"
GET = f"SELECT {SCHEDULE} FROM schedule WHERE id = $1"  # noqa: S608
PAGE = f"SELECT {SCHEDULE} FROM schedule WHERE id > $1 ORDER BY id LIMIT $2"  # noqa: S608
IN_CONVERSATION = f"""
SELECT {SCHEDULE} FROM schedule WHERE conversation = $1 ORDER BY id LIMIT $2
"""  # noqa: S608 - constants
PAST_SLOTS = """
SELECT due_at, fired_at, was_missed, why, result FROM fire
WHERE schedule = $1 ORDER BY due_at DESC LIMIT $2
"""
LOCK_SCHEDULES = """
SELECT id, revision, next_at FROM schedule WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE
"""
ADVANCE = """
UPDATE schedule SET next_at = step.next_at, slot_at = step.slot_at
FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) AS step (id, next_at, slot_at)
WHERE schedule.id = step.id
"""
ADD_FIRES = """
INSERT INTO fire (schedule, due_at, fired_at, was_missed, why, role)
SELECT * FROM unnest(
    $1::text[], $2::timestamptz[], $3::timestamptz[], $4::boolean[], $5::text[], $6::text[]
)
ON CONFLICT (schedule, due_at) DO NOTHING RETURNING schedule, due_at
"""
SET_MESSAGES = """
UPDATE fire SET message = woken.message, person = woken.person
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[])
    AS woken (message, person, schedule, due_at)
WHERE fire.schedule = woken.schedule AND fire.due_at = woken.due_at
"""
SET_OWNERS = """
UPDATE fire SET person = identity.person
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
    AS missed (platform, workspace, account, schedule, due_at)
JOIN identity USING (platform, workspace, account)
WHERE fire.schedule = missed.schedule AND fire.due_at = missed.due_at
"""


class PostgresSchedules:
    """The ScheduleStore in Postgres."""

    def __init__(self, database: Database) -> None:
        self._write = database.write
        self._read = database.read
        self.changed = asyncio.Event()

    async def put(self, schedule: Schedule) -> None:
        """Add it, or replace the one with its id; the revision goes up."""
        await self._write(_put, schedule)
        self.changed.set()

    async def due(self, now: datetime, limit: int) -> list[Schedule]:
        """List schedules that are due and not paused, oldest slot first."""
        return [_to_schedule(row) for row in await self._read(DUE, now, limit)]

    async def next_due(self) -> datetime | None:
        """Return the earliest `next_at` of all that are not paused."""
        (row,) = await self._read(NEXT_DUE)
        return row["next_at"]

    async def get(self, schedule: str) -> Schedule | None:
        """Read one."""
        rows = await self._read(GET, schedule)
        return _to_schedule(rows[0]) if rows else None

    async def page(self, after: str, limit: int) -> list[Schedule]:
        """List the next ones by id."""
        return [_to_schedule(row) for row in await self._read(PAGE, after, limit)]

    async def in_conversation(self, conversation: ConversationId, limit: int) -> list[Schedule]:
        """List those that wake somebody there, by id."""
        rows = await self._read(IN_CONVERSATION, conversation, limit)
        return [_to_schedule(row) for row in rows]

    async def remove(self, schedule: str) -> bool:
        """Drop it and its notes; its slots stay known. False when there is none."""
        was_there = await self._write(_remove, schedule)
        self.changed.set()
        return was_there

    async def past_slots(self, schedule: str, limit: int) -> list[PastSlot]:
        """List its newest slots that fired or were missed, newest first."""
        return [PastSlot(*row) for row in await self._read(PAST_SLOTS, schedule, limit)]

    async def fire(self, fires: Sequence[Fire], now: datetime) -> int:
        """Record slots, advance schedules and accept their messages in one commit (T10).

        A schedule whose slot fired before is advanced, so that it can not come
        due for ever, but neither counted nor heard again. Fires that follow each
        other for one schedule may all carry it as it was read.
        """
        return await self._write(_fire_all, fires, now) if fires else 0

    async def wake(self, message: InboundMessage, route: Route, now: datetime) -> Accepted:
        """Accept a wakeup that no schedule made, once, as a slot named by its event."""
        return await self._write(_wake_alone, Arrival(message, route, now))


async def _put(tx: Transaction, schedule: Schedule) -> None:
    row = (
        schedule.id,
        schedule.trigger,
        schedule.zone,
        schedule.next_at,
        schedule.is_paused,
        schedule.slot_at,
        schedule.wakeup.conversation.id if schedule.wakeup else None,
        write_details(schedule),
    )
    (put,) = await tx.fetch(PUT, *row)
    data = {"revision": put["revision"]}
    tx.log(AuditKind.SCHEDULE_PUT, None, schedule.id, schedule.id, data)


async def _remove(tx: Transaction, schedule: str) -> bool:
    if await tx.count(REMOVE, schedule) == 0:
        return False
    await tx.count(DROP_NOTES_OF, schedule)
    tx.log(AuditKind.SCHEDULE_REMOVED, None, schedule, schedule, {})
    return True


async def _fire_all(tx: Transaction, fires: Sequence[Fire], now: datetime) -> int:
    held = await tx.fetch(LOCK_SCHEDULES, list({fire.schedule.id for fire in fires}))
    steps = _that_advance(fires, {row["id"]: (row["revision"], row["next_at"]) for row in held})
    if not steps:
        return 0
    last = {fire.schedule.id: fire for fire in steps}
    ends = [(name, fire.next_at, fire.slot_at) for name, fire in last.items()]
    await tx.count(ADVANCE, *columns(ends))
    slots = {(fire.schedule.id, fire.due_at): fire for fire in steps}
    rows = [
        (*slot, now, fire.message is None, fire.why, fire.route.role)
        for slot, fire in slots.items()
    ]
    added = {(row["schedule"], row["due_at"]) for row in await tx.fetch(ADD_FIRES, *columns(rows))}
    new = [fire for slot, fire in slots.items() if slot in added]
    for fire in new:
        kind = AuditKind.SCHEDULE_FIRED if fire.message else AuditKind.SCHEDULE_MISSED
        tx.log(kind, now, fire.schedule.id, fire.due_at.isoformat(), slot_came(fire))
    await _wake(tx, [fire for fire in new if fire.message], now)
    missed = [
        (owner.platform, owner.workspace, owner.user, fire.schedule.id, fire.due_at)
        for fire in new
        if (owner := fire.missed_by)
    ]
    if missed:
        await tx.count(SET_OWNERS, *columns(missed))
    return len(new)


def _that_advance(
    fires: Sequence[Fire], held: dict[str, tuple[int, datetime | None]]
) -> list[Fire]:
    """Return the fires whose schedules are as they were read, or as the one before left them."""
    steps: list[Fire] = []
    done: set[str] = set()
    for fire in fires:
        read = fire.schedule
        name = read.id
        revision, next_at = held.get(name, (None, None))
        expected = next_at if name in done else read.next_at
        if (revision, next_at) == (read.revision, expected):
            steps.append(fire)
            done.add(name)
            held[name] = (read.revision, fire.next_at)
    return steps


async def _wake(tx: Transaction, fires: Sequence[Fire], now: datetime) -> None:
    """Store the wakeups, and with each slot the message that it became."""
    arrivals = [Arrival(fire.message, fire.route, now) for fire in fires if fire.message]
    if not arrivals:
        return
    accepted = await accept(tx, arrivals)
    pairs = zip(fires, accepted, strict=True)
    rows = [
        (message.sequence, message.person, fire.schedule.id, fire.due_at) for fire, message in pairs
    ]
    await tx.count(SET_MESSAGES, *columns(rows))


async def _wake_alone(tx: Transaction, arrival: Arrival) -> Accepted:
    (accepted,) = await accept(tx, [arrival])
    if accepted.is_new:
        event, now = arrival.message.event_id, arrival.now
        row = (event, now, now, False, "", arrival.route.role)
        await tx.fetch(ADD_FIRES, *columns([row]))
        await tx.count(SET_MESSAGES, [accepted.sequence], [accepted.person], [event], [now])
    return accepted


def _to_schedule(row: Row) -> Schedule:
    name, timing, zone, next_at, is_paused, revision, slot_at, details, failures, rest = row
    title, wakeup, rules = read_details(details)
    return Schedule(
        id=name,
        trigger=timing,
        zone=zone,
        next_at=next_at,
        is_paused=is_paused,
        revision=revision,
        slot_at=slot_at,
        name=title,
        wakeup=wakeup,
        rules=rules,
        failures=failures,
        rest_until=rest,
    )
