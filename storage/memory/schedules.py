"""Schedules, and the slots in which they fired, in dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.schedules import Fire, Schedule
from storage.memory.tables import Tables
from storage.memory.turns import accept_message


class MemorySchedules:
    """The ScheduleStore in dictionaries."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def put(self, schedule: Schedule) -> None:
        """Add it, or replace the one with its id; the revision goes up."""
        old = self._tables.schedules.get(schedule.id)
        revision = old.revision + 1 if old else 1
        self._tables.schedules[schedule.id] = replace(schedule, revision=revision)
        data = {"revision": revision}
        self._tables.log(AuditKind.SCHEDULE_PUT, None, schedule.id, schedule.id, data)

    async def due(self, now: datetime, limit: int) -> list[Schedule]:
        """List schedules that are due and not paused, oldest slot first."""
        waiting = [
            (schedule.next_at, schedule.id, schedule)
            for schedule in self._tables.schedules.values()
            if schedule.next_at is not None and schedule.next_at <= now and not schedule.is_paused
        ]
        return [schedule for _, _, schedule in sorted(waiting, key=lambda due: due[:2])][:limit]

    async def fire(self, fires: Sequence[Fire], now: datetime) -> int:
        """Record slots, advance schedules and accept their messages in one commit (T10).

        A schedule whose slot fired before is advanced, so that it can not come
        due for ever, but neither counted nor heard again. Fires that follow each
        other for one schedule may all carry it as it was read.
        """
        advanced: dict[str, datetime | None] = {}
        return sum(self._fire(fire, advanced, now) for fire in fires)

    def _fire(self, fire: Fire, advanced: dict[str, datetime | None], now: datetime) -> bool:
        tables, read = self._tables, fire.schedule
        stored = tables.schedules.get(read.id)
        expected = advanced.get(read.id, read.next_at)
        if stored is None or stored.revision != read.revision or stored.next_at != expected:
            return False
        tables.schedules[read.id] = replace(stored, next_at=fire.next_at)
        advanced[read.id] = fire.next_at
        if (read.id, fire.due_at) in tables.fires:
            return False
        tables.fires[read.id, fire.due_at] = fire.message is not None
        kind = AuditKind.SCHEDULE_FIRED if fire.message else AuditKind.SCHEDULE_MISSED
        tables.log(kind, now, read.id, fire.due_at.isoformat(), {})
        if fire.message is not None:
            accept_message(tables, fire.message, fire.route, now)
        return True
