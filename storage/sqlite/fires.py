"""What became of slots that fired: the tables fire and note."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.fires import Activity, EndedSlot, Pulse, SlotVerdict, read_cursor
from gateway.domain.ids import LaneId, PersonId
from gateway.domain.turns import TurnState
from storage.audit_data import slot_ended
from storage.columns import to_place
from storage.sqlite.committer import Committer, Transaction
from storage.sqlite.deliveries import add_delivery
from storage.sqlite.reader import Reader
from storage.sqlite.values import from_micros, maybe_micros, maybe_moment, to_micros

_POSTS = "json_each(coalesce(turn.answers, '[]')) JOIN delivery ON delivery.id = json_each.value"
ENDED = f"""
SELECT schedule, due_at, turn.state, turn.error,
    json_array_length(coalesce(turn.answers, '[]')),
    (SELECT delivery.error FROM {_POSTS} WHERE delivery.state = 4 LIMIT 1)
FROM fire INDEXED BY fire_open
JOIN inbox ON inbox.seq = fire.message JOIN turn ON turn.id = inbox.turn
WHERE result IS NULL AND message IS NOT NULL AND turn.state <> 'running'
    AND NOT EXISTS (SELECT 1 FROM {_POSTS} WHERE delivery.state < 3)
ORDER BY fired_at LIMIT ?
"""  # noqa: S608 - constants
JUDGE = "UPDATE fire SET result = ? WHERE schedule = ? AND due_at = ? AND result IS NULL"
FARE = """
UPDATE schedule SET failures = ?, rest_until = ?, is_paused = max(is_paused, ?) WHERE id = ?
"""
_ACTIVITY = f"""
SELECT schedule, due_at, fired_at, coalesce(result, iif(was_missed, why, 'open')),
    inbox.person, inbox.conversation, inbox.turn,
    (SELECT json_group_array(delivery.text) FROM {_POSTS})
