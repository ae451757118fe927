"""Requests that do not come from their platform: a line for the operator, and not too many."""

from __future__ import annotations

from datetime import datetime

from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage, Refusal
from gateway.domain.people import Identity, Sender


class Strangers:
    """Says which of the forged requests at one door are noted: one for each reason and minute.

    Anybody can send them, so their number must not be that of the rows.
    """

    def __init__(self, platform: str, door: str) -> None:
        self._place = Conversation(platform, "door", door)
        self._sender = Sender(Identity(platform, "door", "unknown"), "")
        self._noted: dict[str, str] = {}
        """Reason → the minute in which it was noted last."""

    def noted(self, reason: str, now: datetime) -> Refusal | None:
        """Return what the audit log is to say; None when it says so for this minute already."""
        minute = f"{now:%Y-%m-%dT%H:%M}"
        if self._noted.get(reason) == minute:
            return None
        self._noted[reason] = minute
        event = f"{reason}:{minute}"
        return Refusal(InboundMessage(event, self._place, self._sender, "", now), reason)
