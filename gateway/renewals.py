"""Begins a conversation anew by itself after a pause, or once a day, where the operator says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from gateway.domain.conversations import Conversation
from gateway.domain.ids import PersonId
from gateway.domain.messages import SAID, InboundMessage, MessageKind
from gateway.domain.people import ZONE_NOTE, lane_owner
from gateway.domain.turns import Turn
from gateway.envelope import zone_named
from gateway.ports import Constellation, NoteStore


@dataclass(frozen=True, slots=True)
class Ends:
    """When a conversation is over, so that the next word begins another."""

    idle: timedelta | None = None
    """After so long without a word of a person; None for never."""
    daily_at: time | None = None
    """Every day at this time of the wall clock; None for never."""

    @property
    def is_never(self) -> bool:
        """Whether it goes on for ever."""
        return self.idle is None and self.daily_at is None

    def is_over(self, last: datetime, now: datetime, zone: tzinfo) -> bool:
        """Whether a conversation whose last word was `last` is over. Pure."""
        if self.idle is not None and now - last >= self.idle:
            return True
        return self.daily_at is not None and last < _newest(self.daily_at, now, zone)


@dataclass(frozen=True, slots=True)
class RenewalPolicy:
    """When conversations are over, by the kind of their place."""

    direct: Ends = Ends()
    channel: Ends = Ends()
    thread: Ends = Ends()
    zone: str = "UTC"
    """The clock of the daily times for whoever has said none, and for agents that are shared."""

    def of(self, place: Conversation) -> Ends:
        """Return when conversations in this place are over; threads of direct ones are direct."""
        if place.is_direct:
            return self.direct
        return self.channel if place.thread is None else self.thread


class Renewals:
    """Renews an agent's thread before a turn that a person's words begin. Memory stays.

    A wakeup, a decision or another agent's question neither ends a conversation nor
    prolongs it. What is about an earlier message, as an edit or a question asked again,
    prolongs it. A repeat of the turn renews nothing again, but for one that died
    between the new thread and the note of it: that thread takes the place of the first.
    """

    def __init__(
        self, constellation: Constellation, notes: NoteStore, policy: RenewalPolicy
    ) -> None:
        self._constellation = constellation
        self._notes = notes
        self._policy = policy

    async def before(self, turn: Turn) -> None:
        """Begin a new thread if the last one is over. Raises RuntimeUnavailable."""
        ends = self._policy.of(turn.conversation)
        said = [message for message in turn.messages if message.kind in SAID]
        if ends.is_never or not said or turn.runs:
            return
        owner = lane_owner(turn.ref.lane, turn.person, turn.conversation)
        noted = await self._notes.get(owner, _note(turn.role, turn.conversation))
        last = None if noted is None else datetime.fromisoformat(noted)
        first = said[0]
        if last is not None and first.kind is MessageKind.TEXT and not first.is_again:
            zone = await self._zone(owner, ends)
            if ends.is_over(last, first.sent_at, zone):
                await self._renew(turn, owner, first)
        moments = [message.sent_at for message in said]
        newest = max(moments if last is None else [last, *moments])
        await self._notes.put(owner, _note(turn.role, turn.conversation), newest.isoformat())

    async def prolong(
        self, owner: PersonId, role: str, place: Conversation, moment: datetime
    ) -> None:
        """Let no conversation be over that was begun, or gone back to, by a command."""
        if not self._policy.of(place).is_never:
            await self._notes.put(owner, _note(role, place), moment.isoformat())

    async def _renew(self, turn: Turn, owner: PersonId, first: InboundMessage) -> None:
        agent = await self._constellation.agent_of(owner, turn.role)
        if agent is not None:
            key = first.idempotency_key
            await self._constellation.renew_thread(agent, turn.conversation, key)

    async def _zone(self, owner: PersonId, ends: Ends) -> tzinfo:
        own = None if ends.daily_at is None else await self._notes.get(owner, ZONE_NOTE)
        return zone_named(own or self._policy.zone)


def _note(role: str, place: Conversation) -> str:
    """Return the name of the note that holds when something was said last."""
    return f"said:{role}:{place.id}"


def _newest(daily_at: time, now: datetime, zone: tzinfo) -> datetime:
    """Return when it was this time of the day last, on the zone's clock.

    Where the clock leaps over it, the moment is what it would have been before the leap.
    """
    today = now.astimezone(zone).date()
    moment = datetime.combine(today, daily_at, zone).astimezone(UTC)
    if moment <= now:
        return moment
    return datetime.combine(today - timedelta(days=1), daily_at, zone).astimezone(UTC)
