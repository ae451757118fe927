"""Everything of one person: looked through, and forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.domain.conversations import Conversation
from gateway.domain.ids import PersonId, TurnId
from gateway.domain.messages import HistoryEntry


@dataclass(frozen=True, slots=True)
class Said:
    """Something that a person said, or was answered, and where."""

    entry: HistoryEntry
    conversation: Conversation


@dataclass(frozen=True, slots=True)
class Failure:
    """A turn of a person's that was given up."""

    turn: TurnId
    at: datetime


class PersonalStore(Protocol):
    """Everything of one person."""

    async def said(self, person: PersonId, limit: int, before: int | None = None) -> list[Said]:
        """Return the person's newest `limit` messages and their answers, newest first.

        Commands and wakeups are not among them. `before` is the cursor of a message:
        only older ones count. Those without a text count, and are left out.
        """
        ...

    async def is_at_work(self, person: PersonId) -> bool:
        """Whether an agent is at work for the person at this moment; commands do not count."""
        ...

    async def last_failure(self, person: PersonId, limit: int) -> Failure | None:
        """Return the newest turn that was given up, among those of the newest `limit` messages.

        Commands and wakeups are not among them.
        """
        ...

    async def files(self, person: PersonId) -> list[str]:
        """Return the artifact keys of the files that the person sent."""
        ...

    async def forget(self, person: PersonId, now: datetime) -> int | None:
        """Drop all that the person said and was answered, and who they are; count the messages.

        None while an agent is at work for the person: nothing was forgotten. What
        waits is withdrawn, and what is not shown for certain yet is taken back. What
        was posted or is run for the places where the person is alone goes too. The
        ids of events stay, so that a repeat is no news, and the audit log, which
        holds no texts. What the person writes after it is a stranger's. Repeating it
        is harmless.
        """
        ...