FROM fire LEFT JOIN inbox ON inbox.seq = fire.message LEFT JOIN turn ON turn.id = inbox.turn
WHERE role = ?1 AND (fired_at, due_at, schedule) < (?2, ?3, ?4)
"""  # noqa: S608 - constants
_NEWEST_FIRST = "ORDER BY fired_at DESC, due_at DESC, schedule DESC LIMIT ?5"
ACTIVITY = _ACTIVITY + _NEWEST_FIRST
ACTIVITY_OF = f"{_ACTIVITY} AND fire.person = ?6 {_NEWEST_FIRST}"
FORGET = """
DELETE FROM fire WHERE (schedule, due_at) IN (
    SELECT schedule, due_at FROM fire INDEXED BY fire_age
    WHERE fired_at < ? AND (was_missed OR result IS NOT NULL) LIMIT ?
)
"""
PULSE = """
SELECT (SELECT state = 2 FROM mailbox WHERE lane = ?1), (
    SELECT received_at FROM inbox
    WHERE conversation = ?2 AND state <> 3 AND kind <> 'wakeup' ORDER BY seq DESC LIMIT 1
)
"""
GET_NOTE = "SELECT text FROM note WHERE subject = ? AND name = ?"
NOTES_OF = "SELECT name, text FROM note WHERE subject = ?"
PUT_NOTE = """
INSERT INTO note (subject, name, text, passing_at) VALUES (?, ?, ?, ?)
ON CONFLICT (subject, name) DO UPDATE SET text = excluded.text, passing_at = excluded.passing_at
"""
DROP_NOTE = "DELETE FROM note WHERE subject = ? AND name = ?"

_NEWEST = (2**62, 2**62, "")


class SqliteFires:
    """The FireStore in SQLite."""

    def __init__(self, committer: Committer, reader: Reader) -> None:
        self._write = committer.write
        self._read = reader.read

    async def ended(self, limit: int) -> list[EndedSlot]:
        """List slots that are over and that nobody judged."""
        return [
            EndedSlot(schedule, from_micros(due_at), TurnState(state), error, posts, refused)
            for schedule, due_at, state, error, posts, refused in await self._read(ENDED, (limit,))
        ]

    async def judge(self, verdicts: Sequence[SlotVerdict], now: datetime) -> int:
        """Record what slots came to."""
        return await self._write(_judge_all, verdicts, now)

    async def activity(
        self, role: str, before: str | None, limit: int, person: PersonId | None = None
    ) -> list[Activity]:
        """List what the agents of this role did by themselves, newest first."""
        asked = (role, *_bound(before), limit)
        rows = await (
            self._read(ACTIVITY, asked)
            if person is None
            else self._read(ACTIVITY_OF, (*asked, person))
        )
        return [_to_activity(row) for row in rows]

    async def forget(self, before: datetime, limit: int) -> int:
        """Drop old slots."""
        return await self._write(_forget, before, limit)

    async def pulse(self, lane: LaneId, conversation: Conversation) -> Pulse:
        """Look whether the lane is at work, and when a person last wrote there."""
        ((is_busy, heard_at),) = await self._read(PULSE, (lane, conversation.id))
        return Pulse(bool(is_busy), maybe_moment(heard_at))


class SqliteNotes:
    """The NoteStore in SQLite."""

    def __init__(self, committer: Committer, reader: Reader) -> None:
        self._write = committer.write
        self._read = reader.read

    async def get(self, subject: str, name: str) -> str | None:
        """Read one."""
        rows = await self._read(GET_NOTE, (subject, name))
        return rows[0][0] if rows else None

    async def all_of(self, subject: str) -> dict[str, str]:
        """Read all of a subject, by name."""
        return dict(await self._read(NOTES_OF, (subject,)))

    async def put(
        self, subject: str, name: str, text: str, *, passing: datetime | None = None
    ) -> None:
        """Remember it."""
        moment = None if passing is None else to_micros(passing)
        await self._write(_run, PUT_NOTE, (subject, name, text, moment))

    async def drop(self, subject: str, name: str) -> None:
        """Forget it."""
        await self._write(_run, DROP_NOTE, (subject, name))


def _run(tx: Transaction, sql: str, row: tuple[str | int | None, ...]) -> None:
    tx.execute(sql, row)


def _judge_all(tx: Transaction, verdicts: Sequence[SlotVerdict], now: datetime) -> int:
    return sum(_judge(tx, verdict, now) for verdict in verdicts)


def _judge(tx: Transaction, verdict: SlotVerdict, now: datetime) -> bool:
    slot = (verdict.result, verdict.schedule, to_micros(verdict.due_at))
    if tx.execute(JUDGE, slot).rowcount == 0:
        return False
    fares = (verdict.failures, maybe_micros(verdict.rest_until), int(verdict.is_pausing))
    tx.execute(FARE, (*fares, verdict.schedule))
    if verdict.alert is not None:
        add_delivery(tx, verdict.alert, now)
    ref = verdict.due_at.isoformat()
    tx.log(AuditKind.SCHEDULE_ENDED, now, verdict.schedule, ref, slot_ended(verdict))
    return True


def _forget(tx: Transaction, before: datetime, limit: int) -> int:
    return tx.execute(FORGET, (to_micros(before), limit)).rowcount


def _bound(before: str | None) -> tuple[int, int, str]:
    if before is None:
        return _NEWEST
    at, due_at, schedule = read_cursor(before)
    return to_micros(at), to_micros(due_at), schedule


def _to_activity(row: tuple[Any, ...]) -> Activity:
    schedule, due_at, at, outcome, person, place, turn, posts = row
    return Activity(
        schedule=schedule,
        due_at=from_micros(due_at),
        at=from_micros(at),
        outcome=outcome,
        person=person,
        conversation=to_place(place) if place else None,
        turn=turn,
        posts=tuple(json.loads(posts)),
    )
