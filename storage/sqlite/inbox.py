"""What comes in: how a message is stored once, accepted or refused. The table inbox."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from gateway.domain.audit import AuditKind
from gateway.domain.ids import LaneId, PersonId
from gateway.domain.messages import Accepted, InboundMessage, MessageKind, Refusal
from gateway.domain.people import Identity, Route, Sender, person_id_of
from storage.audit_data import message_refused
from storage.columns import read_attachments, to_place, write_attachments
from storage.rules import MessageState
from storage.sqlite.committer import Transaction
from storage.sqlite.deliveries import add_delivery
from storage.sqlite.people import ask_pairing, find_person_id, meet
from storage.sqlite.values import from_micros, span, to_micros

MESSAGE = (
    "seq, key, conversation, sender_platform, sender_workspace, sender_account, sender_name,"
    " text, sent_at, kind, target, handle, is_private, attachments, person"
)
"""The columns that `to_message` reads."""

ADD_MESSAGE = f"""
INSERT INTO inbox
    ({MESSAGE}, received_at, state, lane)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO NOTHING
"""  # noqa: S608 - constants
KNOWN_MESSAGE = "SELECT seq, person FROM inbox WHERE key = ?"
WAKE_LANE = """
INSERT INTO mailbox (lane, state, ready_at, first_at, fence)
VALUES (?1, 1, ?2 + min(?3, ?4), ?2, 0)
ON CONFLICT (lane) DO UPDATE SET
    state = max(state, 1),
    ready_at = CASE WHEN state = 1 AND turn IS NOT NULL THEN ready_at
        ELSE min(?2 + ?3, coalesce(first_at, ?2) + ?4) END,
    first_at = coalesce(first_at, ?2)
RETURNING state
"""
SET_REPLY = "UPDATE inbox SET reply = ? WHERE seq = ?"
_MINE = "state = 0 AND sender_platform = ? AND sender_workspace = ? AND sender_account = ?"
REVISE_WAITING = f"""
UPDATE inbox SET text = ? WHERE key = ? AND {_MINE} RETURNING lane
"""  # noqa: S608 - constants
WITHDRAW_WAITING = f"""
UPDATE inbox SET state = 4, text = ? WHERE key = ? AND {_MINE} RETURNING lane
"""  # noqa: S608 - constants
FORGET_WAITING = """
UPDATE mailbox SET
    first_at = (SELECT received_at FROM inbox WHERE lane = ?1 AND state = 0 ORDER BY seq LIMIT 1),
    state = iif(
        state = 1 AND turn IS NULL
            AND NOT EXISTS (SELECT 1 FROM inbox WHERE lane = ?1 AND state = 0),
        0, state
    )
