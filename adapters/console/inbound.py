"""What is typed in the terminal: a line → InboundMessage. Pure."""

from __future__ import annotations

import unicodedata
from datetime import datetime

from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Sender
from gateway.errors import BadInput

LINE_LIMIT = 32_000
"""Characters in one line."""


def conversation_of(os_user: str) -> Conversation:
    """Return where this account of the machine talks: `console:local:<os user>`."""
    plain = "".join(c if c.isprintable() and not c.isspace() and c != ":" else "_" for c in os_user)
    return Conversation("console", "local", plain or "user")


def clean_line(line: str) -> str:
    """Return the line without what can not be seen; raises BadInput when it is too long."""
    if len(line) > LINE_LIMIT:
        raise BadInput(f"The line has {len(line):,} characters; {LINE_LIMIT:,} is the most.")
    kept = (c for c in line if c == "\t" or unicodedata.category(c) not in ("Cc", "Cs"))
    return "".join(kept).strip()


def parse_line(
    line: str,
    *,
    os_user: str,
    role: str | None,
    event_id: str,
    now: datetime,
    identity: Identity | None = None,
) -> InboundMessage | None:
    """Return the message, None for an empty line; raises BadInput.

    `identity` is somebody whom another door knows already; without one it is
    the account of the machine.
    """
    text = clean_line(line)
    if not text:
        return None
    conversation = conversation_of(os_user)
    sender = Sender(identity or Identity("console", "local", conversation.channel), os_user)
    return InboundMessage(event_id, conversation, sender, text, now, role=role)
