"""Everything of one person: looked through, and forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.domain.conversations import Conversation
from gateway.domain.ids import PersonId, TurnId
from gateway.domain.messages import HistoryEntry, InboundMessage


@dataclass(frozen=True, slots=True)
class Said:
    """Something that a person said, or was answered, and where."""

    entry: HistoryEntry
    conversation: Conversation


@dataclass(frozen=True, slots=True)
class Record:
    """A part of all that was said by a person, and to them."""

    said: tuple[Said, ...]
    """Newest first. The author of what a tool returned is `tool`."""
    before: int | None
    """The cursor behind which there may be older parts; None when this was the last."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Something else that is kept of a person."""

    kind: str
    """`note`, `edit` (of a memory block), `question` (of a tool call), `errand` or `token`."""
    name: str
    texts: tuple[str, ...]
    """Of an edit before and after, of an errand the question and the answer."""


@dataclass(frozen=True, slots=True)
class LastQuestion:
    """What a person said last to an agent in a conversation."""

    message: InboundMessage
    """With the role of the agent."""
    is_open: bool
    """Whether it waits, or is being answered."""


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

    async def last_question(
        self, person: PersonId, conversation: Conversation, limit: int, *, with_private: bool
    ) -> LastQuestion | None:
        """Return what the person said last here, among their newest `limit` messages anywhere.

        Commands and wakeups are not among them, nor is what is not kept any more. With
        `with_private`, what others here could not see the answer of counts too.
        """
        ...

    async def files(self, person: PersonId) -> list[str]:
        """Return the artifact keys of the files that the person sent."""
        ...

    async def record(self, person: PersonId, limit: int, before: int | None = None) -> Record:
        """Return what `forget` would empty: all words of the person, and to them, in parts.

        A part has the newest `limit` messages of every kind before the cursor, what was
        posted for them, and what else was posted meanwhile where the person is alone. What
        tools returned, which nobody saw, is in it for turns in which nobody else spoke. A
        post may be in two parts that lie beside each other.
        """
        ...

    async def kept(self, person: PersonId) -> list[Kept]:
        """Return what else `forget` would drop that has words of theirs, in a fixed order."""
        ...

    async def exported(self, person: PersonId, key: str, now: datetime) -> None:
        """Write into the audit log that the person was given all that is kept of them."""
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
