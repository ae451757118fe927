"""Turns in which tools are called."""

from __future__ import annotations

from datetime import timedelta

from gateway.domain.conversations import Conversation
from gateway.domain.ids import PersonId, TurnId
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Mode, Route, Sender
from gateway.domain.turns import Turn, TurnRef
from tests.fakes.virtual_time import EPOCH


def turn_of(
    person: str,
    role: str = "postern",
    *,
    number: int = 1,
    mode: Mode = Mode.PERSON,
    channel: str = "c1",
) -> Turn:
    """Return a person's turn in a place; a higher number is a later one."""
    place = Conversation("fake", "w1", channel)
    owner = PersonId(person)
    at = EPOCH + timedelta(hours=number)
    sender = Sender(Identity("fake", "w1", person), person)
    said = InboundMessage(f"e{number}", place, sender, "…", at)
    ref = TurnRef(TurnId(f"turn-{person}-{number}"), Route(role, mode).lane(owner, place), 1)
    return Turn(ref, owner, role, place, (said,), 1, at)
