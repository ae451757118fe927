"""What is turned away: a sentence for who asked, if anybody did, and a line for the operator."""

from __future__ import annotations

import logging

from adapters.discord.inbound import PLATFORM
from adapters.discord.interactions import Unread, refusal
from adapters.discord.options import NoteRefusal
from adapters.discord.rest import Json
from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Sender
from gateway.errors import BadInput, StoreUnavailable
from gateway.ports import Clock

log = logging.getLogger(__name__)

REASON = "interaction_not_read"
"""What the audit log says of an interaction that can not be carried out."""
_DOOR = Conversation(PLATFORM, "door", "interactions")
_SOMEBODY = Sender(Identity(PLATFORM, "door", "unknown"), "")


async def turned_away(error: BadInput, note: NoteRefusal | None) -> Json:
    """Have it noted, if it is known whose it was, and return the answer that ends it."""
    log.warning("discord_interaction_refused", extra={"error": str(error)})
    if note is not None and isinstance(error, Unread):
        try:
            await note(error.message, REASON)
        except StoreUnavailable:
            # Whoever asked waits for 3 s at most, and the log has it.
            log.warning("discord_refusal_not_noted", extra={"event": error.message.event_id})
    return refusal(str(error))


class Strangers:
    """Has requests noted that are not Discord's: a line for each reason and minute, no more.

    Anybody can send them, so their number must not be that of the rows.
    """

    def __init__(self, note: NoteRefusal | None, clock: Clock) -> None:
        self._note = note
        self._clock = clock
        self._noted: dict[str, str] = {}
        """Reason → the minute in which it was noted last."""

    async def turn_away(self, reason: str) -> None:
        """Note that somebody came who is not Discord."""
        now = self._clock.now()
        minute = f"{now:%Y-%m-%dT%H:%M}"
        log.warning("discord_request_refused", extra={"reason": reason})
        if self._note is None or self._noted.get(reason) == minute:
            return
        self._noted[reason] = minute
        event = f"{reason}:{minute}"
        try:
            await self._note(InboundMessage(event, _DOOR, _SOMEBODY, "", now), reason)
        except StoreUnavailable:
            log.warning("discord_refusal_not_noted", extra={"event": event})
