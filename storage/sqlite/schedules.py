"""Schedules, and the slots in which they fired: the tables schedule and fire."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.schedules import Fire, Schedule
from storage.sqlite.committer import Committer, Transaction
from storage.sqlite.inbox import accept
from storage.sqlite.reader import Reader
from storage.sqlite.values import maybe_micros, maybe_moment, to_micros

PUT = """
INSERT INTO schedule (id, timing, zone, next_at, is_paused, revision) VALUES (?, ?, ?, ?, ?, 1)
ON CONFLICT (id) DO UPDATE SET timing = excluded.timing, zone = excluded.zone,
    next_at = excluded.next_at, is_paused = excluded.is_paused, revision = revision + 1
RETURNING revision
"""
DUE = """
SELECT id, timing, zone, next_at, is_paused, revision FROM schedule
WHERE is_paused = 0 AND next_at <= ? ORDER BY next_at, id LIMIT ?
"""
ADVANCE = "UPDATE schedule SET next_at = ? WHERE id = ? AND revision = ? AND next_at IS ?"
ADD_FIRE = """
INSERT INTO fire (schedule, due_at, fired_at, was_missed) VALUES (?, ?, ?, ?)
ON CONFLICT (schedule, due_at) DO NOTHING
"""


class SqliteSchedules:
    """The ScheduleStore in SQLite."""

    def __init__(self, committer: Committer, reader: Reader) -> None:
        self._write = committer.write
        self._read = reader.read

    async def put(self, schedule: Schedule) -> None:
        """Add it, or replace the one with its id; the revision goes up."""
        await self._write(_put, schedule)

    async def due(self, now: datetime, limit: int) -> list[Schedule]:
        """List schedules that are due and not paused, oldest slot first."""
        rows = await self._read(DUE, (to_micros(now), limit))
        return [
            Schedule(name, timing, zone, maybe_moment(next_at), bool(is_paused), revision)
            for name, timing, zone, next_at, is_paused, revision in rows
        ]

    async def fire(self, fires: Sequence[Fire], now: datetime) -> int:
        """Record slots, advance schedules and accept their messages in one commit (T10).

        A schedule whose slot fired before is advanced, so that it can not come
        due for ever, but neither counted nor heard again. Fires that follow each
        other for one schedule may all carry it as it was read.
        """
        return await self._write(_fire_all, fires, now)


def _put(tx: Transaction, schedule: Schedule) -> None:
    row = (
        schedule.id,
        schedule.trigger,
        schedule.zone,
        maybe_micros(schedule.next_at),
        int(schedule.is_paused),
    )
    revision = tx.execute(PUT, row).fetchone()[0]
    tx.log(AuditKind.SCHEDULE_PUT, None, schedule.id, schedule.id, {"revision": revision})


def _fire_all(tx: Transaction, fires: Sequence[Fire], now: datetime) -> int:
    advanced: dict[str, datetime | None] = {}
    return sum(_fire(tx, fire, advanced, now) for fire in fires)


def _fire(tx: Transaction, fire: Fire, advanced: dict[str, datetime | None], now: datetime) -> bool:
    read = fire.schedule
    expected = maybe_micros(advanced.get(read.id, read.next_at))
    step = (maybe_micros(fire.next_at), read.id, read.revision, expected)
    if tx.execute(ADVANCE, step).rowcount == 0:
        return False
    advanced[read.id] = fire.next_at
    slot = (read.id, to_micros(fire.due_at), to_micros(now), int(fire.message is None))
    if tx.execute(ADD_FIRE, slot).rowcount == 0:
        return False
    kind = AuditKind.SCHEDULE_FIRED if fire.message else AuditKind.SCHEDULE_MISSED
    tx.log(kind, now, read.id, fire.due_at.isoformat(), {})
    if fire.message is not None:
        accept(tx, fire.message, fire.route, now)
    return True
