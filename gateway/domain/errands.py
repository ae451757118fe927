"""What one agent, or a group of agents, asks another: a turn within the work on something else."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.domain.conversations import Conversation
from gateway.domain.ids import PersonId, TurnId
from gateway.domain.messages import AGAIN, BACKGROUND, InboundMessage, MessageKind
from gateway.domain.people import Mode, Route, Sender

LONGEST_CHAIN = 4
"""Agents that stand in one chain of questions: who was asked first, and three below."""
LONGEST_ANSWER = 20_000
"""Characters of an answer that are passed on."""
FOR_EVER = timedelta(days=3_650)
"""For what ends by something that has its own time."""
MOST_ERRANDS = 32
"""Errands that one message of a person leads to, all in all."""


class ErrandState(StrEnum):
    """An errand is open until it ends, once and for good."""

    OPEN = "open"
    ANSWERED = "answered"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """A person stopped it; nobody is told any more."""
    EXPIRED = "expired"
    """Time ran out before there was an answer."""


@dataclass(frozen=True, slots=True)
class Errand:
    """A question to an agent, on the way to its answer. It survives every process."""

    id: str
    """Made from what asked, so that the same question again is the same errand."""
    chain: tuple[str, ...]
    """The roles over which it came, from the one that a person spoke to; who is asked is last."""
    root: str
    """What all errands have in common that the same words of a person led to."""
    person: PersonId
    conversation: Conversation
    sender: Sender
    """The person for whom it all is done; the answers come to the same lanes."""
    question: str
    asked_at: datetime
    expires_at: datetime
    parent: str | None = None
    """The errand on whose behalf it was asked; None where a person's own words led to it."""
    asker: str | None = None
    """The role that hears the answer; None for a group's work that no agent waits for."""
    mode: Mode = Mode.PERSON
    """Whose agent the asker is."""
    is_shown: bool = False
    """Whether people see who is asked at work."""
    is_private: bool = False
    """Whether only the person may see what comes of it."""
    handle: str | None = None
    """The platform's own way to answer the person, for whoever asked."""
    state: ErrandState = ErrandState.OPEN
    answer: str = ""
    """What was answered, or why nothing was."""
    ended_by: TurnId | None = None
    """The turn that ended it."""
    is_heard: bool = False
    """Whether whoever asked has taken note of how it ended."""

    @property
    def role(self) -> str:
        """Who is asked."""
        return self.chain[-1]

    @property
    def is_for_people(self) -> bool:
        """Whether a person asked, and is owed the answer."""
        return len(self.chain) == 1

    @property
    def is_background(self) -> bool:
        """Whether a person had it done beside their conversations, or it was asked for that."""
        return self.root.startswith(BACKGROUND)

    @property
    def beside(self) -> str:
        """The errand in whose own lane the asker hears the answer; empty for its usual lane."""
        return self.root if self.is_background and self.parent == self.root else ""

    @property
    def is_open(self) -> bool:
        """Whether there may still be an answer."""
        return self.state is ErrandState.OPEN

    @property
    def is_answered(self) -> bool:
        """Whether it ended well."""
        return self.state is ErrandState.ANSWERED

    @property
    def standing(self) -> int:
        """How far it is: only a later standing takes the place of an earlier one."""
        return (0 if self.is_open else 1) + self.is_heard


@dataclass(frozen=True, slots=True)
class ErrandChange:
    """An errand as it stands from now on, and who is told in the same commit."""

    errand: Errand
    news: InboundMessage | None = None
    """Accepted if, and only if, the errand was changed by this."""
    route: Route | None = None
    """The lane of the news."""


