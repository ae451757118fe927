"""One run of an agent over the messages that waited, and what streams out of it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import AgentId, DeliveryId, LaneId, PersonId, RunId, SessionId, TurnId
from gateway.domain.messages import InboundMessage
from gateway.domain.tools import ToolCall, ToolResult, ToolSpec
from gateway.domain.usage import Charge

_KEYS = uuid.UUID("3e1d6c0a-5b7f-5a64-9f0d-7c2b8e41d9a3")


class TurnState(StrEnum):
    """A turn ends once: done, failed or cancelled; until then it is running.

    What failed stays so until the operator has had it replayed, or dropped it.
    """

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REPLAYED = "replayed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class TurnRef:
    """Names a turn and proves the right to change it: an old fence changes nothing."""

    id: TurnId
    lane: LaneId
    fence: int


@dataclass(frozen=True, slots=True)
class Turn:
    """A claimed turn. Its messages were fixed at its first claim and never change."""

    ref: TurnRef
    person: PersonId
    role: str
    conversation: Conversation
    messages: tuple[InboundMessage, ...]
    """In arrival order, all of one conversation; never empty."""
    attempt: int
    """1 for the first claim; more after a failure or a lost lease."""
    started_at: datetime
    """Of the first attempt."""
    runs: tuple[RunId, ...] = ()
    """Runs already started for this turn, one per round of tool calls; to be re-attached."""
    tool_results: tuple[ToolResult, ...] = ()
    """Journal of calls already carried out: never call these again."""
    tool_intents: tuple[str, ...] = ()
    """Calls that were begun by an earlier attempt and whose outcome nobody saw."""
    drafts: int = 0
    """How many of its deliveries exist already because streaming showed them."""
    was_postponed: bool = False
    """True once a try failed and the turn was given back; a kill is no such failure."""
    was_noticed: bool = False
    """True once the person was told that the answer is late."""
    is_cancelled: bool = False
    """True once its person wanted it no more: no run of it begins, and what runs is stopped."""

    @property
    def is_wakeup(self) -> bool:
        """Whether nobody wrote anything in it: it is made of wakeups alone."""
        return all(message.is_wakeup for message in self.messages)

    @property
    def key(self) -> str:
        """Idempotency key of its first round: the otid of its message, or one of all of theirs.

        After an older database was restored, a message which the agent had heard alone
        comes again with newer ones. Under its own otid the runtime would take them all
        for the old round, and the newer ones would be lost: to hear it twice is better.
        """
        otids = [message.otid for message in self.messages]
        return otids[0] if len(otids) == 1 else str(uuid.uuid5(_KEYS, "\n".join(otids)))


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Somebody's word to stop what was said before it."""

    command: InboundMessage
    person: PersonId
    """Who gave it."""
    lanes: tuple[LaneId, ...]
    """Where their agents work for them."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What a cancellation stopped."""

    turns: int
    """How many were under way."""
    messages: int
    """How many waited behind them, and are withdrawn."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a claim brought, and when it is worth asking again without a signal."""

    turns: tuple[Turn, ...]
    next_ready_at: datetime | None


NO_LIMIT = 2**31 - 1
"""Turns of one person at once where nobody counts them."""


@dataclass(frozen=True, slots=True)
class TurnOutcome:
    """How a turn ended, with the deliveries that become part of the same commit.

    A delivery whose index exists already as a draft replaces the draft's text;
    drafts beyond the last delivery are taken back.
    """

    state: TurnState
    deliveries: tuple[NewDelivery, ...] = ()
    error: str | None = None
    charge: Charge | None = None
    """Put down in the same commit; None for what costs nothing."""
    outdated: tuple[DeliveryId, ...] = ()
    """Notices that nobody needs any more: taken back, but for those that were sent."""


# -- what the runtime is asked ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Session:
    """Where a turn runs: an agent and one of its threads."""

    agent: AgentId
    thread: SessionId


@dataclass(frozen=True, slots=True)
class Thread:
    """One of the threads that an agent has had in a conversation."""

    number: int
    """From 1, in the order in which they were begun; it stays."""
    id: SessionId
    began_at: datetime
    """When the first message was said in it."""
    words: str
    """That message; empty once it is not kept any more."""


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that the agent sees."""

    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class InputMessage:
    """One message for the agent, with the key that makes a repeat harmless."""

    text: str
    otid: str
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One round with the agent: what people said, or what the tools returned."""

    session: Session
    input: tuple[InputMessage, ...] | tuple[ToolResult, ...]
    otid: str
    """Idempotency key of the round: the same key again is the same run, never a second one."""
    tools: tuple[ToolSpec, ...] = ()
    run: RunId | None = None
    """Known when the round was started before: re-attach, do not start."""
    model: str | None = None
    """Handle of the model that is to think; None for the agent's own."""


# -- what streams out of a run -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The runtime took the round; from here on it goes on without us."""

    run: RunId


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of what the agent says. Pieces of one `message` join to one text."""

    message: str
    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """A piece of the agent's thinking; never shown to people by default."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolUsed:
    """The agent used a tool of its own, inside the runtime; for status lines only."""

    name: str


@dataclass(frozen=True, slots=True)
class ToolsAsked:
    """The run waits for these calls; all are answered together in the next round."""

    calls: tuple[ToolCall, ...]
    tokens: int = field(default=0, compare=False, repr=False)
    """As for RunEnded."""


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The agent is done. `reason` is the runtime's own word, `end_turn` normally."""

    reason: str
    tokens: int = field(default=0, compare=False, repr=False)
    """What the round has used; no part of how it ended. 0 when the runtime did not tell."""


TurnEvent = RunStarted | TextDelta | ReasoningDelta | ToolUsed | ToolsAsked | RunEnded
"""A run yields `RunStarted` first and `ToolsAsked` or `RunEnded` last, or raises."""
