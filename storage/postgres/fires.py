"""What became of slots that fired: the tables fire and note."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.fires import Activity, EndedSlot, Pulse, SlotVerdict, read_cursor
from gateway.domain.ids import LaneId, PersonId
from gateway.domain.turns import TurnState
from storage.audit_data import slot_ended
from storage.columns import to_place
from storage.postgres.database import Database, Row, Transaction
from storage.postgres.posts import add_delivery
from storage.postgres.schedules import LOCK_SCHEDULES

_POSTS = "delivery WHERE delivery.id = ANY(turn.answers)"
ENDED = f"""
SELECT schedule, due_at, turn.state, turn.error, coalesce(cardinality(turn.answers), 0) AS posts,
    (SELECT delivery.error FROM {_POSTS} AND delivery.state = 4 LIMIT 1) AS refused
FROM fire JOIN inbox ON inbox.seq = fire.message JOIN turn ON turn.id = inbox.turn
WHERE result IS NULL AND message IS NOT NULL AND turn.state <> 'running'
    AND NOT EXISTS (SELECT 1 FROM {_POSTS} AND delivery.state < 3)
ORDER BY fired_at LIMIT $1
"""  # noqa: S608 - constants
JUDGE = "UPDATE fire SET result = $1 WHERE schedule = $2 AND due_at = $3 AND result IS NULL"
FARE = """
UPDATE schedule SET failures = $1, rest_until = $2, is_paused = is_paused OR $3 WHERE id = $4
"""
_ACTIVITY = f"""
SELECT schedule, due_at, fired_at,
    coalesce(result, CASE WHEN was_missed THEN why ELSE 'open' END) AS outcome,
    inbox.person, inbox.conversation, inbox.turn, ARRAY(
        SELECT delivery.text FROM {_POSTS} ORDER BY array_position(turn.answers, delivery.id)
    ) AS posts
FROM fire LEFT JOIN inbox ON inbox.seq = fire.message LEFT JOIN turn ON turn.id = inbox.turn
WHERE role = $1 AND (fired_at, due_at, schedule) < ($2, $3, $4)
"""  # noqa: S608 - constants
_NEWEST_FIRST = "ORDER BY fired_at DESC, due_at DESC, schedule DESC LIMIT $5"
ACTIVITY = _ACTIVITY + _NEWEST_FIRST
ACTIVITY_OF = f"{_ACTIVITY} AND fire.person = $6 {_NEWEST_FIRST}"
FORGET = """
DELETE FROM fire WHERE (schedule, due_at) IN (
    SELECT schedule, due_at FROM fire
    WHERE fired_at < $1 AND (was_missed OR result IS NOT NULL) ORDER BY fired_at LIMIT $2
)
"""
PULSE = """
SELECT (SELECT state = 2 FROM mailbox WHERE lane = $1) AS is_busy, (
    SELECT received_at FROM inbox
    WHERE conversation = $2 AND state <> 3 AND kind <> 'wakeup' ORDER BY seq DESC LIMIT 1
) AS heard_at
"""
GET_NOTE = "SELECT text FROM note WHERE subject = $1 AND name = $2"
NOTES_OF = "SELECT name, text FROM note WHERE subject = $1"
PUT_NOTE = """
INSERT INTO note (subject, name, text, passing_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (subject, name) DO UPDATE SET text = excluded.text, passing_at = excluded.passing_at
"""
DROP_NOTE = "DELETE FROM note WHERE subject = $1 AND name = $2"

_NEWEST = datetime(9000, 1, 1, tzinfo=UTC)


class PostgresFires:
    """The FireStore in Postgres."""

    def __init__(self, database: Database) -> None:
        self._write = database.write
        self._read = database.read

    async def ended(self, limit: int) -> list[EndedSlot]:
        """List slots that are over and that nobody judged."""
        return [
            EndedSlot(schedule, due_at, TurnState(state), error, posts, refused)
            for schedule, due_at, state, error, posts, refused in await self._read(ENDED, limit)
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
            self._read(ACTIVITY, *asked)
            if person is None
            else self._read(ACTIVITY_OF, *asked, person)
        )
        return [_to_activity(row) for row in rows]

    async def forget(self, before: datetime, limit: int) -> int:
        """Drop old slots."""
        return await self._write(_forget, before, limit)

    async def pulse(self, lane: LaneId, conversation: Conversation) -> Pulse:
        """Look whether the lane is at work, and when a person last wrote there."""
        (row,) = await self._read(PULSE, lane, conversation.id)
        return Pulse(bool(row["is_busy"]), row["heard_at"])


class PostgresNotes:
    """The NoteStore in Postgres."""

    def __init__(self, database: Database) -> None:
        self._write = database.write
        self._read = database.read

    async def get(self, subject: str, name: str) -> str | None:
        """Read one."""
        rows = await self._read(GET_NOTE, subject, name)
        return rows[0][0] if rows else None

    async def all_of(self, subject: str) -> dict[str, str]:
        """Read all of a subject, by name."""
        return dict(await self._read(NOTES_OF, subject))

    async def put(
        self, subject: str, name: str, text: str, *, passing: datetime | None = None
    ) -> None:
        """Remember it."""
        await self._write(_run, PUT_NOTE, (subject, name, text, passing))

    async def drop(self, subject: str, name: str) -> None:
        """Forget it."""
        await self._write(_run, DROP_NOTE, (subject, name))


async def _run(tx: Transaction, sql: str, row: tuple[str | datetime | None, ...]) -> None:
    await tx.count(sql, *row)


async def _judge_all(tx: Transaction, verdicts: Sequence[SlotVerdict], now: datetime) -> int:
    await tx.fetch(LOCK_SCHEDULES, [verdict.schedule for verdict in verdicts])
    return sum([await _judge(tx, verdict, now) for verdict in verdicts])


async def _judge(tx: Transaction, verdict: SlotVerdict, now: datetime) -> bool:
    if await tx.count(JUDGE, verdict.result, verdict.schedule, verdict.due_at) == 0:
        return False
    fares = (verdict.failures, verdict.rest_until, verdict.is_pausing)
    await tx.count(FARE, *fares, verdict.schedule)
    if verdict.alert is not None:
        await add_delivery(tx, verdict.alert, now)
    ref = verdict.due_at.isoformat()
    tx.log(AuditKind.SCHEDULE_ENDED, now, verdict.schedule, ref, slot_ended(verdict))
    return True


async def _forget(tx: Transaction, before: datetime, limit: int) -> int:
    return await tx.count(FORGET, before, limit)


def _bound(before: str | None) -> tuple[datetime, datetime, str]:
    return (_NEWEST, _NEWEST, "") if before is None else read_cursor(before)


def _to_activity(row: Row) -> Activity:
    schedule, due_at, at, outcome, person, place, turn, posts = row
    return Activity(
        schedule=schedule,
        due_at=due_at,
        at=at,
        outcome=outcome,
        person=person,
        conversation=to_place(place) if place else None,
        turn=turn,
        posts=tuple(posts),
    )
