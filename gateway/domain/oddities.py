"""What a platform itself sends and nobody here can read: a line for the operator, not too many."""

from __future__ import annotations

import re
from datetime import datetime

from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage, Refusal
from gateway.domain.people import Identity, Sender

MOST_A_DAY = 100
"""Kinds of one day that are noted by their names; all further ones share a line."""
REASON = "not_understood"
"""What the audit log says of them; which kind it was, the event's id tells."""

_LONGEST_NAME = 40


class Oddities:
    """Says which of those at one door are noted: one for each workspace, kind and day.

    A line's id is made of these three, so that processes which share a store, and a
    process that starts again, write it once. Kinds can be made up: what is remembered
    and written is bounded.
    """

    def __init__(self, platform: str, door: str) -> None:
        self._platform, self._door = platform, door
        self._sender = Sender(Identity(platform, "door", "unknown"), "")
        self._day = ""
        self._noted: set[tuple[str, str]] = set()
        """The workspaces and kinds of this day."""

    def noted(self, workspace: object, kind: object, now: datetime) -> Refusal | None:
        """Return what the audit log is to say; None when it says so for this day already."""
        day = f"{now:%Y-%m-%d}"
        if day != self._day:
            self._day = day
            self._noted.clear()
        key = (_plain(workspace) or "door", _plain(kind) or "nameless")
        if len(self._noted) >= MOST_A_DAY and key not in self._noted:
            key = ("door", "others")
        if key in self._noted:
            return None
        self._noted.add(key)
        place = Conversation(self._platform, key[0], self._door)
        message = InboundMessage(f"{REASON}:{key[1]}:{day}", place, self._sender, "", now)
        return Refusal(message, REASON)


def _plain(name: object) -> str:
    """Return a name of theirs as it may stand in an id; nothing for what is no name."""
    if not isinstance(name, str):
        return ""
    return re.sub(r"[^\w.]+", "_", name[:_LONGEST_NAME], flags=re.ASCII)
