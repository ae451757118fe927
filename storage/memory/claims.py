"""Taking ready lanes as turns, new ones or those that were begun before (T2), in dictionaries."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.ids import LaneId, PersonId, TurnId
from gateway.domain.turns import Claim, Turn, TurnRef
from storage.audit_data import turn_claimed
from storage.memory.tables import MailboxRow, MessageRow, Tables, TurnRow
from storage.rules import (
    TURN_MESSAGES_LIMIT,
    WAKEUP_PATIENCE,
    MessageState,
    Standing,
    role_of,
    turn_length,
)
from storage.seats import Claimer, is_for_commands, owner_of, seated


def claim(tables: Tables, claimer: Claimer) -> Claim:
    """Take ready lanes, oldest first, as turns with new fences, and park those without a seat."""
    now, mailboxes = claimer.now, tables.mailboxes.values()

    def age(mailbox: MailboxRow) -> tuple[datetime, LaneId]:
        return mailbox.ready_at or now, mailbox.lane

    ready = sorted((m for m in mailboxes if m.standing is Standing.READY), key=age)
    ripe = [m for m in ready if m.ready_at is None or m.ready_at <= now][: claimer.limit]
    lanes = sorted([*ripe, *(m for m in mailboxes if m.standing is Standing.PARKED)], key=age)
    busy = Counter(m.person for m in mailboxes if m.person and m.standing is Standing.BUSY)
    seats = seated([_owner(tables, mailbox) for mailbox in lanes], busy, claimer)
    turns = tuple(
        _claim_lane(tables, mailbox, claimer)
        for mailbox, has_seat in zip(lanes, seats, strict=False)
        if has_seat
    )
    full = [m for m, has_seat in zip(lanes, seats, strict=False) if not has_seat]
    parked = [_park(tables, m) for m in full if m.standing is Standing.READY]
    rest = next((m.ready_at for m in ready if m.standing is Standing.READY), None)
    return Claim(turns, now if parked else rest)


def _owner(tables: Tables, mailbox: MailboxRow) -> PersonId | None:
    """Return whose seat the lane's next turn takes: of one that several wait for, nobody's."""
    if mailbox.standing is Standing.PARKED:
        return mailbox.person
    if is_for_commands(mailbox.lane):
        return None
    if mailbox.turn is not None and tables.turns[mailbox.turn].is_cancelled:
        return None
    owner = owner_of(mailbox.lane)
    if owner is not None:
        return owner
    begun = tables.turn_messages[mailbox.turn] if mailbox.turn else []
    people = {row.person for row in tables.waiting[mailbox.lane][:TURN_MESSAGES_LIMIT]}
    people |= {row.person for row in begun}
    return people.pop() if len(people) == 1 else None


def _park(tables: Tables, mailbox: MailboxRow) -> None:
    mailbox.standing, mailbox.person = Standing.PARKED, _owner(tables, mailbox)


def _claim_lane(tables: Tables, mailbox: MailboxRow, claimer: Claimer) -> Turn:
    now, mailbox.person = claimer.now, _owner(tables, mailbox)
    if mailbox.turn is None:
        mailbox.turn = _compose(tables, mailbox.lane, now)
    row = tables.turns[mailbox.turn]
    row.attempt += 1
    mailbox.standing, mailbox.owner = Standing.BUSY, claimer.worker
    mailbox.fence += 1
    mailbox.lease_until = claimer.lease_until
    waiting = tables.waiting[mailbox.lane]
    mailbox.first_at = mailbox.ready_at = waiting[0].received_at if waiting else None
    messages = tables.turn_messages[row.id]
    sequences = [message.sequence for message in messages]
    turn = _turn(row, messages, mailbox.fence)
    data = turn_claimed(turn, claimer.worker, sequences)
    tables.log(AuditKind.TURN_CLAIMED, now, row.lane, row.id, data)
    return turn


def _compose(tables: Tables, lane: LaneId, now: datetime) -> TurnId:
    waiting = tables.waiting[lane]
    # People first: a wakeup waits until nobody does, but not for ever, and is a turn apart.
    oldest = waiting[0]
    is_starved = oldest.message.is_wakeup and oldest.received_at <= now - WAKEUP_PATIENCE
    people = (row for row in waiting if not row.message.is_wakeup)
    first = oldest if is_starved else next(people, oldest)
    place, is_wakeup = first.message.conversation, first.message.is_wakeup
    here = [
        row
        for row in waiting
        if row.message.conversation == place and row.message.is_wakeup == is_wakeup
    ]
    taken = here[: turn_length([row.message.wants_its_own_turn for row in here])]
    turn = TurnId(f"turn-{first.sequence}")
    for row in taken:
        row.state, row.turn = MessageState.IN_TURN, turn
    tables.waiting[lane] = [row for row in waiting if row.turn is None]
    tables.turns[turn] = TurnRow(turn, lane, first.person, place, now)
    tables.turn_messages[turn] = taken
    return turn


def _turn(row: TurnRow, messages: list[MessageRow], fence: int) -> Turn:
    return Turn(
        ref=TurnRef(row.id, row.lane, fence),
        person=row.person,
        role=role_of(row.lane),
        conversation=row.conversation,
        messages=tuple(message.message for message in messages),
        attempt=row.attempt,
        started_at=row.started_at,
        runs=tuple(row.runs),
        tool_results=tuple(row.tool_results.values()),
        tool_intents=tuple(row.tool_intents),
        drafts=len(row.drafts),
        was_postponed=row.error is not None,
        was_noticed=row.was_noticed,
        is_cancelled=row.is_cancelled,
    )