def question_for(errand: Errand) -> InboundMessage:
    """Return the message that brings an errand to whoever is asked. Pure."""
    asker = errand.chain[-2] if len(errand.chain) > 1 else "somebody"
    is_plain = errand.is_background and errand.is_for_people
    return InboundMessage(
        event_id=f"ask-{errand.id}",
        conversation=errand.conversation,
        sender=errand.sender,
        text=errand.question if is_plain else f"{asker} asks you:\n{errand.question}",
        sent_at=errand.asked_at,
        kind=MessageKind.QUESTION,
        target=errand.id,
        handle=errand.handle if is_plain else None,
        is_private=errand.is_private,
    )


def errand_id(turn: TurnId, call: str) -> str:
    """Return the id of what an agent asks by a tool call, the same in every repeat. Pure."""
    return hashlib.blake2b(f"{turn}\n{call}".encode(), digest_size=8).hexdigest()


_WORK = "work-"


def work_id(turn: TurnId) -> str:
    """Return the id of a group's work on what a person said; its steps are numbered below it."""
    return f"{_WORK}{turn}"


def errand_of(event_id: str) -> str | None:
    """Return the errand that a message brings, or brings the answer of. Pure."""
    kind, _, errand = event_id.removesuffix(AGAIN).partition("-")
    return errand if kind in ("ask", "answer") and errand else None


def origin_of(root: str) -> str:
    """Return the turn with the words that an errand's root began with, where a turn did. Pure."""
    return root.removeprefix(_WORK)


SOMEBODY = "somebody"
"""Stands at the end of a chain for the person who has to say yes to a tool call."""


def decision_awaited(errand: Errand, approval: str, tool: str, at: datetime) -> Errand:
    """Return what keeps an errand open until the agent has heard of a decision. Pure."""
    return replace(
        errand,
        id=awaited_id(approval),
        chain=(*errand.chain, SOMEBODY),
        question=f"to approve {tool} (approval {approval})",
        asked_at=at,
        expires_at=at + FOR_EVER,
        parent=errand.id,
        asker=None,
        is_shown=False,
    )


_YES = "yes-"


def awaited_id(approval: str) -> str:
    """Return the id of what waits for the decision about an approval. Pure."""
    return f"{_YES}{approval}"


def approval_awaited(errand: Errand) -> str | None:
    """Return the approval whose decision an errand waits for; None for all others. Pure."""
    return errand.id.removeprefix(_YES) if errand.id.startswith(_YES) else None


def ended(
    errand: Errand, state: ErrandState, text: str, at: datetime, by: TurnId | None = None
) -> ErrandChange:
    """End an errand, and tell whoever asked. Pure."""
    text = text if len(text) <= LONGEST_ANSWER else f"{text[:LONGEST_ANSWER]} …"
    over = replace(errand, state=state, answer=text, ended_by=by)
    if errand.asker is None or state is ErrandState.CANCELLED:
        return ErrandChange(over)
    news = InboundMessage(
        event_id=f"answer-{errand.id}",
        conversation=errand.conversation,
        sender=errand.sender,
        text=_told(over),
        sent_at=at,
        kind=MessageKind.ANSWER,
        target=errand.id,
        handle=errand.handle,
        is_private=errand.is_private,
    )
    return ErrandChange(over, news, Route(errand.asker, errand.mode, beside=errand.beside))


def _told(over: Errand) -> str:
    asked = " ".join(over.question.split())
    shown = asked if len(asked) <= 200 else f"{asked[:200]}…"
    how = "answers" if over.is_answered else "could not answer"
    return f'{over.role} {how} what you asked ("{shown}"):\n{over.answer}'


def refusal(chain: tuple[str, ...], role: str, count: int) -> str | None:
    """Say why a chain of agents may not ask this one more; None when it may. Pure."""
    if role in chain:
        return f"{role} is already at work on this: it is {' → '.join(chain)} who ask."
    if len(chain) >= LONGEST_CHAIN:
        return f"Nobody can be asked from here: {' → '.join(chain)} is as deep as it goes."
    if count >= MOST_ERRANDS:
        return f"{MOST_ERRANDS} questions were asked for this already. Answer with what you have."
    return None
