"""Reading what was, and forgetting what it said, in dictionaries."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from gateway.domain.audit import ARRIVALS, POSTED, STEPS, AuditEntry
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import DeliveryState
from gateway.domain.errands import ErrandState
from gateway.domain.ids import ConversationId, DeliveryId, LaneId, TurnId
from gateway.domain.messages import HistoryEntry, InboundMessage, MessageKind
from gateway.domain.turns import TurnState
from gateway.ports import StoreCounts
from storage.memory.tables import DeliveryRow, MessageRow, Tables, TurnRow
from storage.rules import OPEN, MessageState, Standing, last_older

_PLAIN = re.compile(r"([^:]*:[0-9]+\.)?[0-9]+")
"""The ids of plain messages; see the port."""


class MemoryHistory:
    """The HistoryStore in dictionaries."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def history(
        self, conversation: ConversationId, before: int | None, limit: int
    ) -> list[HistoryEntry]:
        """Return the newest `limit` entries before the cursor, oldest first."""
        posts = self._tables.posts.get(conversation, [])
        entries = [_said_by_agent(row) for row in posts if _is_visible(row)]
        heard = (row for row in self._tables.messages.values() if _is_heard(row))
        entries += [_said_by_user(r) for r in heard if r.message.conversation.id == conversation]
        entries = [entry for entry in entries if before is None or entry.cursor < before]
        newest = sorted(entries, key=lambda entry: entry.cursor, reverse=True)[:limit]
        return newest[::-1]

    async def answer(self, message: InboundMessage) -> list[HistoryEntry] | None:
        """Return what the turn of this message answered, or the reply to its refusal."""
        row = self._tables.messages.get(message.idempotency_key)
        if row is None:
            return None
        if row.state is MessageState.REFUSED:
            return self._said([] if row.reply is None else [row.reply])
        if row.state is not MessageState.DONE or row.turn is None:
            return None
        return self._said(self._tables.turns[row.turn].answers)

    async def turn_of(self, message: InboundMessage) -> TurnId | None:
        """Return the turn that this message is part of; None while it waits, or for none."""
        row = self._tables.messages.get(message.idempotency_key)
        return None if row is None else row.turn

    def _said(self, deliveries: list[DeliveryId]) -> list[HistoryEntry]:
        rows = self._tables.posted(deliveries)
        rows.sort(key=lambda row: row.sequence)
        return [_said_by_agent(row) for row in rows if row.new.text]

    async def conversations(self, after: ConversationId | None, limit: int) -> list[Conversation]:
        """List the next ones, by id, in which a person was heard and something was posted."""
        heard = {
            row.message.conversation.id
            for row in self._tables.messages.values()
            if row.state not in (MessageState.REFUSED, MessageState.WITHDRAWN)
            and not row.message.is_wakeup
        }
        known = sorted(place for place in self._tables.outboxes if place in heard)
        later = [place for place in known if place > (after or "")]
        return [Conversation.parse(place) for place in later[:limit]]

    async def newest_events(
        self, platform: str, after: ConversationId | None = None, limit: int | None = None
    ) -> list[tuple[Conversation, str]]:
        """Return the newest plain message id of every conversation of a platform."""
        newest: dict[Conversation, str] = {}
        for row in sorted(self._tables.messages.values(), key=lambda row: row.sequence):
            message = row.message
            is_plain = message.kind is MessageKind.TEXT and _PLAIN.fullmatch(message.event_id)
            place, is_refused = message.conversation, row.state is MessageState.REFUSED
            is_aside = is_refused and place.thread is not None and not place.is_direct
            if is_plain and place.platform == platform and not is_aside:
                newest[message.conversation] = message.event_id
        by_id = sorted(newest.items(), key=lambda item: item[0].id)
        return [item for item in by_id if item[0].id > (after or "")][:limit]

    async def counts(self) -> StoreCounts:
        """Count what waits."""
        tables = self._tables
        standings = [mailbox.standing for mailbox in tables.mailboxes.values()]
        states = [row.state for row in tables.deliveries.values()]
        return StoreCounts(
            lanes_ready=standings.count(Standing.READY) + standings.count(Standing.PARKED),
            turns_running=standings.count(Standing.BUSY),
            deliveries_open=sum(state in OPEN for state in states),
            turns_failed=sum(t.state is TurnState.FAILED for t in tables.turns.values()),
            deliveries_failed=states.count(DeliveryState.FAILED),
            messages_waiting=sum(map(len, tables.waiting.values())),
        )

    async def audit(self, after: int, limit: int) -> list[AuditEntry]:
        """Return the oldest `limit` entries of the audit log after the cursor, in order."""
        start = max(after - self._tables.audit_dropped, 0)
        return self._tables.audit[start : start + limit]

    async def newest_entry(self) -> int:
        """Return the place of the newest entry of the audit log; 0 while there is none."""
        return self._tables.audit_dropped + len(self._tables.audit)

    async def heard_since(
        self, cursors: Mapping[ConversationId, int], limit: int
    ) -> list[tuple[ConversationId, HistoryEntry]]:
        """Return what people said in these conversations after each one's cursor."""
        rows = [
            row
            for row in self._tables.messages.values()
            if row.sequence > cursors.get(row.message.conversation.id, row.sequence)
            and _is_heard(row)
        ]
        rows.sort(key=lambda row: row.sequence)
        return [(row.message.conversation.id, _said_by_user(row)) for row in rows[:limit]]

    async def posted_since(
        self, conversations: Collection[ConversationId], after: int, limit: int
    ) -> list[AuditEntry]:
        """Return the oldest `limit` entries after the cursor on deliveries there, in order."""
        entries = self._tables.audit[max(after - self._tables.audit_dropped, 0) :]
        return [e for e in entries if e.kind in POSTED and e.subject in conversations][:limit]

    async def trail(self, thing: str, after: int, limit: int) -> list[AuditEntry]:
        """Return the oldest `limit` entries about one thing after the cursor, in order."""
        entries = self._tables.audit
        return [entry for entry in entries if entry.sequence > after and _is_about(entry, thing)][
            :limit
        ]

    async def parked(self, lanes: Sequence[LaneId]) -> dict[LaneId, int]:
        """Return which of the lanes wait for a seat, and how many turns of their person run."""
        mailboxes = self._tables.mailboxes
        busy = Counter(m.person for m in mailboxes.values() if m.standing is Standing.BUSY)
        asked = (mailboxes[lane] for lane in lanes if lane in mailboxes)
        return {m.lane: busy[m.person] for m in asked if m.standing is Standing.PARKED}

    async def retain_audit(self, before: datetime, limit: int) -> int:
        """Drop the beginning of the audit log, up to the first entry that is not older."""
        tables = self._tables
        dated = [(entry.sequence, entry.at) for entry in tables.audit if entry.at is not None]
        last = last_older(dated, before)
        count = min(sum(entry.sequence <= last for entry in tables.audit), limit)
        del tables.audit[:count]
        tables.audit_dropped += count
        return count

    async def retain(self, before: datetime, limit: int) -> int:
        """Drop the contents of what ended before; the ids stay (T11)."""
        done = self._retain_deliveries(before, limit)
        done += self._drop_approvals(before, limit - done)
        done += self._drop_errands(before, limit - done)
        done += self._drop_notes(before, limit - done)
        for turn in self._ended_turns(before):
            if done >= limit:
                break
            done += self._retain_turn(turn, limit - done)
        return done

    def _retain_deliveries(self, before: datetime, limit: int) -> int:
        rows = [
            row
            for row in self._tables.deliveries.values()
            if row.new.text and row.settled_at is not None and row.settled_at < before
        ]
        rows.sort(key=lambda row: (row.settled_at, row.sequence))
        for row in rows[:limit]:
            row.new = replace(row.new, text="", handle=None, buttons=(), files=(), canvas=None)
        return len(rows[:limit])

    def _drop_approvals(self, before: datetime, limit: int) -> int:
        rows = [
            (row.decided_at, row.id)
            for row in self._tables.approvals.values()
            if row.decided_at is not None and row.decided_at < before
        ]
        for _, approval in sorted(rows)[:limit]:
            del self._tables.approvals[approval]
        return len(rows[:limit])

    def _drop_errands(self, before: datetime, limit: int) -> int:
        rows = [
            (row.expires_at, row.id)
            for row in self._tables.errands.values()
            if row.state is not ErrandState.OPEN and row.expires_at < before
        ]
        for _, errand in sorted(rows)[:limit]:
            del self._tables.errands[errand]
        return len(rows[:limit])

    def _drop_notes(self, before: datetime, limit: int) -> int:
        notes = self._tables.passing_notes.items()
        old = sorted((moment, key) for key, moment in notes if moment < before)[:limit]
        for _, key in old:
            self._tables.drop_note(*key)
        return len(old)

    def _ended_turns(self, before: datetime) -> list[TurnRow]:
        rows = [
            (row.ended_at, row.id, row)
            for row in self._tables.turns.values()
            if row.is_retained and row.ended_at is not None and row.ended_at < before
        ]
        return [row for _, _, row in sorted(rows, key=lambda ended: ended[:2])]

    def _retain_turn(self, turn: TurnRow, limit: int) -> int:
        rows = self._tables.turn_messages[turn.id]
        messages = [row for row in rows if row.message.text or row.message.attachments]
        for row in messages[:limit]:
            row.message = replace(row.message, text="", handle=None, attachments=())
        done = len(messages[:limit])
        for call in list(turn.tool_results)[: limit - done]:
            del turn.tool_results[call]
            done += 1
        if done < limit:
            turn.is_retained, turn.error = False, None
            done += 1
        return done


def _is_about(entry: AuditEntry, thing: str) -> bool:
    if entry.ref == thing:
        return True
    if entry.subject == thing:
        return entry.kind not in STEPS
    return entry.kind in ARRIVALS and entry.ref.partition(":")[2].partition(":")[2] == thing


def _is_visible(row: DeliveryRow) -> bool:
    is_shown = row.state not in (DeliveryState.FAILED, DeliveryState.DROPPED)
    return bool(row.new.text) and not row.new.is_draft and not row.new.is_private and is_shown


def _is_heard(row: MessageRow) -> bool:
    was_said = row.message.kind in (MessageKind.TEXT, MessageKind.COMMAND, MessageKind.EDIT)
    is_for_all = bool(row.message.text) and not row.message.is_private
    return is_for_all and was_said and row.state < MessageState.REFUSED


def _said_by_agent(row: DeliveryRow) -> HistoryEntry:
    new = row.new
    return HistoryEntry(
        new.id,
        row.sequence,
        "assistant",
        new.text,
        row.created_at,
        new.buttons,
        new.files,
        new.canvas,
    )


def _said_by_user(row: MessageRow) -> HistoryEntry:
    message = row.message
    return HistoryEntry(message.event_id, row.sequence, "user", message.text, message.sent_at)
