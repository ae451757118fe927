"""What comes in: how messages are stored once, accepted or refused. The table inbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.domain.audit import AuditKind
from gateway.domain.ids import LaneId, PersonId
from gateway.domain.messages import Accepted, InboundMessage, MessageKind, Refusal
from gateway.domain.people import Identity, Sender, person_id_of
from storage.audit_data import message_refused
from storage.columns import read_attachments, to_place, write_attachments
from storage.postgres.database import Row, Transaction
from storage.postgres.locks import ARRIVE, lock_lanes
from storage.postgres.people import ask_pairing, find_person_id, meet
from storage.postgres.posts import add_delivery
from storage.postgres.values import columns, storable
from storage.rules import Arrival, MessageState, Standing

MESSAGE = (
    "key, conversation, sender_platform, sender_workspace, sender_account, sender_name,"
    " text, sent_at, kind, target, handle, is_private, attachments, person"
)
"""The columns that `to_message` reads, beside `seq`."""

LOOK_UP = """
SELECT inbox.seq, inbox.person, identity.person AS sender
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
    WITH ORDINALITY AS asked (key, platform, workspace, account, nth)
LEFT JOIN inbox ON inbox.key = asked.key
LEFT JOIN identity ON identity.platform = asked.platform
    AND identity.workspace = asked.workspace AND identity.account = asked.account
ORDER BY asked.nth
"""
# Numbers are drawn only for what is new, in the order of arrival, and under the lane's lock.
ADD_MESSAGES = f"""
INSERT INTO inbox (seq, {MESSAGE}, received_at, state, lane)
SELECT nextval('place'), {MESSAGE}, received_at, state, lane FROM (
    SELECT * FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
        $8::timestamptz[], $9::text[], $10::text[], $11::text[], $12::boolean[], $13::text[],
        $14::text[], $15::timestamptz[], $16::smallint[], $17::text[]
    ) WITH ORDINALITY AS new ({MESSAGE}, received_at, state, lane, nth)
    WHERE NOT EXISTS (SELECT 1 FROM inbox WHERE inbox.key = new.key)
    ORDER BY nth
) AS fresh
ON CONFLICT (key) DO NOTHING RETURNING seq, key
"""  # noqa: S608 - constants
# A parked lane is looked at again: who wrote now may wait for it too.
WAKE_LANES = """
UPDATE mailbox SET
    state = CASE WHEN state = 2 THEN 2 ELSE 1 END,
    ready_at = CASE WHEN state <> 2 AND turn IS NOT NULL THEN ready_at
        ELSE least(woken.quiet_at, coalesce(first_at, woken.at) + woken.max_wait) END,
    first_at = coalesce(first_at, woken.at)
FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::interval[])
    AS woken (lane, at, quiet_at, max_wait)
WHERE mailbox.lane = woken.lane RETURNING state
"""
SET_REPLY = "UPDATE inbox SET reply = $1 WHERE seq = $2"
LANE_OF = "SELECT lane FROM inbox WHERE key = $1"
_MINE = """
key = $2 AND state = 0
    AND sender_platform = $3 AND sender_workspace = $4 AND sender_account = $5
"""
REVISE_WAITING = f"UPDATE inbox SET text = $1 WHERE {_MINE}"  # noqa: S608 - constants
WITHDRAW_WAITING = f"""
UPDATE inbox SET state = 4, text = $1 WHERE {_MINE}
"""  # noqa: S608 - constants
FORGET_WAITING = """
UPDATE mailbox SET
    first_at = waiting.received_at,
    state = CASE
        WHEN state <> 2 AND turn IS NULL AND waiting.received_at IS NULL THEN 0
        WHEN state = 3 THEN 1
        ELSE state
    END
