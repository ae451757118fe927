"""What comes in: anything that asks for an agent's attention."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from gateway.domain.artifacts import Attachment
from gateway.domain.canvases import Canvas
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Button, NewDelivery
from gateway.domain.ids import DeliveryId, PersonId
from gateway.domain.people import Pairing, Sender

_OTID_NAMESPACE = uuid.UUID("a8a3f0d2-9d2c-5d0e-8c53-6f0b2f6f3b6e")


_FOR_ALL = "#all:"
"""How the event ids of messages go on that were addressed to all agents; their roles follow."""
HOOK_EVENTS = "hook:"
"""How the event ids of wakeups begin that a hook brought."""
BY_HAND_EVENTS = "heartbeat:"
"""How the event ids of wakeups begin that somebody asked for with `/heartbeat`."""


class MessageKind(StrEnum):
    """What asked for attention."""

    TEXT = "text"
    EDIT = "edit"
    """A new text for the message `target`; while that one waits, it replaces its text."""
    DELETE = "delete"
    """Takes back the message `target`, if it still waits."""
    REACTION = "reaction"
    """An emoji on the message `target`."""
    COMMAND = "command"
    """Something for the gateway itself: `status`, `whoami` …, with its arguments."""
    WAKEUP = "wakeup"
    DECISION = "decision"
    """Somebody decided, or time ran out, about the tool call of the approval `target`."""
    QUESTION = "question"
    """What an agent, or a group, asks another agent: the errand `target`."""
    ANSWER = "answer"
    """What became of the errand `target`, for whoever asked."""


SAID = (MessageKind.TEXT, MessageKind.EDIT, MessageKind.REACTION)
"""What people say to agents; the rest is for the gateway, or from it."""
ANSWERED = (MessageKind.TEXT, MessageKind.COMMAND)
"""What its sender is told about when it is turned away; who reacts or deletes waits for nothing."""
AGAIN = ":replay"
"""How the event ids of messages end that the operator has had answered anew."""
BACKGROUND = "bg-"
"""How the ids of errands begin on which an agent works beside its conversations."""
NOWHERE = "nowhere"
"""The `target` of a wakeup whose answer is for nobody."""

_BY_THEMSELVES = (MessageKind.DECISION, MessageKind.QUESTION, MessageKind.ANSWER)
"""Each of these may be part of a work of its own."""


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """One event from a door. The same (platform, workspace, event id) is one message."""

    event_id: str
    """The platform's own id of the event: the idempotency key, with platform and workspace."""
    conversation: Conversation
    sender: Sender
    text: str
    """Verbatim; what is known about sender and place is kept beside it, not in it."""
    sent_at: datetime
    kind: MessageKind = MessageKind.TEXT
    role: str | None = None
    """The agent it is addressed to; None for the default one. Not stored: the lane knows."""
    target: str | None = None
    """The event id of the message that an edit, a deletion or a reaction is about.

    Of a text, the question that it repeats.
    """
    handle: str | None = None
    """The platform's own way to answer this very event: an interaction token, a response_url."""
    is_private: bool = False
    """Whether only its sender may see the answer, where others share the conversation."""
    attachments: tuple[Attachment, ...] = ()

    @property
    def idempotency_key(self) -> str:
        """One string that names the event over all platforms."""
        return f"{self.conversation.platform}:{self.conversation.workspace}:{self.event_id}"

    @property
    def is_wakeup(self) -> bool:
        """Whether nobody wrote it: a schedule came due."""
        return self.kind is MessageKind.WAKEUP

    @property
    def wants_its_own_turn(self) -> bool:
        """Whether it shares no turn with others: its answer has a place of its own to go to."""
        is_apart = self.handle is not None or self.kind in _BY_THEMSELVES
        return is_apart or self.is_for_nobody or self.is_again

    @property
    def is_again(self) -> bool:
        """Whether it repeats a question of its sender's, the message `target`."""
        return self.kind is MessageKind.TEXT and self.target is not None

    @property
    def is_for_nobody(self) -> bool:
        """Whether what the agent answers to it is posted nowhere."""
        return self.kind is MessageKind.WAKEUP and self.target == NOWHERE

    @property
    def is_one_of_all(self) -> bool:
        """Whether other agents answer the same words beside this one."""
        return _FOR_ALL in self.event_id

    @property
    def is_background(self) -> bool:
        """Whether it is what a person gave their agent to do in the background."""
        is_question = self.kind is MessageKind.QUESTION
        return is_question and (self.target or "").startswith(BACKGROUND)

    @property
    def is_hooked(self) -> bool:
        """Whether another system's call woke the agent, not a schedule."""
        return self.is_wakeup and self.event_id.startswith(HOOK_EVENTS)

    @property
    def is_by_hand(self) -> bool:
        """Whether somebody woke the agent, and waits for what comes of it."""
        return self.is_wakeup and self.event_id.startswith(BY_HAND_EVENTS)

    @property
    def otid(self) -> str:
        """The key under which the agent runtime sees this message at most once."""
        return str(uuid.uuid5(_OTID_NAMESPACE, self.idempotency_key))


def for_one_of_all(message: InboundMessage, role: str) -> InboundMessage:
    """Return the message as one of the agents gets it to whom all of it was said.

    A change of such a message is one of what that agent got.
    """
    target = message.target and f"{message.target}{_FOR_ALL}{role}"
    event = f"{message.event_id}{_FOR_ALL}{role}"
    return replace(message, event_id=event, target=target, role=role)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The store has the message (fsync): now the platform may be acknowledged."""

    sequence: int
    person: PersonId
    is_new: bool
    """False when this event was stored before: acknowledge it, and do nothing more."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message that reaches no agent, and what its sender gets instead."""

    message: InboundMessage
    reason: str
    """For the audit log: `not_allowed`, `pairing_asked` …"""
    reply: NewDelivery | None = None
    pairing: Pairing | None = None
    """The wish to pair whose code the reply shows; stored with it or not at all."""
    pairing_limit: int = 3


_REFUSALS = "refused-"


def told_why(message: InboundMessage, text: str, once_for: str = "") -> NewDelivery:
    """Return what tells the sender why a message is turned away.

    It is told once for each message, or once for all that `once_for` names; but what the
    platform waits to have answered is always answered.
    """
    is_awaited = message.handle is not None
    once = once_for if once_for and not is_awaited else message.idempotency_key
    digest = hashlib.blake2b(once.encode(), digest_size=12).hexdigest()
    return NewDelivery(
        id=DeliveryId(f"{_REFUSALS}{digest}"),
        conversation=message.conversation,
        text=text,
        handle=message.handle,
        is_private=message.is_private,
    )


def tells_why(delivery: str) -> bool:
    """Whether a delivery of this id told somebody why nothing of theirs was heard."""
    return delivery.startswith(_REFUSALS)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of a conversation as a person saw it."""

    id: str
    """The message's event id or the answer's delivery id: a page never shows it twice."""
    cursor: int
    """Place in the conversation; pass the smallest one as `before` for older entries."""
    author: str
    """`user` or `assistant`."""
    text: str
    at: datetime
    buttons: tuple[Button, ...] = ()
    files: tuple[Attachment, ...] = ()
    canvas: Canvas | None = None
