"""Where no agent answers for now, because somebody said `/pause`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from gateway.domain.conversations import Conversation
from gateway.domain.messages import SAID, InboundMessage, MessageKind, Refusal, told_why
from gateway.ports import NoteStore

_SUBJECT = "paused"
_FRESH = timedelta(seconds=1)
"""After this the store is asked again: another part of the gateway may have been told."""


class Pauses:
    """Remembers pauses in the store, until `/resume`. A channel's holds in its threads too."""

    def __init__(self, notes: NoteStore) -> None:
        self._notes = notes
        self._known: dict[str, str] = {}
        self._asked_at: datetime | None = None

    async def since(self, place: Conversation, now: datetime) -> str | None:
        """Tell since when a conversation is paused, in a channel also by whom; None when it is not.

        What others were told counts within a second. Raises StoreUnavailable.
        """
        if self._asked_at is None or not timedelta() <= now - self._asked_at < _FRESH:
            self._known, self._asked_at = await self._notes.all_of(_SUBJECT), now
        if not self._known:
            return None
        whole = replace(place, thread=None)
        return self._known.get(place.id) or self._known.get(whole.id)

    async def is_paused(self, place: Conversation, now: datetime) -> bool:
        """Whether no agent answers there."""
        return await self.since(place, now) is not None

    async def refusal(self, message: InboundMessage, now: datetime) -> Refusal | None:
        """Return how a message is turned away; None where agents answer, and for commands."""
        place = message.conversation
        since = await self.since(place, now) if message.kind in SAID else None
        if since is None:
            return None
        reply = told_why(message, f"{since}. I did not hear this. `/resume` lets me answer again.")
        is_told = message.kind is MessageKind.TEXT
        return Refusal(message, reason="paused", reply=reply if is_told else None)

    async def pause(self, place: Conversation, by: str, now: datetime) -> None:
        """Let nobody's agent answer there. What waits already is still answered."""
        whose = "" if place.is_direct else f" by {by}"
        text = f"Paused{whose} on {now:%Y-%m-%d at %H:%M} UTC"
        await self._notes.put(_SUBJECT, _meant(place).id, text)
        self._asked_at = None

    async def resume(self, place: Conversation) -> None:
        """End the pause of this conversation; a thread's channel stays as it is."""
        await self._notes.drop(_SUBJECT, _meant(place).id)
        self._asked_at = None


def _meant(place: Conversation) -> Conversation:
    """Return what is paused: direct messages are one conversation for whoever says it."""
    return replace(place, thread=None) if place.is_direct else place
