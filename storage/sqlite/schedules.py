"""Schedules, and the slots in which they fired: the tables schedule and fire."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gateway.domain.audit import AuditKind
from gateway.domain.ids import ConversationId
from gateway.domain.messages import Accepted, InboundMessage
from gateway.domain.people import Route
from gateway.domain.schedules import Fire, PastSlot, Schedule
from storage.audit_data import slot_came
from storage.rules import Arrival
from storage.schedule_details import read_details, write_details
from storage.sqlite.committer import Committer, Transaction
from storage.sqlite.inbox import accept
from storage.sqlite.people import find_person_id
from storage.sqlite.reader import Reader
from storage.sqlite.values import from_micros, maybe_micros, maybe_moment, to_micros

SCHEDULE = "id, timing, zone, next_at, is_paused, revision, slot_at, details, failures, rest_until"
"""The columns that `_to_schedule` reads."""

PUT = """
INSERT INTO schedule
    (id, timing, zone, next_at, is_paused, revision, slot_at, conversation, details)
VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET timing = excluded.timing, zone = excluded.zone,
    next_at = excluded.next_at, is_paused = excluded.is_paused, revision = revision + 1,
    slot_at = excluded.slot_at, conversation = excluded.conversation, details = excluded.details,
    failures = 0, rest_until = NULL
