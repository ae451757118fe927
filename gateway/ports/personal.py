"""The schedules that a person makes for themselves, as commands reach them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.domain.conversations import Conversation
from gateway.domain.ids import PersonId
from gateway.domain.people import Sender


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks for, from where."""

    person: PersonId
    sender: Sender
    conversation: Conversation
    role: str
    text: str
    """When and what: `tomorrow at 9 call Ada`."""
    key: str
    """Names the wish: repeated, it is the same one."""
    at: datetime
    """When it was said."""


class PersonalSchedules(Protocol):
    """Schedules of one person each; nobody reaches another's.

    Every method returns the sentence for the person, and raises BadInput with one.
    """

    async def add(self, wish: Wish, *, repeats: bool) -> str:
        """Make one, and say how it was understood; without `repeats` it comes once."""
        ...

    async def list(self, person: PersonId) -> str:
        """Tell all of them."""
        ...

    async def change(self, person: PersonId, verb: str, name: str, at: datetime) -> str:
        """Show, pause, resume, remove or run the one of this short name."""
        ...

    async def set_zone(self, person: PersonId, zone: str) -> str:
        """Remember the person's time zone; an empty one asks for it."""
        ...
