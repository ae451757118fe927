"""How much a person may write in a minute. Asked by the inbox before it stores what they say."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import DeliveryId, PersonId
from gateway.domain.messages import SAID, Accepted, InboundMessage, MessageKind, Refusal
from gateway.domain.people import Identity, person_id_of
from gateway.ports import UsageStore

_MINUTE = timedelta(minutes=1)
_LOOK_BACK = 4
"""So many times the limit are looked at in the store: a flood of refused ones is one too."""
_FREE_SHARE = 4
"""This part of what is left passes before the store is asked again."""
_MAX_REMEMBERED = 20_000


@dataclass(slots=True)
class _Tally:
    """What this process has let pass of one person."""

    person: PersonId
    heard: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """When each was sent, by its key: the same event again is no other."""
    free: int = 0
    """So many more pass without another look into the store."""

    def forget(self, until: datetime) -> None:
        self.heard = {key: at for key, at in self.heard.items() if at > until}


class Allowance:
    """Turns away what a person says beyond so many messages in a minute, with all their accounts.

    The store counts, and is asked seldom: a quarter of the limit passes in a minute unasked,
    and then a quarter of what is left. So each further process that hears the same person,
    also one after a restart, may let a quarter pass beyond the limit.
    What comes more than a minute after it was sent is no flood: it passes, and does not count.
    """

    def __init__(self, usage: UsageStore, limit: int) -> None:
        self._usage = usage
        self._limit = limit
        self._tallies: dict[Identity, _Tally] = {}
        """Accounts of one person share theirs."""
        self._of_people: dict[PersonId, _Tally] = {}

    async def refusal(self, message: InboundMessage, now: datetime) -> Refusal | None:
        """Return how the message is turned away; None, and it counts, when it may be stored.

        The store knows an event that was accepted before, and takes no refusal of it.
        Raises StoreUnavailable.
        """
        since = now - _MINUTE
        if message.kind not in SAID or message.sent_at <= since:
            return None
        identity, key = message.sender.identity, message.idempotency_key
        tally = self._tallies.get(identity) or self._join(identity, person_id_of(identity))
        if not tally.free and key not in tally.heard:
            tally = await self._look(identity, tally, since)
        if key in tally.heard:
            return None
        if tally.free == 0:
            return _refusal(message, tally.person, self._limit, now)
        tally.free -= 1
        tally.heard[key] = message.sent_at
        return None

    def learn(self, message: InboundMessage, accepted: Accepted) -> None:
        """Note whose the message is that was stored: accounts are linked, and parted again."""
        tally = self._tallies.get(message.sender.identity)
        if tally is not None and tally.person != accepted.person:
            self._join(message.sender.identity, accepted.person)

    def _join(self, identity: Identity, person: PersonId) -> _Tally:
        """Return the person's tally, which is the account's from now on."""
        if len(self._tallies) >= _MAX_REMEMBERED:
            self._tallies.clear()
            self._of_people.clear()
        tally = self._tallies[identity] = self._of_people.setdefault(person, _Tally(person))
        return tally

    async def _look(self, identity: Identity, tally: _Tally, since: datetime) -> _Tally:
        """Bring up to date how many more may pass; of few or too many the store is not asked."""
        tally.forget(since)
        tally.free = max(self._limit // _FREE_SHARE - len(tally.heard), 0)
        if tally.free or len(tally.heard) >= self._limit:
            return tally
        written = await self._usage.written(identity, since, _LOOK_BACK * self._limit)
        tally = self._join(identity, written.person)
        tally.forget(since)
        left = self._limit - max(written.count, len(tally.heard))
        tally.free = 1 + (left - 1) // _FREE_SHARE if left > 0 else 0
        return tally


def _refusal(message: InboundMessage, person: PersonId, limit: int, now: datetime) -> Refusal:
    """Turn it away; its writer is told once in each minute of the clock."""
    most = "one message" if limit == 1 else f"{limit:,} messages"
    reply = NewDelivery(
        id=_reply_id(person, now),
        conversation=message.conversation,
        text=f"You wrote more than {most} in a minute; I did not hear this one. "
        "Please wait a moment and send it again.",
        handle=message.handle,
        is_private=message.is_private,
    )
    is_told = message.kind is MessageKind.TEXT
    return Refusal(message, reason="too_many_messages", reply=reply if is_told else None)


def _reply_id(person: PersonId, now: datetime) -> DeliveryId:
    minute = int(now.timestamp()) // 60
    digest = hashlib.blake2b(f"{person}:{minute}".encode(), digest_size=12).hexdigest()
    return DeliveryId(f"allowance-{digest}")