RETURNING revision
"""
REMOVE = "DELETE FROM schedule WHERE id = ?"
DROP_NOTES_OF = "DELETE FROM note WHERE subject = 'schedule:' || ?"
DUE = f"""
SELECT {SCHEDULE} FROM schedule
WHERE is_paused = 0 AND next_at <= ? ORDER BY next_at, id LIMIT ?
"""  # noqa: S608 - constants
NEXT_DUE = "SELECT min(next_at) FROM schedule WHERE is_paused = 0"
GET = f"SELECT {SCHEDULE} FROM schedule WHERE id = ?"  # noqa: S608
PAGE = f"SELECT {SCHEDULE} FROM schedule WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608
IN_CONVERSATION = f"""
SELECT {SCHEDULE} FROM schedule WHERE conversation = ? ORDER BY id LIMIT ?
"""  # noqa: S608 - constants
PAST_SLOTS = """
SELECT due_at, fired_at, was_missed, why, result FROM fire
WHERE schedule = ? ORDER BY due_at DESC LIMIT ?
"""
ADVANCE = """
UPDATE schedule SET next_at = ?, slot_at = ? WHERE id = ? AND revision = ? AND next_at IS ?
"""
ADD_FIRE = """
INSERT INTO fire (schedule, due_at, fired_at, was_missed, why, role) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (schedule, due_at) DO NOTHING
"""
SET_MESSAGE = "UPDATE fire SET message = ?, person = ? WHERE schedule = ? AND due_at = ?"
SET_OWNER = "UPDATE fire SET person = ? WHERE schedule = ? AND due_at = ?"


class SqliteSchedules:
    """The ScheduleStore in SQLite."""

    def __init__(self, committer: Committer, reader: Reader) -> None:
        self._write = committer.write
        self._read = reader.read
        self.changed = asyncio.Event()

    async def put(self, schedule: Schedule) -> None:
        """Add it, or replace the one with its id; the revision goes up."""
        await self._write(_put, schedule)
        self.changed.set()

    async def due(self, now: datetime, limit: int) -> list[Schedule]:
        """List schedules that are due and not paused, oldest slot first."""
        rows = await self._read(DUE, (to_micros(now), limit))
        return [_to_schedule(row) for row in rows]

    async def next_due(self) -> datetime | None:
        """Return the earliest `next_at` of all that are not paused."""
        ((next_at,),) = await self._read(NEXT_DUE, ())
        return maybe_moment(next_at)

    async def get(self, schedule: str) -> Schedule | None:
        """Read one."""
        rows = await self._read(GET, (schedule,))
        return _to_schedule(rows[0]) if rows else None

    async def page(self, after: str, limit: int) -> list[Schedule]:
        """List the next ones by id."""
        return [_to_schedule(row) for row in await self._read(PAGE, (after, limit))]

    async def in_conversation(self, conversation: ConversationId, limit: int) -> list[Schedule]:
        """List those that wake somebody there, by id."""
        rows = await self._read(IN_CONVERSATION, (conversation, limit))
        return [_to_schedule(row) for row in rows]

    async def remove(self, schedule: str) -> bool:
        """Drop it and its notes; its slots stay known. False when there is none."""
        was_there = await self._write(_remove, schedule)
        self.changed.set()
        return was_there

    async def past_slots(self, schedule: str, limit: int) -> list[PastSlot]:
        """List its newest slots that fired or were missed, newest first."""
        return [
            PastSlot(from_micros(due_at), from_micros(fired_at), bool(was_missed), why, result)
            for due_at, fired_at, was_missed, why, result in await self._read(
                PAST_SLOTS, (schedule, limit)
            )
        ]

    async def fire(self, fires: Sequence[Fire], now: datetime) -> int:
        """Record slots, advance schedules and accept their messages in one commit (T10).

        A schedule whose slot fired before is advanced, so that it can not come
        due for ever, but neither counted nor heard again. Fires that follow each
        other for one schedule may all carry it as it was read.
        """
        return await self._write(_fire_all, fires, now)

    async def wake(self, message: InboundMessage, route: Route, now: datetime) -> Accepted:
        """Accept a wakeup that no schedule made, once, as a slot named by its event."""
        return await self._write(_wake, message, route, now)


def _put(tx: Transaction, schedule: Schedule) -> None:
    row = (
        schedule.id,
        schedule.trigger,
        schedule.zone,
        maybe_micros(schedule.next_at),
        int(schedule.is_paused),
        maybe_micros(schedule.slot_at),
        schedule.wakeup.conversation.id if schedule.wakeup else None,
        write_details(schedule),
    )
    revision = tx.execute(PUT, row).fetchone()[0]
    tx.log(AuditKind.SCHEDULE_PUT, None, schedule.id, schedule.id, {"revision": revision})


def _remove(tx: Transaction, schedule: str) -> bool:
    if tx.execute(REMOVE, (schedule,)).rowcount == 0:
        return False
    tx.execute(DROP_NOTES_OF, (schedule,))
    tx.log(AuditKind.SCHEDULE_REMOVED, None, schedule, schedule, {})
    return True


def _fire_all(tx: Transaction, fires: Sequence[Fire], now: datetime) -> int:
    advanced: dict[str, datetime | None] = {}
    new = [fire for fire in fires if _fire(tx, fire, advanced, now)]
    for fire in new:
        slot = (fire.schedule.id, to_micros(fire.due_at))
        if fire.message is not None:
            (accepted,) = accept(tx, [Arrival(fire.message, fire.route, now)])
            tx.execute(SET_MESSAGE, (accepted.sequence, accepted.person, *slot))
        elif (owner := fire.missed_by) is not None:
            tx.execute(SET_OWNER, (find_person_id(tx, owner), *slot))
    return len(new)


def _fire(tx: Transaction, fire: Fire, advanced: dict[str, datetime | None], now: datetime) -> bool:
    read = fire.schedule
    expected = maybe_micros(advanced.get(read.id, read.next_at))
    new = maybe_micros(fire.next_at), maybe_micros(fire.slot_at)
    step = (*new, read.id, read.revision, expected)
    if tx.execute(ADVANCE, step).rowcount == 0:
        return False
    advanced[read.id] = fire.next_at
    slot = (read.id, to_micros(fire.due_at))
    came = (to_micros(now), int(fire.message is None), fire.why, fire.route.role)
    if tx.execute(ADD_FIRE, (*slot, *came)).rowcount == 0:
        return False
    kind = AuditKind.SCHEDULE_FIRED if fire.message else AuditKind.SCHEDULE_MISSED
    tx.log(kind, now, read.id, fire.due_at.isoformat(), slot_came(fire))
    return True


def _wake(tx: Transaction, message: InboundMessage, route: Route, now: datetime) -> Accepted:
    (accepted,) = accept(tx, [Arrival(message, route, now)])
    if accepted.is_new:
        slot = (message.event_id, to_micros(now))
        tx.execute(ADD_FIRE, (*slot, to_micros(now), 0, "", route.role))
        tx.execute(SET_MESSAGE, (accepted.sequence, accepted.person, *slot))
    return accepted


def _to_schedule(row: tuple[Any, ...]) -> Schedule:
    name, timing, zone, next_at, is_paused, revision, slot_at, details, failures, rest = row
    title, wakeup, rules = read_details(details)
    return Schedule(
        id=name,
        trigger=timing,
        zone=zone,
        next_at=maybe_moment(next_at),
        is_paused=bool(is_paused),
        revision=revision,
        slot_at=maybe_moment(slot_at),
        name=title,
        wakeup=wakeup,
        rules=rules,
        failures=failures,
        rest_until=maybe_moment(rest),
    )
