"""Schedules, and the slots in which they fired: the tables schedule and fire."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.ids import ConversationId
from gateway.domain.schedules import Fire, PastSlot, Schedule
from storage.postgres.database import Database, Row, Transaction
from storage.postgres.inbox import Arrival, accept, hold_lanes
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
LOCK_SCHEDULES = "SELECT 1 FROM schedule WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE"
ADVANCE = """
UPDATE schedule SET next_at = $1, slot_at = $2
WHERE id = $3 AND revision = $4 AND next_at IS NOT DISTINCT FROM $5
"""
ADD_FIRE = """
INSERT INTO fire (schedule, due_at, fired_at, was_missed, why, role)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (schedule, due_at) DO NOTHING
"""
SET_MESSAGE = "UPDATE fire SET message = $1 WHERE schedule = $2 AND due_at = $3"


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
        """Drop it; its slots stay known. False when there is none."""
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
    tx.log(AuditKind.SCHEDULE_REMOVED, None, schedule, schedule, {})
    return True


async def _fire_all(tx: Transaction, fires: Sequence[Fire], now: datetime) -> int:
    await tx.fetch(LOCK_SCHEDULES, [fire.schedule.id for fire in fires])
    arrivals = [Arrival(fire.message, fire.route, now) for fire in fires if fire.message]
    if arrivals:
        await hold_lanes(tx, arrivals)
    advanced: dict[str, datetime | None] = {}
    return sum([await _fire(tx, fire, advanced, now) for fire in fires])


async def _fire(
    tx: Transaction, fire: Fire, advanced: dict[str, datetime | None], now: datetime
) -> bool:
    read = fire.schedule
    expected = advanced.get(read.id, read.next_at)
    step = (fire.next_at, fire.slot_at, read.id, read.revision, expected)
    if await tx.count(ADVANCE, *step) == 0:
        return False
    advanced[read.id] = fire.next_at
    slot = (read.id, fire.due_at)
    came = (now, fire.message is None, fire.why, fire.route.role)
    if await tx.count(ADD_FIRE, *slot, *came) == 0:
        return False
    kind = AuditKind.SCHEDULE_FIRED if fire.message else AuditKind.SCHEDULE_MISSED
    data = {"why": fire.why} if fire.why else {}
    tx.log(kind, now, read.id, fire.due_at.isoformat(), data)
    if fire.message is not None:
        (accepted,) = await accept(tx, [Arrival(fire.message, fire.route, now)])
        await tx.count(SET_MESSAGE, accepted.sequence, *slot)
    return True


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
