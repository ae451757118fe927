"""What was given up: turns that failed and messages that never went out, kept for the operator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.domain.conversations import Conversation
from gateway.domain.ids import LaneId
from gateway.domain.messages import InboundMessage


class Verdict(StrEnum):
    """What the operator made of a dead letter."""

    REPLAYED = "replayed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class DeadTurn:
    """A turn that was given up; its person was told so."""

    id: str
    conversation: Conversation
    lane: LaneId
    messages: tuple[InboundMessage, ...]
    """What it should have answered; without text once retention has dropped it."""
    error: str
    at: datetime
    """When it was given up."""

    @property
    def text(self) -> str:
        """What people said."""
        return "\n\n".join(message.text for message in self.messages if message.text)


@dataclass(frozen=True, slots=True)
class DeadDelivery:
    """A message that was given up before its platform surely had it."""

    id: str
    conversation: Conversation
    text: str
    error: str
    at: datetime


DeadLetter = DeadTurn | DeadDelivery
