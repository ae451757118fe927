"""What comes in: how a message is stored once, accepted or refused. The table inbox."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from gateway.domain.audit import AuditKind
from gateway.domain.ids import LaneId, PersonId
from gateway.domain.messages import Accepted, InboundMessage, MessageKind, Refusal
from gateway.domain.people import Identity, Sender, person_id_of
from storage.audit_data import message_refused
from storage.columns import read_attachments, to_json, to_place, write_attachments
from storage.rules import Arrival, MessageState
from storage.sqlite.committer import Transaction, Value
from storage.sqlite.deliveries import add_delivery
from storage.sqlite.people import ask_pairing, find_person_id, meet
from storage.sqlite.values import from_micros, span, to_micros

MESSAGE = (
    "seq, key, conversation, sender_platform, sender_workspace, sender_account, sender_name,"
    " text, sent_at, kind, target, handle, is_private, attachments, person"
)
"""The columns that `to_message` reads."""

ADD_MESSAGES = f"INSERT OR FAIL INTO inbox ({MESSAGE}, received_at, state, lane)"
_ASKED = "(0, ?, ?, ?, ?)"
LOOK_UP = f"""
WITH asked (nth, key, platform, workspace, account) AS (VALUES {_ASKED})
SELECT json_group_array(json_array(nth, inbox.seq, inbox.person, identity.person)) FROM asked
LEFT JOIN inbox ON inbox.key = asked.key
LEFT JOIN identity ON identity.platform = asked.platform
    AND identity.workspace = asked.workspace AND identity.account = asked.account
"""  # noqa: S608 - constants
"""For one arrival; `_looking_up` writes it for more."""
KNOWN_MESSAGE = "SELECT seq, person FROM inbox WHERE key = ?"
WAKE_LANES = "INSERT OR FAIL INTO mailbox (lane, state, ready_at, first_at, fence)"
UNLESS_AWAKE = """
ON CONFLICT (lane) DO UPDATE SET
    state = iif(state = 2, 2, 1),
    ready_at = CASE WHEN state <> 2 AND turn IS NOT NULL THEN ready_at
        ELSE min(excluded.ready_at, coalesce(first_at, excluded.first_at) + ?) END,
    first_at = coalesce(first_at, excluded.first_at)
"""
"""A parked lane is looked at again: who wrote now may wait for it too.

Its parameter is how long the first of a burst waits at most.
"""
ANY_READY = """
SELECT EXISTS (
    SELECT 1 FROM json_each(?) AS woken CROSS JOIN mailbox ON mailbox.lane = woken.value
    WHERE mailbox.state = 1
)
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
        state <> 2 AND turn IS NULL
            AND NOT EXISTS (SELECT 1 FROM inbox WHERE lane = ?1 AND state = 0),
        0, iif(state = 3, 1, state)
    )
WHERE lane = ?1
"""
STATE_OF = "SELECT state FROM inbox WHERE key = ?"

_KINDS = {kind.value: kind for kind in MessageKind}


@dataclass(frozen=True, slots=True)
class _Found:
    """What the store knows about an arrival."""

    sequence: int | None
    """Where the message is, if it came before."""
    person: PersonId | None
    """Whose message it was."""
    sender: PersonId | None
    """Whose account it came from now."""


def accept(tx: Transaction, arrivals: Sequence[Arrival]) -> list[Accepted]:
    """Store the messages once and make their lanes ready (T1)."""
    accepted: dict[str, Accepted] = {}
    answers: list[Accepted] = []
    new: list[tuple[Arrival, Accepted]] = []
    strangers: set[Identity] = set()
    for arrival, found in zip(arrivals, _look_up(tx, arrivals), strict=True):
        message = arrival.message
        key, identity = message.idempotency_key, message.sender.identity
        known = accepted.get(key)
        if found.sequence is not None and found.person is not None:
            known = Accepted(found.sequence, found.person, is_new=False)
        if known is not None:
            answers.append(replace(known, is_new=False))
            continue
        person = found.sender or person_id_of(identity)
        if found.sender is None and identity not in strangers:
            strangers.add(identity)
            meet(tx, message.sender, person, arrival.now)
        accepted[key] = Accepted(tx.next_sequence(), person, is_new=True)
        answers.append(accepted[key])
        new.append((arrival, accepted[key]))
    _store(tx, new)
    return answers


def _look_up(tx: Transaction, arrivals: Sequence[Arrival]) -> list[_Found]:
    """Ask for all in one statement with one row: see `Transaction.insert` for why."""
    asked: list[str | None] = []
    for arrival in arrivals:
        identity = arrival.message.sender.identity
        asked += (arrival.message.idempotency_key, *_account(identity))
    count = 1 << (len(arrivals) - 1).bit_length()
    asked += [None] * (4 * (count - len(arrivals)))
    rows = json.loads(tx.execute(_looking_up(count), asked).fetchone()[0])
    found = {nth: _Found(*rest) for nth, *rest in rows}
    return [found[nth] for nth in range(len(arrivals))]


@lru_cache
def _looking_up(count: int) -> str:
    return LOOK_UP.replace(_ASKED, ", ".join(f"({nth}, ?, ?, ?, ?)" for nth in range(count)))


def _store(tx: Transaction, new: Sequence[tuple[Arrival, Accepted]]) -> None:
    """Store what is new, wake the lanes, and log it."""
    rows: list[tuple[Value, ...]] = []
    wakes: dict[int, list[tuple[Value, ...]]] = {}
    for arrival, accepted in new:
        message, route, now = arrival.message, arrival.route, arrival.now
        lane, at = route.lane(accepted.person, message.conversation), to_micros(now)
        quiet, longest = span(route.quiet_seconds), span(route.max_wait_seconds)
        place = accepted.person, lane, MessageState.WAITING
        rows.append(_to_row(message, accepted.sequence, place, now))
        wakes.setdefault(longest, []).append((lane, 1, at + min(quiet, longest), at, 0))
        key, data = message.idempotency_key, {"sequence": accepted.sequence}
        tx.log(AuditKind.MESSAGE_ACCEPTED, now, lane, key, data)
    tx.insert(ADD_MESSAGES, rows)
    for longest, lanes in wakes.items():
        tx.insert(WAKE_LANES, lanes, UNLESS_AWAKE, longest)
    if new and not tx.lanes_ready:
        woken = to_json([lane for lanes in wakes.values() for lane, *_ in lanes])
        tx.lanes_ready = bool(tx.execute(ANY_READY, (woken,)).fetchone()[0])


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
    if tx.execute(KNOWN_MESSAGE, (message.idempotency_key,)).fetchone() is not None:
        return None
    sequence = tx.next_sequence()
    tx.insert(ADD_MESSAGES, [_to_row(message, sequence, place, now)])
    return sequence


def _to_row(
    message: InboundMessage,
    sequence: int,
    place: tuple[PersonId, LaneId | None, MessageState],
    now: datetime,
) -> tuple[Value, ...]:
    person, lane, state = place
    identity = message.sender.identity
    return (
        sequence,
        message.idempotency_key,
        message.conversation.id,
        *_account(identity),
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


def _account(identity: Identity) -> tuple[str, str, str]:
    return identity.platform, identity.workspace, identity.user


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
