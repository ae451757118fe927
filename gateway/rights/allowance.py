"""How much may be said in a minute, by a person and in a channel. Asked before it is stored."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gateway.domain.conversations import Conversation
from gateway.domain.ids import PersonId
from gateway.domain.messages import SAID, Accepted, InboundMessage, MessageKind, Refusal, told_why
from gateway.domain.people import Identity, person_id_of, place_id_of
from gateway.ports import UsageStore

_MINUTE = timedelta(minutes=1)
_LOOK_BACK = 4
"""So many times the limit are looked at in the store: a flood of refused ones is one too."""
_FREE_SHARE = 4
"""This part of what is left passes before the store is asked again."""
_MAX_REMEMBERED = 20_000


@dataclass(slots=True)
class _Tally:
    """What this process has let pass of one person, or of a channel."""

    person: PersonId
    heard: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """When each was sent, by its key: the same event again is no other."""
    free: int = 0
    """So many more pass without another look into the store."""

    def knows(self, limit: int, since: datetime) -> bool:
        """Whether it is plain how many more may pass: while they are few, or too many."""
        self._forget(since)
        self.free = max(limit // _FREE_SHARE - len(self.heard), 0)
        return self.free > 0 or len(self.heard) >= limit

    def let_pass(self, limit: int, written: int, since: datetime) -> None:
        """Let a part of those pass that are left, as the store has counted."""
        self._forget(since)
        left = limit - max(written, len(self.heard))
        self.free = 1 + (left - 1) // _FREE_SHARE if left > 0 else 0

    def _forget(self, until: datetime) -> None:
        self.heard = {key: at for key, at in self.heard.items() if at > until}


class Allowance:
    """Turns away what a person says beyond so many messages in a minute, with all their accounts.

    The store counts, and is asked seldom: a quarter of the limit passes in a minute unasked,
    and then a quarter of what is left. So each further process that hears the same person,
    also one after a restart, may let a quarter pass beyond the limit.
    What comes more than a minute after it was sent is no flood: it passes, and does not count.
    """

    def __init__(
        self, usage: UsageStore, limit: int | None, channels: ChannelAllowance | None = None
    ) -> None:
        self._usage = usage
        self._limit = limit
        """None where people may write as fast as they like."""
        self._channels = channels
        """None where channels may fill as fast as they do."""
        self._tallies: dict[Identity, _Tally] = {}
        """Accounts of one person share theirs."""
        self._of_people: dict[PersonId, _Tally] = {}

    async def refusal(self, message: InboundMessage, now: datetime) -> Refusal | None:
        """Return how the message is turned away; None, and it counts, when it may be stored.

        The store knows an event that was accepted before, and takes no refusal of it.
        Raises StoreUnavailable.
        """
        if message.kind not in SAID or message.sent_at <= now - _MINUTE:
            return None
        refusal = None
        if self._limit is not None:
            refusal = await self._of_its_writer(message, self._limit, now)
        if refusal is None and self._channels is not None:
            refusal = await self._channels.refusal(message, now)
        return refusal

    async def _of_its_writer(
        self, message: InboundMessage, limit: int, now: datetime
    ) -> Refusal | None:
        since = now - _MINUTE
        identity, key = message.sender.identity, message.idempotency_key
        tally = self._tallies.get(identity) or self._join(identity, person_id_of(identity))
        if not tally.free and key not in tally.heard:
            tally = await self._look(identity, tally, limit, since)
        if key in tally.heard:
            return None
        if tally.free == 0:
            return _refusal(message, tally.person, limit, now)
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

    async def _look(self, identity: Identity, tally: _Tally, limit: int, since: datetime) -> _Tally:
        """Bring up to date how many more may pass; of few or too many the store is not asked."""
        if tally.knows(limit, since):
            return tally
        written = await self._usage.written(identity, since, _LOOK_BACK * limit)
        tally = self._join(identity, written.person)
        tally.let_pass(limit, written.count, since)
        return tally


class ChannelAllowance:
    """Turns away what is said in a channel beyond so many messages in a minute, by all together.

    A process counts a channel with its threads. Of what others heard, and of what it heard
    before it was restarted, it asks the store for the very conversation, as seldom as
    `Allowance` does. What is said where one person is alone with an agent does not count.
    """

    def __init__(self, usage: UsageStore, limit: int) -> None:
        self._usage = usage
        self._limit = limit
        self._tallies: dict[Conversation, _Tally] = {}

    async def refusal(self, message: InboundMessage, now: datetime) -> Refusal | None:
        """Return how the message is turned away; None, and it counts, when it may be stored."""
        place, key, since = message.conversation, message.idempotency_key, now - _MINUTE
        if place.is_direct:
            return None
        channel = replace(place, thread=None)
        tally = self._of(channel)
        if key in tally.heard:
            return None
        if not tally.free and not tally.knows(self._limit, since):
            written = await self._usage.written_in(place, since, _LOOK_BACK * self._limit)
            tally.let_pass(self._limit, written, since)
        if tally.free == 0:
            return _channel_refusal(message, channel, self._limit, now)
        tally.free -= 1
        tally.heard[key] = message.sent_at
        return None

    def _of(self, channel: Conversation) -> _Tally:
        if len(self._tallies) >= _MAX_REMEMBERED:
            self._tallies.clear()
        return self._tallies.setdefault(channel, _Tally(place_id_of(channel)))


def _refusal(message: InboundMessage, person: PersonId, limit: int, now: datetime) -> Refusal:
    """Turn it away; its writer is told once in each minute of the clock."""
    said = f"You wrote more than {_most(limit)} in a minute"
    return _turned_away(message, said, "too_many_messages", f"{person} {_minute(now)}")


def _channel_refusal(
    message: InboundMessage, channel: Conversation, limit: int, now: datetime
) -> Refusal:
    """Turn it away; the channel is told once in each minute, whoever waits for an answer too."""
    said = f"More than {_most(limit)} were written in this channel in a minute"
    return _turned_away(message, said, "busy_channel", f"{channel.id} {_minute(now)}")


def _turned_away(message: InboundMessage, said: str, reason: str, once_for: str) -> Refusal:
    text = f"{said}; I did not hear this one. Please wait a moment and send it again."
    is_told = message.kind is MessageKind.TEXT
    return Refusal(message, reason, told_why(message, text, once_for) if is_told else None)


def _most(limit: int) -> str:
    return "one message" if limit == 1 else f"{limit:,} messages"


def _minute(now: datetime) -> int:
    return int(now.timestamp()) // 60