WHERE lane = ?1
"""
STATE_OF = "SELECT state FROM inbox WHERE key = ?"

_KINDS = {kind.value: kind for kind in MessageKind}


def accept(tx: Transaction, message: InboundMessage, route: Route, now: datetime) -> Accepted:
    """Store the message once and make its lane ready (T1)."""
    identity = message.sender.identity
    found = find_person_id(tx, identity)
    person = found or person_id_of(identity)
    lane = route.lane(person, message.conversation)
    sequence = _add(tx, message, (person, lane, MessageState.WAITING), now)
    if sequence is None:
        return _known(tx, message)
    if found is None:
        meet(tx, message.sender, person, now)
    window = span(route.quiet_seconds), span(route.max_wait_seconds)
    woken = tx.execute(WAKE_LANE, (lane, to_micros(now), *window)).fetchone()
    tx.lanes_ready |= woken[0] == 1
    tx.log(AuditKind.MESSAGE_ACCEPTED, now, lane, message.idempotency_key, {"sequence": sequence})
    return Accepted(sequence, person, is_new=True)


def refuse(tx: Transaction, refusal: Refusal, now: datetime) -> Accepted:
    """Store that a message was turned away, with its wish to pair and the reply to it."""
    message = replace(refusal.message, text="")
    identity = message.sender.identity
    person = find_person_id(tx, identity) or person_id_of(identity)
    sequence = _add(tx, message, (person, None, MessageState.REFUSED), now)
    if sequence is None:
        return _known(tx, message)
    data = message_refused(refusal, sequence)
    subject = message.conversation.id
    tx.log(AuditKind.MESSAGE_REFUSED, now, subject, message.idempotency_key, data)
    may_reply = refusal.pairing is None or ask_pairing(
        tx, refusal.pairing, refusal.pairing_limit, now
    )
    if refusal.reply is not None and may_reply:
        add_delivery(tx, refusal.reply, now)
        tx.execute(SET_REPLY, (refusal.reply.id, sequence))
    return Accepted(sequence, person, is_new=True)


def revise(tx: Transaction, edit: InboundMessage, now: datetime) -> bool:
    """Replace the text of the message `edit.target` while it waits.

    The edit is stored as carried out, so that its repeat is not taken for news
    after the turn has begun. One that was accepted as news, because it came
    before its target, stays news.
    """
    known = tx.execute(STATE_OF, (edit.idempotency_key,)).fetchone()
    if known is not None:
        return known[0] == MessageState.WITHDRAWN
    lane = _change_waiting(tx, REVISE_WAITING, edit, edit.text)
    if lane is None:
        return False
    identity = edit.sender.identity
    person = find_person_id(tx, identity) or person_id_of(identity)
    _add(tx, replace(edit, text=""), (person, None, MessageState.WITHDRAWN), now)
    tx.log(AuditKind.MESSAGE_REVISED, now, lane, _target_key(edit), {})
    return True


def withdraw(tx: Transaction, deletion: InboundMessage, now: datetime) -> bool:
    """Drop the message `deletion.target` while it waits."""
    lane = _change_waiting(tx, WITHDRAW_WAITING, deletion, "")
    if lane is None:
        return False
    forget_waiting(tx, lane)
    tx.log(AuditKind.MESSAGE_WITHDRAWN, now, lane, _target_key(deletion), {})
    return True


def _change_waiting(
    tx: Transaction, statement: str, change: InboundMessage, text: str
) -> LaneId | None:
    sender = change.sender.identity
    row = (text, _target_key(change), sender.platform, sender.workspace, sender.user)
    changed = tx.execute(statement, row).fetchone()
    return None if changed is None else changed[0]


def forget_waiting(tx: Transaction, lane: str) -> None:
    """Bring a lane up to date after messages that waited in it were taken out."""
    tx.execute(FORGET_WAITING, (lane,))


def _target_key(change: InboundMessage) -> str:
    return replace(change, event_id=change.target or "").idempotency_key


def _add(
    tx: Transaction,
    message: InboundMessage,
    place: tuple[PersonId, LaneId | None, MessageState],
    now: datetime,
) -> int | None:
    """Return the sequence number, None when the event is known."""
    person, lane, state = place
    identity = message.sender.identity
    sequence = tx.next_sequence()
    row = (
        sequence,
        message.idempotency_key,
        message.conversation.id,
        identity.platform,
        identity.workspace,
        identity.user,
        message.sender.name,
        message.text,
        to_micros(message.sent_at),
        message.kind.value,
        message.target,
        message.handle,
        int(message.is_private),
        write_attachments(message.attachments),
        person,
        to_micros(now),
        state.value,
        lane,
    )
    return sequence if tx.execute(ADD_MESSAGE, row).rowcount == 1 else None


def _known(tx: Transaction, message: InboundMessage) -> Accepted:
    sequence, person = tx.execute(KNOWN_MESSAGE, (message.idempotency_key,)).fetchone()
    return Accepted(sequence, person, is_new=False)


def to_message(row: tuple[Any, ...]) -> InboundMessage:
    """Read the columns of MESSAGE."""
    _, key, place, platform, workspace, account, name, text, sent_at, kind, *rest, _ = row
    target, handle, is_private, attachments = rest
    conversation = to_place(place)
    before_event = len(conversation.platform) + len(conversation.workspace) + 2
    return InboundMessage(
        event_id=key[before_event:],
        conversation=conversation,
        sender=Sender(Identity(platform, workspace, account), name),
        text=text,
        sent_at=from_micros(sent_at),
        kind=_KINDS[kind],
        target=target,
        handle=handle,
        is_private=bool(is_private),
        attachments=read_attachments(attachments),
    )
