"""What people said in a place before somebody spoke to an agent there."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage, MessageKind

_POSITION = re.compile(r"(?:[A-Z0-9]+:)?(\d+(?:\.\d+)?)(?:#all:.*)?")
"""Discord's ids of messages are numbers that grow; Slack's are a channel and a moment."""


@dataclass(frozen=True, slots=True)
class Overheard:
    """One message that was for nobody here."""

    name: str
    """What its author is called; for reading only."""
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of what was said in a place, by the platform's own positions."""

    place: Conversation
    after: str | None
    """None: as far back as `most` reaches."""
    before: str
    most: int
    """The newest ones, so many."""


def position_of(message: InboundMessage) -> str | None:
    """Return where a message stands in its place; None where that can not be told. Pure."""
    found = _POSITION.fullmatch(message.event_id)
    return found[1] if found and message.kind is MessageKind.TEXT else None


def place_before(message: InboundMessage) -> Conversation:
    """Return where to look for what was said before it. Pure.

    A thread that begins with the message has nothing before it: its channel has.
    """
    place = message.conversation
    begins = place.thread is not None and place.thread == position_of(message)
    return replace(place, thread=None) if begins else place