FROM (SELECT 1) AS one LEFT JOIN LATERAL (
    SELECT received_at FROM inbox WHERE lane = $1 AND state = 0 ORDER BY seq LIMIT 1
) AS waiting ON true
WHERE lane = $1
"""
STATE_OF = "SELECT state FROM inbox WHERE key = $1"

_KINDS = {kind.value: kind for kind in MessageKind}


@dataclass(frozen=True, slots=True)
class _New:
    """An arrival that was not known when it was looked up."""

    arrival: Arrival
    person: PersonId
    is_stranger: bool

    @property
    def lane(self) -> LaneId:
        return self.arrival.route.lane(self.person, self.arrival.message.conversation)


async def accept(tx: Transaction, arrivals: Sequence[Arrival]) -> list[Accepted]:
    """Store the messages once and make their lanes ready (T1)."""
    await tx.fetch(ARRIVE)
    found = await _look_up(tx, [arrival.message for arrival in arrivals])
    new: dict[str, _New] = {}
    for arrival, row in zip(arrivals, found, strict=True):
        if row["seq"] is None:
            new.setdefault(arrival.message.idempotency_key, _to_new(arrival, row["sender"]))
    if not new:
        return [Accepted(row["seq"], row["person"], is_new=False) for row in found]
    stored = await _store_new(tx, new)
    return await _answer(tx, arrivals, found, {key: new[key] for key in stored}, stored)


def _to_new(arrival: Arrival, known_as: str | None) -> _New:
    person = PersonId(known_as) if known_as else person_id_of(arrival.message.sender.identity)
    return _New(arrival, person, is_stranger=known_as is None)


async def _look_up(tx: Transaction, messages: Sequence[InboundMessage]) -> list[Row]:
    asked = [(message.idempotency_key, *_account(message.sender.identity)) for message in messages]
    return await tx.fetch(LOOK_UP, *columns(asked))


async def _store_new(tx: Transaction, new: dict[str, _New]) -> dict[str, int]:
    """Store those that are still new, meet strangers and wake lanes; return what got stored."""
    await lock_lanes(tx, [one.lane for one in new.values()], may_be_new=True)
    rows = [
        _to_row(one.arrival.message, one.person, MessageState.WAITING, one.arrival.now, one.lane)
        for one in new.values()
    ]
    stored = await _add(tx, rows)
    mine = [one for key, one in new.items() if key in stored]
    if mine:
        await _wake(tx, mine)
    return stored


async def _answer(
    tx: Transaction,
    arrivals: Sequence[Arrival],
    found: Sequence[Row],
    mine: dict[str, _New],
    stored: dict[str, int],
) -> list[Accepted]:
    """Log what was stored and tell each caller; who came second is told what the first got."""
    strangers = [one.arrival.message.sender for one in mine.values() if one.is_stranger]
    people = {_account(one.arrival.message.sender.identity): one.person for one in mine.values()}
    met = await meet(tx, strangers, people) if strangers else set[tuple[str, str, str]]()
    accepted: list[Accepted] = []
    for arrival, row in zip(arrivals, found, strict=True):
        key = arrival.message.idempotency_key
        one = mine.pop(key, None)
        if one is None:
            accepted.append(await _known(tx, arrival.message, row, stored))
            continue
        identity = arrival.message.sender.identity
        if _account(identity) in met:
            met.discard(_account(identity))
            tx.log(AuditKind.PERSON_MET, arrival.now, one.person, identity.key, {})
        data = {"sequence": stored[key]}
        tx.log(AuditKind.MESSAGE_ACCEPTED, arrival.now, one.lane, key, data)
        accepted.append(Accepted(stored[key], one.person, is_new=True))
    return accepted


async def _known(
    tx: Transaction, message: InboundMessage, row: Row, stored: dict[str, int]
) -> Accepted:
    if row["seq"] is None:
        (row,) = await _look_up(tx, [message])
    return Accepted(row["seq"], row["person"], is_new=False)


async def _wake(tx: Transaction, stored: Sequence[_New]) -> None:
    """Make lanes ready: the oldest message counts from its arrival, the newest sets the window."""
    oldest: dict[LaneId, datetime] = {}
    newest: dict[LaneId, Arrival] = {}
    for one in stored:
        oldest.setdefault(one.lane, one.arrival.now)
        newest[one.lane] = one.arrival
    rows = [
        (
            lane,
            oldest[lane],
            last.now + timedelta(seconds=last.route.quiet_seconds),
            timedelta(seconds=last.route.max_wait_seconds),
        )
        for lane, last in newest.items()
    ]
    woken = await tx.fetch(WAKE_LANES, *columns(rows))
    tx.lanes_ready |= any(row["state"] == Standing.READY for row in woken)


async def refuse(tx: Transaction, refusal: Refusal, now: datetime) -> Accepted:
    """Store that a message was turned away, with its wish to pair and the reply to it."""
    message = replace(refusal.message, text="")
    identity, key = message.sender.identity, message.idempotency_key
    person = await find_person_id(tx, identity) or person_id_of(identity)
    stored = await _add(tx, [_to_row(message, person, MessageState.REFUSED, now)])
    if key not in stored:
        (row,) = await _look_up(tx, [message])
        return Accepted(row["seq"], row["person"], is_new=False)
    data = message_refused(refusal, stored[key])
    tx.log(AuditKind.MESSAGE_REFUSED, now, message.conversation.id, key, data)
    may_reply = refusal.pairing is None or await ask_pairing(
        tx, refusal.pairing, refusal.pairing_limit, now
    )
    if refusal.reply is not None and may_reply:
        await add_delivery(tx, refusal.reply, now)
        await tx.count(SET_REPLY, refusal.reply.id, stored[key])
    return Accepted(stored[key], person, is_new=True)


async def revise(tx: Transaction, edit: InboundMessage, now: datetime) -> bool:
    """Replace the text of the message `edit.target` while it waits.

    The edit is stored as carried out, so that its repeat is not taken for news
    after the turn has begun. One that was accepted as news, because it came
    before its target, stays news.
    """
    lane = await _hold_target(tx, edit)
    known = await tx.first(STATE_OF, edit.idempotency_key)
    if known is not None:
        return known["state"] == MessageState.WITHDRAWN
    if lane is None or not await _change_waiting(tx, REVISE_WAITING, edit, edit.text):
        return False
    identity = edit.sender.identity
    person = await find_person_id(tx, identity) or person_id_of(identity)
    await _add(tx, [_to_row(replace(edit, text=""), person, MessageState.WITHDRAWN, now)])
    tx.log(AuditKind.MESSAGE_REVISED, now, lane, _target_key(edit), {})
    return True


async def withdraw(tx: Transaction, deletion: InboundMessage, now: datetime) -> bool:
    """Drop the message `deletion.target` while it waits."""
    lane = await _hold_target(tx, deletion)
    if lane is None or not await _change_waiting(tx, WITHDRAW_WAITING, deletion, ""):
        return False
    await tx.count(FORGET_WAITING, lane)
    tx.log(AuditKind.MESSAGE_WITHDRAWN, now, lane, _target_key(deletion), {})
    return True


async def _hold_target(tx: Transaction, change: InboundMessage) -> LaneId | None:
    """Lock the lane of the message that is to change, so that no claim takes it meanwhile."""
    row = await tx.first(LANE_OF, _target_key(change))
    if row is None or row["lane"] is None:
        return None
    await lock_lanes(tx, [row["lane"]])
    return row["lane"]


async def _change_waiting(
    tx: Transaction, statement: str, change: InboundMessage, text: str
) -> bool:
    account = _account(change.sender.identity)
    return await tx.count(statement, storable(text), _target_key(change), *account) == 1


def _target_key(change: InboundMessage) -> str:
    return replace(change, event_id=change.target or "").idempotency_key


def _account(identity: Identity) -> tuple[str, str, str]:
    return identity.platform, identity.workspace, identity.user


async def _add(tx: Transaction, rows: Sequence[tuple[object, ...]]) -> dict[str, int]:
    """Store messages; return the numbers of those whose event was not known."""
    return {row["key"]: row["seq"] for row in await tx.fetch(ADD_MESSAGES, *columns(rows))}


def _to_row(
    message: InboundMessage,
    person: PersonId,
    state: MessageState,
    now: datetime,
    lane: LaneId | None = None,
) -> tuple[object, ...]:
    return (
        message.idempotency_key,
        message.conversation.id,
        *_account(message.sender.identity),
        storable(message.sender.name),
        storable(message.text),
        message.sent_at,
        message.kind.value,
        message.target,
        message.handle,
        message.is_private,
        write_attachments(message.attachments),
        person,
        now,
        state.value,
        lane,
    )


def to_message(row: Row) -> InboundMessage:
    """Read the columns of MESSAGE."""
    conversation = to_place(row["conversation"])
    before_event = len(conversation.platform) + len(conversation.workspace) + 2
    identity = Identity(row["sender_platform"], row["sender_workspace"], row["sender_account"])
    return InboundMessage(
        event_id=row["key"][before_event:],
        conversation=conversation,
        sender=Sender(identity, row["sender_name"]),
        text=row["text"],
        sent_at=row["sent_at"],
        kind=_KINDS[row["kind"]],
        target=row["target"],
        handle=row["handle"],
        is_private=row["is_private"],
        attachments=read_attachments(row["attachments"]),
    )
