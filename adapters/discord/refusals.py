"""Interactions that can not be carried out: a sentence for who asked, a line for the operator."""

from __future__ import annotations

import logging

from adapters.discord.interactions import Unread, refusal
from adapters.discord.options import NoteRefusal
from adapters.discord.rest import Json
from gateway.errors import BadInput, StoreUnavailable

log = logging.getLogger(__name__)

REASON = "interaction_not_read"
"""What the audit log says of it."""


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
