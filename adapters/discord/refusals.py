"""What is turned away: a sentence for who asked, if anybody did, and a line for the operator."""

from __future__ import annotations

import logging
from datetime import datetime

from adapters.discord.interactions import Unread, refusal
from adapters.discord.options import NoteRefusal
from adapters.discord.rest import Json
from gateway.domain.strangers import Strangers
from gateway.errors import BadInput, StoreUnavailable

log = logging.getLogger(__name__)

REASON = "interaction_not_read"
"""What the audit log says of an interaction that can not be carried out."""


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


async def note_stranger(
    strangers: Strangers, reason: str, note: NoteRefusal | None, now: datetime
) -> None:
    """Have it noted that somebody came who is not Discord."""
    log.warning("discord_request_refused", extra={"reason": reason})
    refusal = None if note is None else strangers.noted(reason, now)
    if note is None or refusal is None:
        return
    try:
        await note(refusal.message, reason)
    except StoreUnavailable:
        log.warning("discord_refusal_not_noted", extra={"event": refusal.message.event_id})
