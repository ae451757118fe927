"""Everything of one person, in dictionaries: looked through, and forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.deliveries import DeliveryState
from gateway.domain.ids import DeliveryId, PersonId, TurnId
from gateway.domain.messages import HistoryEntry, MessageKind
from gateway.domain.people import Identity
from gateway.domain.turns import TurnState
from gateway.ports import Failure, Said
from storage.memory.tables import MessageRow, Tables
from storage.memory.turns import withdraw_row
from storage.rules import MessageState

_SAYING = (MessageKind.TEXT, MessageKind.EDIT)
_UNSEEN = (DeliveryState.FAILED, DeliveryState.DROPPED)


class MemoryPersonal:
    """The PersonalStore in dictionaries."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def said(self, person: PersonId, limit: int) -> list[Said]:
        """Return the person's newest messages and their answers, newest first."""
        rows = [row for row in self._of(person) if _is_said(row)]
        rows = sorted(rows, key=lambda row: row.sequence, reverse=True)[:limit]
        turns = {row.turn for row in rows if row.turn is not None}
        posts = [self._tables.deliveries[post] for post in self._answers(turns)]
        found = [_to_said(row) for row in rows if row.message.text]
        found += [
            Said(
                HistoryEntry(
                    post.new.id, post.sequence, "assistant", post.new.text, post.created_at
                ),
                post.new.conversation,
            )
            for post in posts
            if post.new.text and post.state not in _UNSEEN
        ]
        return sorted(found, key=lambda said: said.entry.cursor, reverse=True)

    async def is_at_work(self, person: PersonId) -> bool:
        """Whether an agent is at work for the person at this moment."""
        return any(
            self._is_running(row) and not str(row.lane).endswith("/commands")
            for row in self._of(person)
        )

    async def last_failure(self, person: PersonId, limit: int) -> Failure | None:
        """Return the newest turn that was given up, among those of the newest messages."""
        rows = [row for row in self._of(person) if _is_said(row)]
        for row in sorted(rows, key=lambda row: row.sequence, reverse=True)[:limit]:
            turn = None if row.turn is None else self._tables.turns[row.turn]
            if turn is not None and turn.state is TurnState.FAILED and turn.ended_at is not None:
                return Failure(turn.id, turn.ended_at)
        return None

    async def files(self, person: PersonId) -> list[str]:
        """Return the artifact keys of the files that the person sent."""
        return [file.artifact for row in self._of(person) for file in row.message.attachments]

    async def forget(self, person: PersonId, now: datetime) -> int:
        """Drop all that the person said and was answered, and who they are; count the messages."""
        rows = self._of(person)
        for row in rows:
            if row.state is MessageState.WAITING:
                withdraw_row(self._tables, row)
        self._empty_answers(person, rows)
        self._drop_agents(person)
        self._drop_accounts(person)
        count = sum(self._empty(row) for row in rows)
        data = {"messages": count}
        self._tables.log(AuditKind.PERSON_FORGOTTEN, now, person, person, data)
        return count

    def _of(self, person: PersonId) -> list[MessageRow]:
        return [row for row in self._tables.messages.values() if row.person == person]

    def _answers(self, turns: set[TurnId]) -> list[DeliveryId]:
        return [post for turn in turns for post in self._tables.turns[turn].answers]

    def _is_running(self, row: MessageRow) -> bool:
        turn = None if row.turn is None else self._tables.turns[row.turn]
        return turn is not None and turn.state is TurnState.RUNNING

    def _empty_answers(self, person: PersonId, rows: list[MessageRow]) -> None:
        turns = {row.turn for row in rows if row.turn is not None}
        posts = self._answers(turns) + [row.reply for row in rows if row.reply is not None]
        approvals = self._tables.approvals
        for asked in [each for each in approvals.values() if each.person == person]:
            posts.append(approvals.pop(asked.id).question)
        for post in (self._tables.deliveries[post] for post in posts):
            if post.settled_at is not None:
                post.new = replace(post.new, text="", handle=None, buttons=(), files=())
        for turn in turns:
            self._tables.turns[turn].tool_results.clear()

    def _drop_agents(self, person: PersonId) -> None:
        tables = self._tables
        mine = [key for key in tables.bindings if key[0] == person]
        agents = {tables.bindings.pop(key).agent_id for key in mine}
        for session in [key for key in tables.sessions if key[0] in agents]:
            del tables.sessions[session]
        for edit in [key for key in tables.memory_edits if key[0] in agents]:
            del tables.memory_edits[edit]
        for errand in [key for key, each in tables.errands.items() if each.person == person]:
            del tables.errands[errand]
        for note in [key for key in tables.notes if key[0] == person]:
            del tables.notes[note]

    def _drop_accounts(self, person: PersonId) -> None:
        tables = self._tables
        accounts: set[Identity] = {key for key, of in tables.identities.items() if of == person}
        for code in [c for c, row in tables.pairings.items() if row.pairing.identity in accounts]:
            del tables.pairings[code]
        for code in [c for c, row in tables.links.items() if row.offer.identity in accounts]:
            del tables.links[code]
        for account in accounts:
            tables.link_tries.pop(account, None)
            del tables.identities[account]
        tables.people.pop(person, None)

    def _empty(self, row: MessageRow) -> bool:
        message = row.message
        has_contents = message.text or message.sender.name or message.attachments
        if not has_contents or self._is_running(row):
            return False
        sender = replace(message.sender, name="")
        row.message = replace(message, text="", sender=sender, handle=None, attachments=())
        return True


def _is_said(row: MessageRow) -> bool:
    return row.state < MessageState.REFUSED and row.message.kind in _SAYING


def _to_said(row: MessageRow) -> Said:
    message = row.message
    entry = HistoryEntry(message.event_id, row.sequence, "user", message.text, message.sent_at)
    return Said(entry, message.conversation)
