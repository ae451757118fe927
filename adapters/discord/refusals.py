"""What is turned away: a sentence for who asked, if anybody did, and a line for the operator."""

from __future__ import annotations

import logging
from datetime import datetime

from adapters.discord.inbound import PLATFORM
from adapters.discord.interactions import Unread, refusal
from adapters.discord.options import NoteRefusal
from adapters.discord.rest import Json
from gateway.domain.messages import InboundMessage
from gateway.domain.oddities import REASON as NOT_UNDERSTOOD
from gateway.domain.oddities import Oddities
from gateway.domain.strangers import Strangers
from gateway.errors import BadInput, StoreUnavailable

log = logging.getLogger(__name__)

REASON = "interaction_not_read"
"""What the audit log says of an interaction that can not be carried out."""


class Refusals:
    """Has the audit log tell what was not taken in at one door; best effort, the log has it too."""

    def __init__(self, note: NoteRefusal | None, door: str) -> None:
        self._note = note
        self._strangers = Strangers(PLATFORM, door)
        self._oddities = Oddities(PLATFORM, door)

    async def turned_away(self, error: BadInput) -> Json:
        """Have it noted, if it is known whose it was, and return the answer that ends it."""
        log.warning("discord_interaction_refused", extra={"error": str(error)})
        if isinstance(error, Unread):
            await self._try_to_note(error.message, REASON)
        return refusal(str(error))

    async def note_stranger(self, reason: str, now: datetime) -> None:
        """Have it noted that somebody came who is not Discord: a line each reason and minute."""
        log.warning("discord_request_refused", extra={"reason": reason})
        noted = self._strangers.noted(reason, now)
        if noted is not None:
            await self._try_to_note(noted.message, reason)

    async def note_odd(self, guild: object, kind: str, now: datetime) -> None:
        """Have it noted that Discord sent what nobody here reads: a line each kind and day."""
        log.warning("discord_event_not_understood", extra={"event": kind})
        noted = self._oddities.noted(guild, kind, now)
        if noted is not None:
            await self._try_to_note(noted.message, NOT_UNDERSTOOD)

    async def _try_to_note(self, message: InboundMessage, reason: str) -> None:
        if self._note is None:
            return
        try:
            await self._note(message, reason)
        except StoreUnavailable:
            # Whoever asked waits for 3 s at most.
            log.warning("discord_refusal_not_noted", extra={"event": message.event_id})
