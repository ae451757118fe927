"""Schedules, and the slots in which they fired: the tables schedule and fire."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.schedules import Fire, Schedule
from storage.postgres.database import Database, Transaction
from storage.postgres.inbox import Arrival, accept, hold_lanes

PUT = """
INSERT INTO schedule (id, timing, zone, next_at, is_paused, revision)
VALUES ($1, $2, $3, $4, $5, 1)
ON CONFLICT (id) DO UPDATE SET timing = excluded.timing, zone = excluded.zone,
    next_at = excluded.next_at, is_paused = excluded.is_paused, revision = schedule.revision + 1
RETURNING revision
"""
DUE = """
SELECT id, timing, zone, next_at, is_paused, revision FROM schedule
WHERE NOT is_paused AND next_at <= $1 ORDER BY next_at, id LIMIT $2
"""
LOCK_SCHEDULES = "SELECT 1 FROM schedule WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE"
ADVANCE = """
UPDATE schedule SET next_at = $1
WHERE id = $2 AND revision = $3 AND next_at IS NOT DISTINCT FROM $4
"""
ADD_FIRE = """
INSERT INTO fire (schedule, due_at, fired_at, was_missed) VALUES ($1, $2, $3, $4)
ON CONFLICT (schedule, due_at) DO NOTHING
"""


class PostgresSchedules:
    """The ScheduleStore in Postgres."""

    def __init__(self, database: Database) -> None:
        self._write = database.write
        self._read = database.read

    async def put(self, schedule: Schedule) -> None:
        """Add it, or replace the one with its id; the revision goes up."""
        await self._write(_put, schedule)

    async def due(self, now: datetime, limit: int) -> list[Schedule]:
        """List schedules that are due and not paused, oldest slot first."""
        return [Schedule(*row) for row in await self._read(DUE, now, limit)]

    async def fire(self, fires: Sequence[Fire], now: datetime) -> int:
        """Record slots, advance schedules and accept their messages in one commit (T10).

        A schedule whose slot fired before is advanced, so that it can not come
        due for ever, but neither counted nor heard again. Fires that follow each
        other for one schedule may all carry it as it was read.
        """
        return await self._write(_fire_all, fires, now) if fires else 0


async def _put(tx: Transaction, schedule: Schedule) -> None:
    (row,) = await tx.fetch(
        PUT, schedule.id, schedule.trigger, schedule.zone, schedule.next_at, schedule.is_paused
    )
    data = {"revision": row["revision"]}
    tx.log(AuditKind.SCHEDULE_PUT, None, schedule.id, schedule.id, data)


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
    if await tx.count(ADVANCE, fire.next_at, read.id, read.revision, expected) == 0:
        return False
    advanced[read.id] = fire.next_at
    if await tx.count(ADD_FIRE, read.id, fire.due_at, now, fire.message is None) == 0:
        return False
    kind = AuditKind.SCHEDULE_FIRED if fire.message else AuditKind.SCHEDULE_MISSED
    tx.log(kind, now, read.id, fire.due_at.isoformat(), {})
    if fire.message is not None:
        await accept(tx, [Arrival(fire.message, fire.route, now)])
    return True
