"""What became of slots that fired, and small things to remember, in dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import DeliveryState
from gateway.domain.fires import Activity, EndedSlot, Pulse, SlotVerdict, read_cursor
from gateway.domain.ids import LaneId, PersonId
from gateway.domain.turns import TurnState
from storage.audit_data import slot_ended
from storage.memory.deliveries import add_delivery
from storage.memory.tables import FireRow, MessageRow, Tables, TurnRow
from storage.rules import OPEN, MessageState, Standing


class MemoryFires:
    """The FireStore in dictionaries."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def ended(self, limit: int) -> list[EndedSlot]:
        """List slots that are over and that nobody judged."""
        found = [
            (row, self._to_ended(name, due_at, turn))
            for (name, due_at), row in self._tables.fires.items()
            if row.result is None and (turn := self._turn_of(row)) and self._is_over(turn)
        ]
        return [ended for _, ended in sorted(found, key=lambda each: each[0].slot.fired_at)][:limit]

    async def judge(self, verdicts: Sequence[SlotVerdict], now: datetime) -> int:
        """Record what slots came to."""
        return sum(self._judge(verdict, now) for verdict in verdicts)

    async def activity(
        self, role: str, before: str | None, limit: int, person: PersonId | None = None
    ) -> list[Activity]:
        """List what the agents of this role did by themselves, newest first."""
        bound = None if before is None else read_cursor(before)
        keys = [
            (row.slot.fired_at, due_at, name)
            for (name, due_at), row in self._tables.fires.items()
            if row.role == role and person in (None, row.person)
        ]
        older = sorted((key for key in keys if bound is None or key < bound), reverse=True)
        return [self._to_activity(name, due_at) for _, due_at, name in older[:limit]]

    async def forget(self, before: datetime, limit: int) -> int:
        """Drop old slots."""
        old = [
            key
            for key, row in self._tables.fires.items()
            if row.slot.fired_at < before and (row.slot.was_missed or row.result is not None)
        ]
        for key in old[:limit]:
            del self._tables.fires[key]
        return len(old[:limit])

    async def pulse(self, lane: LaneId, conversation: Conversation) -> Pulse:
        """Look whether the lane is at work, and when a person last wrote there."""
        mailbox = self._tables.mailboxes.get(lane)
        heard = [
            row
            for row in self._tables.messages.values()
            if row.message.conversation.id == conversation.id
            and row.state is not MessageState.REFUSED
            and not row.message.is_wakeup
        ]
        newest = max(heard, key=lambda row: row.sequence, default=None)
        is_busy = mailbox is not None and mailbox.standing is Standing.BUSY
        return Pulse(is_busy, newest.received_at if newest else None)

    def _message_of(self, row: FireRow) -> MessageRow | None:
        return self._tables.messages.get(row.message) if row.message else None

    def _turn_of(self, row: FireRow) -> TurnRow | None:
        message = self._message_of(row)
        return self._tables.turns.get(message.turn) if message and message.turn else None

    def _is_over(self, turn: TurnRow) -> bool:
        states = [post.state for post in self._tables.posted(turn.answers)]
        return turn.state is not TurnState.RUNNING and not any(state in OPEN for state in states)

    def _to_ended(self, schedule: str, due_at: datetime, turn: TurnRow) -> EndedSlot:
        posts = self._tables.posted(turn.answers)
        errors = [post.error for post in posts if post.state is DeliveryState.FAILED]
        refused = errors[0] if errors else None
        return EndedSlot(schedule, due_at, turn.state, turn.error, len(turn.answers), refused)

    def _to_activity(self, schedule: str, due_at: datetime) -> Activity:
        row = self._tables.fires[schedule, due_at]
        message, turn = self._message_of(row), self._turn_of(row)
        return Activity(
            schedule=schedule,
            due_at=due_at,
            at=row.slot.fired_at,
            outcome=row.result or (row.slot.why if row.slot.was_missed else "open"),
            person=message.person if message else None,
            conversation=message.message.conversation if message else None,
            turn=message.turn if message else None,
            posts=tuple(
                post.new.text for post in self._tables.posted(turn.answers if turn else ())
            ),
        )

    def _judge(self, verdict: SlotVerdict, now: datetime) -> bool:
        tables = self._tables
        row = tables.fires.get((verdict.schedule, verdict.due_at))
        if row is None or row.result is not None:
            return False
        row.result = verdict.result
        schedule = tables.schedules.get(verdict.schedule)
        if schedule is not None:
            tables.schedules[schedule.id] = replace(
                schedule,
                failures=verdict.failures,
                rest_until=verdict.rest_until,
                is_paused=schedule.is_paused or verdict.is_pausing,
            )
        if verdict.alert is not None:
            add_delivery(tables, verdict.alert, now)
        ref = verdict.due_at.isoformat()
        tables.log(AuditKind.SCHEDULE_ENDED, now, verdict.schedule, ref, slot_ended(verdict))
        return True


class MemoryNotes:
    """The NoteStore in a dictionary."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._notes = tables.notes

    async def get(self, subject: str, name: str) -> str | None:
        """Read one."""
        return self._notes.get((subject, name))

    async def all_of(self, subject: str) -> dict[str, str]:
        """Read all of a subject, by name."""
        return {name: text for (of, name), text in self._notes.items() if of == subject}

    async def put(
        self, subject: str, name: str, text: str, *, passing: datetime | None = None
    ) -> None:
        """Remember it."""
        self._tables.drop_note(subject, name)
        self._notes[subject, name] = text
        if passing is not None:
            self._tables.passing_notes[subject, name] = passing

    async def drop(self, subject: str, name: str) -> None:
        """Forget it."""
        self._tables.drop_note(subject, name)
