"""Schedules, and the slots in which they fired, in dictionaries."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.ids import ConversationId
from gateway.domain.messages import Accepted, InboundMessage
from gateway.domain.people import Route
from gateway.domain.schedules import Fire, PastSlot, Schedule
from storage.audit_data import slot_came
from storage.memory.tables import FireRow, Tables
from storage.memory.turns import accept_message


class MemorySchedules:
    """The ScheduleStore in dictionaries."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.changed = asyncio.Event()

    async def put(self, schedule: Schedule) -> None:
        """Add it, or replace the one with its id; the revision goes up."""
        old = self._tables.schedules.get(schedule.id)
        revision = old.revision + 1 if old else 1
        self._tables.schedules[schedule.id] = replace(
            schedule, revision=revision, failures=0, rest_until=None
        )
        data = {"revision": revision}
        self._tables.log(AuditKind.SCHEDULE_PUT, None, schedule.id, schedule.id, data)
        self.changed.set()

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
        new = [fire for fire in fires if self._fire(fire, advanced, now)]
        for fire in new:
            if fire.message is not None:
                accepted = accept_message(self._tables, fire.message, fire.route, now)
                self._tables.fires[fire.schedule.id, fire.due_at].person = accepted.person
        return len(new)

    async def wake(self, message: InboundMessage, route: Route, now: datetime) -> Accepted:
        """Accept a wakeup that no schedule made, once, as a slot named by its event."""
        accepted = accept_message(self._tables, message, route, now)
        if accepted.is_new:
            slot = PastSlot(now, now, was_missed=False)
            row = FireRow(slot, route.role, message.idempotency_key, accepted.person)
            self._tables.fires[message.event_id, now] = row
        return accepted

    async def next_due(self) -> datetime | None:
        """Return the earliest `next_at` of all that are not paused."""
        schedules = self._tables.schedules.values()
        return min((s.next_at for s in schedules if s.next_at and not s.is_paused), default=None)

    async def get(self, schedule: str) -> Schedule | None:
        """Read one."""
        return self._tables.schedules.get(schedule)

    async def page(self, after: str, limit: int) -> list[Schedule]:
        """List the next ones by id."""
        schedules = self._tables.schedules
        return [schedules[name] for name in sorted(schedules) if name > after][:limit]

    async def in_conversation(self, conversation: ConversationId, limit: int) -> list[Schedule]:
        """List those that wake somebody there, by id."""
        everyone = await self.page("", len(self._tables.schedules))
        return [s for s in everyone if s.wakeup and s.wakeup.conversation.id == conversation][
            :limit
        ]

    async def remove(self, schedule: str) -> bool:
        """Drop it and its notes; its slots stay known. False when there is none."""
        if self._tables.schedules.pop(schedule, None) is None:
            return False
        self._tables.drop_notes(f"schedule:{schedule}")
        self._tables.log(AuditKind.SCHEDULE_REMOVED, None, schedule, schedule, {})
        self.changed.set()
        return True

    async def past_slots(self, schedule: str, limit: int) -> list[PastSlot]:
        """List its newest slots that fired or were missed, newest first."""
        fires = self._tables.fires.items()
        found = [row.slot for (name, _), row in fires if name == schedule]
        return sorted(found, key=lambda slot: slot.due_at, reverse=True)[:limit]

    def _fire(self, fire: Fire, advanced: dict[str, datetime | None], now: datetime) -> bool:
        tables, read = self._tables, fire.schedule
        stored = tables.schedules.get(read.id)
        expected = advanced.get(read.id, read.next_at)
        if stored is None or stored.revision != read.revision or stored.next_at != expected:
            return False
        tables.schedules[read.id] = replace(stored, next_at=fire.next_at, slot_at=fire.slot_at)
        advanced[read.id] = fire.next_at
        if (read.id, fire.due_at) in tables.fires:
            return False
        slot = PastSlot(fire.due_at, now, fire.message is None, fire.why)
        key = fire.message.idempotency_key if fire.message else None
        owner = tables.identities.get(fire.missed_by) if fire.missed_by else None
        tables.fires[read.id, fire.due_at] = FireRow(slot, fire.route.role, key, owner)
        kind = AuditKind.SCHEDULE_FIRED if fire.message else AuditKind.SCHEDULE_MISSED
        tables.log(kind, now, read.id, fire.due_at.isoformat(), slot_came(fire))
        return True
