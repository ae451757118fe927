"""Messages in, and the turns that answer them, in dictionaries."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.domain.audit import AuditKind
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import DeliveryId, LaneId, PersonId, RunId, TurnId, WorkerId
from gateway.domain.messages import Accepted, InboundMessage, Refusal
from gateway.domain.people import Person, Route, Sender, person_id_of
from gateway.domain.tools import ToolCall, ToolResult
from gateway.domain.turns import (
    NO_LIMIT,
    Cancellation,
    Cancelled,
    Claim,
    TurnOutcome,
    TurnRef,
    TurnState,
)
from gateway.errors import Fenced
from storage.audit_data import message_refused, turn_ended, turn_postponed
from storage.memory.cancelling import cancel, withdraw_row
from storage.memory.claims import claim
from storage.memory.deliveries import add_delivery, revise, take_back, take_back_unsent
from storage.memory.people import ask_pairing
from storage.memory.tables import MailboxRow, MessageRow, Tables
from storage.memory.usage import add_charge
from storage.rules import (
    MessageState,
    Standing,
    finals,
    ripe_at,
)
from storage.seats import Claimer


def accept_message(
    tables: Tables, message: InboundMessage, route: Route, now: datetime
) -> Accepted:
    """Store the message once and make its lane ready (T1)."""
    known = tables.messages.get(message.idempotency_key)
    if known is not None:
        return Accepted(known.sequence, known.person, is_new=False)
    person = _meet(tables, message.sender, now)
    lane = route.lane(person, message.conversation)
    row = _store(tables, message, person, lane, now)
    tables.waiting[lane].append(row)
    _wake(tables, lane, route, now)
    tables.log(
        AuditKind.MESSAGE_ACCEPTED, now, lane, message.idempotency_key, {"sequence": row.sequence}
    )
    return Accepted(row.sequence, person, is_new=True)


def _meet(tables: Tables, sender: Sender, now: datetime) -> PersonId:
    known = tables.identities.get(sender.identity)
    if known is not None:
        return known
    person = person_id_of(sender.identity)
    tables.people.setdefault(person, Person(person, sender.name))
    tables.identities[sender.identity] = person
    tables.log(AuditKind.PERSON_MET, now, person, sender.identity.key, {})
    return person


def _store(
    tables: Tables, message: InboundMessage, person: PersonId, lane: LaneId | None, now: datetime
) -> MessageRow:
    state = MessageState.REFUSED if lane is None else MessageState.WAITING
    row = MessageRow(tables.next_sequence(), replace(message, role=None), person, lane, now, state)
    tables.messages[message.idempotency_key] = row
    return row


def _wake(tables: Tables, lane: LaneId, route: Route, now: datetime) -> None:
    mailbox = tables.mailboxes.setdefault(lane, MailboxRow(lane))
    mailbox.first_at = mailbox.first_at or now
    is_postponed = mailbox.standing is not Standing.BUSY and mailbox.turn is not None
    if not is_postponed:
        mailbox.ready_at = ripe_at(mailbox.first_at, route, now)
    if mailbox.standing is not Standing.BUSY:
        # A parked one is looked at again: who wrote now may wait for it too.
        mailbox.standing = Standing.READY
        tables.signals.turn_ready.set()


class MemoryTurns:
    """The TurnStore in dictionaries."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def accept(self, message: InboundMessage, route: Route, now: datetime) -> Accepted:
        """Store the message once and make its lane ready (T1)."""
        return accept_message(self._tables, message, route, now)

    async def revise(self, edit: InboundMessage, now: datetime) -> bool:
        """Replace the text of the message `edit.target` while it waits.

        The edit is stored as carried out, so that its repeat is not taken for
        news after the turn has begun. One that was accepted as news, because it
        came before its target, stays news.
        """
        known = self._tables.messages.get(edit.idempotency_key)
        if known is not None:
            return known.state is MessageState.WITHDRAWN
        row = self._waiting_target(edit)
        if row is None:
            return False
        row.message = replace(row.message, text=edit.text)
        carried_out = _store(self._tables, replace(edit, text=""), row.person, None, now)
        carried_out.state = MessageState.WITHDRAWN
        key = row.message.idempotency_key
        self._tables.log(AuditKind.MESSAGE_REVISED, now, str(row.lane), key, {})
        return True

    async def withdraw(self, deletion: InboundMessage, now: datetime) -> bool:
        """Drop the message `deletion.target` while it waits."""
        row = self._waiting_target(deletion)
        if row is None or row.lane is None:
            return False
        row.message = replace(row.message, text="")
        key = row.message.idempotency_key
        self._tables.log(AuditKind.MESSAGE_WITHDRAWN, now, row.lane, key, {})
        withdraw_row(self._tables, row)
        return True

    def _waiting_target(self, change: InboundMessage) -> MessageRow | None:
        original = replace(change, event_id=change.target or "")
        row = self._tables.messages.get(original.idempotency_key)
        if row is None or row.state is not MessageState.WAITING:
            return None
        return row if row.message.sender.identity == change.sender.identity else None

    async def refuse(self, refusal: Refusal, now: datetime) -> Accepted:
        """Store that a message was turned away; its text is not kept."""
        tables, message = self._tables, refusal.message
        known = tables.messages.get(message.idempotency_key)
        if known is not None:
            return Accepted(known.sequence, known.person, is_new=False)
        identity = message.sender.identity
        person = tables.identities.get(identity) or person_id_of(identity)
        row = _store(tables, replace(message, text=""), person, None, now)
        tables.log(
            AuditKind.MESSAGE_REFUSED,
            now,
            message.conversation.id,
            message.idempotency_key,
            message_refused(refusal, row.sequence),
        )
        may_reply = refusal.pairing is None or ask_pairing(tables, refusal, now)
        if refusal.reply is not None and may_reply:
            add_delivery(tables, refusal.reply, now)
            row.reply = refusal.reply.id
        return Accepted(row.sequence, person, is_new=True)

    async def claim(
        self,
        worker: WorkerId,
        limit: int,
        lease: timedelta,
        now: datetime,
        per_person: int = NO_LIMIT,
    ) -> Claim:
        """Take up to `limit` ready lanes, oldest first, as turns with new fences (T2)."""
        return claim(self._tables, Claimer(worker, limit, per_person, now + lease, now))

    async def extend(
        self, turns: Collection[TurnRef], lease: timedelta, now: datetime
    ) -> Collection[TurnRef]:
        """Prolong the leases (T3); return those that are lost, whose work must stop."""
        lost: list[TurnRef] = []
        for turn in turns:
            try:
                self._tables.held(turn).lease_until = now + lease
            except Fenced:
                lost.append(turn)
        return lost

    async def record_run(self, turn: TurnRef, round_index: int, run: RunId) -> None:
        """Remember which run answers this round, so that it can be re-attached (T4)."""
        self._tables.held(turn)
        runs = self._tables.turns[turn.id].runs
        if not 0 <= round_index <= len(runs):
            raise ValueError(f'Round {round_index} of turn "{turn.id}" has no round before it.')
        runs[round_index : round_index + 1] = [run]
        self._log(AuditKind.TURN_RUN, None, turn, {"round": round_index, "run": run})

    async def intend_tool_call(self, turn: TurnRef, call: ToolCall) -> None:
        """Note that a call is about to be made (T4). Idempotent."""
        self._tables.held(turn)
        row = self._tables.turns[turn.id]
        if call.id in row.tool_intents or call.id in row.tool_results:
            return
        row.tool_intents.append(call.id)
        data = {"call": call.id, "tool": call.name}
        self._log(AuditKind.TURN_TOOL_BEGUN, None, turn, data)

    async def record_tool_result(self, turn: TurnRef, call: ToolCall, result: ToolResult) -> None:
        """Journal the result of a call, so that it is never carried out again (T4)."""
        self._tables.held(turn)
        row = self._tables.turns[turn.id]
        results = row.tool_results
        if call.id in results:
            return
        if call.id in row.tool_intents:
            row.tool_intents.remove(call.id)
        results[call.id] = replace(result, call_id=call.id)
        data = {"call": call.id, "tool": call.name, "is_error": result.is_error}
        self._log(AuditKind.TURN_TOOL, None, turn, data)

    async def open_draft(self, turn: TurnRef, draft: NewDelivery, now: datetime) -> None:
        """Store a delivery that streaming will show before the turn ends (T4). Idempotent."""
        self._tables.held(turn)
        if add_delivery(self._tables, replace(draft, turn=turn.id, is_draft=True), now):
            self._tables.turns[turn.id].drafts.append(draft.id)

    async def finish(self, turn: TurnRef, outcome: TurnOutcome, now: datetime) -> None:
        """End the turn: messages done, deliveries stored, lane idle or ready again (T5)."""
        tables = self._tables
        mailbox = tables.held(turn)
        if outcome.state is TurnState.RUNNING:
            raise ValueError(f'Turn "{turn.id}" can not end as running.')
        self._release(mailbox, now)
        row = tables.turns[turn.id]
        row.state, row.ended_at, row.error = outcome.state, now, outcome.error
        for message in tables.turn_messages[turn.id]:
            message.state = MessageState.DONE
        row.answers = self._deliver(turn.id, outcome, now)
        for notice in outcome.outdated:
            take_back_unsent(tables, notice, now)
        if outcome.charge is not None:
            add_charge(tables, outcome.charge, now)
        self._log(AuditKind.TURN_ENDED, now, turn, turn_ended(outcome, row.answers))

    def _release(self, mailbox: MailboxRow, now: datetime) -> None:
        tables = self._tables
        has_more = bool(tables.waiting[mailbox.lane])
        parked = (m.person for m in tables.mailboxes.values() if m.standing is Standing.PARKED)
        mailbox.standing = Standing.READY if has_more else Standing.IDLE
        mailbox.ready_at = (mailbox.ready_at or now) if has_more else None
        mailbox.owner = mailbox.lease_until = mailbox.turn = None
        if has_more or mailbox.person in parked:
            tables.signals.turn_ready.set()

    def _deliver(self, turn: TurnId, outcome: TurnOutcome, now: datetime) -> list[DeliveryId]:
        tables = self._tables
        rows = {draft: tables.deliveries[draft] for draft in tables.turns[turn].drafts}
        drafts = {row.new.index: row.new.id for row in rows.values()}
        final = finals(turn, dict(sorted(drafts.items())), outcome.deliveries)
        for draft, new in final.replaced.items():
            revise(tables, rows[draft], new, now)
        for draft in final.spare:
            take_back(tables, rows[draft], now)
        for new in final.fresh:
            add_delivery(tables, replace(new, is_draft=False), now)
        return [*final.replaced, *(new.id for new in final.fresh)]

    async def postpone(
        self, turn: TurnRef, until: datetime, error: str, notice: NewDelivery | None, now: datetime
    ) -> None:
        """Give the turn back, to be claimed again at `until`, with at most one notice (T6)."""
        tables = self._tables
        mailbox = tables.held(turn)
        mailbox.standing, mailbox.ready_at = Standing.READY, until
        mailbox.owner = mailbox.lease_until = None
        row = tables.turns[turn.id]
        row.error = error
        notice = None if row.was_noticed else notice
        self._log(AuditKind.TURN_POSTPONED, now, turn, turn_postponed(until, error, notice))
        if notice is not None:
            row.was_noticed = True
            add_delivery(tables, replace(notice, is_draft=False), now)
        tables.signals.turn_ready.set()

    async def cancel(self, turn: TurnRef, cancellation: Cancellation, now: datetime) -> Cancelled:
        """Cancel the open turns of its lanes, and withdraw what its person said and waits."""
        return cancel(self._tables, turn, cancellation, now)

    async def cancelled(self) -> Collection[TurnId]:
        """Return the cancelled turns that have not ended yet."""
        rows = self._tables.turns.values()
        return [row.id for row in rows if row.is_cancelled and row.state is TurnState.RUNNING]

    async def recover(self, now: datetime, predecessor: WorkerId | None = None) -> int:
        """Make lanes ready whose lease is over, or was held by `predecessor`; count them (T7)."""
        lost = [
            mailbox
            for mailbox in self._tables.mailboxes.values()
            if mailbox.lease_until is not None
            and (mailbox.lease_until <= now or mailbox.owner == predecessor)
        ]
        for mailbox in sorted(lost, key=lambda mailbox: mailbox.lane):
            mailbox.standing, mailbox.ready_at = Standing.READY, now
            mailbox.owner = mailbox.lease_until = None
            data = {"fence": mailbox.fence}
            self._tables.log(AuditKind.TURN_LOST, now, mailbox.lane, str(mailbox.turn), data)
        if lost:
            self._tables.signals.turn_ready.set()
        return len(lost)

    def _log(
        self, kind: AuditKind, now: datetime | None, turn: TurnRef, data: Mapping[str, object]
    ) -> None:
        self._tables.log(kind, now, turn.lane, turn.id, data)
