"""A tool call that waits for somebody's yes, and what became of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gateway.domain.conversations import Conversation
from gateway.domain.ids import DeliveryId, PersonId, TurnId
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Mode, Route, Sender
from gateway.domain.tools import ToolCall

_QUESTION = "approval-"


class ApprovalState(StrEnum):
    """Decided once, for good."""

    WAITING = "waiting"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    """Nobody decided in time; the call is not carried out."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A question to people: may the agent make this call?"""

    id: str
    """24 hex digits. Nobody can find it by trying, and it gives no right: who decides is asked."""
    call: ToolCall
    turn: TurnId
    """The turn that asked. It does not wait: the decision begins another one."""
    person: PersonId
    role: str
    conversation: Conversation
    sender: Sender
    """Who wrote what led to the call; the decision comes to the same lane."""
    mode: Mode
    """Whose the agent is."""
    is_private: bool
    """Whether only the person sees the question."""
    asked_at: datetime
    expires_at: datetime
    handle: str | None = field(default=None, repr=False)
    """How the person alone is told what became of it; None where all may read that."""
    state: ApprovalState = ApprovalState.WAITING
    decided_by: str = ""
    """Display name; empty while it waits and when time ran out."""
    decided_at: datetime | None = None
    copies: tuple[Conversation, ...] = ()
    """Where it is asked too, because approvers do not read where it came up."""

    @property
    def is_shared(self) -> bool:
        """Whether the agent is one that many people share."""
        return self.mode is not Mode.PERSON

    @property
    def hides_arguments(self) -> bool:
        """Whether others read the question, though what led to it was said in private."""
        return self.handle is not None and not self.is_private

    @property
    def question(self) -> DeliveryId:
        """The message with the buttons, where it came up."""
        return DeliveryId(f"{_QUESTION}{self.id}")

    @property
    def questions(self) -> list[tuple[DeliveryId, Conversation]]:
        """All messages that ask, each with its place; the one where it came up is first."""
        first = (self.question, self.conversation)
        copies = enumerate(self.copies)
        return [first, *((DeliveryId(f"{self.question}.{n}"), place) for n, place in copies)]


def asked_by(delivery: DeliveryId) -> str | None:
    """Return the id of the approval that a message asks for; None when it is no question."""
    if not delivery.startswith(_QUESTION):
        return None
    return delivery.removeprefix(_QUESTION).partition(".")[0]


def approval_id(turn: TurnId, call: str) -> str:
    """Return the id of the approval for this call: the same in every attempt of the turn.

    It is as hard to guess as the call's own id, which whoever runs the model draws.
    """
    return hashlib.blake2b(f"{turn}\n{call}".encode(), digest_size=12).hexdigest()


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer to an approval, with all that is stored in the same commit."""

    approval: Approval
    state: ApprovalState
    by: str
    shown: tuple[tuple[DeliveryId, str], ...]
    """The new texts of the messages that asked, which lose their buttons; by their places."""
    news: InboundMessage
    """What tells the agent."""
    route: Route
