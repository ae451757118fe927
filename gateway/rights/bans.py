"""Who is turned away whatever else lets them in, and how they are told."""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway.domain.bans import Ban
from gateway.domain.messages import ANSWERED, InboundMessage, Refusal, told_why
from gateway.domain.people import Identity
from gateway.ports import PeopleStore

_FRESH = timedelta(seconds=1)
"""After this the store is asked again: another part of the gateway may have banned somebody."""


class Bans:
    """Knows all bans that hold; one that is said elsewhere counts within a second."""

    def __init__(self, people: PeopleStore) -> None:
        self._people = people
        self._known: dict[Identity, Ban] = {}
        self._asked_at: datetime | None = None

    async def of(self, identity: Identity, now: datetime) -> Ban | None:
        """Return the ban of an account; None when it has none. Raises StoreUnavailable."""
        if self._asked_at is None or not timedelta() <= now - self._asked_at < _FRESH:
            self._known = {ban.identity: ban for ban in await self._people.bans(now)}
            self._asked_at = now
        ban = self._known.get(identity)
        return ban if ban is not None and ban.holds(now) else None


def ban_refusal(message: InboundMessage, ban: Ban) -> Refusal:
    """Turn it away. Who wrote it is told once in each hour of the clock; who is muted, never."""
    if ban.is_silent or message.kind not in ANSWERED:
        return Refusal(message, reason="muted" if ban.is_silent else "banned")
    hour = int(message.sent_at.timestamp()) // 3_600
    of_hour = f"ban {ban.identity.key} {ban.since.isoformat()} {hour} {message.conversation.id}"
    text = f"You are banned here {ban}. I do not hear what you write."
    return Refusal(message, "banned", told_why(message, text, of_hour))
