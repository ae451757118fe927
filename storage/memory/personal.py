"""Everything of one person, in dictionaries: looked through, and forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import DeliveryState
from gateway.domain.ids import DeliveryId, PersonId, TurnId
from gateway.domain.messages import HistoryEntry, MessageKind
from gateway.domain.people import Identity
from gateway.domain.turns import TurnState
from gateway.ports import Failure, Kept, LastQuestion, Record, Said
from storage.memory.cancelling import withdraw_row
from storage.memory.deliveries import take_back
from storage.memory.tables import DeliveryRow, MessageRow, Tables
from storage.personal_rows import to_kept, to_record
from storage.rules import MessageState, role_of

_SAYING = (MessageKind.TEXT, MessageKind.EDIT)
_UNSEEN = (DeliveryState.FAILED, DeliveryState.DROPPED)


class MemoryPersonal:
    """The PersonalStore in dictionaries."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def said(self, person: PersonId, limit: int, before: int | None = None) -> list[Said]:
        """Return the person's newest messages and their answers, newest first."""
        rows = [row for row in self._of(person) if _is_said(row)]
        rows = [row for row in rows if before is None or row.sequence < before]
        rows = sorted(rows, key=lambda row: row.sequence, reverse=True)[:limit]
        turns = {row.turn for row in rows if row.turn is not None}
        posts = self._tables.posted(self._answers(turns))
        found = [_to_said(row) for row in rows if row.message.text]
        found += [_to_answer(post) for post in posts if post.new.text and post.state not in _UNSEEN]
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

    async def last_question(
        self, person: PersonId, conversation: Conversation, limit: int, *, with_private: bool
    ) -> LastQuestion | None:
        """Return what the person said last in the conversation."""
        rows = [row for row in self._of(person) if _is_said(row)]
        for row in sorted(rows, key=lambda row: row.sequence, reverse=True)[:limit]:
            message = row.message
            is_seen = with_private or not message.is_private
            if message.conversation == conversation and message.text and is_seen and row.lane:
                found = replace(message, role=role_of(row.lane))
                return LastQuestion(found, is_open=row.turn is None or self._is_running(row))
        return None

    async def files(self, person: PersonId) -> list[str]:
        """Return the artifact keys of the files that the person sent."""
        return [file.artifact for row in self._of(person) for file in row.message.attachments]

    async def record(self, person: PersonId, limit: int, before: int | None = None) -> Record:
        """Return a part of all words of the person, and to them; see the port."""
        every = self._of(person)
        rows = [row for row in every if before is None or row.sequence < before]
        rows = sorted(rows, key=lambda row: row.sequence, reverse=True)[:limit]
        low = 0 if len(rows) < limit else rows[-1].sequence
        alone = self._alone(person, every)
        turns = {row.turn for row in rows if row.turn is not None}
        named = {*self._answers(turns), *(row.reply for row in rows)}
        posts = [
            post
            for post in self._tables.deliveries.values()
            if post.new.id in named
            or post.new.id.partition(".")[0] in turns
            or (
                post.new.conversation in alone
                and low <= post.sequence
                and (before is None or post.sequence < before)
            )
        ]
        found = [
            *map(_to_said, rows),
            *(_to_answer(post) for post in posts if post.new.text),
            *self._results(rows),
        ]
        return to_record(found, limit)

    async def kept(self, person: PersonId) -> list[Kept]:
        """Return what else `forget` would drop that has words of theirs."""
        tables = self._tables
        agents = {bound.agent_id for key, bound in tables.bindings.items() if key[0] == person}
        edits = [edit for kept in tables.memory_edits.values() for edit in kept]
        mine = [edit for edit in edits if edit.person == person or edit.agent in agents]
        notes = [(key[1], text) for key, text in tables.notes.items() if key[0] == person]
        asked = [each.call for each in tables.approvals.values() if each.person == person]
        errands = [each for each in tables.errands.values() if each.person == person]
        tokens = [t for t in tables.tokens.values() if tables.identities.get(t.account) == person]
        return to_kept(
            [
                *(("note", name, text) for name, text in notes),
                *(("edit", edit.label, edit.before, edit.after) for edit in mine),
                *(("question", call.name, call.arguments) for call in asked),
                *(("errand", each.role, each.question, each.answer) for each in errands),
                *(("token", each.id, each.label) for each in tokens),
            ]
        )

    async def exported(self, person: PersonId, key: str, now: datetime) -> None:
        """Write into the audit log that the person was given all that is kept of them."""
        self._tables.log(AuditKind.PERSON_EXPORTED, now, person, key, {})

    async def forget(self, person: PersonId, now: datetime) -> int | None:
        """Drop all that the person said and was answered, and who they are; see the port."""
        if await self.is_at_work(person):
            return None
        rows = self._of(person)
        for row in rows:
            if row.state is MessageState.WAITING:
                withdraw_row(self._tables, row)
        count = sum(self._empty(row) for row in rows)
        alone = self._alone(person, rows)
        self._forget_posts(self._posts(person, rows, alone), now)
        self._forget_work({row.turn for row in rows if row.turn is not None}, alone)
        self._drop_agents(person)
        self._drop_accounts(person)
        data = {"messages": count}
        self._tables.log(AuditKind.PERSON_FORGOTTEN, now, person, person, data)
        return count

    def _of(self, person: PersonId) -> list[MessageRow]:
        return [row for row in self._tables.messages.values() if row.person == person]

    def _answers(self, turns: set[TurnId]) -> list[DeliveryId]:
        return [post for turn in turns for post in self._tables.turns[turn].answers]

    def _results(self, rows: list[MessageRow]) -> list[Said]:
        """Return what tools returned in the turns of these messages alone, the newest first."""
        first = {row.turn: row for row in rows if row.turn is not None}
        together = self._tables.turn_messages
        return [
            Said(
                HistoryEntry(
                    f"{turn} {call}", row.sequence, "tool", result.text, row.message.sent_at
                ),
                row.message.conversation,
            )
            for turn, row in first.items()
            for call, result in self._tables.turns[turn].tool_results.items()
            if result.text and all(other.person == row.person for other in together[turn])
        ]

    def _is_running(self, row: MessageRow) -> bool:
        turn = None if row.turn is None else self._tables.turns[row.turn]
        return turn is not None and turn.state is TurnState.RUNNING

    def _alone(self, person: PersonId, rows: list[MessageRow]) -> set[Conversation]:
        """Return the places of the person where nobody else has said anything."""
        direct = {row.message.conversation for row in rows if row.message.conversation.is_direct}
        messages = self._tables.messages.values()
        others = [row for row in messages if row.person != person and row.message.text]
        return direct - {row.message.conversation for row in others}

    def _posts(
        self, person: PersonId, rows: list[MessageRow], alone: set[Conversation]
    ) -> list[DeliveryRow]:
        """Find what was posted for the person, and drop what asked them about tool calls."""
        turns = {row.turn for row in rows if row.turn is not None}
        named = {*self._answers(turns), *(row.reply for row in rows)}
        approvals = self._tables.approvals
        for asked in [each for each in approvals.values() if each.person == person]:
            named.update(question for question, _ in approvals.pop(asked.id).questions)
        return [
            post
            for post in self._tables.deliveries.values()
            if post.new.id in named
            or post.new.id.partition(".")[0] in turns
            or post.new.conversation in alone
        ]

    def _forget_posts(self, posts: list[DeliveryRow], now: datetime) -> None:
        for post in posts:
            if post.settled_at is None:
                take_back(self._tables, post, now)
                continue
            post.new = replace(post.new, text="", handle=None, buttons=(), files=(), canvas=None)
            post.error = None

    def _forget_work(self, turns: set[TurnId], alone: set[Conversation]) -> None:
        """Forget what tools returned, why turns failed, and what is run or watched for them."""
        tables = self._tables
        for turn in turns:
            tables.turns[turn].tool_results.clear()
            tables.turns[turn].error = None
        for task in [key for key, row in tables.tasks.items() if row.task.new.to in alone]:
            del tables.tasks[task]
        for schedule in tables.schedules.values():
            if schedule.wakeup is not None and schedule.wakeup.conversation in alone:
                tables.drop_notes(f"schedule:{schedule.id}")

    def _drop_agents(self, person: PersonId) -> None:
        tables = self._tables
        mine = [key for key in tables.bindings if key[0] == person]
        agents = {tables.bindings.pop(key).agent_id for key in mine}
        for session in [key for key in tables.sessions if key[0] in agents]:
            del tables.sessions[session]
            tables.threads.pop(session, None)
        for agent, label in list(tables.memory_edits):
            edits = tables.memory_edits.pop((agent, label))
            if kept := [edit for edit in edits if agent not in agents and edit.person != person]:
                tables.memory_edits[agent, label] = kept
        for errand in [key for key, each in tables.errands.items() if each.person == person]:
            del tables.errands[errand]
        tables.drop_notes(person)

    def _drop_accounts(self, person: PersonId) -> None:
        tables = self._tables
        accounts: set[Identity] = {key for key, of in tables.identities.items() if of == person}
        for code in [c for c, row in tables.pairings.items() if row.pairing.identity in accounts]:
            del tables.pairings[code]
        for code in [c for c, row in tables.links.items() if row.offer.identity in accounts]:
            del tables.links[code]
        for token in [t for t, row in tables.tokens.items() if row.account in accounts]:
            del tables.tokens[token]
        for account in accounts:
            tables.link_tries.pop(account, None)
            del tables.identities[account]
        tables.people.pop(person, None)

    def _empty(self, row: MessageRow) -> bool:
        message = row.message
        has_contents = message.text or message.sender.name or message.attachments
        sender = replace(message.sender, name="")
        if not has_contents or self._is_running(row):
            row.message = replace(message, sender=sender)
            return False
        row.message = replace(message, text="", sender=sender, handle=None, attachments=())
        return True


def _is_said(row: MessageRow) -> bool:
    return row.state < MessageState.REFUSED and row.message.kind in _SAYING


def _to_said(row: MessageRow) -> Said:
    message = row.message
    entry = HistoryEntry(message.event_id, row.sequence, "user", message.text, message.sent_at)
    return Said(entry, message.conversation)


def _to_answer(post: DeliveryRow) -> Said:
    new = post.new
    entry = HistoryEntry(new.id, post.sequence, "assistant", new.text, post.created_at)
    return Said(entry, new.conversation)
